"""The calendar that practice mode may set ahead."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.utils import timezone

from audit import clock
from invoices.models import PaymentLink
from payments.models import Payment
from tests.factories import make_customer, make_invoice, make_link
from textpay.checks import clock_check

DAY = dt.timedelta(days=1)


@pytest.fixture
def practice(settings):
    settings.PRACTICE_MODE = True


def in_days(days):
    return timezone.now() + days * DAY


def test_the_calendar_shows_the_real_time(practice):
    assert clock.ahead() == dt.timedelta(0)
    assert abs(clock.now() - timezone.now()) < DAY


def test_ahead_and_back(practice):
    clock.move(in_days(7))
    assert abs(clock.now() - in_days(7)) < DAY
    clock.move(None)
    assert clock.ahead() == dt.timedelta(0)
    clock.move(in_days(-7))  # never into the past
    assert clock.ahead() == dt.timedelta(0)


def test_not_further_than_it_is_good_for(practice):
    with pytest.raises(ValueError, match="400 days"):
        clock.move(in_days(401))


def test_a_real_installation_has_the_real_time_whatever_its_cache_says(settings):
    assert not settings.PRACTICE_MODE
    with pytest.raises(clock.NotInPractice):
        clock.move(in_days(7))
    cache.set(clock.AHEAD, 7 * DAY.total_seconds())
    assert clock.ahead() == dt.timedelta(0)
    assert clock.now() - timezone.now() < DAY
    assert [found.id for found in clock_check()] == ["textpay.CLOCK"]
    cache.clear()
    assert clock_check() == []


def test_without_the_cache_the_real_time_goes_on(practice, monkeypatch):
    clock.move(in_days(7))

    def unplugged(*_):
        raise ConnectionError

    monkeypatch.setattr(cache, "get", unplugged)
    assert clock.ahead() == dt.timedelta(0)


@pytest.mark.django_db
def test_a_link_ends_when_the_calendar_says_so(tenant, practice):
    invoice = make_invoice(customer=make_customer(tenant))
    link = make_link(invoice)
    token = link.token
    clock.move(link.expires_at - dt.timedelta(minutes=1))
    read = PaymentLink.objects.opened_by(token)
    assert read.is_live_at(read.read_at)
    assert not read.has_expired
    clock.move(link.expires_at + dt.timedelta(minutes=1))
    read = PaymentLink.objects.opened_by(token)
    assert not read.is_live_at(read.read_at)
    assert read.has_expired
    assert PaymentLink.objects.expire_due() == 1


@pytest.mark.django_db
def test_a_link_made_ahead_works_there_and_here_and_money_keeps_the_real_time(tenant, practice):
    clock.move(in_days(70))
    invoice = make_invoice(customer=make_customer(tenant))
    link = make_link(invoice)
    assert link.expires_at > in_days(125)
    assert abs(link.runs_out_at - in_days(60)) < 2 * DAY  # what a page counts down to
    for moment in (in_days(71), None):
        clock.move(moment)
        read = PaymentLink.objects.opened_by(link.token)
        assert read.is_live_at(read.read_at)
    assert clock.db_now() < in_days(1)
    assert Payment._meta.get_field("created_at").default is timezone.now
