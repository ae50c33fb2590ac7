"""What Celery does with texts: hand them to Twilio, and pick up whatever was left behind."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from typing import Any

from celery import shared_task
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from audit import clock
from audit.enqueue import enqueue
from audit.prepared import ByKey
from sms.bulk.work import take
from sms.compliance import line_type
from sms.compliance.send_check import opens_at, recheck
from sms.content.message_text import takes
from sms.models import TextMessage, TwilioAccount
from sms.models.bulk import PORTION, BulkSend, give_back
from sms.models.opt_out import handing_over
from sms.outbox import rate
from sms.reminders import eligibility
from sms.twilio import client
from sms.twilio.client import TwilioError
from sms.twilio.status import adopt, learn
from tenants.models import Tenant

log = logging.getLogger(__name__)

# All that handing over looks at; a column that is not read costs nothing, ten thousand times over.
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
HANDFUL = 5  # texts of a bulk send that one task hands over
PRICES_LIMIT = 50
SWEEPS = dt.timedelta(seconds=15)  # between two of them, see CELERY_BEAT_SCHEDULE
EXPIRES = 60  # a task that waited longer is dropped: the sweep asks again while there is work
NO_TRACE = "Twilio has no such text; nothing was sent. Send it again."
GIVE_UP = dt.timedelta(hours=1)
UNSURE = "Twilio could not tell us whether it sent this. Ask the customer before sending again."


@shared_task(expires=EXPIRES)
def deliver(message_id: int) -> None:
    """Hand one queued text to Twilio. Safe to run twice: only one worker can claim it."""
    message = _load(message_id)
    if message is None or not message.is_due_at(timezone.now()):
        return
    with scope(tenant=message.tenant):
        if opens := day_begins(message):
            message.wait_for_hours(opens)
        elif not has_to_wait(message) and message.claim():
            hand_over(message)


@shared_task(expires=EXPIRES)
def deliver_handful(message_ids: list[int]) -> None:
    """Hand over some texts of a bulk send, one after the other: a task each would cost as much as
    the text. What is left when the worker dies, the sweep picks up."""
    for message_id in message_ids:
        deliver(message_id)


def day_begins(message: TextMessage) -> dt.datetime | None:
    """When the hours begin that it has to wait for; None when it waits for none."""
    now = clock.now()
    opens = opens_at(message, now)
    return opens if opens != now else None


def has_to_wait(message: TextMessage) -> bool:
    """Send it back to the queue when its sender is busy; its turn is kept for it until then."""
    now = timezone.now()
    account = getattr(message.tenant, "twilio", None)
    in_time = message.turn_at and message.turn_at > now - rate.LAPSES
    if account is None or in_time:
        return False
    turn = rate.turn(account, now, takes(message.template))
    if turn <= now:
        return False
    message.wait_for_turn(turn)
    ring(message.pk, turn - now)
    return True


def hand_over(message: TextMessage) -> None:
    """Call Twilio with a text that this worker has claimed, and book what comes of it."""
    if line_type.look_up_for(message):
        # That took seconds, and what was read before them may have changed.
        message = _load(message.pk) or message
    if reason := line_type.refusal(message):
        message.mark_failed(line_type.CODE, reason)
        return
    try:
        with handing_over(message.tenant, message.to):
            if opens := day_begins(message):  # the hour struck after the claim
                give_back(message, dt.timedelta(0))
                message.wait_for_hours(opens)
                return
            if reason := recheck(message) or eligibility.recheck(message):
                message.hold_back(reason)
                return
            accepted = client.send(message)
    except TwilioError as error:
        settle(message, error)
    else:
        message.mark_sent(accepted.sid, segments=accepted.segments, sender=accepted.sender)


def settle(message: TextMessage, error: TwilioError) -> None:
    """Book what a failed call means: ask later, try later, or give up with the reason."""
    log.warning("Text %s: Twilio said %s (%s)", message.public_id, error.code, error.sentence)
    if error.ambiguous:
        return  # stays "sending"; a report or `reconcile` settles it, never a second call
    if error.permanent or message.attempts >= MAX_TRIES:
        learn(message, error.code)
        message.mark_failed(error.code, error.sentence)
        return
    later = backoff(message.attempts, error.retry_after)
    if give_back(message, later):
        ring(message.pk, later)


def ring(message_id: int, later: dt.timedelta) -> None:
    """Have it delivered `later`, when that is sooner than the sweep would see to it."""
    if later <= SWEEPS:
        enqueue(deliver, message_id, wait=later.total_seconds())


def backoff(attempt: int, retry_after: int | None) -> dt.timedelta:
    """How long to wait: as Twilio says, else up to 1, 2, 4… 60 seconds, by chance."""
    most = min(2 ** (attempt - 1), LONGEST_WAIT)
    return dt.timedelta(seconds=retry_after or secrets.SystemRandom().uniform(most / 2, most))


@shared_task(expires=EXPIRES)
def reconcile(message_id: int) -> None:
    """Ask Twilio about a text whose answer was lost.

    Three looks over five minutes without a trace: it was surely not sent, and is tried again.
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
            return  # the next sweep asks again
        if found is not None:
            adopt(message, found)
        elif not message.look_again():
            return
        elif message.attempts >= MAX_TRIES:
            message.mark_failed(None, NO_TRACE)
        else:
            give_back(message, dt.timedelta(0))


@shared_task(expires=EXPIRES)
def catch_up(message_id: int) -> None:
    """Ask what became of a text that Twilio took and then was silent about, or what it has cost."""
    message = _load(message_id)
    if message is None or not message.sid or message.is_in_flight:
        return
    with scope(tenant=message.tenant):
        try:
            adopt(message, client.fetch(message))
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
    """Start the next step of every text that is due: the database is the queue, not the broker.

    What is due before the next sweep is started now and waits at a worker, so that a text leaves
    at its minute and those of one sender do not leave all at once.
    """
    now = timezone.now()
    for task, pk, at in steps_due(now + SWEEPS):
        enqueue(task, pk, wait=max(0.0, (at - now).total_seconds()))


def steps_due(moment: dt.datetime) -> list[tuple[Any, int, dt.datetime]]:
    """The next step of each text that is due by then, and when; prices last, and a few at once."""
    steps = {"queued": deliver, "sending": reconcile, "sent": catch_up}
    with scopes_disabled():
        due = TextMessage.objects.due(moment).values_list("status", "pk", "next_try_at")
        rows = list(due.filter(status__in=steps)[:SWEEP_LIMIT])
        rows += due.exclude(status__in=steps)[:PRICES_LIMIT]
    return [(steps.get(status, catch_up), pk, at) for status, pk, at in rows if at]


@shared_task(expires=EXPIRES)
def run_bulk(bulk_id: int) -> None:
    """Begin as many texts of a bulk send as may be on their way; more when those have left."""
    with scopes_disabled():
        bulk = BulkSend.objects.select_related("tenant").get(pk=bulk_id)
    with scope(tenant=bulk.tenant):
        for _ in range(max(bulk.room(), 0) // PORTION):
            if not (texts := take(bulk)):
                break
            for first in range(0, len(texts), HANDFUL):
                enqueue(deliver_handful, [text.pk for text in texts[first : first + HANDFUL]])
        bulk.finish()


@shared_task(expires=3)
def run_bulk_sends() -> None:
    """Go on with every bulk send that is running, also after a worker died."""
    with scopes_disabled():
        running = BulkSend.objects.filter(status=BulkSend.Status.RUNNING)
        for pk in running.values_list("pk", flat=True):
            enqueue(run_bulk, pk)


# Two small queries: PostgreSQL plans a join of everything longer than it runs it.
_texts = ByKey(
    lambda: TextMessage._base_manager.select_related("link", "invoice", "customer").only(*TEXT)
)
_companies = ByKey(
    lambda: Tenant._base_manager.select_related("twilio", "text_rules").only(*COMPANY)
)


def _load(message_id: int) -> TextMessage | None:
    """The text with all that is asked about it; what is not named is read when it is touched."""
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
