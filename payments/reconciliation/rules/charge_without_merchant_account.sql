-- number: 3
-- asks: Does a payment not say where to inquire about it?
-- words: a payment of ${0} has no merchant account (order {1})
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND (p.merchid = '' OR p.site = '')
