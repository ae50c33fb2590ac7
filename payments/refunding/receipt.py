"""The refund receipt by email, in the tenant's name; replies go to the tenant."""

from __future__ import annotations

import datetime as dt
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from audit.clock import db_now
from audit.models import record
from payments.models import Payment, Refund
from tenants.templatetags.ui import full

NO_RECEIPT = "No email address is on file, so no receipt will be sent."
AT_THE_LINK = "The payment link page shows the refund, without the reason."
BY_YOURSELF = "Please tell the customer yourself."
GIVEN_UP = f"The refund receipt could not be emailed. {BY_YOURSELF}"
AGAIN_AFTER = dt.timedelta(minutes=5)
GIVE_UP_AFTER = dt.timedelta(hours=24)


def promise(payment: Payment) -> str:
    """How the customer will hear of a refund, for the person about to request one."""
    invoice = payment.invoice
    contact, link = invoice.customer.billing_contact, invoice.newest_link
    if contact and contact.email:
        return f"The customer will see it in the receipt emailed to {contact.email}."
    is_shown = link is not None and not link.has_expired
    return f"{NO_RECEIPT} {AT_THE_LINK if is_shown else BY_YOURSELF}"


def send(refund: Refund) -> bool:
    """Send one receipt and record it in the history. False when another worker has it.

    After a crash it may arrive twice, but it is never lost. When the mail server is down it is
    retried for a day; then staff are told.
    """
    now = db_now()
    mine = Refund.objects.filter(pk=refund.pk, receipt_due_at=refund.receipt_due_at)
    if refund.resolved_at is not None and now - refund.resolved_at > GIVE_UP_AFTER:
        with transaction.atomic():
            if mine.filter(status=Refund.Status.DONE).update(receipt_due_at=None, outcome=GIVEN_UP):
                _note("refund.receipt_given_up", refund)
        return False
    if not mine.update(receipt_due_at=now + AGAIN_AFTER):
        return False
    compose(refund).send()
    with transaction.atomic():
        Refund.objects.filter(pk=refund.pk).update(receipt_due_at=None)
        _note("refund.receipt_sent", refund)
    return True


def _note(action: str, refund: Refund) -> None:
    """Record in the invoice's history what was sent and where."""
    record(
        action,
        tenant=refund.tenant,
        subject=refund.audit_subject,
        email=refund.receipt_to,
        amount=f"{refund.total:.2f}",
    )


def compose(refund: Refund) -> EmailMessage:
    """The message, in plain words."""
    tenant, payment = refund.tenant, refund.payment
    contact = payment.invoice.customer.billing_contact
    context = {
        "refund": refund,
        "payment": payment,
        "invoice": payment.invoice,
        "tenant": tenant,
        "date": full((refund.resolved_at or db_now()).astimezone(tenant.zone)),
        "first_name": contact.first_name if contact else "",
    }
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    word = "cancelled" if refund.kind == Refund.Kind.VOID else "refunded"
    return EmailMessage(
        f"{tenant.name} {word} ${refund.total:,.2f} of invoice {payment.invoice.number}",
        render_to_string("payments/refund_email.txt", context),
        formataddr((tenant.name, address)),
        [refund.receipt_to],
        reply_to=[formataddr((tenant.name, tenant.email))],
        headers={"Message-ID": f"<refund-{refund.public_id}@{address.rpartition('@')[2]}>"},
    )
