-- number: 2
-- asks: Has the outcome of a charge been unknown for a day?
-- words: nobody has known for a day whether ${0} was charged (order {1})
-- step: Call CardConnect with the order number, and do not take another payment.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ('{payment.PENDING}', '{payment.UNKNOWN}')
  AND p.created_at < %(day_ago)s
