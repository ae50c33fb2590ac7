-- number: 3
-- asks: Is a charge booked without CardConnect's reference?
-- words: ${0} is booked without a CardConnect reference (order {1})
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ({booked})
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND p.retref = ''
