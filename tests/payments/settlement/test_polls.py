"""Which payments CardConnect is asked about, how often, and that none waits behind the others."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter

import pytest

from audit.clock import db_now
from payments.gateway import client
from payments.models import CardConnectAccount, Payment
from payments.settlement import status
from payments.tasks import settle_bank_payments
from tenants.models import Tenant
from tests.factories import make_cardconnect, make_invoice, make_tenant
from tests.payments.conftest import address
from tests.payments.reconciliation.test_verify import pay
from tests.race import run_together

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch):
    """How often CardConnect was asked about each payment."""
    count: Counter[int] = Counter()
    inquire = client.inquire

    def counted(payment):
        count[payment.pk] += 1
        return inquire(payment)

    monkeypatch.setattr(client, "inquire", counted)
    return count


def make_old(tenant, count):
    """Payments that were looked at before, and whose turn it is again."""
    payments = [pay(make_invoice(tenant)) for _ in range(count)]
    a_while_ago = db_now() - dt.timedelta(hours=1)
    Payment.objects.filter(pk__in=[payment.pk for payment in payments]).update(
        next_look_at=a_while_ago
    )
    return payments


def test_a_new_payment_does_not_wait_behind_old_ones(
    payer, link, form, gateway, tenant, asked, monkeypatch
):
    monkeypatch.setattr(status, "LOOKS", 4)
    make_old(tenant, 12)
    payer.post(address(link), form)
    payment = Payment.objects.get(invoice=link.invoice)
    gateway.sandbox.control("close-batch", merchid=gateway.merchid, reject=[payment.retref])
    settle_bank_payments()
    payment.refresh_from_db()
    assert payment.status == "rejected"
    assert len(asked) == 4
    settle_bank_payments()
    settle_bank_payments()
    settle_bank_payments()
    assert (len(asked), set(asked.values())) == (13, {1})


def test_as_many_are_looked_at_as_are_due(gateway, tenant, asked):
    make_old(tenant, 12)
    settle_bank_payments()
    assert (len(asked), set(asked.values())) == (12, {1})
    settle_bank_payments()  # nothing is due before its pause is over
    assert set(asked.values()) == {1}


def test_no_company_waits_behind_another(gateway, tenant, asked, monkeypatch):
    monkeypatch.setattr(status, "LOOKS", 2)
    make_old(tenant, 6)
    other = make_tenant("Mesa Verde Electric", processor=Tenant.Processor.CARDCONNECT)
    make_cardconnect(other, merchid="700000000001")
    [theirs] = make_old(other, 1)
    settle_bank_payments()
    assert asked[theirs.pk] == 1
    assert sum(asked.values()) == 3


def test_what_there_was_no_time_for_is_due_again(gateway, tenant, asked, monkeypatch):
    make_old(tenant, 3)
    with monkeypatch.context() as patch:
        patch.setattr(status, "POLLING_SECONDS", -1)
        settle_bank_payments()
    assert not asked
    settle_bank_payments()
    assert sum(asked.values()) == 3


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_look_at_each_payment_once(gateway, tenant, asked):
    make_old(tenant, 4)
    run_together(*[settle_bank_payments for _ in range(3)])
    assert sorted(asked.values()) == [1, 1, 1, 1]


def test_a_worker_that_died_holds_up_its_payments_for_minutes_only(gateway, tenant, asked):
    make_old(tenant, 1)
    assert status.claim_polls(db_now())
    settle_bank_payments()
    assert not asked
    now = db_now() + status.LEASE
    [(_, until)] = status.claim_polls(now)
    assert status.poll_company(tenant, dt.datetime.fromisoformat(until)) == 1


def test_a_bank_payment_is_asked_about_once_a_day_and_its_return_found_at_once(
    payer, link, bank_form, gateway, asked, settings
):
    settings.BANK_LOOK_SECONDS = 30
    payer.post(address(link), bank_form)
    payment = Payment.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    settle_bank_payments()
    payment.refresh_from_db()
    assert payment.next_look_at > db_now() + dt.timedelta(hours=23)
    gateway.sandbox.control("return", retref=payment.retref, code="R01")
    account = CardConnectAccount.objects.get(tenant=payment.tenant)
    assert account.next_funding_at <= db_now() + dt.timedelta(seconds=30)
    CardConnectAccount.objects.update(next_funding_at=db_now())
    settle_bank_payments()
    payment.refresh_from_db()
    assert (payment.status, asked[payment.pk]) == ("returned", 1)


@pytest.mark.parametrize("fault", ["http_500", "drop_before"])
def test_after_silence_a_bank_payment_is_asked_about_soon(
    payer, link, bank_form, gateway, asked, settings, fault
):
    settings.BANK_LOOK_SECONDS = 30
    payer.post(address(link), bank_form | {"key": str(uuid.uuid4())})
    gateway.fault("inquire", fault)
    settle_bank_payments()
    payment = Payment.objects.get()
    assert payment.next_look_at <= db_now() + dt.timedelta(seconds=30)
