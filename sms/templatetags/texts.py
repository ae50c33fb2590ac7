"""What templates ask about texts: `{% why_not_text invoice as reason %}`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import template

from invoices.models import Invoice
from sms.models import TextMessage
from sms.reasons import Reason
from sms.reasons import why_not_text as _why_not_text

register = template.Library()


@register.simple_tag(takes_context=True)
def why_not_text(context: dict[str, Any], invoice: Invoice) -> Reason | None:
    """Why the signed-in person cannot text this invoice now; None when they can."""
    return _why_not_text(invoice, context.get("membership"))


@register.filter
def newest_text(invoice: Invoice) -> TextMessage | None:
    """The text sent last; reads prefetched texts."""
    return max(invoice.text_messages.all(), key=lambda text: text.pk, default=None)


@register.filter
def was_texted(invoice: Invoice) -> bool:
    """Whether a text went out before, so that the next one is a resend."""
    return any(text.went_out for text in invoice.text_messages.all())


@dataclass(frozen=True)
class Step:
    """One step of the rail: how it looks, its icon and word, and when it happened."""

    icon: str
    words: str
    look: str = ""
    at: dt.datetime | None = None
    note: str = "Not yet"
    here: bool = False


@register.filter
def rail(text: TextMessage) -> list[Step]:
    """Queued, Sent, Delivered, Paid: what has happened, where it stands, what failed."""
    status = text.Status(text.status)
    failed = status in (status.FAILED, status.UNDELIVERED)
    return [
        Step("clock", "Queued", "done", text.queued_at, here=status == status.QUEUED),
        _sent(text),
        _delivered(text),
        _paid(text, "" if failed else "Not yet"),
    ]


def _paid(text: TextMessage, not_yet: str) -> Step:
    """The last step; a bank payment that was started is not one that has cleared."""
    invoice = text.invoice
    if invoice is None:
        return Step("pay", "Paid", note=not_yet)
    if invoice.paid_at and invoice.status == "pending":
        return Step("bank", "Bank payment started", "done", invoice.paid_at, here=True)
    if invoice.paid_at:
        return Step("pay", "Paid", "done", invoice.paid_at, here=True)
    return Step("pay", "Paid", note=not_yet)


def _sent(text: TextMessage) -> Step:
    if text.sent_at:
        return Step("send", "Sent", "done", text.sent_at, here=text.status == "sent")
    if text.status == "failed":
        return Step("x", "Not sent", "failed", text.finished_at)
    if text.status == "sending":
        note = "Handing it to Twilio" if not text.looks else "Asking Twilio whether it has it"
        return Step("send", "Sent", note=note, here=True)
    return Step(
        "send", "Sent", note="Waiting for its turn" if text.attempts == 0 else "Trying again soon"
    )


def _delivered(text: TextMessage) -> Step:
    if text.status == "delivered":
        return Step(
            "sent",
            "Delivered",
            "done",
            text.finished_at,
            here=not (text.invoice and text.invoice.paid_at),
        )
    if text.sent_at and text.finished_at:
        return Step("x", "Not delivered", "failed", text.finished_at)
    return Step("sent", "Delivered", note="Waiting for the carrier" if text.sent_at else "")
