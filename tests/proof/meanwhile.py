"""What both ledgers must say of one invoice at any moment, when either may be ahead of the other.

The gateway may know more than we do (it settles, rejects and returns by itself, and answers get
lost), but never less; and nobody is told of an end that is not in its ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.proof.books import rows

Row = Mapping[str, Any]
OPEN = ("pending", "unknown", "needs_attention")
BY_HAND = ("cash", "check")
ZERO = Decimal("0.00")
# What we may still say of a charge that stands at the gateway as named; our own word comes last.
CARD = {
    "queued": ["captured"],
    "accepted": ["captured", "settled"],
    "given back": ["settled", "refunded"],
    "rejected": ["captured", "rejected"],
    "voided": ["captured", "voided"],
}
BANK = {
    "queued": ["started"],
    "accepted": ["started", "cleared"],
    "given back": ["cleared", "refunded"],
    "returned": ["started", "cleared", "refunded", "returned"],
    "voided": ["started", "voided"],
}
PAYMENTS = """
    SELECT p.id, p.orderid, p.merchid, p.retref, p.amount + p.fee AS amount, p.status, p.method,
           p.invoice_id AS invoice, i.total, a.amount AS agreed
    FROM payments_payment p JOIN invoices_invoice i ON i.id = p.invoice_id
    LEFT JOIN payments_authorization a ON a.payment_id = p.id
"""
REFUNDS = """
    SELECT r.orderid, r.retref, r.amount + r.fee AS amount, r.status, r.kind, r.payment_id,
           r.id, r.released_by_id, p.invoice_id AS invoice, t.refund_release_over AS over
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id
    JOIN tenants_tenant t ON t.id = p.tenant_id
"""


def wrong(ledger: list[dict[str, Any]], invoice: int) -> list[str]:
    """Everything that may not be, in words; the ledger's rows are those of this invoice."""
    payments, refunds = (
        [row for row in rows(sql) if row["invoice"] == invoice] for sql in (PAYMENTS, REFUNDS)
    )
    approved = [r for r in ledger if r["respstat"] == "A" and r["committed"]]
    charges = [r for r in approved if r["kind"] == "sale"]
    given = [r for r in approved if r["kind"] == "refund" and not r["voided"]]
    return [
        *_charged(charges, payments),
        *_kept(charges, given, payments),
        *_standing(charges, given, payments, refunds),
        *_given_back(charges, given, refunds),
    ]


def _charged(charges: list[Row], payments: list[Row]) -> Iterator[str]:
    """No charge without its payment, no more than was agreed to, and once."""
    ours = {p["orderid"]: p for p in payments}
    for charge in charges:
        payment = ours.get(charge["orderid"])
        if payment is None:
            yield f"charge {charge['retref']} has no payment"
        elif Decimal(charge["amount"]) > payment["agreed"] and not charge["voided"]:
            yield f"charge {charge['retref']} of {charge['amount']}, {payment['agreed']} agreed"
        elif payment["status"] in ("declined", "not_charged") and not charge["voided"]:
            yield f"charge {charge['retref']} is told as {payment['status']}"
    kept = [c["orderid"] for c in charges if not c["voided"]]
    yield from (f"order {one} charged twice" for one in set(kept) if kept.count(one) > 1)


def _kept(charges: list[Row], given: list[Row], payments: list[Row]) -> Iterator[str]:
    """All in all the gateway keeps no more than the invoice asks for."""
    lost = ("voided", "rejected", "returned")
    kept = sum((Decimal(c["amount"]) for c in charges if _where(c, given) not in lost), ZERO)
    back = [r for r in given if _where(_of(r["parent"], charges), given) not in lost]
    kept -= sum((Decimal(r["amount"]) for r in back), ZERO)
    if payments and kept > payments[0]["total"]:
        yield f"{kept} taken of {payments[0]['total']}"


def _standing(
    charges: list[Row], given: list[Row], payments: list[Row], refunds: list[Row]
) -> Iterator[str]:
    """Each payment is where its charge is at the gateway, or was a moment ago."""
    for payment in payments:
        if payment["method"] in BY_HAND or payment["status"] in (*OPEN, "declined", "not_charged"):
            continue
        charge = _of(payment["retref"], charges)
        facts = ("orderid", "merchid")
        same = charge and all(charge[name] == payment[name] for name in facts)
        if charge is None or not same:
            yield f"{payment['orderid']} is {payment['status']} without a charge"
            continue
        where = _where(charge, given)
        allowed = (CARD if payment["method"] == "card" else BANK)[where]
        asked = any(r["status"] in OPEN and r["payment_id"] == payment["id"] for r in refunds)
        if where in ("voided", "given back") and not asked:
            allowed = allowed[-1:]  # only we do this, so we know it unless we are asking
        if payment["status"] not in allowed:
            yield f"{payment['orderid']} is {payment['status']}, its charge is {where}"
        if where != "voided" and Decimal(charge["amount"]) != payment["amount"]:
            yield f"{payment['orderid']}: {charge['amount']} charged, {payment['amount']} booked"


def _given_back(charges: list[Row], given: list[Row], refunds: list[Row]) -> Iterator[str]:
    """A refund is done when the gateway says so, once, of the amount that was wanted; two people
    wanted it when more than the limit went back, in parts or at once."""
    ours = {r["orderid"] for r in refunds}
    yield from (f"refund {g['retref']} is not ours" for g in given if g["orderid"] not in ours)
    for refund in refunds:
        theirs = [g for g in given if g["orderid"] == refund["orderid"]]
        told = f"refund {refund['orderid']} is {refund['status']}"
        by_refund = refund["kind"] == "refund" and refund["status"] == "done"
        if len(theirs) > 1 or any(Decimal(g["amount"]) != refund["amount"] for g in theirs):
            yield f"{told}, at the gateway {[g['amount'] for g in theirs]}"
        if refund["status"] in ("requested", "cancelled", "declined") and theirs:
            yield f"{told}, but was given back"
        if by_refund and [g["retref"] for g in theirs] != [refund["retref"]]:
            yield f"{told}, at the gateway {[g['retref'] for g in theirs]}"
        sent = refund["status"] in ("pending", "unknown", "done", "needs_attention")
        in_all = refund["amount"] + _given_earlier(refund, refunds)
        if sent and in_all > refund["over"] and refund["released_by_id"] is None:
            yield f"{told} without a second person, {in_all} in all"


def _given_earlier(refund: Row, refunds: list[Row]) -> Decimal:
    """What had surely gone back of the same payment when this was asked for: one at a time is."""
    earlier = [r for r in refunds if r["payment_id"] == refund["payment_id"]]
    done = [r for r in earlier if r["id"] < refund["id"] and r["status"] == "done"]
    return sum((r["amount"] for r in done), ZERO)


def _of(retref: str, charges: list[Row]) -> Any:
    return next((c for c in charges if c["retref"] == retref), None)


def _where(charge: Row, given: list[Row]) -> str:
    """Where a charge stands at the gateway, in one word."""
    back = sum(Decimal(r["amount"]) for r in given if r["parent"] == charge["retref"])
    if charge["voided"]:
        return "voided"
    if charge["returned"]:
        return "returned"
    if charge["setlstat"] == "Accepted":
        return "given back" if back == Decimal(charge["amount"]) else "accepted"
    return "rejected" if charge["setlstat"] == "Rejected" else "queued"
