"""What must be true of the books, each as one question to the database. See docs/money.md.

Plain SQL over whole tables, so that it judges the rows and not the code that wrote them. Every
question answers with: company, invoice, what people call it, and two facts for the sentence.
Sums are rounded to the cent, because SQLite adds decimals up as floats.
"""
# ruff: noqa: S608  every word of these statements is written here or in our models

from __future__ import annotations

from dataclasses import dataclass

# The refunds of these payments.
R = "JOIN payments_refund r ON r.payment_id = p.id"
P = (
    "FROM payments_payment p JOIN invoices_invoice i ON i.id = p.invoice_id"
    " LEFT JOIN payments_authorization a ON a.payment_id = p.id"
)
ROW = "SELECT p.tenant_id, p.invoice_id, i.number"
ONE = "SELECT i.tenant_id, i.id, i.number"
MINE = "(%(tenant)s IS NULL OR p.tenant_id = %(tenant)s)"
MINE_I = "(%(tenant)s IS NULL OR i.tenant_id = %(tenant)s)"
# What the payer was charged: the amount and its surcharge.
TOTAL = "(p.amount + p.fee)"
# Taken through the payer's page, so that the payer must have agreed.
BY_PAGE = "p.method IN ('card', 'ach') AND NOT (p.found_by_match AND a.id IS NULL)"
# The history of payments, in order: what each entry says, and what the one before said.
HISTORY = (
    "SELECT e.tenant_id, e.subject, e.data ->> 'reference' AS reference,"
    " SUBSTR(e.action, 9) AS now, LAG(SUBSTR(e.action, 9)) OVER ("
    "PARTITION BY e.subject, e.data ->> 'reference' ORDER BY e.id) AS was,"
    " ROW_NUMBER() OVER ("
    "PARTITION BY e.subject, e.data ->> 'reference' ORDER BY e.id DESC) AS age"
    " FROM audit_auditentry e WHERE e.action IN ({actions})"
)
SAME_PAYMENT = (
    "h.subject = 'invoice:' || p.invoice_id AND h.reference ="
    " SUBSTR(p.orderid, 1, 4) || '-' || SUBSTR(p.orderid, 5, 4)"
)


@dataclass(frozen=True)
class Invariant:
    """One question, what an answer means in words, and what a person does about it."""

    number: int
    sql: str
    words: str
    step: str


LOOK = "Open the invoice and compare its payments with CardConnect."
CALL = "Tell Support: this must not happen, and no money may move on this invoice until then."
RECOUNT = "Press Match now; if it stays, tell Support."

INVARIANTS = [
    Invariant(
        1,
        f"SELECT MIN(p.tenant_id), MIN(p.invoice_id), MIN(i.number), p.retref, COUNT(*) {P}"
        f" WHERE p.status IN ({{booked}}) AND p.retref <> '' AND {MINE}"
        " GROUP BY p.merchid, p.retref HAVING COUNT(*) > 1",
        "charge {0} is booked {1} times",
        LOOK,
    ),
    Invariant(
        1,
        f"{ONE}, SUM({TOTAL}), SUM(CASE WHEN {BY_PAGE} THEN a.amount ELSE {TOTAL} END) {P}"
        f" WHERE p.status IN ({{booked}}) AND {MINE} GROUP BY i.tenant_id, i.id, i.number"
        f" HAVING ROUND(SUM({TOTAL}), 2) >"
        f" ROUND(SUM(CASE WHEN {BY_PAGE} THEN a.amount ELSE {TOTAL} END), 2)",
        "${0} was taken, the customer agreed to ${1}",
        "Refund the difference.",
    ),
    Invariant(
        2,
        f"{ROW}, p.amount, p.orderid {P} WHERE p.status IN ('pending', 'unknown')"
        f" AND p.created_at < %(day_ago)s AND {MINE}",
        "nobody has known for a day whether ${0} was charged (order {1})",
        "Ask CardConnect by the order number, and do not take another payment.",
    ),
    Invariant(
        2,
        f"{ROW}, r.amount, r.orderid {P} {R} WHERE r.status IN ('pending', 'unknown')"
        f" AND COALESCE(r.sent_at, r.claimed_at, r.requested_at) < %(day_ago)s AND {MINE}",
        "nobody has known for a day whether ${0} went back (order {1})",
        "Ask CardConnect by the order number, and do not refund it again.",
    ),
    Invariant(
        3,
        f"{ROW}, p.amount, p.orderid {P} WHERE p.status IN ({{booked}})"
        f" AND p.method IN ('card', 'ach') AND p.retref = '' AND {MINE}",
        "${0} is booked without a CardConnect reference (order {1})",
        LOOK,
    ),
    Invariant(
        3,
        f"{ROW}, p.amount, p.orderid {P} WHERE p.method IN ('card', 'ach')"
        f" AND (p.merchid = '' OR p.site = '') AND {MINE}",
        "a payment of ${0} names no merchant account (order {1})",
        CALL,
    ),
    Invariant(
        4,
        f"{ONE}, i.paid, COALESCE(s.total, 0) FROM invoices_invoice i LEFT JOIN ({{paid_by}}) s"
        f" ON s.invoice_id = i.id WHERE i.paid <> COALESCE(s.total, 0) AND {MINE_I}",
        "the invoice says ${0} was paid, its payments say ${1}",
        RECOUNT,
    ),
    Invariant(
        4,
        f"{ONE}, i.status, i.total - i.paid FROM invoices_invoice i WHERE {MINE_I} AND"
        " ((i.status = 'open' AND i.total > 0 AND i.paid >= i.total)"
        " OR (i.status IN ('paid', 'pending') AND i.paid < i.total))",
        "the invoice is {0}, but ${1} is to be paid",
        RECOUNT,
    ),
    Invariant(
        4,
        f"{ONE}, i.paid, '' FROM invoices_invoice i WHERE i.status = 'void' AND i.paid > 0"
        f" AND {MINE_I}",
        "the invoice is void, but ${0} was paid on it",
        "Refund it.",
    ),
    Invariant(
        4,
        "SELECT c.tenant_id, NULL, c.name, c.balance, COALESCE(s.owed, 0)"
        " FROM customers_customer c LEFT JOIN (SELECT i.customer_id,"
        " ROUND(SUM(i.total - i.paid), 2) AS owed"
        " FROM invoices_invoice i WHERE i.status = 'open' AND i.total > i.paid"
        " GROUP BY i.customer_id) s ON s.customer_id = c.id"
        " WHERE c.balance <> COALESCE(s.owed, 0)"
        " AND (%(tenant)s IS NULL OR c.tenant_id = %(tenant)s)",
        "the customer's balance says ${0}, the open invoices say ${1}",
        RECOUNT,
    ),
    Invariant(
        5,
        f"{ONE}, COUNT(*), '' {P} WHERE p.status IN ({{in_flight}}) AND {MINE}"
        " GROUP BY i.tenant_id, i.id, i.number HAVING COUNT(*) > 1",
        "{0} payments are being confirmed at once",
        CALL,
    ),
    Invariant(
        5,
        f"{ONE}, i.status, l.id FROM invoices_invoice i JOIN invoices_paymentlink l"
        " ON l.invoice_id = i.id WHERE l.status = 'live' AND i.status IN ('paid', 'pending',"
        f" 'void') AND {MINE_I}",
        "the invoice is {0}, but a payment link is still open",
        "Press Expire Link.",
    ),
    Invariant(
        4,
        f"{ONE}, i.status, COUNT(s.id) FROM invoices_invoice i LEFT JOIN payments_payment s"
        " ON s.invoice_id = i.id AND s.status = 'started' WHERE i.status IN ('paid', 'pending')"
        f" AND {MINE_I} GROUP BY i.tenant_id, i.id, i.number, i.status"
        " HAVING (i.status = 'paid') = (COUNT(s.id) > 0)",
        "the invoice is {0}, with {1} bank payments on their way",
        RECOUNT,
    ),
    Invariant(
        5,
        f"{ROW}, p.amount, p.orderid {P} WHERE i.status IN ('paid', 'pending')"
        f" AND p.created_at > i.paid_at AND {BY_PAGE} AND {MINE}",
        "a payment of ${0} began after the invoice was paid (order {1})",
        "Refund it if it was taken.",
    ),
    Invariant(
        6,
        f"WITH h AS ({HISTORY}) {ROW}, h.was, h.now {P} JOIN h ON {SAME_PAYMENT}"
        f" WHERE h.was || '>' || h.now NOT IN ({{moves}}) AND {MINE}",
        "a payment went from {0} to {1}, which no payment can",
        CALL,
    ),
    Invariant(
        7,
        f"{ROW}, p.amount, p.orderid {P} WHERE a.id IS NULL AND {BY_PAGE}"
        f" AND p.status IN ({{booked}}) AND {MINE}",
        "${0} was taken without an authorization (order {1})",
        "Ask the customer, and refund if they do not agree.",
    ),
    Invariant(
        7,
        f"{ROW}, {TOTAL}, a.amount {P} WHERE a.amount <> ROUND({TOTAL}, 2) AND {BY_PAGE}"
        f" AND {MINE}",
        "a payment of ${0} rests on an authorization of ${1}",
        "Refund the difference.",
    ),
    Invariant(
        8,
        f"{ROW}, p.fee, s.total {P} JOIN (SELECT payment_id, ROUND(SUM(fee), 2) AS total"
        " FROM payments_refund WHERE status IN ('done', 'repaid') GROUP BY payment_id) s"
        f" ON s.payment_id = p.id WHERE s.total > p.fee AND {MINE}",
        "a surcharge of ${0} was taken, ${1} of it was given back",
        LOOK,
    ),
    Invariant(
        7,
        f"{ROW}, p.amount, p.orderid {P} WHERE a.agreed_at > p.resolved_at"
        f" AND p.status IN ({{booked}}) AND {BY_PAGE} AND {MINE}",
        "${0} was taken before the customer agreed (order {1})",
        "Check the servers' clocks; ask the customer.",
    ),
    Invariant(
        8,
        f"{ROW}, p.refunded, COALESCE(r.total, 0) {P} LEFT JOIN (SELECT payment_id,"
        " ROUND(SUM(amount), 2) AS total FROM payments_refund"
        " WHERE status IN ('done', 'repaid') AND kind = 'refund'"
        " GROUP BY payment_id) r ON r.payment_id = p.id"
        f" WHERE (p.refunded <> COALESCE(r.total, 0) OR p.refunded > p.amount) AND {MINE}",
        "${0} counts as refunded, its refunds say ${1}",
        LOOK,
    ),
    Invariant(
        8,
        f"{ROW}, p.refunded, p.status {P} WHERE {MINE} AND p.status IN ('settled', 'cleared',"
        " 'refunded') AND (p.refunded = p.amount) <> (p.status = 'refunded')",
        "${0} counts as refunded, the payment is {1}",
        LOOK,
    ),
    Invariant(
        8,
        f"{ROW}, r.amount, r.orderid {P} {R}"
        f" WHERE r.status = 'done' AND r.kind = 'refund' AND r.retref = '' AND {MINE}",
        "a refund of ${0} is called done without a CardConnect reference (order {1})",
        "Ask CardConnect for the refund before telling the customer anything.",
    ),
    Invariant(
        8,
        f"{ROW}, r.amount, p.status {P} {R}"
        f" WHERE r.status = 'done' AND r.kind = 'void' AND p.status <> 'voided' AND {MINE}",
        "a void of ${0} is called done, the payment is {1}",
        LOOK,
    ),
    Invariant(
        8,
        f"SELECT MIN(p.tenant_id), MIN(p.invoice_id), MIN(i.number), r.retref, COUNT(*) {P} {R}"
        f" WHERE r.status IN ('done', 'returned', 'repaid') AND r.retref <> '' AND {MINE}"
        " GROUP BY p.merchid, r.retref HAVING COUNT(*) > 1",
        "refund {0} is booked {1} times",
        LOOK,
    ),
    Invariant(
        9,
        f"WITH h AS ({HISTORY}) {ROW}, p.status, COALESCE(h.now, 'nothing') {P}"
        f" LEFT JOIN h ON {SAME_PAYMENT} AND h.age = 1 WHERE {MINE} AND COALESCE(h.now,"
        " CASE WHEN p.method IN ('cash', 'check') THEN 'captured' ELSE '' END) <> p.status",
        "a payment is {0}, its history says {1}",
        CALL,
    ),
    Invariant(
        9,
        f"{ONE}, i.status, COALESCE(SUBSTR(e.action, 9), 'nothing') FROM invoices_invoice i"
        " LEFT JOIN (SELECT subject, MAX(id) AS last FROM audit_auditentry WHERE action IN"
        " ('invoice.open', 'invoice.pending', 'invoice.paid', 'invoice.void') GROUP BY subject) m"
        " ON m.subject = 'invoice:' || i.id LEFT JOIN audit_auditentry e ON e.id = m.last"
        " WHERE i.status <> COALESCE(SUBSTR(e.action, 9), 'draft')"
        f" AND {MINE_I}",
        "the invoice is {0}, its history says {1}",
        CALL,
    ),
    Invariant(
        10,
        f"{ROW}, p.orderid, p.merchid {P} LEFT JOIN invoices_paymentlink l ON l.id = p.link_id"
        " LEFT JOIN payments_cardconnectaccount o ON o.site = p.site AND o.merchid = p.merchid"
        " AND o.tenant_id <> p.tenant_id WHERE (p.tenant_id <> i.tenant_id OR l.tenant_id <>"
        " p.tenant_id OR l.invoice_id <> p.invoice_id OR a.tenant_id <> p.tenant_id"
        f" OR o.id IS NOT NULL) AND {MINE}",
        "order {0} (merchant {1}) belongs to another company",
        CALL,
    ),
    Invariant(
        10,
        f"{ROW}, r.orderid, r.amount {P} {R} WHERE r.tenant_id <> p.tenant_id AND {MINE}",
        "refund {0} of ${1} belongs to another company",
        CALL,
    ),
    Invariant(
        10,
        f"{ROW}, p.amount, p.merchid {P} LEFT JOIN payments_cardconnectaccount o"
        " ON o.tenant_id = p.tenant_id AND o.site = p.site AND o.merchid = p.merchid"
        " WHERE o.id IS NULL AND p.method IN ('card', 'ach') AND p.merchid <> ''"
        f" AND p.status IN ({{in_flight}}, 'captured', 'started') AND {MINE}",
        "${0} is under way at merchant ID {1}, which is not the company's any more",
        "Ask CardConnect how it ended, and tell Support.",
    ),
    Invariant(
        13,
        f"{ROW}, p.amount, p.orderid {P} WHERE (p.amount <> ROUND(p.amount, 2) OR"
        " p.fee <> ROUND(p.fee, 2) OR p.refunded <> ROUND(p.refunded, 2) OR"
        f" i.total <> ROUND(i.total, 2) OR i.paid <> ROUND(i.paid, 2)) AND {MINE}",
        "an amount near ${0} has parts of a cent (order {1})",
        CALL,
    ),
    Invariant(
        13,
        f"{ROW}, r.amount, r.orderid {P} {R} WHERE {MINE}"
        " AND (r.amount <> ROUND(r.amount, 2) OR r.fee <> ROUND(r.fee, 2))",
        "a refund near ${0} has parts of a cent (order {1})",
        CALL,
    ),
    Invariant(
        13,
        f"{ONE}, i.total, i.tax + s.total FROM invoices_invoice i JOIN (SELECT invoice_id,"
        " SUM(ROUND(quantity * unit_price, 2)) AS total FROM invoices_lineitem GROUP BY invoice_id)"
        f" s ON s.invoice_id = i.id WHERE ABS(i.total - i.tax - s.total) >= 0.01 AND {MINE_I}",
        "the total is ${0}, its lines and tax make ${1}",
        "Open Edit and save the invoice again.",
    ),
]
