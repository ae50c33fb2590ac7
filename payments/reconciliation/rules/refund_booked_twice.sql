-- number: 8
-- asks: Is a CardConnect refund booked more than once?
-- words: refund {0} is booked {1} times
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, MIN(p.invoice_id), MIN(i.number), r.retref, COUNT(*)
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_refund r ON r.payment_id = p.id AND r.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND r.status IN ('{refund.DONE}', '{refund.RETURNED}', '{refund.REPAID}')
  AND r.retref <> ''
GROUP BY p.tenant_id, p.merchid, r.retref
HAVING COUNT(*) > 1
