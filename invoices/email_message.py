"""An invoice as an email, HTML and plain text, in the tenant's name; replies go to the tenant."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from invoices.models import InvoiceEmail
from tenants.models import Tenant
from tenants.templatetags.ui import full

# Whether a tenant offers bank payments; set at start-up by textpay/wiring.py.
OFFERS_BANK_PAYMENTS: list[Callable[[Tenant], bool]] = []


def compose(mail: InvoiceEmail) -> EmailMultiAlternatives:
    """The message with the pay link; ValueError for an address that no mail header can carry."""
    invoice, tenant = mail.invoice, mail.tenant
    contact = invoice.customer.billing_contact
    context = {
        "invoice": invoice,
        "tenant": tenant,
        "link": mail.link,
        "first_name": contact.first_name if contact and contact.email == mail.to else "",
        "until": full(mail.link.expires_at.astimezone(tenant.zone)),
        "ink": ink_on(tenant.brand),
        "bank_payments": any(offers(tenant) for offers in OFFERS_BANK_PAYMENTS),
    }
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    message = EmailMultiAlternatives(
        render_to_string("invoices/email.subject.txt", context).strip(),
        render_to_string("invoices/email.txt", context),
        formataddr((tenant.name, address)),
        [mail.to],
        reply_to=[formataddr((tenant.name, tenant.email))],
        # The same Message-ID after a crash, so that mail programs recognize a repeated message.
        headers={"Message-ID": f"<invoice-{mail.key}@{address.rpartition('@')[2]}>"},
    )
    message.attach_alternative(render_to_string("invoices/email.html", context), "text/html")
    return message


def ink_on(brand: str) -> str:
    """Black or white, whichever has more contrast on the brand color (WCAG)."""
    channels = [int(brand[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    light = sum(
        weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
    return "#000000" if light > 0.179 else "#ffffff"
