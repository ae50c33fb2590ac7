"""Texts as they are written down: which invoice may get one now, and with which link."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from audit import clock
from audit.models import record_all
from invoices.models import Invoice, InvoiceError, PaymentLink
from sms.content.message_text import message_template
from sms.models import Consent, TextMessage
from sms.recipient import Recipient
from tenants.models import Tenant, User


class NeedsConfirmation(Exception):
    """This invoice was texted before (or meanwhile); the sender has not said **Continue** yet."""

    def __init__(self, last: TextMessage) -> None:
        super().__init__("This invoice was texted before.")
        self.last = last


class Order(NamedTuple):
    """One text to write: about which invoice, to whom, and not before when."""

    invoice: Invoice
    recipient: Recipient
    key: uuid.UUID
    not_before: dt.datetime | None = None


def queue_text(
    invoice: Invoice,
    recipient: Recipient,
    *,
    actor: User,
    key: uuid.UUID,
    seen: str = "",
    confirmed: bool = False,
    not_before: dt.datetime | None = None,
) -> tuple[TextMessage, bool]:
    """Write down one text to send, with a new link; returns it and whether it is new.

    One text comes of any number of clicks: the same form `key` gives the same text, and while
    one is on its way nobody adds another. `seen` is the newest text the form knew of (its
    public id, or ""); when another has come in between, or the invoice was texted before and
    the sender has not `confirmed`, raises NeedsConfirmation. `not_before` makes it wait. Raises
    InvoiceError when there is nothing to pay or the key belongs to another invoice's text.
    """
    with transaction.atomic():
        row = invoice.locked()
        same = TextMessage.objects.filter(tenant=row.tenant, key=key).first()
        last = TextMessage.objects.filter(invoice=row).order_by("-id").first()
        if same is not None:
            if same.invoice_id != row.pk:
                raise InvoiceError("This form was used for another invoice. Open it again.")
            if same.to != recipient.number:
                raise NeedsConfirmation(last or same)  # went back and chose another number
            return same, False
        if last is not None and last.is_in_flight:
            return last, False
        if last is not None and not last.agreed_to_follow(seen=seen, confirmed=confirmed):
            raise NeedsConfirmation(last)
        [message] = queue_texts([Order(row, recipient, key, not_before)], actor=actor)
    return message, True


def queue_texts(orders: Sequence[Order], *, actor: User) -> list[TextMessage]:
    """Write down a text for each order, with a new link, in a handful of statements.

    The caller has locked the invoices and knows that no text about one of them is on its way.
    Raises InvoiceError when there is nothing to pay on one.
    """
    with transaction.atomic():
        invoices = [order.invoice for order in orders]
        links = PaymentLink.objects.issue_all(invoices, actor=actor)
        return save_texts(
            [_text_of(order, link, actor) for order, link in zip(orders, links, strict=True)]
        )


def _text_of(order: Order, link: PaymentLink, actor: User) -> TextMessage:
    """The text that an order asks for, not yet saved."""
    invoice, recipient, at = order.invoice, order.recipient, order.not_before
    return TextMessage(
        tenant=invoice.tenant,
        customer=invoice.customer,
        invoice=invoice,
        link=link,
        key=order.key,
        to=recipient.number,
        language=recipient.language,
        template=message_template(invoice, recipient.language),
        asked=invoice.balance,
        not_before=at,
        next_try_at=clock.on_the_wall(at) if at else timezone.now(),
        sent_by=actor,
    )


def save_texts(messages: Sequence[TextMessage]) -> list[TextMessage]:
    """Save new texts of one sender, with their entries and why their numbers may be texted."""
    if not messages:
        return []
    tenant, actor = messages[0].tenant, messages[0].sent_by
    with transaction.atomic():
        TextMessage.objects.bulk_create(messages)
        numbers = {message.to: message.customer for message in messages}
        Consent.objects.note_all(tenant, numbers, actor=actor)
        record_all(message.entry("text.queued", actor=actor) for message in messages)
    return list(messages)


def queue_reminder(
    invoice: Invoice, recipient: Recipient, *, template: str, key: uuid.UUID
) -> TextMessage | None:
    """Write down a reminder with the link the customer has.

    None when that has ended, a text is on its way or the invoice asks for nothing.
    """
    with transaction.atomic():
        row = invoice.locked()
        same = TextMessage.objects.filter(tenant=row.tenant, key=key).first()
        if same is not None:
            return same
        if not row.is_payable or TextMessage.objects.filter(invoice=row).in_flight().exists():
            return None
        link = row.links.live().first()
        if link is None or not link.is_live_at(clock.now()):
            return None
        message = TextMessage(
            tenant=row.tenant,
            kind=TextMessage.Kind.REMINDER,
            customer_id=row.customer_id,
            invoice=row,
            link=link,
            key=key,
            to=recipient.number,
            template=template,
            language=recipient.language,
            asked=row.balance,
        )
        save_texts([message])
    return message


def queue_answer(
    tenant: Tenant,
    recipient: Recipient,
    *,
    body: str,
    key: uuid.UUID,
    actor: User | None,
    kind: str = TextMessage.Kind.ANSWER,
    language: str = "en",
) -> tuple[TextMessage, bool]:
    """Write down an answer to what somebody texted; it has no invoice and no link."""
    with transaction.atomic():
        message, new = TextMessage.objects.get_or_create(
            tenant=tenant,
            key=key,
            defaults={
                "kind": kind,
                "customer": recipient.customer,
                "to": recipient.number,
                "template": body,
                "language": language,
                "sent_by": actor,
            },
        )
        if new:
            Consent.objects.note(tenant, recipient.number, customer=recipient.customer, actor=actor)
            message.record("text.queued", actor=actor)
    return message, new
