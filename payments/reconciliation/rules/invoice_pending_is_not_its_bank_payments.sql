-- number: 4
-- asks: Is an invoice paid while a bank payment may come back, or pending without one?
-- words: the invoice is {0}, with {1} bank payments on their way
-- step: Press Match now. If this does not go away, tell Support.
SELECT i.tenant_id, i.id, i.number, i.status, COUNT(p.id)
FROM invoices_invoice i
LEFT JOIN payments_payment p ON p.invoice_id = i.id AND p.tenant_id = i.tenant_id
  AND p.status = '{payment.STARTED}'
WHERE i.tenant_id = %(tenant)s
  AND i.status IN ('{invoice.PAID}', '{invoice.PENDING}')
GROUP BY i.tenant_id, i.id, i.number, i.status
HAVING (i.status = '{invoice.PAID}') = (COUNT(p.id) > 0)
