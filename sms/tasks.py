"""What Celery does with texts: hand them to Twilio, and pick up whatever was left behind."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from typing import Any

from celery import shared_task
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from audit.enqueue import enqueue
from sms import twilio
from sms.bulk import PORTION, BulkSend
from sms.bulk_work import take
from sms.models import OptOut, TextMessage, TwilioAccount
from sms.optouts import STOPPED, handing_over
from sms.twilio import Accepted, TwilioError

log = logging.getLogger(__name__)

MAX_TRIES = 6
LONGEST_WAIT = 60  # seconds between two tries
SWEEP_LIMIT = 500
EXPIRES = 60  # a task that waited longer is dropped: the sweep asks again while there is work
NO_TRACE = "Twilio has no such text; nothing was sent. Send it again."
GIVE_UP = dt.timedelta(hours=1)
UNSURE = "Twilio could not tell us whether it sent this. Ask the customer before sending again."


@shared_task(expires=EXPIRES)
def deliver(message_id: int) -> None:
    """Hand one queued text to Twilio. Safe to run twice: only one worker can claim it."""
    message = _load(message_id)
    if message is None:
        return
    with scope(tenant=message.tenant):
        if not message.claim():
            return
        try:
            with handing_over(message.tenant, message.to):
                if reason := why_not_now(message):
                    message.mark_failed(None, reason)
                    return
                accepted = twilio.send(message)
        except TwilioError as error:
            settle(message, error)
        else:
            message.mark_sent(accepted.sid, segments=accepted.segments, sender=accepted.sender)


def why_not_now(message: TextMessage) -> str:
    """Why a text that was queued must not go out any more; "" when it may.

    Minutes or hours may lie between the click and this moment: the broker was down, Twilio busy.
    """
    if not (message.tenant.is_active and message.tenant.text_to_pay_enabled):
        return "Text-to-Pay was switched off meanwhile; nothing was sent."
    if not TwilioAccount.objects.filter(tenant=message.tenant).exists():
        return "The company has no Twilio account any more; nothing was sent."
    if message.kind != message.Kind.HELP and OptOut.objects.of(message.tenant, message.to):
        return STOPPED
    return why_not_ask(message) if message.invoice else ""


def why_not_ask(message: TextMessage) -> str:
    """Why a text that asks for money must not go out any more; "" when it may."""
    invoice, link = message.invoice, message.link
    if invoice is None or link is None:
        return "It has no invoice; nothing was sent."
    if not invoice.is_payable:
        state = invoice.get_status_display().lower()
        return f"The invoice is no longer open ({state}); nothing was sent."
    if not (link.is_live_at(timezone.now()) and has_body(message)):
        return "Its payment link ended before it went out; nothing was sent. Send it again."
    if message.asked != invoice.balance:
        return "The invoice changed before it went out; nothing was sent. Send it again."
    return ""


def has_body(message: TextMessage) -> bool:
    """Whether the link's key is still there; without it nobody can write this text any more."""
    try:
        return bool(message.body)
    except LookupError:
        return False


def settle(message: TextMessage, error: TwilioError) -> None:
    """Book what a failed call means: ask later, try later, or give up with the reason."""
    log.warning("Text %s: Twilio said %s (%s)", message.public_id, error.code, error.sentence)
    if error.ambiguous:
        return  # stays "sending"; a report or `reconcile` settles it, never a second call
    if error.permanent or message.attempts >= MAX_TRIES:
        message.mark_failed(error.code, error.sentence)
        return
    message.back_to_queue(backoff(message.attempts, error.retry_after))


def backoff(attempt: int, retry_after: int | None) -> dt.timedelta:
    """How long to wait: as Twilio says, else up to 1, 2, 4… 60 seconds, by chance."""
    most = min(2 ** (attempt - 1), LONGEST_WAIT)
    return dt.timedelta(seconds=retry_after or secrets.SystemRandom().uniform(most / 2, most))


@shared_task(expires=EXPIRES)
def reconcile(message_id: int) -> None:
    """Ask Twilio about a text whose answer was lost; three looks without a trace: not sent."""
    message = _load(message_id)
    if message is None or message.status != TextMessage.Status.SENDING:
        return
    with scope(tenant=message.tenant):
        try:
            found = twilio.find(message)
        except (TwilioError, TwilioAccount.DoesNotExist, LookupError) as error:
            log.warning("Text %s cannot be looked up: %s", message.public_id, error)
            if message.claimed_at and message.claimed_at + GIVE_UP < timezone.now():
                message.mark_undelivered(None, reason=UNSURE)
            return  # the next sweep asks again
        if found is not None:
            adopt(message, found)
        elif message.look_again():
            message.mark_failed(None, NO_TRACE)


@shared_task(expires=EXPIRES)
def catch_up(message_id: int) -> None:
    """Ask what became of a text that Twilio took and then was silent about."""
    message = _load(message_id)
    if message is None or message.status != TextMessage.Status.SENT:
        return
    with scope(tenant=message.tenant):
        try:
            adopt(message, twilio.fetch(message))
        except (TwilioError, TwilioAccount.DoesNotExist) as error:
            log.warning("Text %s cannot be looked up: %s", message.public_id, error)
        message.refresh_from_db()
        if message.status == TextMessage.Status.SENT:
            message.wait_for_report()


def adopt(message: TextMessage, known: Accepted) -> None:
    """Book what Twilio knows of a text."""
    message.mark_sent(known.sid, segments=known.segments, sender=known.sender)
    message.report(known.status, known.sid, known.error_code)


@shared_task(expires=15)
def sweep() -> None:
    """Start the next step of every text that is due: the database is the queue, not the broker."""
    for task, pk in steps_due():
        enqueue(task, pk)


def steps_due() -> list[tuple[Any, int]]:
    """The next step of each text that is due."""
    steps = {"queued": deliver, "sending": reconcile, "sent": catch_up}
    with scopes_disabled():
        due = TextMessage.objects.due(timezone.now()).values_list("status", "pk")[:SWEEP_LIMIT]
        return [(steps[status], pk) for status, pk in due if status in steps]


@shared_task(expires=EXPIRES)
def run_bulk(bulk_id: int) -> None:
    """Begin as many texts of a bulk send as may be on their way; more when those have left."""
    with scopes_disabled():
        bulk = BulkSend.objects.select_related("tenant").get(pk=bulk_id)
    with scope(tenant=bulk.tenant):
        for _ in range(max(bulk.room(), 0) // PORTION):
            bulk.refresh_from_db(fields=["status"])
            if not (bulk.is_running and (texts := take(bulk))):
                break
            for text in texts:
                enqueue(deliver, text.pk)
        bulk.finish()


@shared_task(expires=3)
def run_bulk_sends() -> None:
    """Go on with every bulk send that is running, also after a worker died."""
    with scopes_disabled():
        running = BulkSend.objects.filter(status=BulkSend.Status.RUNNING)
        for pk in running.values_list("pk", flat=True):
            enqueue(run_bulk, pk)


def _load(message_id: int) -> TextMessage | None:
    with scopes_disabled():
        rows = TextMessage.objects.select_related("tenant", "invoice__tenant", "link")
        return rows.filter(pk=message_id).first()
