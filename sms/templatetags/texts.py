"""What templates ask about texts: `{% why_not_text invoice as reason %}`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django import template

from audit import clock
from invoices.models import Invoice
from sms.compliance import send_check
from sms.compliance.findings import Finding
from sms.error_codes import OPTED_OUT, explain
from sms.models import TextMessage
from sms.models.opt_out import STOPPED

register = template.Library()
# What became of a payment that was taken back whole.
BACK = {
    "returned": "The bank took the payment back.",
    "rejected": "The payment was rejected at settlement.",
    "voided": "The payment was voided.",
}


@register.simple_tag(takes_context=True)
def why_not_text(context: template.Context, invoice: Invoice) -> Finding | None:
    """Why the signed-in person cannot text this invoice now; None when they can.

    Kept on the invoice, because its page shows it in several parts, each with its own context.
    """
    known = vars(invoice)
    if "_text_refusal" not in known:
        known["_text_refusal"] = send_check.refusal(invoice, context.get("membership"))
    found: Finding | None = known["_text_refusal"]
    return found


@register.simple_tag(takes_context=True)
def opted_out(context: template.Context, invoice: Invoice) -> Finding | None:
    """Why the customer gets no texts, whoever is signed in; None when they do."""
    reason = why_not_text(context, invoice)
    if reason is None or reason.code == "opted_out":
        return reason
    return send_check.opted_out(invoice)


@register.filter
def newest_text(invoice: Invoice) -> TextMessage | None:
    """The text sent last; reads prefetched texts."""
    return max(invoice.text_messages.all(), key=lambda text: text.pk, default=None)


@register.filter
def was_texted(invoice: Invoice) -> bool:
    """Whether a text went out before, so that the next one is a resend."""
    return any(text.went_out for text in invoice.text_messages.all())


@register.filter
def why_asked_again(invoice: Invoice) -> str:
    """The last thing that took money back out of a paid invoice, as a sentence; "" for nothing.

    Reads prefetched payments and refunds.
    """
    payments = invoice.payments.all()
    whole = [
        (payment.reversed_at, BACK[payment.status])
        for payment in payments
        if payment.status in BACK
    ]
    parts = [
        (refund.resolved_at, f"${refund.total:,.2f} of the payment was given back.")
        for payment in payments
        for refund in payment.refunds.all()
        if refund.kind == "refund" and refund.status in refund.GIVEN
    ]
    return max(whole + parts, default=(None, ""))[1]


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
    """Queued, Sent, Delivered, Opened, Paid: what has happened, where it stands, what failed."""
    status = text.Status(text.status)
    failed = status in (status.FAILED, status.UNDELIVERED, status.CANCELLED)
    return [
        Step("clock", "Queued", "done", text.queued_at, here=status == status.QUEUED),
        _sent(text),
        _delivered(text),
        _opened(text),
        _paid(text, "" if failed else "Not yet"),
    ]


@register.filter
def waits_until(text: TextMessage) -> str | None:
    """Until when it waits, in words: "tomorrow at 8:00 AM"; None when it does not."""
    if text.not_before is None or not text.is_scheduled:
        return None
    tenant = text.invoice.tenant if text.invoice else text.tenant
    return send_check.when(text.not_before, tenant, clock.now())


@register.filter
def trouble(text: TextMessage) -> str:
    """The kind of failure, see twilio_codes.py; an opt-out of ours counts as Twilio's does."""
    return OPTED_OUT if text.error == STOPPED else text.trouble


@register.filter
def whose(text: TextMessage) -> str:
    """What Twilio's error code is about."""
    return explain(text.error_code).whose


@register.filter
def cost(text: TextMessage) -> str:
    """What Twilio counted and charged: "1 segment, $0.0079"; the price comes some minutes late."""
    if not text.segments:
        return ""
    words = f"{text.segments} segment{'' if text.segments == 1 else 's'}"
    if text.price is None:
        return words
    whole, _, part = f"{abs(text.price):.5f}".partition(".")
    amount = f"{whole}.{part.rstrip('0').ljust(2, '0')}"
    money = f"${amount}" if text.price_unit == "USD" else f"{amount} {text.price_unit}"
    return f"{words}, {money}"


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


def _opened(text: TextMessage) -> Step:
    """A person looked at the page; fetching the link does not count."""
    if (at := _opened_at(text)) is None:
        return Step("eye", "Opened", note="")
    paid = text.invoice and text.invoice.paid_at
    return Step("eye", "Opened", "done", at, here=not paid)


def _opened_at(text: TextMessage) -> dt.datetime | None:
    """When its link was opened; reads the invoice's prefetched links."""
    links = text.invoice.links.all() if text.invoice else []
    return next((link.opened_at for link in links if link.pk == text.link_id), None)


def _sent(text: TextMessage) -> Step:
    if text.sent_at:
        return Step("send", "Sent", "done", text.sent_at, here=text.status == "sent")
    if text.status == "failed":
        return Step("x", "Not sent", "failed", text.finished_at)
    if text.status == "cancelled":
        return Step("x", "Cancelled", "failed", text.finished_at)
    if text.is_scheduled:
        return Step("send", "Sent", note="Waits for its hour")
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
            here=not (_opened_at(text) or (text.invoice and text.invoice.paid_at)),
        )
    if text.sent_at and text.finished_at:
        return Step("x", "Not delivered", "failed", text.finished_at)
    return Step("sent", "Delivered", note="Waiting for the carrier" if text.sent_at else "")
