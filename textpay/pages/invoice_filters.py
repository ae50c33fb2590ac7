"""The filters of the invoice list: search words and a status, as in its address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.db.models import F, Max, Q

from invoices.models import Invoice, InvoiceQuerySet
from payments.invoice_filters import in_flight
from payments.models import Payment
from sms.invoice_filters import never_texted, undelivered

Status = Invoice.Status
TAKEN_BACK = (Payment.Status.RETURNED, Payment.Status.REJECTED)
FILTERS: dict[str, tuple[str, Callable[[InvoiceQuerySet, dt.date], InvoiceQuerySet]]] = {
    "open": ("Open", lambda found, today: found.open()),
    "overdue": ("Overdue", lambda found, today: found.overdue(today)),
    "not-sent": ("Not sent", lambda found, today: never_texted(found)),
    "not-delivered": ("Not delivered", lambda found, today: undelivered(found)),
    "checking": ("Checking payment", lambda found, today: in_flight(found)),
    "pending": ("Bank payment started", lambda found, today: found.filter(status=Status.PENDING)),
    "paid": ("Paid", lambda found, today: found.filter(status=Status.PAID)),
    "draft": ("Draft", lambda found, today: found.filter(status=Status.DRAFT)),
    "void": ("Void", lambda found, today: found.filter(status=Status.VOID)),
}
CHOICES = [(value, label) for value, (label, _) in FILTERS.items()]


def find(words: str, status: str, today: dt.date) -> InvoiceQuerySet:
    """The invoices for these words and this status; "" for any."""
    found = Invoice.objects.matching(words) if words else Invoice.objects.all()
    return FILTERS[status][1](found, today) if status in FILTERS else found


def came_back(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    """Open invoices whose payment was returned or rejected, with no text since."""
    back = Max("payments__reversed_at", filter=Q(payments__status__in=TAKEN_BACK))
    found = invoices.open().annotate(back=back, texted=Max("text_messages__queued_at"))
    return found.filter(Q(texted=None) | Q(texted__lt=F("back")), back__isnull=False)
