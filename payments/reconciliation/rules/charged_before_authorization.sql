-- number: 7
-- asks: Was a charge taken before the payer agreed?
-- words: ${0} was taken before the customer agreed (order {1})
-- step: Check the servers' clocks; ask the customer.
SELECT p.tenant_id, p.invoice_id, i.number, p.amount, p.orderid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN payments_authorization a ON a.payment_id = p.id AND a.tenant_id = p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND p.status IN ({booked})
  AND p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
  AND a.agreed_at > p.resolved_at
