"""The bank returns of many companies: each read in its turn, none twice at once, none forgotten."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from audit.clock import db_now
from payments.models import CardConnectAccount, Payment
from payments.settlement import ach_returns, status
from payments.tasks import REPORTS, read_returns, settle_bank_payments
from tenants.models import Tenant
from tests.factories import make_cardconnect, make_invoice, make_tenant
from tests.payments.reconciliation.test_verify import start
from tests.race import run_together

pytestmark = pytest.mark.django_db

COMPANIES, BASE = 50, 700000000000
SECONDS_BETWEEN_RUNS = 20


def make_companies(gateway, count):
    """Companies with one bank payment each, which their gateway has returned."""
    accounts = []
    for number in range(count):
        tenant = make_tenant(f"Company {number}", processor=Tenant.Processor.CARDCONNECT)
        account = make_cardconnect(tenant, merchid=f"{BASE + number}")
        gateway.sandbox.control(
            "merchants", merchid=account.merchid, username="testing", password="testing123",
            ach=True,
        )  # fmt: skip
        payment = start(make_invoice(tenant))
        Payment.objects.filter(pk=payment.pk).update(
            method="ach", status="started", retref=f"9{number:011}", resolved_at=db_now()
        )
        accounts.append(account)
    return accounts


@pytest.fixture
def reads(monkeypatch):
    """How often each account was read."""
    count: Counter[int] = Counter()
    real = ach_returns.read_returns

    def counted(account):
        count[account.pk] += 1
        return real(account)

    monkeypatch.setattr(ach_returns, "read_returns", counted)
    monkeypatch.setattr(status, "claim_polls", lambda _now: [])
    return count


def test_every_company_is_read_within_its_interval(gateway, reads, settings):
    settings.BANK_LOOK_SECONDS = 900
    mine = {account.pk for account in make_companies(gateway, COMPANIES)}
    runs = -(-COMPANIES // REPORTS)
    assert runs <= settings.BANK_LOOK_SECONDS // SECONDS_BETWEEN_RUNS
    for run in range(runs):
        settle_bank_payments()
        assert len(reads) == min(COMPANIES, REPORTS * (run + 1))
    assert set(reads) == mine
    assert set(reads.values()) == {1}
    settle_bank_payments()  # nobody is due before the interval is over
    assert set(reads.values()) == {1}
    assert CardConnectAccount.objects.filter(funding_read_to=None).count() == 1  # no bank payment
    a_while_ago = db_now() - dt.timedelta(minutes=1)
    longest = sorted(mine)[-1]
    CardConnectAccount.objects.filter(pk__in=mine).update(next_funding_at=a_while_ago)
    CardConnectAccount.objects.filter(pk=longest).update(
        next_funding_at=a_while_ago - dt.timedelta(seconds=1)
    )
    settle_bank_payments()
    assert reads[longest] == 2  # first of all
    assert sum(reads.values()) == COMPANIES + REPORTS


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_read_each_account_once(gateway, reads):
    make_companies(gateway, 4)
    run_together(*[settle_bank_payments for _ in range(3)])
    assert sorted(reads.values()) == [1, 1, 1, 1]


def test_a_task_told_twice_or_too_late_reads_nothing(gateway, reads):
    [account] = make_companies(gateway, 1)
    turn = ach_returns.claim_reading(account)
    read_returns(account.pk, turn.isoformat())
    read_returns(account.pk, turn.isoformat())
    assert reads[account.pk] == 1
    account.refresh_from_db()
    late = ach_returns.claim_reading(account)
    assert (
        ach_returns.claim_reading(account) != late
    )  # the sweep gave it to somebody else meanwhile
    read_returns(account.pk, late.isoformat())
    assert reads[account.pk] == 1


def test_a_worker_that_died_holds_up_its_account_for_minutes_only(gateway, reads):
    [account] = make_companies(gateway, 1)
    assert ach_returns.claim_reading(account)
    settle_bank_payments()
    assert not reads
    CardConnectAccount.objects.filter(pk=account.pk).update(
        next_funding_at=account.next_funding_at - ach_returns.LEASE
    )
    settle_bank_payments()
    assert reads[account.pk] == 1
