-- number: 9
-- asks: Does an invoice's status differ from the newest entry about it?
-- words: the invoice is {0}, but its history says {1}
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
SELECT i.tenant_id, i.id, i.number, i.status, COALESCE(SUBSTR(e.action, 9), 'nothing')
FROM invoices_invoice i
LEFT JOIN (
  SELECT n.subject, MAX(n.id) AS newest
  FROM audit_auditentry n
  WHERE n.tenant_id = %(tenant)s
    AND n.action IN ({invoice_actions})
  GROUP BY n.subject
) s ON s.subject = 'invoice:' || i.id
LEFT JOIN audit_auditentry e ON e.id = s.newest AND e.tenant_id = i.tenant_id
WHERE i.tenant_id = %(tenant)s
  AND i.status <> COALESCE(SUBSTR(e.action, 9), '{invoice.DRAFT}')
