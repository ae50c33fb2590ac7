"""Compares two ledgers: what the gateway took and kept, and what our payments say.

Imports neither Django nor the sandbox, so that tests and the chaos bench judge by the same rules.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

BOOKED = frozenset({"captured", "settled", "started", "cleared", "refunded"})
CAME_BACK = frozenset({"returned", "rejected"})
OPEN = frozenset({"pending", "unknown", "needs_attention"})
TAKEN_WORDS = BOOKED | CAME_BACK
NOT_TAKEN_WORDS = frozenset({"declined", "not_charged"})


@dataclass
class Verdict:
    """The violations, by kind; all empty when the books agree."""

    double_charges: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    told_wrong: list[str] = field(default_factory=list)
    double_refunds: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Every violation, its kind first."""
        return [f"{kind}: {what}" for kind, found in vars(self).items() for what in found]


def compare(
    charges: Iterable[Mapping[str, Any]],
    payments: Iterable[Mapping[str, Any]],
    told: Mapping[str, set[str]] | None = None,
) -> Verdict:
    """Judge our payments by the gateway's charges.

    A charge has merchid, orderid, retref, amount, kind, respstat and voided; a payment the first
    four, invoice, agreed (what the payer consented to) and status; one that was found by match may
    have another order number. `told` is what each order's payer was told, as statuses. What went
    back to payers is bench/given_back.py's part.
    """
    verdict = Verdict()
    charges, ours = list(charges), list(payments)
    taken = [c for c in charges if is_taken(c)]
    theirs_by_reference = {(c["merchid"], c["retref"]): c["orderid"] for c in taken}
    booked = Counter(
        entry({**p, "orderid": theirs_by_reference.get((p["merchid"], p["retref"]), p["orderid"])})
        if p.get("found_by_match")
        else entry(p)
        for p in ours
        if p["status"] in TAKEN_WORDS
    )
    theirs = Counter(entry(c) for c in taken)
    verdict.lost += [f"{what} x{count}" for what, count in (theirs - booked).items()]
    verdict.invented += [f"{what} x{count}" for what, count in (booked - theirs).items()]
    verdict.unresolved += [f"{p['orderid']} {p['status']}" for p in ours if p["status"] in OPEN]
    _judge_consent(verdict, taken, ours, given_back(charges))
    _judge_words(verdict, taken, ours, told or {})
    return verdict


def is_taken(charge: Mapping[str, Any]) -> bool:
    """Whether the gateway took this money, whatever was refunded later."""
    return charge["respstat"] == "A" and charge["kind"] == "sale" and not charge["voided"]


def given_back(charges: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """How much of each charge was refunded or returned, by its reference."""
    back: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge["kind"] == "refund" and charge["respstat"] == "A" and not charge["voided"]:
            back[charge["parent"]] += Decimal(charge["amount"])
        elif charge.get("returned") or charge.get("setlstat") == "Rejected":
            back[charge["retref"]] += Decimal(charge["amount"])
    return dict(back)


def _judge_words(
    verdict: Verdict,
    taken: list[Mapping[str, Any]],
    ours: list[Mapping[str, Any]],
    told: Mapping[str, set[str]],
) -> None:
    """No payer was told of a payment that was not taken, or that nothing was taken when it was."""
    orders = {c["orderid"] for c in taken}
    undone = {p["orderid"] for p in ours if p["status"] == "voided"}  # was right when it was said
    for orderid, statuses in told.items():
        if statuses & TAKEN_WORDS and orderid not in orders | undone:
            verdict.told_wrong.append(f"{orderid} told {sorted(statuses)}, nothing was taken")
        if statuses & (NOT_TAKEN_WORDS | {"voided"}) and orderid in orders:
            verdict.told_wrong.append(f"{orderid} told {sorted(statuses)}, money was taken")


def _judge_consent(
    verdict: Verdict,
    taken: list[Mapping[str, Any]],
    ours: list[Mapping[str, Any]],
    back: Mapping[str, Decimal],
) -> None:
    """Never more than was agreed to, one charge per agreement, never more than the invoice's
    total.
    """
    payment_of = {p["orderid"]: p for p in ours}
    charged: defaultdict[Any, Decimal] = defaultdict(Decimal)
    times = Counter(c["orderid"] for c in taken)
    for charge in taken:
        payment = payment_of.get(charge["orderid"])
        if payment is None:
            verdict.lost.append(f"{entry(charge)} has no payment at all")
            continue
        kept = Decimal(charge["amount"]) - back.get(charge["retref"], Decimal(0))
        kept -= Decimal(payment.get("fee_kept", 0))
        charged[payment["invoice"]] += max(kept, Decimal(0))
        if Decimal(charge["amount"]) > Decimal(payment["agreed"]):
            verdict.double_charges.append(f"{entry(charge)} of {payment['agreed']} agreed")
    verdict.double_charges += [f"{o} charged {n} times" for o, n in times.items() if n > 1]
    totals = {p["invoice"]: Decimal(p["total"]) for p in ours}
    for invoice, amount in charged.items():
        if amount > totals[invoice]:
            verdict.double_charges.append(f"invoice {invoice}: {amount} taken of {totals[invoice]}")


def entry(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """The fields of one charge that both ledgers must share."""
    return row["merchid"], row["orderid"], row["retref"], f"{Decimal(row['amount']):.2f}"
