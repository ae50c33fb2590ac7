"""What Twilio's answers teach: opt-outs, reasons in words, and the price."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone
from twilio.base.exceptions import TwilioRestException

from sms.error_codes import CODES, LATER, NUMBER, OPTED_OUT, SETUP, WHOSE, explain
from sms.models import Consent, OptOut, TextMessage
from sms.models.opt_out import opt_out, resume
from sms.models.text import PRICE_POLLS
from sms.tasks import catch_up, deliver, steps_due
from sms.templatetags.texts import cost
from sms.twilio.client import Accepted, _refused
from sms.twilio.status import record_report
from tests.sms.conftest import control
from tests.waiting import eventually

pytestmark = pytest.mark.django_db
# Every code of Twilio's list that a text can end with, at once or later.
KNOWN = """
    14107 20003 20005 20008 20404 20429 20500 20503 20504 21211 21212 21214 21217 21219 21265 21266
    21408 21601 21602 21603 21604 21606 21608 21609 21610 21611 21612 21614 21617 21618 21619 21624
    21635 21654 21655 21656 21657 21658 21659 21660 21661 21703 21704 21705 30001 30002 30003 30004
    30005 30006 30007 30008 30017 30018 30019 30020 30021 30022 30023 30024 30027 30032 30033 30034
    30035 30036 30037 30040 30041 30042 30400 30404 30409 30410 30450 30453 30454 30485 30500 35111
    35114 35115 35117 35118 35125 35126 63038 90007 90010
"""


def test_every_code_has_its_sentence_and_says_whose_it_is():
    assert {int(code) for code in KNOWN.split()} <= set(CODES)
    for code in CODES.values():
        assert code.sentence.endswith(".")
        assert code.whose in WHOSE.values()
    assert explain(30005).kind == NUMBER
    assert explain(30034).kind == SETUP
    assert explain(30003).kind == LATER
    assert "31999" in explain(31999).sentence


def test_only_one_code_says_that_they_opted_out():
    assert [code for code, known in CODES.items() if known.kind == OPTED_OUT] == [21610]


def opted_out(message):
    return OptOut.objects.of(message.tenant, message.to)


def test_a_refusal_for_stop_is_remembered(twilio, text, work):
    message = work(deliver, text(to=control("30")))
    assert (message.status, message.trouble) == ("failed", "opted_out")
    assert opted_out(message).source == OptOut.Source.TWILIO


def test_the_same_refusal_told_later_is_remembered_too(twilio, text, work):
    message = work(deliver, text(to=control("09")))
    twilio.wait_for_status(message.sid, "failed")
    work(catch_up, message)
    assert (message.status, message.error_code) == ("failed", 21610)
    assert opted_out(message).source == OptOut.Source.TWILIO


def test_a_refusal_told_again_does_not_undo_their_start(twilio, text, work):
    message = work(deliver, text(to=control("09")))
    twilio.wait_for_status(message.sid, "failed")
    work(catch_up, message)
    assert resume(message.tenant, message.to, source=Consent.Source.START, wording="START")
    work(catch_up, message)  # its price is asked for, and the whole record comes with it
    record_report(TextMessage.objects.get(pk=message.pk), "failed", message.sid, 21610)
    assert opted_out(message) is None


def test_a_refusal_of_a_text_sent_after_start_counts(twilio, text, work):
    number = control("09")
    opt_out(text().tenant, number, source=OptOut.Source.REPLY)
    message = text(to=number)
    assert resume(message.tenant, number, source=Consent.Source.START, wording="START")
    work(deliver, message)
    twilio.wait_for_status(message.sid, "failed")
    work(catch_up, message)
    assert opted_out(message).source == OptOut.Source.TWILIO


@pytest.mark.parametrize("ending", ["03", "04", "05", "06", "07", "08", "15", "16", "31", "34"])
def test_no_other_failure_is_an_opt_out(twilio, text, work, ending):
    message = work(deliver, text(to=control(ending)))
    if message.sid:
        twilio.wait_for_status(message.sid, "failed" if ending in ("08", "16") else "undelivered")
        work(catch_up, message)
    assert message.status in ("failed", "undelivered")
    assert message.error
    assert opted_out(message) is None


def test_a_page_instead_of_an_answer_is_unknown_and_asked_about(twilio, text, work):
    message = work(deliver, text(to=control("27")))
    assert message.status == "sending"


def test_the_price_is_asked_for_after_the_end_and_then_no_more(twilio, text, work):
    message = work(deliver, text())
    twilio.wait_for_status(message.sid, "delivered")
    message.report("delivered", message.sid, None)
    message.refresh_from_db()
    assert message.next_try_at == message.finished_at + PRICE_POLLS[0]

    def priced():
        TextMessage.objects.filter(pk=message.pk).update(looks=0)
        return work(catch_up, message).price

    assert eventually(priced, "a price") == Decimal("-0.00790")
    assert message.price_unit == "USD"
    assert message.next_try_at is None
    assert cost(message) == "1 segment, $0.0079"


def test_a_text_without_a_price_is_asked_about_three_times(twilio, text, work, monkeypatch):
    message = work(deliver, text())
    message.report("delivered", message.sid, None)
    free = TextMessage.objects.get(pk=message.pk)
    asked = []

    def fetch(one):
        asked.append(one.pk)
        return Accepted(one.sid, "delivered", 1, "", None, None, "USD")

    monkeypatch.setattr("sms.twilio.client.fetch", fetch)
    waits = []
    while free.next_try_at:
        waits.append(free.next_try_at - free.finished_at)
        work(catch_up, free)
    assert waits == PRICE_POLLS
    assert len(asked) == 3
    assert cost(free) == "1 segment"


def test_prices_are_asked_for_after_everything_else(text):
    done, queued = text(), text()
    past = timezone.now() - dt.timedelta(hours=1)
    TextMessage.objects.filter(pk=done.pk).update(
        status="delivered", sid="SM" + "a" * 32, finished_at=past, next_try_at=past
    )
    steps = steps_due(timezone.now())
    assert [(task.name.split(".")[-1], pk) for task, pk, _ in steps] == [
        ("deliver", queued.pk), ("catch_up", done.pk),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("price", "unit", "segments", "words"),
    [
        ("-0.00750", "USD", 1, "1 segment, $0.0075"),
        ("-0.01580", "USD", 2, "2 segments, $0.0158"),
        ("-0.10000", "USD", 1, "1 segment, $0.10"),
        ("-0.06500", "EUR", 1, "1 segment, 0.065 EUR"),
        ("0.00000", "USD", 1, "1 segment, $0.00"),
        (None, "", 3, "3 segments"),
        (None, "", None, ""),
    ],
)
def test_the_cost_in_words(price, unit, segments, words):
    price = Decimal(price) if price else None
    assert cost(TextMessage(price=price, price_unit=unit, segments=segments)) == words


def test_a_full_queue_at_twilio_waits_for_minutes(text, work, monkeypatch):
    full = _refused(TwilioRestException(400, "/", code=21611), None)
    assert (full.permanent, full.retry_after) == (False, 600)
    told = _refused(TwilioRestException(429, "/", code=20429), 7)
    assert (told.permanent, told.retry_after) == (False, 7)
