"""Scheduled work on invoices."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib

from celery import shared_task
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from audit.clock import link_now
from audit.enqueue import enqueue
from invoices.email_message import compose
from invoices.models import InvoiceEmail, PaymentLink

log = logging.getLogger(__name__)

BATCH = 5000
SWEEP_LIMIT = 200
GIVE_UP_AFTER = dt.timedelta(hours=24)


@shared_task(expires=60)
def expire_links() -> int:
    """Expire the links whose time is over, batch by batch; returns how many.

    They stopped working at that time already: every read of a link compares the clock.
    """
    ended = 0
    with scopes_disabled():
        while moved := PaymentLink.objects.expire_due(limit=BATCH):
            ended += moved
            if moved < BATCH:
                break
    return ended


@shared_task(expires=60)
def send_email(email_id: int) -> None:
    """Send one email to the mail server. Safe to run twice: only one worker can claim it."""
    with scopes_disabled():
        mail = InvoiceEmail.objects.select_related("tenant").filter(pk=email_id).first()
    if mail is None:
        return
    with scope(tenant=mail.tenant):
        if not mail.claim():
            return
        if reason := why_not_now(mail):
            mail.mark_failed(reason)
            return
        try:
            compose(mail).send()
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
            settle(mail, error)
        else:
            mail.mark_sent()


def why_not_now(mail: InvoiceEmail) -> str:
    """Why a queued email must not be sent any more; "" when it may."""
    if not mail.tenant.is_active:
        return "The company was deactivated before it went out, so nothing was sent."
    if not mail.invoice.is_payable:
        return "Nothing was due anymore when it was about to go out, so nothing was sent."
    if not mail.link.is_live_at(link_now()):
        return "Its payment link ended before it went out, so nothing was sent. Send it again."
    return ""


def settle(mail: InvoiceEmail, error: OSError | ValueError) -> None:
    """Give up on a permanent failure or after a day; otherwise the sweep retries."""
    log.warning("Email %s: %s", mail.pk, type(error).__name__)
    if isinstance(error, ValueError) or _is_refusal(error):
        mail.mark_failed("The mail server rejected this address. Check it and send again.")
    elif timezone.now() - mail.queued_at >= GIVE_UP_AFTER:
        mail.mark_failed("The mail server could not be reached for a day. Send it again.")
    else:
        mail.back_to_queue()


def _is_refusal(error: OSError) -> bool:
    """Whether the server refused permanently (a 5xx response) rather than temporarily."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500


@shared_task(expires=60)
def sweep_emails() -> int:
    """Send emails that were left behind.

    An email whose worker died while sending may arrive twice; it is never lost.
    """
    with scopes_disabled():
        left = list(
            InvoiceEmail.objects.left_behind(timezone.now())
            .select_related("tenant")
            .order_by("next_try_at")[:SWEEP_LIMIT]
        )
        for mail in left:
            if mail.status == InvoiceEmail.Status.SENDING:
                mail.back_to_queue()
            enqueue(send_email, mail.pk)
    return len(left)
