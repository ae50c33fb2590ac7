-- number: 7
-- asks: Does the authorized amount differ from the payment's amount and surcharge?
-- words: a payment of ${0} was made on an authorization of ${1}
-- step: Refund the difference.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount + p.fee, a.amount
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_authorization a ON a.payment_id = p.id AND a.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND a.amount <> ROUND(p.amount + p.fee, 2)
