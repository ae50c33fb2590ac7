-- number: 4
-- asks: Was money taken on an invoice that is void?
-- words: the invoice is void, but ${0} was paid on it
-- step: Refund it.
SELECT i.tenant_id, i.id, i.number, i.paid, ''
FROM invoices_invoice i
WHERE i.tenant_id = %(tenant)s
  AND i.status = '{invoice.VOID}'
  AND i.paid > 0
