-- number: 4
-- asks: Does a customer's balance differ from what the open invoices ask for?
-- words: the customer's balance is ${0}, but the open invoices add up to ${1}
-- step: Press Match now. If this does not go away, tell Support.
SELECT c.tenant_id, NULL, c.name, c.balance, COALESCE(s.owed, 0)
FROM customers_customer c
LEFT JOIN (
  SELECT i.customer_id, ROUND(SUM(i.total - i.paid), 2) AS owed
  FROM invoices_invoice i
  WHERE i.tenant_id = %(tenant)s
    AND i.status = '{invoice.OPEN}'
    AND i.total > i.paid
  GROUP BY i.customer_id
) s ON s.customer_id = c.id
WHERE c.tenant_id = %(tenant)s
  AND c.balance <> COALESCE(s.owed, 0)
