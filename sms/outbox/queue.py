"""Write texts to the queue, each with its payment link and audit entries."""

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
    """The invoice was texted before, or meanwhile, and **Continue** was not pressed yet."""

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
    """Queue one text with a new link; returns it and whether it is new.

    Idempotent: the same form `key` returns the same text, and a text in flight is returned instead
    of a second one. `seen` is the newest text that the form knew (its public id, or ""). Raises
    NeedsConfirmation when there is a newer one, or when the invoice was texted before and the
    sender has not `confirmed`. `not_before` postpones the text. Raises InvoiceError when there is
    nothing to pay or the key belongs to another invoice's text.
    """
    with transaction.atomic():
        row = invoice.locked()
        same = TextMessage.objects.filter(tenant=row.tenant, key=key).first()
        last = TextMessage.objects.filter(invoice=row).order_by("-id").first()
        if same is not None:
            if same.invoice_id != row.pk:
                raise InvoiceError("This form was already used for another invoice. Open it again.")
            if same.to != recipient.number:
                raise NeedsConfirmation(last or same)  # another number was chosen meanwhile
            return same, False
        if last is not None and last.is_in_flight:
            return last, False
        if last is not None and not last.agreed_to_follow(seen=seen, confirmed=confirmed):
            raise NeedsConfirmation(last)
        [message] = queue_texts([Order(row, recipient, key, not_before)], actor=actor)
    return message, True


def queue_texts(orders: Sequence[Order], *, actor: User) -> list[TextMessage]:
    """Queue a text with a new link for each order, in a constant number of statements.

    The caller has locked the invoices and checked that none has a text in flight. Raises
    InvoiceError when one has nothing to pay.
    """
    with transaction.atomic():
        invoices = [order.invoice for order in orders]
        links = PaymentLink.objects.issue_all(invoices, actor=actor)
        return save_texts(
            [_text_of(order, link, actor) for order, link in zip(orders, links, strict=True)]
        )


def _text_of(order: Order, link: PaymentLink, actor: User) -> TextMessage:
    """The text of an order, not yet saved."""
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
    """Save new texts of one company and actor, with audit entries and consents."""
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
    """Queue a reminder with the customer's live link.

    None when no link is live, a text is in flight or the invoice is not payable.
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
    """Queue an answer to an inbound text, without invoice and link. Idempotent by `key`."""
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
