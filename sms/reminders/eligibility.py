"""What stops a reminder besides the send check: a payment under way, or a newer decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from audit import clock
from invoices.models import Invoice
from sms.models import TextMessage, TextRules


class Hold(NamedTuple):
    """A fact from a floor above that reminders wait for."""

    # The relations of the invoice that it reads, to prefetch them.
    reads: tuple[str, ...]
    # The reason as a sentence; "" when there is none.
    why: Callable[[Invoice], str]


# Filled at the start by textpay/wiring.py, because nobody hands anything to the worker's tasks.
HOLDS: list[Hold] = []


def held_back(invoice: Invoice) -> str:
    """Why nobody is reminded while a payment is under way; "" when none is."""
    return next(filter(None, (hold.why(invoice) for hold in HOLDS)), "")


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
    reason = held_back(invoice)
    return f"{reason} Nothing was sent." if reason else ""
