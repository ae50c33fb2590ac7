"""The status of an invoice in one icon and a few words: on Home, in lists and on its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from audit import clock
from customers.models import Customer
from invoices.models import Invoice, InvoiceQuerySet
from payments.models import Payment
from sms.models import TextMessage
from sms.templatetags.texts import newest_text

Status = TextMessage.Status
# How many of the four steps (queued, sent, delivered, paid) a text has reached.
STEPS: dict[str, int] = {
    Status.QUEUED: 1,
    Status.SENDING: 1,
    Status.SENT: 2,
    Status.FAILED: 2,
    Status.DELIVERED: 3,
    Status.UNDELIVERED: 3,
}
NOT_DELIVERED: tuple[str, ...] = (Status.UNDELIVERED, Status.FAILED)
METHODS: dict[str, str] = {
    Payment.Method.CARD: "Card",
    Payment.Method.CASH: "Cash",
    Payment.Method.CHECK: "Check",
}


@dataclass(frozen=True)
class StatusSummary:
    """A chip (tone, icon, words), a second line, and the dots of the text's steps."""

    tone: str
    icon: str
    words: str
    detail: str = ""
    done: int = 0
    failed: bool = False


def status_summary(invoice: Invoice) -> StatusSummary:
    """The summary of an invoice. Reads prefetched texts, payments and links."""
    tone, icon, words, detail = _words(invoice)
    text = newest_text(invoice)
    done = STEPS.get(text.status, 0) if text is not None else 0
    if invoice.status == Invoice.Status.PAID:
        return StatusSummary(tone, icon, words, detail, 4)
    failed = text is not None and text.status in NOT_DELIVERED
    return StatusSummary(tone, icon, words, detail, done, failed)


def with_status_summary(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    """With the rows that the summary reads, without a query per invoice."""
    rows = invoices.select_related("customer", "tenant")
    return rows.prefetch_related("text_messages", "payments", "links")


def newest_of(customer: Customer, most: int) -> Sequence[tuple[Invoice, StatusSummary]]:
    """A customer's newest invoices, each with its summary."""
    return [
        (one, status_summary(one)) for one in with_status_summary(customer.invoices.all())[:most]
    ]


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
    if unsure is not None and unsure.needs_attention:
        return "bad", "alert", "Payment needs attention", "Do not take another payment yet"
    if unsure is not None:
        return "warn", "clock", "Checking payment", "Do not take another payment yet"
    if payments and _came_back(invoice, payments[0]):
        return "bad", "alert", payments[0].get_status_display(), payments[0].staff_note
    return _unpaid(invoice)


def _came_back(invoice: Invoice, payment: Payment) -> bool:
    """Whether the bank returned the last payment, and no text was sent since."""
    text = newest_text(invoice)
    back_at = payment.reversed_at
    is_newer = text is None or (back_at is not None and text.queued_at < back_at)
    return payment.was_not_completed and is_newer


def _unpaid(invoice: Invoice) -> tuple[str, str, str, str]:
    uncleared = sum(p.amount for p in invoice.payments.all() if p.is_clearing)
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
            "sent" if text.status == Status.DELIVERED else "send",
            text.get_status_display(),
            partly,
        )
    if link is not None and link.is_live:
        return "", "mail", "Emailed", partly
    return "", "bill", "Not sent yet", partly


def _paid_with(invoice: Invoice, booked: list[Payment]) -> str:
    if not booked or invoice.paid_at is None:
        return ""
    day: dt.datetime = invoice.paid_at.astimezone(invoice.tenant.zone)
    return f"{METHODS.get(booked[0].method, 'Bank')}, {day:%b} {day.day}"
