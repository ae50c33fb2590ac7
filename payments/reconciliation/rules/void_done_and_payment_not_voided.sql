-- number: 8
-- asks: Is a void called done while its payment is not voided?
-- words: a void of ${0} is marked done, but the payment is {1}
-- step: Open the invoice and compare its payments with CardConnect.
SELECT p.tenant_id, p.invoice_id, i.number, r.amount, p.status
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_refund r ON r.payment_id = p.id AND r.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND r.status = '{refund.DONE}'
  AND r.kind = '{refund_kind.VOID}'
  AND p.status <> '{payment.VOIDED}'
