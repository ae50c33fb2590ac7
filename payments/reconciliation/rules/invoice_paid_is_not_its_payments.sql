-- number: 4
-- asks: Does an invoice count another sum as paid than its booked payments make?
-- words: the invoice says ${0} was paid, but its payments add up to ${1}
-- step: Press Match now. If this does not go away, tell Support.
SELECT i.tenant_id, i.id, i.number, i.paid, COALESCE(s.total, 0)
FROM invoices_invoice i
LEFT JOIN (
  SELECT p.invoice_id, ROUND(SUM(p.amount - p.refunded), 2) AS total
  FROM payments_payment p
  WHERE p.tenant_id = %(tenant)s
    AND p.status IN ({booked})
  GROUP BY p.invoice_id
) s ON s.invoice_id = i.id
WHERE i.tenant_id = %(tenant)s
  AND i.paid <> COALESCE(s.total, 0)
