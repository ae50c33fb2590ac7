-- number: 10
-- asks: Does a payment's invoice, link, authorization or account belong to another company?
-- words: order {0} (merchant {1}) belongs to another company
-- step: Tell Support. This must never happen, and no money may move on this invoice until they have looked at it.
-- Other companies' rows are read by key alone: they are what it looks for.
SELECT p.tenant_id, p.invoice_id, i.number, p.orderid, p.merchid
FROM payments_payment p
JOIN invoices_invoice i ON i.id = p.invoice_id
LEFT JOIN payments_authorization a ON a.payment_id = p.id
LEFT JOIN invoices_paymentlink l ON l.id = p.link_id
LEFT JOIN payments_cardconnectaccount o ON o.site = p.site AND o.merchid = p.merchid
  AND o.tenant_id <> p.tenant_id
WHERE p.tenant_id = %(tenant)s
  AND (
    i.tenant_id <> p.tenant_id
    OR a.tenant_id <> p.tenant_id
    OR l.tenant_id <> p.tenant_id
    OR l.invoice_id <> p.invoice_id
    OR o.id IS NOT NULL
  )
