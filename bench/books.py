"""Two ledgers side by side: what the gateway took and kept, and what we say was paid.

Knows neither Django nor the sandbox, so that tests and the chaos bench judge by the same rules.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

BOOKED = frozenset({"captured", "started"})
OPEN = frozenset({"pending", "unknown", "needs_attention"})
PAID_WORDS = BOOKED
NOT_TAKEN_WORDS = frozenset({"declined", "not_charged"})


@dataclass
class Verdict:
    """What is wrong, by kind; all empty when the books agree."""

    double_charges: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    told_wrong: list[str] = field(default_factory=list)

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
    four, invoice, agreed (what the payer consented to) and status. `told` is what each order's
    payer was told, as statuses.
    """
    verdict = Verdict()
    taken = [c for c in charges if c["respstat"] == "A" and not c["voided"] and c["kind"] == "sale"]
    ours = list(payments)
    booked = Counter(_entry(p) for p in ours if p["status"] in BOOKED)
    theirs = Counter(_entry(c) for c in taken)
    verdict.lost += [f"{entry} x{count}" for entry, count in (theirs - booked).items()]
    verdict.invented += [f"{entry} x{count}" for entry, count in (booked - theirs).items()]
    verdict.unresolved += [f"{p['orderid']} {p['status']}" for p in ours if p["status"] in OPEN]
    _judge_consent(verdict, taken, ours)
    orders = {c["orderid"] for c in taken}
    for orderid, statuses in (told or {}).items():
        if statuses & PAID_WORDS and orderid not in orders:
            verdict.told_wrong.append(f"{orderid} told {sorted(statuses)}, nothing was taken")
        if statuses & NOT_TAKEN_WORDS and orderid in orders:
            verdict.told_wrong.append(f"{orderid} told {sorted(statuses)}, money was taken")
    return verdict


def _judge_consent(
    verdict: Verdict, taken: list[Mapping[str, Any]], ours: list[Mapping[str, Any]]
) -> None:
    """Never more than was agreed to, once per agreement, never more than the invoice asks for."""
    payment_of = {p["orderid"]: p for p in ours}
    charged: defaultdict[Any, Decimal] = defaultdict(Decimal)
    times = Counter(c["orderid"] for c in taken)
    for charge in taken:
        payment = payment_of.get(charge["orderid"])
        if payment is None:
            verdict.lost.append(f"{_entry(charge)} has no payment at all")
            continue
        charged[payment["invoice"]] += Decimal(charge["amount"])
        if Decimal(charge["amount"]) > Decimal(payment["agreed"]):
            verdict.double_charges.append(f"{_entry(charge)} of {payment['agreed']} agreed")
    verdict.double_charges += [f"{o} charged {n} times" for o, n in times.items() if n > 1]
    totals = {p["invoice"]: Decimal(p["total"]) for p in ours}
    for invoice, amount in charged.items():
        if amount > totals[invoice]:
            verdict.double_charges.append(f"invoice {invoice}: {amount} taken of {totals[invoice]}")


def _entry(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return row["merchid"], row["orderid"], row["retref"], f"{Decimal(row['amount']):.2f}"
