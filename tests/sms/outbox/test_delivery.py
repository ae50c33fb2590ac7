"""Handing texts to Twilio, and what happens when that goes wrong. Twilio is the sandbox."""

import datetime as dt
import logging
from decimal import Decimal

import pytest
from django.utils import timezone
from django_scopes import scope

from payments.models import payment_state
from sms import tasks
from sms.models import TextMessage
from sms.tasks import MAX_TRIES, SWEEPS, backoff, catch_up, deliver, reconcile, steps_due
from tests.factories import SENDER, TWILIO_TOKEN
from tests.sms.conftest import bodies, control
from tests.workers import free_port

pytestmark = pytest.mark.django_db


def pull(message, **fields):
    """Move the clock: write the times of a text as if they were longer ago."""
    TextMessage.objects.filter(pk=message.pk).update(**fields)
    message.refresh_from_db()


def look(work, message):
    pull(message, next_try_at=timezone.now())
    return work(reconcile, message)


def test_a_text_reaches_twilio_once(twilio, text, work):
    message = work(deliver, text())
    work(deliver, message)
    assert message.status == "sent"
    assert message.segments == 1
    assert message.sender == message.tenant.twilio.sender
    (row,) = twilio.ledger()["messages"]
    assert (row["sid"], row["to"], row["body"]) == (message.sid, message.to, message.body)
    assert message.link.url in row["body"]


def test_a_messaging_service_chooses_the_sender(twilio, text, work, tenant):
    service = "MG" + "c" * 32
    twilio.control(
        "twilio-accounts",
        sid=tenant.twilio.account_sid,
        auth_token=TWILIO_TOKEN,
        senders=[SENDER, service],
    )
    account = tenant.twilio
    account.sender, account.messaging_service_sid = "", service
    account.save()
    message = work(deliver, text())
    assert message.status == "sent"
    assert twilio.ledger()["messages"][0]["service"] == service


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        ("30", 21610, "STOP"),
        ("31", 21614, "landline"),
        ("32", 21211, "phone number does not exist"),
        ("33", 21408, "country"),
        ("34", 21612, "another number"),
    ],
)
def test_a_refusal_is_final_and_in_words(twilio, text, work, ending, code, words):
    message = work(deliver, text(to=control(ending)))
    assert (message.status, message.error_code) == ("failed", code)
    assert words in message.error
    assert message.next_try_at is None
    assert not message.went_out
    work(deliver, message)
    assert bodies(twilio) == []


def test_wrong_credentials_are_said_to_be_that(twilio, text, work, tenant):
    account = tenant.twilio
    account.set_auth_token("old")
    account.save()
    message = work(deliver, text())
    assert (message.status, message.error_code) == ("failed", 20003)
    assert message.trouble == "setup"


def test_too_many_requests_waits_and_then_sends(twilio, text, work):
    message = work(deliver, text(to=control("20")))
    assert message.status == "queued"
    assert message.next_try_at > message.claimed_at
    work(deliver, message)
    pull(message, next_try_at=timezone.now())
    work(deliver, message)
    assert (message.status, message.attempts) == ("sent", 2)
    assert len(bodies(twilio)) == 1


def test_retry_after_is_obeyed(twilio, text, work):
    message = work(deliver, text(to=control("25")))
    wait = message.next_try_at - message.claimed_at
    assert dt.timedelta(seconds=1) <= wait < dt.timedelta(seconds=15)
    assert backoff(1, 120) == dt.timedelta(seconds=120)


def test_waits_grow_and_are_spread(text):
    for attempt, most in [(1, 1), (2, 2), (3, 4), (7, 60), (20, 60)]:
        waits = {backoff(attempt, None) for _ in range(20)}
        assert all(dt.timedelta(seconds=most / 2) <= w <= dt.timedelta(seconds=most) for w in waits)
        assert len(waits) > 1


def test_twilio_out_of_reach_is_tried_six_times_and_then_said(text, work, settings):
    settings.TWILIO_URL = f"http://127.0.0.1:{free_port()}"
    message = text()
    for attempt in range(1, MAX_TRIES + 1):
        pull(message, next_try_at=timezone.now())
        work(deliver, message)
        assert message.attempts == attempt
        assert message.status == ("queued" if attempt < MAX_TRIES else "failed")
    assert "Nothing was sent" in message.error


@pytest.mark.parametrize("ending", ["21", "23", "26"])
def test_an_answer_lost_after_twilio_took_it_sends_no_second_text(twilio, text, work, ending):
    message = work(deliver, text(to=control(ending)))
    assert message.status == "sending"
    work(deliver, message)
    look(work, message)
    assert message.status in ("sent", "delivered")
    (row,) = twilio.ledger()["messages"]
    assert (row["sid"], row["body"]) == (message.sid, message.body)


def test_what_twilio_never_got_is_sent_after_three_looks(twilio, text, work):
    message = work(deliver, text(to=control("24")))
    for _ in range(2):
        assert message.status == "sending"
        look(work, message)
    look(work, message)
    assert message.status == "queued"
    assert bodies(twilio) == []
    assert work(deliver, message).status == "sent"
    assert bodies(twilio) == [message.body]


@pytest.mark.parametrize("looks", [1, 2])
def test_a_look_that_hears_late_does_not_send_what_was_claimed_anew(
    twilio, text, work, monkeypatch, looks
):
    message = text(to=control("21"))
    message.claim()
    for _ in range(looks):
        look(work, message)
    find = tasks.client.find

    def answered_late(seen):
        """Meanwhile others looked, gave it back and sent it; of that one the answer is lost."""
        monkeypatch.setattr(tasks.client, "find", find)
        found = find(seen)
        for _ in range(3 - looks):
            look(work, message)
        assert work(deliver, message).status == "sending"
        return found

    monkeypatch.setattr(tasks.client, "find", answered_late)
    look(work, message)
    assert (message.status, message.looks) == ("sending", 0)
    work(deliver, message)
    look(work, message)
    assert message.status in ("sent", "delivered")
    assert len(bodies(twilio)) == 1


def test_a_worker_that_dies_each_time_between_claim_and_send_ends_with_words(twilio, text, work):
    message = text()
    for _ in range(MAX_TRIES):
        assert message.claim()
        for _ in range(3):
            look(work, message)
    assert message.status == "failed"
    assert message.error == "Twilio has no record of this text, so nothing was sent. Send it again."
    assert not message.went_out


def test_when_twilio_cannot_be_asked_either_nobody_claims_to_know(text, work, settings):
    settings.TWILIO_URL = f"http://127.0.0.1:{free_port()}"
    message = text()
    message.claim()
    assert look(work, message).status == "sending"
    pull(message, claimed_at=timezone.now() - dt.timedelta(hours=2))
    look(work, message)
    assert message.status == "undelivered"
    assert "Ask the customer" in message.error
    assert message.went_out


def test_silence_after_sent_is_asked_about(twilio, text, work):
    message = work(deliver, text(to=control("13")))
    assert message.status == "sent"
    twilio.wait_for_status(message.sid, "delivered")
    work(catch_up, message)
    assert message.status == "delivered"


def test_a_carrier_that_never_says_stays_sent(twilio, text, work):
    message = work(deliver, text(to=control("10")))
    twilio.wait_for_status(message.sid, "sent")
    work(catch_up, message)
    assert message.status == "sent"
    assert message.next_try_at == message.sent_at + dt.timedelta(hours=24)


def paid(message, clerk):
    invoice = message.invoice
    type(invoice)._base_manager.filter(pk=invoice.pk).update(status="paid", paid=invoice.total)


def voided(message, clerk):
    message.invoice.void(actor=clerk, reason="mistake", read_payments=payment_state)


def expired(message, clerk):
    message.link.expire(actor=clerk)


def over(message, clerk):
    rows = type(message.link)._base_manager.filter(pk=message.link.pk)
    rows.update(expires_at=timezone.now())


def switched_off(message, clerk):
    type(message.tenant).objects.filter(pk=message.tenant.pk).update(text_to_pay_enabled=False)


def no_account(message, clerk):
    message.tenant.twilio.delete()


def edited(message, clerk):
    line = {"description": "More", "quantity": Decimal(1), "unit_price": Decimal(900)}
    message.invoice.revise(lines=[line], tax=Decimal(0), actor=clerk, read_payments=payment_state)


@pytest.mark.parametrize(
    "meanwhile", [paid, voided, expired, over, switched_off, no_account, edited]
)
def test_what_happened_before_it_went_out_stops_it(twilio, text, work, clerk, meanwhile):
    message = text()
    meanwhile(message, clerk)
    work(deliver, message)
    assert message.status == "failed"
    assert "nothing was sent" in message.error
    assert bodies(twilio) == []


def test_the_sweep_takes_the_next_step_of_each_text_that_is_due(text, settings):
    queued, later, sending, sent, done = (text() for _ in range(5))
    pull(later, next_try_at=timezone.now() + dt.timedelta(minutes=5))
    pull(sending, status="sending")
    pull(sent, status="sent")
    pull(done, status="delivered", next_try_at=None)
    assert next_steps() == {
        (deliver.name, queued.pk),
        (reconcile.name, sending.pk),
        (catch_up.name, sent.pk),
    }


def next_steps():
    """What the sweep would hand to the broker."""
    with scope():
        return {(task.name, pk) for task, pk, _ in steps_due(timezone.now() + SWEEPS)}


def test_neither_token_nor_number_nor_link_is_logged(twilio, text, work, caplog):
    caplog.set_level(logging.DEBUG)
    for ending in ("00", "20", "21", "30"):
        message = work(deliver, text(to=control(ending)))
        look(work, message)
        assert message.to not in caplog.text
        assert message.link.token not in caplog.text
    assert TWILIO_TOKEN not in caplog.text
