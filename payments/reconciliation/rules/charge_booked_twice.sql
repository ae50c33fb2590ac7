-- number: 1
-- asks: Is a CardConnect charge booked by more than one payment?
-- words: charge {0} is booked {1} times
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, MIN(p.invoice_id), MIN(i.number), p.retref, COUNT(*)
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ({booked})
  AND p.retref <> ''
GROUP BY p.tenant_id, p.merchid, p.retref
HAVING COUNT(*) > 1
