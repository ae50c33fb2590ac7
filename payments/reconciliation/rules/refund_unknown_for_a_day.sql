-- number: 2
-- asks: Has the outcome of a refund been unknown for a day?
-- words: nobody has known for a day whether ${0} was refunded (order {1})
-- step: Call CardConnect with the order number, and do not refund it again.
SELECT p.tenant_id, p.invoice_id, i.number, r.amount, r.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_refund r ON r.payment_id = p.id AND r.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND r.status IN ('{refund.PENDING}', '{refund.UNKNOWN}')
  AND COALESCE(r.sent_at, r.claimed_at, r.requested_at) < %(day_ago)s
