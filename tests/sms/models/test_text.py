"""Each verb of a text: allowed, repeated, refused, and in the history."""

import datetime as dt
import itertools

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from sms.models import TextMessage
from sms.models.text import POLLS

pytestmark = pytest.mark.django_db
SID = "SM" + "a" * 32


def history(message):
    entries = AuditEntry.objects.about(message.audit_subject).order_by("id")
    return [e.action for e in entries if e.action.startswith("text.")]


def sending(text, **fields):
    message = text(**fields)
    assert message.claim()
    return message


def test_claiming_is_for_one_worker_only(text):
    message = text()
    same = TextMessage.objects.get(pk=message.pk)
    assert message.claim() is True
    assert same.claim() is False
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("sending", 1)
    assert history(message) == ["text.queued", "text.sending"]


def test_a_text_that_is_not_due_cannot_be_claimed(text):
    message = sending(text)
    assert message.back_to_queue(dt.timedelta(minutes=1)) is True
    assert message.claim() is False
    assert message.status == "queued"


def test_sent_once_however_often_told(text):
    message = sending(text)
    assert message.mark_sent(SID, segments=1, sender="+19785550190") is True
    assert message.mark_sent(SID) is False
    message.refresh_from_db()
    assert (message.status, message.sid, message.segments) == ("sent", SID, 1)
    assert history(message) == ["text.queued", "text.sending", "text.sent"]


def test_a_late_sent_fills_in_what_was_missing_and_changes_no_end(text):
    message = sending(text)
    assert message.mark_delivered(SID) is True
    assert message.mark_sent(SID, segments=1, sender="+19785550190") is False
    message.refresh_from_db()
    assert (message.status, message.sender) == ("delivered", "+19785550190")


def test_an_end_is_an_end(text):
    for first, second in itertools.permutations(["delivered", "undelivered", "failed"], 2):
        message = sending(text)
        assert message.report(first, "SM" + f"{message.pk:032x}", 30003) is True
        assert message.report(second, message.sid, 30005) is False
        message.refresh_from_db()
        assert message.status == first


def test_a_failure_keeps_the_first_code_and_takes_a_late_one(text):
    message = sending(text)
    message.mark_undelivered(30006, SID)
    message.mark_undelivered(None, SID)
    message.refresh_from_db()
    assert message.error_code == 30006
    assert "landline" in message.error
    other = sending(text)
    other.mark_undelivered(None, "SM" + "b" * 32)
    other.mark_undelivered(30005, "SM" + "b" * 32)
    other.refresh_from_db()
    assert other.error_code == 30005


def test_the_reason_is_in_the_history_and_the_link_is_not(text):
    message = sending(text)
    message.mark_failed(21610)
    entry = AuditEntry.objects.about(message.audit_subject).first()
    assert entry.action == "text.failed"
    assert entry.data["to"] == message.to
    assert "STOP" in entry.data["reason"]
    everything = str(list(AuditEntry.objects.values_list("data", flat=True)))
    assert message.link.token not in everything
    assert message.link.hint in everything
    assert message.link.token not in message.template


def test_a_text_given_up_too_early_is_adopted_when_twilio_reports_it(text):
    message = sending(text)
    message.mark_failed(None, "Twilio has no record of this text, so nothing was sent.")
    assert message.went_out is False
    assert message.mark_delivered(SID) is True
    message.refresh_from_db()
    assert (message.status, message.error, message.went_out) == ("delivered", "", True)


def test_a_refused_text_stays_refused(text):
    message = sending(text)
    message.mark_sent(SID)
    message.mark_failed(30001, sid=SID)
    assert message.mark_sent(SID) is False
    assert message.mark_delivered(SID) is False
    message.refresh_from_db()
    assert message.status == "failed"


@pytest.mark.parametrize("end", ["delivered", "undelivered"])
def test_every_order_of_reports_ends_the_same(text, end):
    seen = set()
    for number, order in enumerate(itertools.permutations(["queued", "sending", "sent", end])):
        for repeats in (order, (*order, *order)):
            message = sending(text)
            sid = f"SM{number:030x}{len(repeats):02x}"
            for status in repeats:
                message.report(status, sid, 30003 if status == "undelivered" else None)
            message.refresh_from_db()
            sent_first = message.sent_at <= message.finished_at
            seen.add((message.status, message.error_code, sent_first, *history(message)))
    assert len(seen) == 1
    assert next(iter(seen))[0] == end


def test_a_word_twilio_never_said_changes_nothing(text):
    message = sending(text)
    with pytest.raises(ValueError, match="teleported"):
        message.report("teleported", SID, None)
    message.refresh_from_db()
    assert message.status == "sending"


def test_three_looks_are_spread_over_five_minutes(text):
    message = sending(text)
    at = []
    for _ in POLLS:
        message.refresh_from_db()
        at.append(message.next_try_at - message.claimed_at)
        last = message.record_poll()
    assert at == POLLS
    assert last is True


def test_a_sent_text_is_asked_about_after_a_quarter_of_an_hour_and_after_a_day(text):
    message = sending(text)
    message.mark_sent(SID)
    first = message.next_try_at - timezone.now()
    assert dt.timedelta(minutes=14) < first <= dt.timedelta(minutes=15)
    message.wait_for_report()
    message.refresh_from_db()
    assert message.next_try_at == message.sent_at + dt.timedelta(hours=24)
    TextMessage.objects.filter(pk=message.pk).update(sent_at=timezone.now() - dt.timedelta(days=2))
    message.refresh_from_db()
    message.wait_for_report()
    message.refresh_from_db()
    assert message.next_try_at is None


def test_the_token_never_leaves_the_secret_in_the_clear(tenant):
    assert "test-auth-token" not in tenant.twilio.auth_token_sealed
    assert tenant.twilio.auth_token == "test-auth-token"
