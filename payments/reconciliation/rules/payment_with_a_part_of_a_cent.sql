-- number: 13
-- asks: Does an amount of a payment or its invoice have more than two places?
-- words: an amount near ${0} has parts of a cent (order {1})
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND (
    p.amount <> ROUND(p.amount, 2)
    OR p.fee <> ROUND(p.fee, 2)
    OR p.refunded <> ROUND(p.refunded, 2)
    OR i.total <> ROUND(i.total, 2)
    OR i.paid <> ROUND(i.paid, 2)
  )
