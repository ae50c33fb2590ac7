"""What stops a reminder besides the send check: a payment under way, or a newer decision."""

from __future__ import annotations

from audit import clock
from invoices.models import Invoice
from sms.models import TextMessage, TextRules


def payment_under_way(invoice: Invoice) -> str:
    """Why nobody is reminded while a payment is under way; "" when none is."""
    payments = invoice.payments.all()
    if any(payment.is_in_flight for payment in payments):
        return "A payment is being confirmed."
    if any(payment.is_clearing for payment in payments):
        return "A bank payment has been started."
    return ""


def recheck(message: TextMessage) -> str:
    """Why a queued reminder must not go out any more; "" when it may, or is no reminder."""
    invoice = message.invoice
    if message.kind != TextMessage.Kind.REMINDER or invoice is None:
        return ""
    if not TextRules.of(message.tenant).reminds:
        return "Reminders were turned off before it went out, so nothing was sent."
    if invoice.customer.reminders_paused:
        return "Reminders were paused for this customer before it went out, so nothing was sent."
    today = clock.today(message.tenant.zone)
    if invoice.promised_on and today <= invoice.promised_on:
        return "The customer promised to pay before it went out, so nothing was sent."
    reason = payment_under_way(invoice)
    return f"{reason} Nothing was sent." if reason else ""
