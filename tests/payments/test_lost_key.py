"""CardConnect credentials that cannot be opened: nothing leaves, and everybody is told so."""

import uuid
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet

from audit.models import AuditEntry
from payments.activation import Credentials, NotEnabled, enable_text_to_pay, set_credentials
from payments.checkout.charge import inquire
from payments.checkout.surcharge import OUR_SIDE
from payments.models import CardConnectAccount, Payment
from payments.reconciliation import match
from payments.reconciliation.verify import ask_gateway
from payments.refunding import execute
from payments.refunding.request import request_refund
from tests.payments.conftest import address, backdate

pytestmark = pytest.mark.django_db


@pytest.fixture
def lose_key(settings):
    """`lose_key()` takes the key of what is stored out of FIELD_KEYS."""

    def lose():
        settings.FIELD_KEYS = [Fernet.generate_key().decode()]

    return lose


def alarms():
    return AuditEntry.objects.filter(
        action="tenant.credentials_lost", data__provider="CardConnect"
    ).count()


def test_the_payer_reads_that_nothing_was_taken(payer, link, form, gateway, lose_key):
    lose_key()
    page = payer.post(address(link), form, follow=True).content.decode()
    assert "No money has been taken." in page
    assert OUR_SIDE in page
    payment = Payment.objects.get()
    assert payment.status == "not_charged"
    assert gateway.charges() == []
    assert alarms() == 1


def test_the_surcharge_cannot_be_quoted(payer, link, form, gateway, surcharged, lose_key):
    lose_key()
    asked = {"token": form["token"], "postal": "01930", "amount": "182.50"}
    answer = payer.post(f"{address(link)}fee/", asked)
    assert (answer.status_code, answer.json()["problem"]) == (503, OUR_SIDE)


@pytest.mark.parametrize("state", ["paid", "settled"])
def test_a_void_and_a_refund_end_without_money_moving(
    request, state, admin_user, gateway, lose_key
):
    payment = request.getfixturevalue(state)
    refund, _ = request_refund(
        payment, amount=payment.left, reason="Twice", actor=admin_user, key=uuid.uuid4()
    )
    lose_key()
    execute.send(refund)
    refund.refresh_from_db()
    assert (refund.status, refund.outcome) == ("declined", execute.CANNOT_OPEN)
    payment.refresh_from_db()
    assert payment.refunded == Decimal("0.00")
    assert not any(row["voided"] for row in gateway.charges())


def test_an_open_payment_stays_open_and_ends_once_the_key_is_back(
    payer, link, form, gateway, lose_key, settings
):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    payment = Payment.objects.get()
    assert payment.status == "unknown"
    keys = settings.FIELD_KEYS
    lose_key()
    backdate(payment, 60)
    inquire(payment)
    assert payment.status == "unknown"
    settings.FIELD_KEYS = keys
    payment = Payment.objects.get()
    backdate(payment, 60)
    inquire(payment)
    assert payment.status == "captured"


def test_money_match_says_why_it_ended(paid, tenant, lose_key):
    run = match.begin(tenant)
    lose_key()
    match.run(run)
    run.refresh_from_db()
    assert (run.finished_at is not None, run.problem) == (True, match.CANNOT_OPEN)


def test_the_nightly_check_asks_nothing(paid, tenant, lose_key):
    lose_key()
    assert ask_gateway(tenant) == ([], 1)


def test_support_is_asked_to_type_the_password_again(tenant, support, gateway, lose_key):
    tenant.text_to_pay_enabled = False
    tenant.save()
    lose_key()
    with pytest.raises(NotEnabled, match="cannot be decrypted"):
        enable_text_to_pay(tenant, support)
    account = CardConnectAccount.objects.get(tenant=tenant)
    typed = {name: getattr(account, name) for name in ("site", "merchid", "username")}
    with pytest.raises(NotEnabled, match="cannot be decrypted"):
        set_credentials(tenant, Credentials(**typed, password="", ach_enabled=True), support)
    set_credentials(tenant, Credentials(**typed, password="testing123", ach_enabled=True), support)
    assert enable_text_to_pay(tenant, support)
