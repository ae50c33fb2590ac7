"""The client against the sandbox: every verb over real HTTP, and the sandbox's own books."""

import datetime as dt
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import Approved, Declined, Refunded, Unknown, Voided
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


def charged(payment, gateway):
    """The payment after its charge."""
    answer = client.auth(payment, gateway.token(), expiry="203012")
    assert isinstance(answer, Approved)
    assert answer.amount == payment.amount
    payment.retref = answer.retref
    return answer


def test_charge_settle_refund(payment, gateway):
    charged(payment, gateway)
    assert not client.inquire(payment).is_settled
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
    much = client.refund(payment, Decimal("142.51"), new_orderid())
    assert isinstance(much, Declined)
    assert len(gateway.charges(kind="refund", respstat="A")) == 1


def test_a_void_and_a_second_one(payment, gateway):
    charged(payment, gateway)
    assert isinstance(client.try_void(payment), Voided)
    assert client.inquire(payment).is_voided
    assert not client.void(payment, payment.retref)
    assert client.inquire_by_orderid(payment) == []
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
    assert "has no such charge" in told.sentence


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
    assert client.inquire(payment).is_approved


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
    assert (told.fee, told.restricted) == (Decimal("0.75"), False)
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
    assert not told.has_surcharge


def test_no_surcharge_here(gateway, tenant):
    told = client.surcharge(tenant.cardconnect, gateway.token(), "", Decimal("24.99"))
    assert told.fee == 0
