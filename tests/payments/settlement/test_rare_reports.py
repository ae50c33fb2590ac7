"""Rare reports: what is not ours changes nothing, and nobody waits behind trouble."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from payments.gateway import client
from payments.gateway.client import Unknown
from payments.models import CardConnectAccount, Payment
from payments.settlement import ach_returns, status
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(tenant):
    return tenant.cardconnect


def test_a_return_of_a_payment_that_is_not_ours_changes_nothing(
    payer, link, bank_form, gateway, account, monkeypatch, caplog
):
    payer.post(address(link), bank_form)
    Payment.objects.update(retref="999999999999")
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    line = gateway.charges()[0]
    gateway.sandbox.control("return", retref=line["retref"], code="R01")
    assert ach_returns.read_returns(account) == 0
    assert Payment.objects.get().status == "started"
    assert "which we do not have" in caplog.text


@pytest.mark.parametrize("silent", [True, False])
def test_reading_stops_when_its_time_is_over(account, monkeypatch, silent):
    """The next run goes on; every run has time for others."""
    read: list[dt.date] = []

    def funding(_, day):
        read.append(day)
        if silent:
            raise Unknown("timeout")
        return []

    monkeypatch.setattr(client, "funding", funding)
    monkeypatch.setattr(ach_returns, "READING_SECONDS", -1)
    ach_returns.read_returns(account)
    assert len(read) == 1
    assert CardConnectAccount.objects.get().next_funding_at is not None


def test_a_payment_whose_poll_fails_does_not_stop_the_others(paid, monkeypatch, caplog):
    def fails(_):
        raise ValueError("unreadable")

    monkeypatch.setattr(status, "poll", fails)
    status._poll_safely(paid)
    assert "could not be looked at" in caplog.text
    paid.refresh_from_db()
    assert (paid.status, paid.amount) == ("captured", Decimal("182.50"))
