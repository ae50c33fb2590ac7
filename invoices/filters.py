"""Which invoices a person asked for: words and a status, as in the address of the list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from invoices.models import Invoice, InvoiceQuerySet

FILTERS: dict[str, tuple[str, Callable[[InvoiceQuerySet, dt.date], InvoiceQuerySet]]] = {
    "open": ("Open", lambda found, today: found.open()),
    "overdue": ("Overdue", lambda found, today: found.overdue(today)),
    "not-sent": ("Not sent", lambda found, today: found.never_texted()),
    "not-delivered": ("Not delivered", lambda found, today: found.undelivered()),
    "checking": ("Checking payment", lambda found, today: found.unsettled()),
    "pending": ("Bank payment started", lambda found, today: found.filter(status="pending")),
    "paid": ("Paid", lambda found, today: found.filter(status="paid")),
    "draft": ("Draft", lambda found, today: found.filter(status="draft")),
    "void": ("Void", lambda found, today: found.filter(status="void")),
}
CHOICES = [(value, label) for value, (label, _) in FILTERS.items()]


def find(words: str, status: str, today: dt.date) -> InvoiceQuerySet:
    """The invoices that the list shows for these words and this status; "" for any."""
    found = Invoice.objects.matching(words) if words else Invoice.objects.all()
    return FILTERS[status][1](found, today) if status in FILTERS else found
