-- number: 6
-- asks: Does the history show a status change that Payment.TRANSITIONS does not allow?
-- words: a payment went from {0} to {1}, which is not possible
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
WITH history AS (
  SELECT e.subject, e.data ->> 'reference' AS reference,
    SUBSTR(e.action, 9) AS status,
    LAG(SUBSTR(e.action, 9)) OVER (
      PARTITION BY e.subject, e.data ->> 'reference' ORDER BY e.id
    ) AS previous
  FROM audit_auditentry e
  WHERE e.tenant_id = %(tenant)s
    AND e.action IN ({payment_actions})
)
SELECT p.tenant_id, p.invoice_id, i.number, h.previous, h.status
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
JOIN history h ON h.subject = 'invoice:' || p.invoice_id
  AND h.reference = SUBSTR(p.orderid, 1, 4) || '-' || SUBSTR(p.orderid, 5, 4)
WHERE p.tenant_id = %(tenant)s
  AND h.previous || '>' || h.status NOT IN ({payment_moves})
