"""The client against the sandbox: every verb over real HTTP, and the sandbox's own books."""

import datetime as dt
import uuid
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import (
    Approved,
    Captured,
    Declined,
    Profile,
    Refunded,
    StoredCredential,
    Unknown,
    Voided,
)
from payments.models import Payment, new_orderid
from tests.payments.conftest import BANK

pytestmark = pytest.mark.django_db
CARD = "4387750101010101"


@pytest.fixture
def payment(gateway, invoice, link):
    """An attempt that was begun and not sent yet."""
    account = invoice.tenant.cardconnect
    return Payment.objects.create(
        tenant=invoice.tenant,
        invoice=invoice,
        link=link,
        key=uuid.uuid4(),
        method="card",
        amount=Decimal("182.50"),
        site=account.site,
        merchid=account.merchid,
        payer_name="Dana Whitfield",
    )


def charged(payment, gateway, **more):
    """The payment after its charge."""
    answer = client.auth(payment, gateway.token(), expiry="203012", **more)
    assert isinstance(answer, Approved)
    assert answer.amount == payment.amount
    payment.retref = answer.retref
    return answer


def test_authorize_capture_settle_refund(payment, gateway):
    charged(payment, gateway, capture=False)
    assert not client.inquire(payment).is_queued
    captured = client.capture(payment, Decimal("100.00"))
    assert isinstance(captured, Captured)
    assert captured.amount == Decimal("100.00")
    early = client.refund(payment, Decimal("40.00"), new_orderid())
    assert (early.respcode, "not settled yet" in early.sentence) == ("28", True)
    gateway.sandbox.control("close-batch")
    assert client.inquire(payment).is_settled
    late = client.try_void(payment)
    assert isinstance(late, Declined)
    assert late.respcode == "26"
    orderid = new_orderid()
    back = client.refund(payment, Decimal("40.00"), orderid)
    assert isinstance(back, Refunded)
    assert back.amount == Decimal("40.00")
    [found] = client.find(payment, orderid)
    assert found.retref == back.retref
    much = client.refund(payment, Decimal("60.01"), new_orderid())
    assert isinstance(much, Declined)
    assert len(gateway.charges(kind="refund", respstat="A")) == 1


def test_a_void_and_a_second_one(payment, gateway):
    charged(payment, gateway)
    assert client.inquire(payment).voidable
    assert isinstance(client.try_void(payment), Voided)
    assert client.inquire(payment).is_voided
    assert not client.void(payment, payment.retref)
    assert client.inquire_by_orderid(payment) == []
    assert gateway.taken() == []


def test_a_void_by_order_number(payment, gateway):
    charged(payment, gateway)
    assert client.void_by_orderid(payment)
    assert not client.void_by_orderid(payment)
    assert gateway.taken() == []


@pytest.mark.parametrize("fault", ["drop_after", "html", "truncated", "http_500_after"])
def test_a_refund_whose_answer_was_lost_is_found_again(payment, gateway, fault):
    charged(payment, gateway)
    gateway.sandbox.control("close-batch")
    gateway.fault("refund", fault)
    orderid = new_orderid()
    with pytest.raises(Unknown):
        client.refund(payment, Decimal("10.00"), orderid)
    [found] = client.find(payment, orderid)
    assert found.is_approved
    assert abs(found.amount) == Decimal("10.00")


def test_a_charge_that_is_not_there(payment, gateway):
    payment.retref = "123456789012"
    assert client.inquire(payment) is None
    assert client.find(payment) == []
    told = client.refund(payment, Decimal("1.00"), new_orderid())
    assert isinstance(told, Declined)
    assert "does not know this charge" in told.sentence


def test_a_part_approval_is_told_as_what_it_is(payment, gateway):
    answer = client.auth(payment, gateway.token(CARD), expiry="203012")
    assert isinstance(answer, Approved)
    assert answer.amount == Decimal("5.00")


@pytest.mark.parametrize("kind", ["ECHK", "ESAV"])
def test_a_bank_payment(payment, gateway, kind):
    payment.method = "ach"
    answer = client.auth(payment, gateway.token(BANK), account_type=kind)
    assert isinstance(answer, Approved)
    payment.retref = answer.retref
    assert client.inquire(payment).is_queued


def local_today():
    """The gateway's day."""
    return db_now().astimezone(ZoneInfo("America/New_York")).date()


def test_settlement_and_funding(payment, gateway):
    account, today = payment.tenant.cardconnect, local_today()
    assert client.settlements(account, today) == []
    assert client.funding(account, today) == []
    answer = charged(payment, gateway)
    gateway.sandbox.control("close-batch")
    [line] = client.settlements(account, today)
    assert (line.retref, line.orderid, line.amount) == (
        answer.retref, payment.orderid, payment.amount,
    )  # fmt: skip
    assert line.is_accepted
    assert client.settlements(account, today - dt.timedelta(days=1)) == []


def bank_payment(payment, gateway, account):
    """A bank payment that started."""
    payment.method = "ach"
    answer = client.auth(payment, gateway.token(account), account_type="ECHK")
    assert isinstance(answer, Approved)
    payment.retref = answer.retref
    return answer.retref


def test_a_bank_payment_refused_at_settlement(payment, gateway):
    retref = bank_payment(payment, gateway, "036001808/1234567899903")
    gateway.sandbox.control("close-batch")
    assert client.inquire(payment).is_rejected
    [line] = client.funding(payment.tenant.cardconnect, local_today())
    assert (line.retref, line.achreturncode, line.is_rejected) == (retref, "R03", True)


@pytest.mark.parametrize("cents", [False, True])
def test_a_bank_payment_that_comes_back_after_it_was_funded(payment, gateway, cents):
    account = payment.tenant.cardconnect
    merchant(gateway, account, funding_cents=cents)
    retref = bank_payment(payment, gateway, BANK)
    gateway.sandbox.control("close-batch")
    gateway.sandbox.control("fund")
    gateway.sandbox.control("return", retref=retref, code="R10")
    sale, back = client.funding(account, local_today())
    assert (sale.retref, sale.amount, sale.achreturncode) == (retref, payment.amount, "")
    assert (back.parentretref, back.amount, back.achreturncode) == (retref, -payment.amount, "R10")


def merchant(gateway, account, **more):
    """Set the account up anew at the gateway."""
    gateway.sandbox.control(
        "merchants", merchid=account.merchid, username=account.username,
        password=account.password, ach=True, **more,
    )  # fmt: skip


def test_a_surcharge(payment, gateway):
    account = payment.tenant.cardconnect
    merchant(gateway, account, fee_type="S", fee_format="percent", fee_value="3")
    assert client.merchant(account).has_surcharge
    token = gateway.token()
    told = client.surcharge(account, token, "03801", Decimal("24.99"))
    assert (told.fee, told.restricted, told.is_certain) == (Decimal("0.75"), False, True)
    there = client.surcharge(account, token, "06101", Decimal("24.99"))
    assert (there.fee, there.restricted) == (Decimal("0.00"), True)
    fee = client.surcharge(account, token, "03801", payment.amount).fee
    answer = client.auth(payment, token, expiry="203012", postal="03801")
    assert isinstance(answer, Approved)
    assert (answer.amount, answer.fee) == (payment.amount + fee, fee)
    payment.retref = answer.retref
    assert client.inquire(payment).fee == fee


def test_a_merchant(gateway, tenant):
    told = client.merchant(tenant.cardconnect)
    assert told.merchid == tenant.cardconnect.merchid
    assert told.is_enabled
    assert told.takes_bank_payments
    assert not told.has_surcharge


def test_a_kind_of_card(gateway, tenant):
    told = client.bin_of(tenant.cardconnect, gateway.token())
    assert (told.bin, told.product) == ("411111", "V")
    assert client.bin_of(tenant.cardconnect, gateway.token(BANK)) is None


def test_no_surcharge_here(gateway, tenant):
    told = client.surcharge(tenant.cardconnect, gateway.token(), "", Decimal("24.99"))
    assert told.fee == 0
    assert not told.is_certain
    assert told.messages == ("postal is missing or empty",)


def test_a_stored_card_pays_again(payment, gateway):
    kept = charged(payment, gateway, stored=StoredCredential("Y", permission=True))
    assert kept.profileid
    again = Payment(
        tenant=payment.tenant, invoice=payment.invoice, method="card", merchid=payment.merchid,
        site=payment.site, amount=Decimal("20.00"),
    )  # fmt: skip
    use = StoredCredential(f"{kept.profileid}/{kept.acctid}", cof="M")
    answer = client.auth(again, stored=use)
    assert isinstance(answer, Approved)
    assert (answer.amount, answer.profileid) == (Decimal("20.00"), kept.profileid)
    gone = client.auth(again, stored=replace(use, profile="1/1"))
    assert isinstance(gone, Declined)
    assert gone.respcode == "96"


def test_the_life_of_a_profile(gateway, tenant):
    account, token = tenant.cardconnect, gateway.token()
    first = client.profile_create(account, token, expiry="1230", name="Dana Whitfield")
    assert isinstance(first, Profile)
    same = client.profile_create(account, token, expiry="1230", name="Dana Whitfield")
    assert same.profileid == first.profileid
    other = gateway.token("5454545454545454")
    second = client.profile_create(account, other, profileid=first.profileid, expiry="1230")
    assert (second.profileid, second.acctid) == (first.profileid, "2")
    assert len(client.profile_read(account, first.profileid)) == 2
    client.profile_update(account, first.profileid, "2", expiry="0131")
    [changed] = client.profile_read(account, first.profileid, "2")
    assert changed.expiry == "0131"
    kept = client.profile_delete(account, first.profileid, "1")
    assert isinstance(kept, Declined)
    assert kept.respcode == "34"
    assert client.profile_delete(account, first.profileid) is None
    assert client.profile_read(account, first.profileid) == []
    again = client.profile_delete(account, first.profileid)
    assert isinstance(again, Declined)
    assert again.respcode == "96"
