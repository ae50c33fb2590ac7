-- number: 13
-- asks: Does an amount of a refund have more than two places?
-- words: a refund near ${0} has parts of a cent (order {1})
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
SELECT p.tenant_id, p.invoice_id, i.number, r.amount, r.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_refund r ON r.payment_id = p.id AND r.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND (r.amount <> ROUND(r.amount, 2) OR r.fee <> ROUND(r.fee, 2))
