-- number: 5
-- asks: Can an invoice still be paid that nobody should pay?
-- words: the invoice is {0}, but a payment link is still open
-- step: Press Expire Link.
SELECT i.tenant_id, i.id, i.number, i.status, l.id
FROM invoices_invoice i
JOIN invoices_paymentlink l ON l.invoice_id = i.id AND l.tenant_id = i.tenant_id
WHERE i.tenant_id = %(tenant)s
  AND l.status = '{link.LIVE}'
  AND i.status IN ('{invoice.PAID}', '{invoice.PENDING}', '{invoice.VOID}')
