-- number: 13
-- asks: Does an invoice's total differ from its lines and tax?
-- words: the total is ${0}, but its lines and tax add up to ${1}
-- step: Click Edit and save the invoice again.
SELECT i.tenant_id, i.id, i.number, i.total, i.tax + s.total
FROM invoices_invoice i
JOIN (
  SELECT l.invoice_id, SUM(ROUND(l.quantity * l.unit_price, 2)) AS total
  FROM invoices_lineitem l
  WHERE l.tenant_id = %(tenant)s
  GROUP BY l.invoice_id
) s ON s.invoice_id = i.id
WHERE i.tenant_id = %(tenant)s
  AND ABS(i.total - i.tax - s.total) >= 0.01
