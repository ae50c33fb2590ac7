-- number: 1
-- asks: Was more taken on an invoice than the payer authorized?
-- words: ${0} was taken, but the customer agreed to ${1}
-- step: Refund the difference.
-- What was taken without the payment page needs no authorization and counts as agreed.
SELECT t.tenant_id, t.invoice_id, t.number, t.taken, t.agreed
FROM (
  SELECT p.tenant_id, p.invoice_id, i.number,
    SUM(p.amount + p.fee) AS taken,
    SUM(CASE
      WHEN p.method IN ('{payment_method.CARD}', '{payment_method.ACH}')
        AND NOT (p.found_by_match AND a.id IS NULL)
      THEN a.amount
      ELSE p.amount + p.fee
    END) AS agreed
  FROM payments_payment p
  JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
  LEFT JOIN payments_authorization a ON a.payment_id = p.id AND a.tenant_id = p.tenant_id
  WHERE p.tenant_id = %(tenant)s
    AND p.status IN ({booked})
  GROUP BY p.tenant_id, p.invoice_id, i.number
) t
WHERE ROUND(t.taken, 2) > ROUND(t.agreed, 2)
