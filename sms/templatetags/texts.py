"""Texts for templates."""

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


@register.simple_tag(takes_context=True)
def why_not_text(context: template.Context, invoice: Invoice) -> Finding | None:
    """`{% why_not_text invoice as reason %}`: why the person cannot text it now, or None.

    Kept on the invoice, because its page shows it in several parts, each with its own context.
    """
    known = vars(invoice)
    if "_text_refusal" not in known:
        known["_text_refusal"] = send_check.refusal(invoice, context.get("membership"))
    found: Finding | None = known["_text_refusal"]
    return found


@register.simple_tag(takes_context=True)
def opted_out(context: template.Context, invoice: Invoice) -> Finding | None:
    """The opt-out of the customer, whoever is signed in, or None."""
    reason = why_not_text(context, invoice)
    if reason is None or reason.code == "opted_out":
        return reason
    return send_check.opted_out(invoice)


@register.filter
def newest_text(invoice: Invoice) -> TextMessage | None:
    """The newest text; reads prefetched texts."""
    return max(invoice.text_messages.all(), key=lambda text: text.pk, default=None)


@register.filter
def was_texted(invoice: Invoice) -> bool:
    """Whether a text went out, so that the next one is a resend."""
    return any(text.went_out for text in invoice.text_messages.all())


@dataclass(frozen=True)
class Step:
    """One step of the rail: its icon, words and style, and when it happened."""

    icon: str
    words: str
    style: str = ""
    at: dt.datetime | None = None
    note: str = "Not yet"
    here: bool = False


@register.filter
def rail(text: TextMessage) -> list[Step]:
    """The steps Queued, Sent, Delivered, Opened and Paid of a text."""
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
    """The end of quiet hours that it waits for: "tomorrow at 8:00 AM"; None for none."""
    if text.not_before is None or not text.is_scheduled:
        return None
    tenant = text.invoice.tenant if text.invoice else text.tenant
    return send_check.when(text.not_before, tenant, clock.now())


@register.filter
def trouble(text: TextMessage) -> str:
    """The kind of failure, see error_codes.py; an opt-out of ours counts like Twilio's."""
    return OPTED_OUT if text.error == STOPPED else text.trouble


@register.filter
def whose(text: TextMessage) -> str:
    """What the error is about, for staff."""
    return explain(text.error_code).whose


@register.filter
def cost(text: TextMessage) -> str:
    """What Twilio counted and charged: "1 segment, $0.0079". The price comes minutes later."""
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
    """The last step; a bank payment that was started has not cleared."""
    invoice = text.invoice
    if invoice is None:
        return Step("pay", "Paid", note=not_yet)
    if invoice.paid_at and invoice.is_pending:
        return Step("bank", "Bank payment started", "done", invoice.paid_at, here=True)
    if invoice.paid_at:
        return Step("pay", "Paid", "done", invoice.paid_at, here=True)
    return Step("pay", "Paid", note=not_yet)


def _opened(text: TextMessage) -> Step:
    """The step that counts people, not programs that fetch the link."""
    if (at := _opened_at(text)) is None:
        return Step("eye", "Opened", note="")
    paid = text.invoice and text.invoice.paid_at
    return Step("eye", "Opened", "done", at, here=not paid)


def _opened_at(text: TextMessage) -> dt.datetime | None:
    """When the link was opened; reads the invoice's prefetched links."""
    links = text.invoice.links.all() if text.invoice else []
    return next((link.opened_at for link in links if link.pk == text.link_id), None)


def _sent(text: TextMessage) -> Step:
    status = text.Status
    if text.sent_at:
        return Step("send", "Sent", "done", text.sent_at, here=text.status == status.SENT)
    if text.status == status.FAILED:
        return Step("x", "Not sent", "failed", text.finished_at)
    if text.status == status.CANCELLED:
        return Step("x", "Canceled", "failed", text.finished_at)
    if text.is_scheduled:
        return Step("send", "Sent", note="Waiting for quiet hours to end")
    if text.status == status.SENDING:
        note = (
            "Handing it to Twilio"
            if not text.looks
            else "Checking with Twilio whether it has the text"
        )
        return Step("send", "Sent", note=note, here=True)
    return Step(
        "send", "Sent", note="Waiting in line" if text.attempts == 0 else "Trying again soon"
    )


def _delivered(text: TextMessage) -> Step:
    if text.status == text.Status.DELIVERED:
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
