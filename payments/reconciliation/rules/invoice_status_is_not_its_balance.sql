-- number: 4
-- asks: Does an invoice's status contradict what is left to pay?
-- words: the invoice is {0}, but ${1} is due
-- step: Press Match now. If this does not go away, tell Support.
SELECT i.tenant_id, i.id, i.number, i.status, i.total - i.paid
FROM invoices_invoice i
WHERE i.tenant_id = %(tenant)s
  AND (
    (i.status = '{invoice.OPEN}' AND i.total > 0 AND i.paid >= i.total)
    OR (i.status IN ('{invoice.PAID}', '{invoice.PENDING}') AND i.paid < i.total)
  )
