"""Answers of staff to what customers text: once, in their hours, with what the law asks."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone
from freezegun import freeze_time

from sms.models import InboundText, TextMessage
from sms.tasks import deliver
from tests.addresses import reverse
from tests.factories import MOBILE, keep_quiet_hours, make_customer
from tests.payments.checkout.test_pages import words_of
from tests.sms.conftest import act, bodies, page

pytestmark = pytest.mark.django_db


def test_an_answer_is_queued_once(browser, tenant, clerk, take):
    make_customer(tenant)
    text = take("When do you come?")
    data = {"body": "At 9 tomorrow.", "key": uuid.uuid4()}
    for _ in range(2):
        assert act(browser, "replies:answer", text.public_id, **data).status_code == 302
    answer = TextMessage.objects.get()
    assert (answer.kind, answer.to, answer.body) == ("answer", MOBILE, "At 9 tomorrow.")
    assert answer.sent_by == clerk
    assert "At 9 tomorrow." in page(browser, "replies:conversation", text.public_id)


@pytest.mark.parametrize(
    ("body", "words"),
    [("", "Enter a message first."), (" \n ", "Enter a message first."), ("x" * 481, "481")],
)
def test_an_answer_has_words_but_not_too_many(browser, take, body, words):
    text = take("hello")
    answer = act(browser, "replies:answer", text.public_id, body=body, key=uuid.uuid4())
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not TextMessage.objects.exists()


def test_no_answer_to_who_opted_out_and_nothing_typed_is_lost(browser, take):
    text = take("hello")
    take("STOP")
    data = {"body": "Wait, one more thing", "key": uuid.uuid4()}
    answer = act(browser, "replies:answer", text.public_id, **data)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "They replied STOP" in html
    assert "Wait, one more thing" in html
    assert not TextMessage.objects.exists()


def test_no_answer_without_a_sender(browser, tenant, take):
    text = take("hello")
    tenant.twilio.delete()
    data = {"body": "hi", "key": uuid.uuid4()}
    assert act(browser, "replies:answer", text.public_id, **data).status_code == 409


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("hello", "5 of 480 characters, 1 segment"),
        ("x" * 161, "161 of 480 characters, 2 segments"),
        ("\U0001f44d" * 40, "40 of 480 characters, 2 segments"),
        ("", "Up to 480"),
        ("x" * 500, "shorten it"),
    ],
)
def test_the_length_of_an_answer_is_told_while_it_is_typed(browser, body, words):
    assert words in act(browser, "replies:count", body=body).content.decode()


def at_night(tenant, **rules):
    """The company keeps quiet hours, and it is three in the morning where its customers live."""
    keep_quiet_hours(tenant, **rules)
    return freeze_time(dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC))


def post_answer(browser, text, body="At 9 tomorrow."):
    return act(browser, "replies:answer", text.public_id, body=body, key=uuid.uuid4())


def test_who_has_just_texted_is_answered_at_any_hour(browser, tenant, take, twilio, work):
    with at_night(tenant):
        text = take("Are you still coming?")
        assert "quiet hours" not in page(browser, "replies:conversation", text.public_id)
        post_answer(browser, text)
        assert work(deliver, TextMessage.objects.get()).status == "sent"


@pytest.mark.parametrize(("rules", "hours"), [({}, 4 * 24), ({"third_party_collector": True}, 0)])
def test_any_other_answer_waits_for_their_day(browser, tenant, take, twilio, work, rules, hours):
    with at_night(tenant, **rules):
        text = take("Are you still coming?")
        InboundText.objects.update(received_at=timezone.now() - dt.timedelta(hours=hours))
        where = reverse("replies:conversation", args=[text.public_id])
        assert "Your reply goes out today at 8:00 AM" in words_of(browser.get(where))
        post_answer(browser, text)
        answer = work(deliver, TextMessage.objects.get())
        assert (answer.status, answer.not_before.hour) == ("queued", 13)
        assert "waits until today at 8:00 AM" in words_of(browser.get(where))
        cancelled = act(browser, "sms:cancel", answer.public_id)
        assert cancelled.url.endswith(where)
    assert bodies(twilio) == []


def test_a_company_that_sends_nothing_later_answers_by_day(browser, tenant, take):
    with at_night(tenant, outside_hours="refuse"):
        text = take("Are you still coming?")
        InboundText.objects.update(received_at=timezone.now() - dt.timedelta(hours=2))
        assert post_answer(browser, text).status_code == 409
        assert not TextMessage.objects.exists()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Reply STOP to opt out"), ("es", "Responda STOP para baja")]
)
def test_every_answer_of_a_collector_says_how_to_opt_out(browser, tenant, take, language, words):
    keep_quiet_hours(tenant, third_party_collector=True)
    make_customer(tenant).contacts.update(language=language)
    text = take("How much?")
    assert words in page(browser, "replies:conversation", text.public_id)
    post_answer(browser, text, "About $100.")
    assert TextMessage.objects.get().body == f"About $100.\n{words}"
    long = {"body": "x" * 150, "language": language}
    assert "2 segments" in act(browser, "replies:count", **long).content.decode()


def test_an_answer_that_failed_is_sent_again_once(browser, tenant, take):
    text = take("When do you come?")
    post_answer(browser, text)
    failed = TextMessage.objects.get()
    failed.mark_failed(30008)
    html = page(browser, "replies:conversation", text.public_id)
    assert "Send again" in html
    again = {"body": failed.template, "key": failed.again_key}
    assert str(failed.again_key) in html
    for _ in range(2):
        act(browser, "replies:answer", text.public_id, **again)
    assert [row.template for row in TextMessage.objects.all()] == ["At 9 tomorrow."] * 2
