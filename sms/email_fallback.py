"""The email fallback: the same link by email when a text is undelivered, if the company wants it.

The email is queued in the transaction that ends the text, so a dead worker neither loses nor
repeats it. Its key derives from the text's id, so repeated Twilio reports add none.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Protocol

from audit.enqueue import enqueue
from invoices.models import Invoice, InvoiceEmail, InvoiceError, PaymentLink
from invoices.tasks import send_email
from sms.error_codes import OPTED_OUT
from sms.models.rules import TextRules
from tenants.models import Tenant

NAMES = uuid.UUID("0c1f8a52-6a0e-4f0b-9a35-3f4f6d1c7b1e")


class LostText(Protocol):
    """What the fallback reads of a text; the model itself imports this module."""

    @property
    def public_id(self) -> uuid.UUID: ...

    @property
    def tenant(self) -> Tenant: ...

    @property
    def invoice_id(self) -> int | None: ...

    @property
    def invoice(self) -> Invoice | None: ...

    @property
    def link_id(self) -> int | None: ...

    @property
    def trouble(self) -> str: ...

    @property
    def error(self) -> str: ...


def key_of(text: LostText) -> uuid.UUID:
    """The key of the one email that can replace this text."""
    return uuid.uuid5(NAMES, str(text.public_id))


def invoice_to_email(text: LostText) -> Invoice | None:
    """The text's invoice, locked, when the company wants an email in place of a lost text.

    Called before the text's own row is written, because the lock order begins with the invoice.
    """
    if text.invoice_id is None or not TextRules.of(text.tenant).emails_when_undelivered:
        return None
    return text.invoice.locked() if text.invoice else None


def email_instead(text: LostText, invoice: Invoice) -> None:
    """Queue the email for a text that was lost just now.

    Not when the customer opted out (then a person decides), has no address or got a newer link, or
    when staff expired the link.
    """
    contact = invoice.customer.billing_contact
    if text.trouble == OPTED_OUT or contact is None or not contact.email:
        return
    link = invoice.links.order_by("-id").first()
    if link is None or link.pk != text.link_id or link.status == PaymentLink.Status.DISABLED:
        return
    with suppress(InvoiceError):  # paid, void or without a processor: nothing to pay
        reason = f"A text was not delivered. {text.error}"
        email, new = InvoiceEmail.objects.queue(
            invoice, to=contact.email, actor=None, key=key_of(text), reason=reason
        )
        if new:
            enqueue(send_email, email.pk)
