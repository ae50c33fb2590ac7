"""The email fallback of a text: `{% instead_of message contact as fallback %}`."""

from __future__ import annotations

from django import template

from customers.models import Contact
from invoices.models import InvoiceEmail
from sms.email_fallback import key_of
from sms.models import TextMessage, TextRules

register = template.Library()
LOST = {TextMessage.Status.UNDELIVERED, TextMessage.Status.FAILED}


@register.simple_tag
def instead_of(text: TextMessage, contact: Contact | None) -> str:
    """The email that replaces a lost text, or why there is none; "" for neither."""
    if text.status not in LOST:
        return ""
    email = InvoiceEmail.objects.filter(tenant=text.tenant_id, key=key_of(text)).first()
    if email is not None:
        return _sentence(email)
    if (contact and contact.email) or not TextRules.of(text.tenant).emails_when_undelivered:
        return ""
    who = contact.first_name if contact else "this customer"
    return f"There is no email address for {who}, so nothing was emailed. A letter still works."


def _sentence(email: InvoiceEmail) -> str:
    if email.status == InvoiceEmail.Status.SENT:
        return f"Textpay emailed the same link to {email.to} instead."
    if email.status == InvoiceEmail.Status.FAILED:
        return f"The email to {email.to} was not sent either. {email.error}"
    return f"An email with the same link is on its way to {email.to}."
