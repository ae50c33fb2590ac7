"""Every invariant about money, asked of the database itself and of the gateway's own ledger."""

from __future__ import annotations

from typing import Any

from django.db import connection

from bench import given_back
from bench.books import Verdict, compare

# INV-1, 2, 3, 7, 10 need both ledgers; the others are questions to our database alone.
# The gateway's amounts hold the surcharge, an invoice's do not.
OURS = """
    SELECT p.orderid, p.merchid, p.retref, p.amount + p.fee AS amount, p.status,
           p.invoice_id AS invoice, p.method, p.refunded + coalesce(f.fee, 0) AS refunded,
           p.fee - coalesce(f.fee, 0) AS fee_kept, p.found_by_match, i.total, i.paid,
           coalesce(a.amount, 0) AS agreed
    FROM payments_payment p JOIN invoices_invoice i ON i.id = p.invoice_id
    LEFT JOIN payments_authorization a ON a.payment_id = p.id
    LEFT JOIN (SELECT payment_id, sum(fee) AS fee FROM payments_refund WHERE kind = 'refund'
               AND status IN ('done', 'repaid') GROUP BY payment_id) f ON f.payment_id = p.id
"""
GIVEN_BACK = """
    SELECT r.orderid, r.retref, r.amount + r.fee AS amount, r.kind, r.status, p.merchid,
           p.retref AS parent, p.status AS payment_status, p.invoice_id AS invoice
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id
"""
BOOKED = "('captured', 'settled', 'started', 'cleared', 'refunded')"
NEVER = {
    "INV-4 paid is not the sum of what was booked": f"""
        SELECT i.number, i.paid, coalesce(sum(p.amount - p.refunded), 0) FROM invoices_invoice i
        LEFT JOIN payments_payment p ON p.invoice_id = i.id AND p.status IN {BOOKED}
        GROUP BY i.id HAVING i.paid <> coalesce(sum(p.amount - p.refunded), 0)""",
    "INV-4 a customer's balance is not what the open invoices ask for": """
        SELECT c.name, c.balance, coalesce(sum(i.total - i.paid), 0) FROM customers_customer c
        LEFT JOIN invoices_invoice i ON i.customer_id = c.id AND i.status = 'open'
                                    AND i.total > i.paid
        GROUP BY c.id HAVING c.balance <> coalesce(sum(i.total - i.paid), 0)""",
    "INV-5 more than one open attempt": """
        SELECT invoice_id FROM payments_payment
        WHERE status IN ('pending', 'unknown', 'needs_attention')
        GROUP BY invoice_id HAVING count(*) > 1""",
    "INV-5 fully paid, and still asking": """
        SELECT number, status FROM invoices_invoice
        WHERE paid >= total AND total > 0 AND status = 'open'""",
    "INV-5 a live link on a paid or void invoice": """
        SELECT i.number, i.status FROM invoices_invoice i
        JOIN invoices_paymentlink l ON l.invoice_id = i.id AND l.status = 'live'
        WHERE i.status IN ('paid', 'pending', 'void')""",
    "INV-7 no agreement to the same amount": """
        SELECT p.orderid FROM payments_payment p
        LEFT JOIN payments_authorization a ON a.payment_id = p.id
        WHERE (a.id IS NULL OR a.amount <> p.amount + p.fee)
        AND p.method IN ('card', 'ach') AND NOT p.found_by_match""",
    "INV-8 refunded is not the sum of the refunds that were done": """
        SELECT p.orderid, p.refunded, coalesce(sum(r.amount), 0) FROM payments_payment p
        LEFT JOIN payments_refund r ON r.payment_id = p.id AND r.status IN ('done', 'repaid')
                                   AND r.kind = 'refund'
        GROUP BY p.id HAVING p.refunded <> coalesce(sum(r.amount), 0)""",
    "INV-8 given back whole and not called refunded, or the other way round": """
        SELECT orderid, status, refunded FROM payments_payment
        WHERE status IN ('settled', 'cleared', 'refunded')
        AND (refunded = amount) <> (status = 'refunded')""",
    "INV-9 a payment's end without exactly one entry": """
        SELECT p.orderid, p.status, count(e.id) FROM payments_payment p
        LEFT JOIN audit_auditentry e ON e.subject = 'invoice:' || p.invoice_id
             AND e.action = 'payment.' || p.status
             AND e.data ->> 'reference' = substr(p.orderid, 1, 4) || '-' || substr(p.orderid, 5, 4)
        WHERE p.method IN ('card', 'ach') GROUP BY p.id HAVING count(e.id) <> 1""",
    "INV-10 a payment of another company's invoice": """
        SELECT p.orderid FROM payments_payment p JOIN invoices_invoice i ON i.id = p.invoice_id
        WHERE p.tenant_id <> i.tenant_id""",
}


def rows(sql: str) -> list[dict[str, Any]]:
    """What the database itself says."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def judge(
    charges: list[dict[str, Any]], told: dict[str, set[str]] | None = None, invoice: int = 0
) -> Verdict:
    """Our books, or one invoice's part of them, beside the gateway's."""
    ours, back = (
        [row for row in rows(sql) if invoice in (0, row["invoice"])] for sql in (OURS, GIVEN_BACK)
    )
    verdict = compare(charges, [row for row in ours if row["merchid"]], told)
    given_back.compare(verdict, charges, ours, back)
    return verdict


def broken() -> list[str]:
    """What our own tables say that they never may."""
    return [f"{what}: {row}" for what, sql in NEVER.items() for row in rows(sql)]
