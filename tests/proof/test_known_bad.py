"""What tempts people to write the bugs of tests/proof/seeded, each with a test of its own."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.db import connection  # noqa: F401  a mark below reads it
from django.utils import timezone

from audit.clock import db_now
from payments.gateway import client
from payments.models import CardConnectAccount, Payment
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.tasks import settle_bank_payments, settle_unknown
from tests.factories import make_invoice, make_link
from tests.payments.conftest import address, backdate
from tests.proof.books import broken, judge

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("amount", ["0.29", "1.15", "4.35", "19.99", "1.10", "579.20"])
def test_every_cent_is_charged(payer, tenant, form, gateway, amount):
    link = make_link(make_invoice(tenant, total=amount))
    payer.post(address(link), form | {"amount": amount})
    [charge] = gateway.taken()
    assert charge["amount"] == amount
    assert Payment.objects.get().amount == Decimal(amount)
    assert judge(gateway.charges()).wrong == []
    assert broken() == []


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no clock of its own")
def test_a_server_whose_clock_is_wrong_pays_no_dead_link(payer, link, form, gateway, monkeypatch):
    link.expires_at = db_now() - dt.timedelta(seconds=60)
    link.save()
    slow = timezone.now() - dt.timedelta(minutes=10)
    monkeypatch.setattr(timezone, "now", lambda: slow)
    assert payer.post(address(link), form).status_code == 410
    assert gateway.charges() == []


def test_another_merchant_s_charge_is_not_ours(payer, link, form, gateway):
    gateway.fault("auth", "drop_before")
    payer.post(address(link), form)
    payment = Payment.objects.get()
    other = "496160870001"
    gateway.sandbox.control(
        "merchants", merchid=other, username="testing", password="testing123", ach=True
    )
    ours, payment.merchid = payment.merchid, other
    client.auth(payment, form["token"], expiry="203012")  # the same order number, elsewhere
    payment.merchid = ours
    backdate(payment, 100)
    settle_unknown()
    payment.refresh_from_db()
    assert payment.status == "not_charged"
    assert gateway.taken() == []


def test_one_attempt_that_cannot_be_settled_holds_up_nobody(
    payer, tenant, form, gateway, monkeypatch
):
    attempts = []
    for _ in range(2):
        link = make_link(make_invoice(tenant))
        gateway.fault("auth", "drop_after")
        payer.post(address(link), form | {"key": str(uuid.uuid4())})
        attempts.append(Payment.objects.get(link=link))
        backdate(attempts[-1], 100)
    real = client.inquire_by_orderid

    def stumbles(payment):
        if payment.pk == attempts[0].pk:
            raise RuntimeError("a defect of ours")
        return real(payment)

    monkeypatch.setattr(client, "inquire_by_orderid", stumbles)
    settle_unknown()
    attempts[1].refresh_from_db()
    assert attempts[1].status == "captured"


def test_a_refund_that_the_gateway_refuses_is_not_done(payer, link, form, gateway, admin_user):
    """We took it for settled, the gateway has not settled it: PPS 28, and nothing goes back."""
    payer.post(address(link), form)
    payment = Payment.objects.get()
    payment.mark_settled()
    refund, _ = request_refund(
        payment, amount=Decimal("50.00"), reason="x", actor=admin_user, key=uuid.uuid4()
    )
    execute.send(refund)
    assert refund.status == "declined"
    assert "No money has moved" in refund.outcome_message
    assert gateway.charges(kind="refund") == []
    link.invoice.refresh_from_db()
    assert link.invoice.balance == 0


def test_a_return_told_twice_leaves_other_payments_alone(payer, link, form, bank_form, gateway):
    payer.post(address(link), bank_form)
    first = Payment.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    for again in (False, True):
        gateway.sandbox.control("return", retref=first.retref, code="R01", again=again)
        CardConnectAccount.objects.update(next_funding_at=None)
        settle_bank_payments()
        if not again:
            other = make_link(link.invoice)
            payer.post(address(other), form | {"key": str(uuid.uuid4())})
    link.invoice.refresh_from_db()
    assert (link.invoice.status, link.invoice.balance) == ("paid", 0)
    assert list(Payment.objects.values_list("status", flat=True)) == ["captured", "returned"]
    assert judge(gateway.charges()).wrong == []
    assert broken() == []
