"""Celery tasks for texts: hand them to Twilio, and pick up what a crash left."""

from __future__ import annotations

import datetime as dt
import logging
import secrets

from celery import Task, shared_task
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from audit import clock
from audit.enqueue import enqueue
from audit.prepared import ByKey
from sms.bulk.work import queue_portion
from sms.compliance import line_type
from sms.compliance.send_check import opens_at, recheck
from sms.content.message_text import count_segments
from sms.models import TextMessage, TwilioAccount
from sms.models.bulk import PORTION, BulkSend, requeue
from sms.models.opt_out import handing_over
from sms.outbox import rate
from sms.reminders import eligibility
from sms.twilio import client
from sms.twilio.client import TwilioError
from sms.twilio.status import record_opt_out, record_state
from tenants.models import Tenant

log = logging.getLogger(__name__)

# The columns that `deliver` reads: it runs ten thousand times in a row.
TEXT = (
    *("kind", "status", "sid", "sender", "segments", "attempts", "looks", "public_id", "to"),
    *("template", "asked", "not_before", "turn_at", "queued_at", "next_try_at", "claimed_at"),
    *("sent_at", "finished_at", "tenant", "customer", "invoice", "link", "sent_by"),
    *(f"link__{name}" for name in ("status", "nonce", "digest", "hint", "expires_at")),
    *(f"invoice__{name}" for name in ("status", "total", "paid", "promised_on")),
    *(f"customer__{name}" for name in ("region", "postal", "reminders_paused")),
)
COMPANY = (
    *("name", "timezone", "is_active", "text_to_pay_enabled"),
    *(f"twilio__{name}" for name in ("tenant", "account_sid", "auth_token_sealed", "sender")),
    *(f"twilio__{name}" for name in ("messaging_service_sid", "texts_per_second")),
    *(f"text_rules__{name}" for name in ("tenant", "quiet_hours", "outside_hours", "reminds")),
    *(f"text_rules__{name}" for name in ("strict_states", "third_party_collector")),
    "text_rules__looks_up_numbers",
)

MAX_TRIES = 6
LONGEST_WAIT = 60  # seconds between two tries
SWEEP_LIMIT = 500
HANDFUL = 5  # texts of a bulk send that one task delivers
PRICES_LIMIT = 50
SWEEPS = dt.timedelta(seconds=15)  # between two sweeps, see CELERY_BEAT_SCHEDULE
EXPIRES = 60  # a task that waited longer is dropped: the sweep repeats it while there is work
NO_TRACE = "Twilio has no record of this text, so nothing was sent. Send it again."
GIVE_UP = dt.timedelta(hours=1)
UNSURE = "Twilio could not tell us whether it sent this. Ask the customer before sending again."


@shared_task(expires=EXPIRES)
def deliver(message_id: int) -> None:
    """Hand one queued text to Twilio. Idempotent: only one worker can claim it."""
    message = _load(message_id)
    if message is None or not message.is_due_at(timezone.now()):
        return
    with scope(tenant=message.tenant):
        if opens := quiet_until(message):
            message.wait_for_hours(opens)
        elif not exceeds_rate(message) and message.claim():
            hand_over(message)


@shared_task(expires=EXPIRES)
def deliver_handful(message_ids: list[int]) -> None:
    """Deliver some texts of a bulk send, one after the other: a task for each would cost as much
    as the text. The sweep picks up what is left when the worker dies."""
    for message_id in message_ids:
        deliver(message_id)


def quiet_until(message: TextMessage) -> dt.datetime | None:
    """When the recipient's quiet hours end; None outside quiet hours, or when they never end."""
    now = clock.now()
    opens = opens_at(message, now)
    return opens if opens != now else None


def exceeds_rate(message: TextMessage) -> bool:
    """Postpone the text to the moment that its sender's rate reserves; False when it may go now."""
    now = timezone.now()
    account = getattr(message.tenant, "twilio", None)
    has_reservation = message.turn_at and message.turn_at > now - rate.LAPSES
    if account is None or has_reservation:
        return False
    moment = rate.reserve(account, now, count_segments(message.template))
    if moment <= now:
        return False
    message.wait_for_rate(moment)
    deliver_later(message.pk, moment - now)
    return True


def hand_over(message: TextMessage) -> None:
    """Call Twilio with a text that this worker has claimed, and record the outcome."""
    if line_type.look_up_for(message):
        # The lookup took seconds, in which the row may have changed.
        message = _load(message.pk) or message
    if reason := line_type.refusal(message):
        message.mark_failed(line_type.CODE, reason)
        return
    try:
        with handing_over(message.tenant, message.to):
            if opens := quiet_until(message):  # they began after the claim
                requeue(message, dt.timedelta(0))
                message.wait_for_hours(opens)
                return
            if reason := recheck(message) or eligibility.recheck(message):
                message.hold_back(reason)
                return
            accepted = client.send(message)
    except TwilioError as error:
        record_refusal(message, error)
    else:
        message.mark_sent(accepted.sid, segments=accepted.segments, sender=accepted.sender)


def record_refusal(message: TextMessage, error: TwilioError) -> None:
    """Record a failed call: poll later, try again later, or fail with the reason."""
    log.warning("Text %s: Twilio said %s (%s)", message.public_id, error.code, error.sentence)
    if error.ambiguous:
        return  # stays SENDING; a report or `reconcile` resolves it, never a second call
    if error.permanent or message.attempts >= MAX_TRIES:
        record_opt_out(message, error.code)
        message.mark_failed(error.code, error.sentence)
        return
    later = backoff(message.attempts, error.retry_after)
    if requeue(message, later):
        deliver_later(message.pk, later)


def deliver_later(message_id: int, later: dt.timedelta) -> None:
    """Enqueue the task when it is due before the next sweep, which enqueues it otherwise."""
    if later <= SWEEPS:
        enqueue(deliver, message_id, wait=later.total_seconds())


def backoff(attempt: int, retry_after: int | None) -> dt.timedelta:
    """The wait before the next attempt: Twilio's Retry-After, or 1, 2, 4… 60 s with jitter."""
    most = min(2 ** (attempt - 1), LONGEST_WAIT)
    return dt.timedelta(seconds=retry_after or secrets.SystemRandom().uniform(most / 2, most))


@shared_task(expires=EXPIRES)
def reconcile(message_id: int) -> None:
    """Poll Twilio for a text whose answer was lost.

    A text that three polls over five minutes do not find was not sent, and is tried again.
    """
    message = _load(message_id)
    if message is None or message.status != TextMessage.Status.SENDING:
        return
    with scope(tenant=message.tenant):
        try:
            found = client.find(message)
        except (TwilioError, TwilioAccount.DoesNotExist, LookupError) as error:
            log.warning("Text %s cannot be looked up: %s", message.public_id, error)
            if message.claimed_at and message.claimed_at + GIVE_UP < timezone.now():
                message.mark_undelivered(None, reason=UNSURE)
            return  # the next sweep polls again
        if found is not None:
            record_state(message, found)
        elif not message.record_poll():
            return
        elif message.attempts >= MAX_TRIES:
            message.mark_failed(None, NO_TRACE)
        else:
            requeue(message, dt.timedelta(0))


@shared_task(expires=EXPIRES)
def catch_up(message_id: int) -> None:
    """Poll Twilio for a missing status report or price of a text that it accepted."""
    message = _load(message_id)
    if message is None or not message.sid or message.is_in_flight:
        return
    with scope(tenant=message.tenant):
        try:
            record_state(message, client.fetch(message))
        except (TwilioError, TwilioAccount.DoesNotExist) as error:
            log.warning("Text %s cannot be looked up: %s", message.public_id, error)
        ended = message.finished_at
        message.refresh_from_db()
        if message.status == TextMessage.Status.SENT:
            message.wait_for_report()
        elif ended or message.price is not None:
            message.wait_for_price()


@shared_task(expires=15)
def sweep() -> None:
    """Enqueue the next step of every text that is due: the database is the queue of record.

    A step that is due before the next sweep is enqueued now with a wait, so that a text leaves at
    its minute and the texts of one sender do not leave together.
    """
    now = timezone.now()
    for task, pk, at in steps_due(now + SWEEPS):
        enqueue(task, pk, wait=max(0.0, (at - now).total_seconds()))


def steps_due(moment: dt.datetime) -> list[tuple[Task, int, dt.datetime]]:
    """The next step of each text that is due by then, and when; prices are last and limited."""
    status = TextMessage.Status
    steps = {status.QUEUED: deliver, status.SENDING: reconcile, status.SENT: catch_up}
    with scopes_disabled():
        due = TextMessage.objects.due(moment).values_list("status", "pk", "next_try_at")
        rows = list(due.filter(status__in=steps)[:SWEEP_LIMIT])
        rows += due.exclude(status__in=steps)[:PRICES_LIMIT]
    return [(steps.get(status(value), catch_up), pk, at) for value, pk, at in rows if at]


@shared_task(expires=EXPIRES)
def run_bulk(bulk_id: int) -> None:
    """Queue as many texts of a bulk send as may be in flight at once."""
    with scopes_disabled():
        bulk = BulkSend.objects.select_related("tenant").get(pk=bulk_id)
    with scope(tenant=bulk.tenant):
        for _ in range(max(bulk.room(), 0) // PORTION):
            if not (texts := queue_portion(bulk)):
                break
            for first in range(0, len(texts), HANDFUL):
                enqueue(deliver_handful, [text.pk for text in texts[first : first + HANDFUL]])
        bulk.finish()


@shared_task(expires=3)
def run_bulk_sends() -> None:
    """Continue every running bulk send, also after a worker died."""
    with scopes_disabled():
        running = BulkSend.objects.filter(status=BulkSend.Status.RUNNING)
        for pk in running.values_list("pk", flat=True):
            enqueue(run_bulk, pk)


# Two small queries, because PostgreSQL spends longer planning one join of everything than running
# it.
_texts = ByKey(
    lambda: TextMessage._base_manager.select_related("link", "invoice", "customer").only(*TEXT)
)
_companies = ByKey(
    lambda: Tenant._base_manager.select_related("twilio", "text_rules").only(*COMPANY)
)


def _load(message_id: int) -> TextMessage | None:
    """The text with what `deliver` reads; other columns are deferred."""
    message = _texts.first(message_id)
    company = _companies.first(message.tenant_id) if message else None
    if message is None or company is None:
        return None
    message.tenant = company
    if message.invoice is not None:
        message.invoice.tenant = company
        if message.customer is not None:
            message.invoice.customer = message.customer
    return message
