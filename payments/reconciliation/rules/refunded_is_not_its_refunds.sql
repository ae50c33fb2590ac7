-- number: 8
-- asks: Does a payment count another sum as refunded than its refunds make?
-- words: ${0} counts as refunded, but its refunds add up to ${1}
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, p.invoice_id, i.number, p.refunded, COALESCE(s.total, 0)
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
LEFT JOIN (
  SELECT r.payment_id, ROUND(SUM(r.amount), 2) AS total
  FROM payments_refund r
  WHERE r.tenant_id = %(tenant)s
    AND r.status IN ({refunded})
    AND r.kind = '{refund_kind.REFUND}'
  GROUP BY r.payment_id
) s ON s.payment_id = p.id
WHERE p.tenant_id = %(tenant)s
  AND (p.refunded <> COALESCE(s.total, 0) OR p.refunded > p.amount)
