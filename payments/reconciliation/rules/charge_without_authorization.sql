-- number: 7
-- asks: Is a charge of the payment page booked without the payer's authorization?
-- words: ${0} was taken without an authorization (order {1})
-- step: Ask the customer, and refund if they do not agree.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
LEFT JOIN payments_authorization a ON a.payment_id = p.id AND a.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ({booked})
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND NOT p.found_by_match
  AND a.id IS NULL
