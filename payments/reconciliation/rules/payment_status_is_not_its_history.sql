-- number: 9
-- asks: Does a payment's status differ from the newest entry about it?
-- words: a payment is {0}, but its history says {1}
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
-- Cash and checks are booked at once; their entry is not a status change.
WITH history AS (
  SELECT e.subject, e.data ->> 'reference' AS reference,
    SUBSTR(e.action, 9) AS status,
    ROW_NUMBER() OVER (
      PARTITION BY e.subject, e.data ->> 'reference' ORDER BY e.id DESC
    ) AS age
  FROM audit_auditentry e
  WHERE e.tenant_id = %(tenant)s
    AND e.action IN ({payment_actions})
)
SELECT p.tenant_id, p.invoice_id, i.number, p.status, COALESCE(h.status, 'nothing')
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
LEFT JOIN history h ON h.subject = 'invoice:' || p.invoice_id
  AND h.reference = SUBSTR(p.orderid, 1, 4) || '-' || SUBSTR(p.orderid, 5, 4)
  AND h.age = 1
WHERE p.tenant_id = %(tenant)s
  AND p.status <> COALESCE(
    h.status,
    CASE
      WHEN p.method IN ('{payment_method.CASH}', '{payment_method.CHECK}')
      THEN '{payment.CAPTURED}'
      ELSE ''
    END
  )
