-- number: 8
-- asks: Is a payment refunded with a part kept, or given back whole and not refunded?
-- words: ${0} counts as refunded, but the payment is {1}
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, p.invoice_id, i.number, p.refunded, p.status
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ('{payment.SETTLED}', '{payment.CLEARED}', '{payment.REFUNDED}')
  AND (p.refunded = p.amount) <> (p.status = '{payment.REFUNDED}')
