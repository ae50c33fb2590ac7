-- number: 10
-- asks: Does a refund of a payment belong to another company?
-- words: refund {0} of ${1} belongs to another company
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
SELECT p.tenant_id, p.invoice_id, i.number, r.orderid, r.amount
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_refund r ON r.payment_id = p.id AND r.tenant_id <> p.tenant_id
WHERE p.tenant_id = %(tenant)s
