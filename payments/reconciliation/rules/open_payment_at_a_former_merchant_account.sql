-- number: 10
-- asks: Is a payment under way at a merchant account that the company has left?
-- words: ${0} is under way at merchant ID {1}, which the company no longer uses
-- step: Call CardConnect to find out how it ended, and tell Support.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.merchid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
LEFT JOIN payments_cardconnectaccount o ON o.tenant_id = p.tenant_id
  AND o.site = p.site AND o.merchid = p.merchid
WHERE p.tenant_id = %(tenant)s
  AND o.id IS NULL
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND p.merchid <> ''
  AND p.status IN ({in_flight}, '{payment.CAPTURED}', '{payment.STARTED}')
