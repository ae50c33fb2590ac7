"""Where an invoice stands, in one icon and a few words: on Home, in lists and on its page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from audit import clock
from invoices.models import Invoice

# How many of the four steps (queued, sent, delivered, paid) a text has made.
STEPS = {"queued": 1, "sending": 1, "sent": 2, "delivered": 3, "undelivered": 3, "failed": 2}
NOT_DELIVERED = ("undelivered", "failed")


@dataclass(frozen=True)
class Standing:
    """A chip (tone, icon, words), one more line, and the dots of the text's way."""

    tone: str
    icon: str
    words: str
    detail: str = ""
    done: int = 0
    failed: bool = False


def standing(invoice: Invoice) -> Standing:
    """What to tell a person about it. Reads prefetched texts, payments and links."""
    tone, icon, words, detail = _words(invoice)
    text = newest_text(invoice)
    done = STEPS.get(text.status, 0) if text else 0
    if invoice.status == Invoice.Status.PAID:
        return Standing(tone, icon, words, detail, 4)
    failed = bool(text) and text.status in NOT_DELIVERED
    return Standing(tone, icon, words, detail, done, failed)


def newest_text(invoice: Invoice) -> Any:
    """The text sent last, or None."""
    return max(invoice.text_messages.all(), key=lambda text: text.pk, default=None)


def _words(invoice: Invoice) -> tuple[str, str, str, str]:
    payments = sorted(invoice.payments.all(), key=lambda payment: -payment.pk)
    booked = [payment for payment in payments if payment.is_booked]
    if invoice.overpaid:
        is_void = invoice.status == Invoice.Status.VOID
        why = "was paid on a void invoice" if is_void else "was paid above what was due"
        return "warn", "alert", "Overpaid", f"${invoice.overpaid:,.2f} {why}: refund it"
    match invoice.status:
        case Invoice.Status.VOID:
            return "", "stop", "Void", "Nothing due"
        case Invoice.Status.DRAFT:
            return "", "pen", "Draft", "Not open for payment yet"
        case Invoice.Status.PAID:
            return "good", "check", "Paid", _paid_with(invoice, booked)
        case Invoice.Status.PENDING:
            days = invoice.tenant.ach_clear_days
            return "info", "bank", "Bank payment started", f"Clears in about {days} business days"
    unsure = next((payment for payment in payments if payment.is_in_flight), None)
    if unsure is not None and unsure.status == "needs_attention":
        return "bad", "alert", "Payment needs attention", "Do not take another payment yet"
    if unsure is not None:
        return "warn", "clock", "Checking payment", "Do not take another payment yet"
    if payments and _came_back(invoice, payments[0]):
        return "bad", "alert", payments[0].get_status_display(), payments[0].staff_note
    return _unpaid(invoice)


def _came_back(invoice: Invoice, payment: Any) -> bool:
    """Whether the last payment was taken back by the bank, and nobody has texted since."""
    text = newest_text(invoice)
    is_back = payment.status in ("returned", "rejected")
    return is_back and (text is None or text.queued_at < payment.reversed_at)


def _unpaid(invoice: Invoice) -> tuple[str, str, str, str]:
    uncleared = sum(p.amount for p in invoice.payments.all() if p.status == "started")
    verb = "paid or started" if uncleared else "paid"
    partly = f"${invoice.paid:,.2f} of ${invoice.total:,.2f} {verb}" if invoice.paid else ""
    text, link = newest_text(invoice), invoice.newest_link
    if text is not None and text.is_in_flight:
        return "info", "clock", "Scheduled" if text.is_scheduled else "Sending", partly
    if text is not None and text.status in NOT_DELIVERED:
        return "bad", "stop", "Not delivered", text.error or partly
    if link is not None and link.has_expired:
        return "warn", "unlink", "Link expired", partly
    if invoice.is_overdue:
        days = (clock.today(invoice.tenant.zone) - invoice.due_on).days
        late = f"{days} day{'' if days == 1 else 's'} overdue"
        return "bad", "day", late, partly or ("" if text else "Not sent yet")
    if invoice.paid and invoice.paid == uncleared:
        return "info", "bank", "Bank payment started", partly
    if invoice.paid:
        return "info", "bill", "Partly paid", partly
    if text is not None:
        return (
            "",
            "sent" if text.status == "delivered" else "send",
            text.get_status_display(),
            partly,
        )
    if link is not None and link.status == "live":
        return "", "mail", "Emailed", partly
    return "", "bill", "Not sent yet", partly


def _paid_with(invoice: Invoice, booked: list[Any]) -> str:
    if not booked or invoice.paid_at is None:
        return ""
    day: dt.datetime = invoice.paid_at.astimezone(invoice.tenant.zone)
    words = {"card": "Card", "cash": "Cash", "check": "Check"}
    return f"{words.get(booked[0].method, 'Bank')}, {day:%b} {day.day}"
