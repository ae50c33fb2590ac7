"""Store an inbound text and act on it: opt out, resume, answer HELP."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.enqueue import enqueue
from audit.models import record
from customers.models import Contact, Customer
from invoices.models import Invoice
from sms.compliance import keywords
from sms.content.message_text import help_answer
from sms.models import Consent, OptOut, TextMessage, TwilioAccount
from sms.models.inbound import InboundText
from sms.models.opt_out import opt_out, resume
from sms.outbox.queue import queue_answer
from sms.recipient import Recipient
from sms.tasks import deliver
from tenants.card_numbers import without_card_numbers
from tenants.models import Tenant

Kind = InboundText.Kind
# Handled automatically, so they are never unread.
AUTOMATIC = frozenset([Kind.STOP, Kind.START, Kind.HELP])
# The most answers to HELP in an hour, so that two machines stop answering each other.
MOST_HELP = 5
AN_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Incoming:
    """A text as Twilio delivers it; `number` and `to` are E.164 or a short code."""

    sid: str
    number: str
    to: str = ""
    body: str = ""
    media: int = 0
    opt_out_type: str = ""


def receive(tenant: Tenant, text: Incoming) -> tuple[InboundText, bool]:
    """Store a text and act on it, once per SID; returns it and whether it is new.

    One transaction, so that a request that failed can be repeated by Twilio.
    """
    body = without_card_numbers(text.body.replace("\0", ""))
    with transaction.atomic():
        reading = keywords.read(body, text.opt_out_type)
        kind = reading.kind
        if keywords.is_yes(body) and OptOut.objects.of(tenant, text.number):
            kind = Kind.START
        customer, invoice = about(tenant, text.number)
        row, new = InboundText.objects.get_or_create(
            tenant=tenant,
            sid=text.sid,
            defaults={
                "number": text.number,
                "to": text.to,
                "body": body,
                "media": text.media,
                "kind": kind,
                "customer": customer,
                "invoice": invoice,
                "read_at": timezone.now() if kind in AUTOMATIC else None,
            },
        )
        if new:
            _record(row)
            _act(row, reading.language)
    return row, new


def about(tenant: Tenant, number: str) -> tuple[Customer | None, Invoice | None]:
    """Whose number it is, and the invoice that was last texted there."""
    mine = Q(mobile=number) | Q(phone=number)
    people = Contact.objects.filter(mine, tenant=tenant).select_related("customer")
    owners = [person.customer for person in people.order_by("-is_billing", "pk")]
    texts = TextMessage.objects.filter(tenant=tenant, to=number).exclude(invoice=None)
    last = texts.select_related("customer", "invoice").order_by("-pk").first()
    if last is not None and (not owners or last.customer in owners):
        return last.customer, last.invoice
    return (owners[0] if owners else None), None


def _record(row: InboundText) -> None:
    """Write an audit entry for the customer and one for the invoice."""
    for subject in (row.customer, row.invoice):
        if subject is not None:
            record(
                "text.received",
                tenant=row.tenant,
                subject=subject.audit_subject,
                actor_label=row.customer.name[:60] if row.customer else "customer",
                sender=row.number,
                message=row.words,
                meaning=row.get_kind_display() if row.kind != Kind.MESSAGE else "",
            )


def _act(row: InboundText, language: str) -> None:
    tenant, number, words = row.tenant, row.number, row.body
    if row.kind == Kind.STOP:
        opt_out(tenant, number, source=OptOut.Source.REPLY, wording=words)
    elif row.kind == Kind.REFUSAL:
        opt_out(tenant, number, source=OptOut.Source.WORDS, wording=words)
    elif row.kind == Kind.START:
        resume(tenant, number, source=Consent.Source.START, wording=words)
    elif row.kind == Kind.HELP:
        _help(row, language)
    elif row.kind == Kind.UNCLEAR and OptOut.objects.of(tenant, number):
        row.close_review(actor=None)  # the number gets no texts whatever the words mean


def _help(row: InboundText, language: str) -> None:
    """Answer HELP, also after an opt-out. Another company's sender gets no answer."""
    if TwilioAccount.objects.filter(sender=row.number).exists():
        return
    answers = TextMessage.objects.filter(
        tenant=row.tenant,
        to=row.number,
        kind=TextMessage.Kind.HELP,
        queued_at__gt=timezone.now() - AN_HOUR,
    )
    if answers.count() >= MOST_HELP:
        return
    recipient = Recipient.of(row.customer, row.number)
    language = language or recipient.language
    answer, new = queue_answer(
        row.tenant,
        recipient,
        body=help_answer(row.tenant, language),
        key=uuid.uuid5(row.public_id, "help"),
        actor=None,
        kind=TextMessage.Kind.HELP,
        language=language,
    )
    if new:
        enqueue(deliver, answer.pk)
