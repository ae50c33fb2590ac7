"""Reminders wait while a payment of the invoice is under way."""

from __future__ import annotations

from invoices.models import Invoice
from sms.reminders.eligibility import Hold


def under_way(invoice: Invoice) -> str:
    """Why nobody is reminded while a payment is under way; "" when none is. Reads prefetched
    payments."""
    payments = invoice.payments.all()
    if any(payment.is_in_flight for payment in payments):
        return "A payment is being confirmed."
    if any(payment.is_clearing for payment in payments):
        return "A bank payment has been started."
    return ""


PAYMENT_UNDER_WAY = Hold(reads=("payments",), why=under_way)
