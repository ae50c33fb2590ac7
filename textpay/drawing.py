"""Generates docs/states.md from the TRANSITIONS of the models."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from invoices.models import Invoice, InvoiceEmail, PaymentLink
from payments.models import Payment, Refund
from sms.models import TextMessage

Drawn = Invoice | PaymentLink | TextMessage | InvoiceEmail | Payment | Refund
DRAWN: list[type[Drawn]] = [
    Invoice,
    PaymentLink,
    TextMessage,
    InvoiceEmail,
    Payment,
    Refund,
]
INTRODUCTION = """# Statuses and transitions

`audit/transitions.py` is the only code that changes a status. It allows only the transitions below
and writes one audit entry for each. A status without an outgoing arrow is final. This file is
generated from the `TRANSITIONS` of each model by `python manage.py draw_states`, and a test
compares the two.
"""


def path() -> Path:
    """Where the diagram is stored."""
    return Path(settings.BASE_DIR) / "docs" / "states.md"


def draw() -> str:
    """The whole file."""
    return "\n".join([INTRODUCTION, *(_section(model) for model in DRAWN)])


def _section(model: type[Drawn]) -> str:
    """One model: the diagram, and each status in the words of the screen."""
    default = model._meta.get_field("status").default
    starts = [default] if default in model.Status.values else _roots(model)
    lines = [f"## {str(model._meta.verbose_name).capitalize()}", "", "```mermaid"]
    lines += ["stateDiagram-v2", *(f"    [*] --> {start}" for start in starts)]
    for status in model.Status.values:
        targets = sorted(model.TRANSITIONS.get(status, ()))
        lines += [f"    {status} --> {target}" for target in targets]
        lines += [] if targets else [f"    {status} --> [*]"]
    lines += ["```", "", "| state | on screen |", "|---|---|"]
    lines += [f"| `{value}` | {label} |" for value, label in model.Status.choices]
    return "\n".join(lines) + "\n"


def _roots(model: type[Drawn]) -> list[str]:
    """Statuses without an incoming arrow, and for a refund the one that needs no second person."""
    reached = set().union(*model.TRANSITIONS.values())
    first = [status for status in model.Status.values if status not in reached]
    return [*first, *([Refund.Status.PENDING] if model is Refund else [])]
