"""Invoices by what became of their payments."""

from __future__ import annotations

from invoices.models import InvoiceQuerySet
from payments.models import Payment


def in_flight(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    """Those with a payment whose outcome is not known yet."""
    return invoices.filter(payments__status__in=Payment.IN_FLIGHT)
