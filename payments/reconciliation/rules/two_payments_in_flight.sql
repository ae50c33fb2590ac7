-- number: 5
-- asks: Does an invoice have more than one payment whose outcome is open?
-- words: {0} payments are being confirmed at once
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
SELECT p.tenant_id, p.invoice_id, i.number, COUNT(*), ''
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ({in_flight})
GROUP BY p.tenant_id, p.invoice_id, i.number
HAVING COUNT(*) > 1
