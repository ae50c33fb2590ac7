-- number: 8
-- asks: Was more surcharge given back than was taken?
-- words: a surcharge of ${0} was taken, but ${1} of it was refunded
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, p.invoice_id, i.number, p.fee, s.total
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN (
  SELECT r.payment_id, ROUND(SUM(r.fee), 2) AS total
  FROM payments_refund r
  WHERE r.tenant_id = %(tenant)s
    AND r.status IN ({refunded})
  GROUP BY r.payment_id
) s ON s.payment_id = p.id
WHERE p.tenant_id = %(tenant)s
  AND s.total > p.fee
