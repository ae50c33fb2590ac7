"""The rung below a text that does not arrive: the same link by e-mail, where the company says so.

The e-mail is written down in the transaction that ends the text, so a dead worker neither loses it
nor doubles it; its key comes of the text, so neither do Twilio's reports, however often they come.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from audit.enqueue import enqueue
from invoices.models import Invoice, InvoiceEmail, InvoiceError, PaymentLink
from invoices.tasks import send_email
from sms.error_codes import OPTED_OUT
from sms.models.rules import TextRules

NAMES = uuid.UUID("0c1f8a52-6a0e-4f0b-9a35-3f4f6d1c7b1e")


def key_of(text: Any) -> uuid.UUID:
    """The key of the one e-mail that can take this text's place."""
    return uuid.uuid5(NAMES, str(text.public_id))


def invoice_to_email(text: Any) -> Invoice | None:
    """The text's invoice, locked, when the company e-mails it should the text be lost; else None.

    Called before the text's own row is touched: everywhere the invoice is locked first.
    """
    asks = text.kind in (text.Kind.INVOICE, text.Kind.REMINDER)
    if text.invoice_id is None or not asks:
        return None
    if not TextRules.of(text.tenant).emails_when_undelivered:
        return None
    invoice: Invoice = text.invoice.locked()
    return invoice


def email_instead(text: Any, invoice: Invoice) -> None:
    """Queue the e-mail for a text that has just been lost, unless there is a reason not to.

    Not when the customer wants no texts (then a person decides), has no address, was sent a newer
    link, or when somebody expired the link by hand.
    """
    contact = invoice.customer.billing_contact
    if text.trouble == OPTED_OUT or contact is None or not contact.email:
        return
    link = invoice.links.order_by("-id").first()
    if link is None or link.pk != text.link_id or link.status == PaymentLink.Status.DISABLED:
        return
    with suppress(InvoiceError):  # paid, void or without a processor: nothing to ask for
        email, new = InvoiceEmail.objects.queue(
            invoice, to=contact.email, actor=None, key=key_of(text), reason=_reason(text)
        )
        if new:
            enqueue(send_email, email.pk)


def _reason(text: Any) -> str:
    return f"A text did not arrive. {text.error}"
