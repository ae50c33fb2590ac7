-- number: 8
-- asks: Is a refund called done without CardConnect's reference?
-- words: a refund of ${0} is marked done without a CardConnect reference (order {1})
-- step: Call CardConnect about the refund before you tell the customer anything.
SELECT p.tenant_id, p.invoice_id, i.number, r.amount, r.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_refund r ON r.payment_id = p.id AND r.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND r.status = '{refund.DONE}'
  AND r.kind = '{refund_kind.REFUND}'
  AND r.retref = ''
