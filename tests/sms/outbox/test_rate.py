"""How fast one sender sends, whatever number of workers asks."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from sms.models import TextMessage, TwilioAccount
from sms.outbox import rate
from sms.tasks import SWEEPS, deliver, steps_due
from tests.factories import make_customer, make_invoice, make_text
from tests.race import run_together

NOW = dt.datetime(2026, 11, 22, 15, 0, tzinfo=dt.UTC)
ACCOUNT = TwilioAccount(pk=7, texts_per_second=Decimal("1.00"))
FAST = TwilioAccount(pk=8, texts_per_second=Decimal("100.00"))


def seconds(account, count, now=NOW):
    return [(rate.reserve(account, now) - now).total_seconds() for _ in range(count)]


def test_one_a_second_stand_in_line():
    assert seconds(ACCOUNT, 4) == [0, 1, 2, 3]


def test_after_a_pause_there_is_no_more_than_a_seconds_worth_at_once():
    assert seconds(FAST, 100) == [0] * 100
    later = seconds(FAST, 5)
    assert later == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
    tomorrow = NOW + dt.timedelta(days=1)
    assert seconds(FAST, 100, tomorrow) == [0] * 100
    assert min(seconds(FAST, 5, tomorrow)) > 0


def test_a_text_takes_as_long_as_its_segments():
    turns = [rate.reserve(ACCOUNT, NOW, parts) - NOW for parts in (3, 1, 1)]
    assert [turn.total_seconds() for turn in turns] == [0, 3, 4]


def test_a_slow_sender_may_take_four_a_minute():
    assert seconds(TwilioAccount(pk=9, texts_per_second=Decimal("0.25")), 3) == [0, 4, 8]


def test_no_rate_means_no_wait_and_no_count():
    assert seconds(TwilioAccount(pk=10, texts_per_second=None), 3) == [0, 0, 0]
    assert cache.get("texts-turn:10") is None


def test_senders_do_not_wait_for_each_other():
    assert seconds(ACCOUNT, 3)[-1] == 2
    assert seconds(TwilioAccount(pk=11, texts_per_second=Decimal(1)), 1) == [0]


def test_without_the_cache_nobody_waits(monkeypatch, caplog):
    def broken(*args):
        raise ConnectionError

    monkeypatch.setattr(rate.cache, "incr", broken)
    assert seconds(ACCOUNT, 3) == [0, 0, 0]
    assert "sends without its rate" in caplog.text


@pytest.fixture
def slow(tenant):
    """The company's account, at one text in five seconds: slower than any machine."""
    TwilioAccount.objects.filter(tenant=tenant).update(texts_per_second="0.20")
    tenant.refresh_from_db()
    return tenant.twilio


@pytest.fixture
def rung(monkeypatch):
    """What would be asked of the broker: (text, seconds)."""
    asked = []
    monkeypatch.setattr("sms.tasks.enqueue", lambda task, pk, wait=0: asked.append((pk, wait)))
    return asked


@pytest.mark.django_db
def test_whoever_is_too_early_comes_back_at_its_own_moment(slow, twilio, text, work, rung):
    first, second, third = text(), text(), text()
    assert work(deliver, first).status == "sent"
    for place, waiting in enumerate((second, third), 1):
        work(deliver, waiting)
        assert (waiting.status, waiting.attempts) == ("queued", 0)
        assert waiting.turn_at == waiting.next_try_at
        pk, wait = rung[-1]
        assert pk == waiting.pk
        assert (place - 1) * 5 < wait <= place * 5
    work(deliver, second)
    assert second.status == "queued"  # not its moment yet
    TextMessage.objects.filter(pk=second.pk).update(next_try_at=timezone.now())
    work(deliver, second)
    assert (second.status, second.attempts, second.turn_at) == ("sent", 1, None)
    assert len(rung) == 2  # it did not stand in line a second time


@pytest.mark.django_db
def test_a_moment_that_passed_long_ago_counts_no_more(slow, twilio, text, work, rung):
    held = text()
    long_ago = timezone.now() - rate.LAPSES - dt.timedelta(seconds=1)
    TextMessage.objects.filter(pk=held.pk).update(turn_at=long_ago)
    rate.reserve(slow, timezone.now())
    assert work(deliver, held).status == "queued"


@pytest.mark.django_db
def test_the_sweep_names_the_moment_of_what_is_due_before_the_next(slow, text):
    soon, later = text(), text()
    at = timezone.now() + dt.timedelta(seconds=9)
    TextMessage.objects.filter(pk=soon.pk).update(next_try_at=at)
    TextMessage.objects.filter(pk=later.pk).update(next_try_at=at + SWEEPS)
    assert steps_due(timezone.now() + SWEEPS) == [(deliver, soon.pk, at)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")
def test_twelve_workers_share_one_count(slow, tenant, clerk, twilio, rung):
    customer = make_customer(tenant)
    texts = [make_text(make_invoice(customer=customer), clerk) for _ in range(12)]
    results = run_together(*(lambda one=one: deliver(one.pk) for one in texts))
    assert results == [None] * 12
    rows = TextMessage.objects.order_by("next_try_at")
    turns = sorted(row.turn_at for row in rows if row.turn_at)
    assert rows.filter(status="sent").count() + len(turns) == 12
    assert len(turns) >= 10  # at the very first moment two may go
    gaps = [(after - before).total_seconds() for before, after in pairwise(turns)]
    assert min(gaps) >= 0.99
