"""Compares two ledgers for refunds: voids, refunds, returns, and what is left.

Like bench/books.py it imports neither Django nor the sandbox.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from bench.books import BOOKED, OPEN, TAKEN_WORDS, Verdict, given_back, is_taken

Rows = list[Mapping[str, Any]]
OPEN_REFUNDS = frozenset({"requested", "pending", "unknown", "needs_attention"})
SENT = frozenset({"done", "returned", "repaid"})  # the gateway refunded it, whatever followed
BY_HAND = frozenset({"cash", "check"})
ZERO = Decimal("0.00")


def compare(
    verdict: Verdict,
    charges: Iterable[Mapping[str, Any]],
    payments: Iterable[Mapping[str, Any]],
    refunds: Iterable[Mapping[str, Any]],
) -> None:
    """Add to `verdict` what is wrong with the way back, by the gateway's ledger.

    Of a charge it needs parent, returned and setlstat as well; of a payment refunded, method,
    fee_kept (of its surcharge) and paid (its invoice's). A refund of ours has merchid, orderid,
    retref, amount, kind, status, invoice, parent (the charge's retref) and payment_status. What has
    no end yet is unresolved, and nothing else is said of it or of its invoice.
    """
    theirs, ours, back = list(charges), list(payments), list(refunds)
    opened = [r for r in back if r["status"] in OPEN_REFUNDS]
    unsure = {r["invoice"] for r in opened} | {p["invoice"] for p in ours if p["status"] in OPEN}
    verdict.unresolved += [f"refund {r['orderid']} {r['status']}" for r in opened]
    _judge_refunds(verdict, theirs, back)
    _judge_sums(verdict, theirs, [p for p in ours if p["invoice"] not in unsure])
    _judge_ends(verdict, theirs, ours)
    _judge_balances(verdict, theirs, [p for p in ours if p["invoice"] not in unsure])
    verdict.invented += [
        f"void {r['orderid']} is done, its payment is {r['payment_status']}"
        for r in back
        if r["kind"] == "void" and r["status"] == "done" and r["payment_status"] != "voided"
    ]


def _judge_refunds(verdict: Verdict, charges: Rows, refunds: Rows) -> None:
    """Each refund is in both ledgers once: same merchant, charge, order, reference, cents."""
    done = [c for c in charges if c["kind"] == "refund" and c["respstat"] == "A"]
    theirs = Counter(_entry(c) for c in done if not c["voided"])
    ours = Counter(_entry(r) for r in refunds if r["status"] in SENT and r["kind"] == "refund")
    times: Counter[str] = Counter()
    for what, count in theirs.items():
        times[what[2]] += count
    verdict.double_refunds += [f"{order} refunded {n} times" for order, n in times.items() if n > 1]
    opened = {r["orderid"] for r in refunds if r["status"] in OPEN_REFUNDS}
    missing = {what: count for what, count in (theirs - ours).items() if what[2] not in opened}
    verdict.lost += [f"refund {what} x{count}" for what, count in missing.items()]
    verdict.invented += [f"refund {what} x{count}" for what, count in (ours - theirs).items()]


def _judge_sums(verdict: Verdict, charges: Rows, payments: Rows) -> None:
    """No refund above the charge, and the same sum as our payment says."""
    refunded: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge["kind"] == "refund" and charge["respstat"] == "A" and not charge["voided"]:
            refunded[charge["parent"]] += Decimal(charge["amount"])
    amounts = {c["retref"]: Decimal(c["amount"]) for c in charges if is_taken(c)}
    for retref, total in refunded.items():
        if total > amounts.get(retref, ZERO):
            verdict.double_refunds.append(f"{retref}: {total} given back of {amounts.get(retref)}")
    for payment in (p for p in payments if p["status"] in TAKEN_WORDS):
        given, says = refunded.get(payment["retref"], ZERO), Decimal(payment["refunded"])
        if payment["retref"] and given != says:
            verdict.lost.append(
                f"{payment['orderid']}: {given} given back, our payment says {says}"
            )


def _judge_ends(verdict: Verdict, charges: Rows, payments: Rows) -> None:
    """Returned there and here; settled here only when it is settled there."""
    seen = {c["retref"]: c for c in charges if is_taken(c)}
    for payment in (p for p in payments if p["status"] in TAKEN_WORDS):
        charge, status = seen.get(payment["retref"]), payment["status"]
        if charge is None:
            continue
        came_back = bool(charge["returned"])
        if came_back and status != "returned":
            verdict.lost.append(f"return of {payment['orderid']}, our payment is {status}")
        elif status == "returned" and not came_back:
            verdict.invented.append(f"return of {payment['orderid']}")
        elif status == "rejected" and charge["setlstat"] != "Rejected":
            verdict.invented.append(f"rejection of {payment['orderid']}")
        elif status in ("settled", "cleared") and charge["setlstat"] != "Accepted":
            verdict.invented.append(f"{status}: {payment['orderid']} is {charge['setlstat']}")


def _judge_balances(verdict: Verdict, charges: Rows, payments: Rows) -> None:
    """Each invoice's paid amount is what the gateway kept for it, and cash and checks."""
    back = given_back(charges)
    invoice_of = {p["orderid"]: p["invoice"] for p in payments}
    says = {p["invoice"]: Decimal(p["paid"]) for p in payments}
    should: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if is_taken(charge) and not charge["returned"] and charge["setlstat"] != "Rejected":
            kept = Decimal(charge["amount"]) - back.get(charge["retref"], ZERO)
            should[invoice_of.get(charge["orderid"])] += kept
    for payment in (p for p in payments if p["status"] in BOOKED):
        should[payment["invoice"]] -= Decimal(payment["fee_kept"])
        if payment["method"] in BY_HAND:
            should[payment["invoice"]] += Decimal(payment["amount"])
    for invoice, paid in says.items():
        if paid != should[invoice]:
            words = f"invoice {invoice}: {paid} counts as paid, the gateway kept {should[invoice]}"
            (verdict.invented if paid > should[invoice] else verdict.lost).append(words)


def _entry(row: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    amount = f"{Decimal(row['amount']):.2f}"
    return row["merchid"], row["parent"], row["orderid"], row["retref"], amount
