-- number: 5
-- asks: Did the payment page start a payment on a paid invoice?
-- words: a payment of ${0} began after the invoice was paid (order {1})
-- step: Refund it if it was taken.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
LEFT JOIN payments_authorization a ON a.payment_id = p.id AND a.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND i.status IN ('{invoice.PAID}', '{invoice.PENDING}')
  AND p.created_at > i.paid_at
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND NOT (p.found_by_match AND a.id IS NULL)
