"""Invoices by what became of their texts."""

from __future__ import annotations

from django.db.models import F, Max, Q

from invoices.models import InvoiceQuerySet
from sms.models import TextMessage

LOST = (TextMessage.Status.UNDELIVERED, TextMessage.Status.FAILED)


def never_texted(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    """Open ones that no text was sent for."""
    return invoices.open().filter(text_messages__isnull=True)


def undelivered(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    """Open ones whose newest text did not arrive."""
    lost = Max("text_messages", filter=Q(text_messages__status__in=LOST))
    found = invoices.open().annotate(newest_text=Max("text_messages"), newest_lost=lost)
    return found.filter(newest_text=F("newest_lost")).order_by("-issued_on", "-id")
