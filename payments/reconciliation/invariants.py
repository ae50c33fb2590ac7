"""The invariants of the books: one SQL query per file in `rules/`.

Plain SQL, so that it judges the rows and not the code that wrote them. Each query is about one
tenant and reads that tenant's rows only. It returns the tenant, the invoice, its name for people,
and two facts for the sentence. Sums are rounded to the cent, because SQLite adds decimals as
floats. `number` is the invariant's number in docs/money.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from invoices.models import Invoice, PaymentLink
from payments.models import Payment, Refund

FOLDER = Path(__file__).parent / "rules"


@dataclass(frozen=True)
class Invariant:
    """One query, the sentence for a row it returns, and what staff do about it."""

    name: str
    number: int
    asks: str
    words: str
    step: str
    sql: str


def _load(path: Path) -> Invariant:
    """Read the header, one `-- key: value` a line, and fill the models' statuses into the SQL."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header: dict[str, str] = {}
    for key, line in zip(("number", "asks", "words", "step"), lines, strict=False):
        if not line.startswith(f"-- {key}: "):
            raise ValueError(f"{path.name} has no {key} in line {len(header) + 1}")
        header[key] = line.removeprefix(f"-- {key}: ")
    return Invariant(
        name=path.stem,
        number=int(header.pop("number")),
        sql="\n".join(lines[4:]).format(**_statuses()),
        **header,
    )


def _statuses() -> dict[str, object]:
    """The values for the braces in the rules."""
    moves = (f"{old}>{new}" for old, ends in Payment.TRANSITIONS.items() for new in ends)
    noted = [status for status in Invoice.Status if status != Invoice.Status.DRAFT]
    return {
        "invoice": Invoice.Status,
        "link": PaymentLink.Status,
        "payment": Payment.Status,
        "payment_method": Payment.Method,
        "refund": Refund.Status,
        "refund_kind": Refund.Kind,
        "booked": _quoted(Payment.BOOKED),
        "in_flight": _quoted(Payment.IN_FLIGHT),
        "refunded": _quoted(Refund.GIVEN),
        "payment_moves": _quoted(moves),
        "payment_actions": _quoted(f"payment.{status}" for status in Payment.Status),
        "invoice_actions": _quoted(f"invoice.{status}" for status in noted),
    }


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


INVARIANTS = sorted(map(_load, FOLDER.glob("*.sql")), key=lambda rule: (rule.number, rule.name))
if not INVARIANTS:
    # A check without rules would report no problem for every tenant.
    raise FileNotFoundError(f"{FOLDER} holds no rules")
