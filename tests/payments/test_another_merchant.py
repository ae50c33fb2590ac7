"""Another merchant ID: refused while the present one still has to tell how something ends."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from audit.models import AuditEntry
from payments import activation
from payments.activation import Credentials, NotEnabled, set_credentials
from payments.checkout import claim
from payments.checkout.authorization_text import Agreement
from payments.models import CannotRefund, CardConnectAccount, Payment, Refund
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.tasks import settle_bank_payments
from tests.factories import make_invoice
from tests.payments.conftest import address
from tests.race import apart, wait_until_locked_out

pytestmark = pytest.mark.django_db
OTHER = "800000009033"
UNFINISHED = ["pending", "unknown", "needs_attention", "captured", "started"]
FINISHED = ["settled", "cleared", "refunded", "voided", "returned", "rejected", "declined"]


def typed(tenant, **fields: Any) -> Credentials:
    """What Support types: the present ones, but for these."""
    account = CardConnectAccount.objects.get(tenant=tenant)
    values = {name: getattr(account, name) for name in ("site", "merchid", "username")}
    return Credentials(**values | {"password": "testing123", "ach_enabled": True} | fields)


def charge(tenant, status):
    """A payment with the company's present merchant ID."""
    account = CardConnectAccount.objects.get(tenant=tenant)
    return Payment.objects.create(
        tenant=tenant,
        invoice=make_invoice(tenant),
        key=uuid.uuid4(),
        method="ach" if status in ("started", "cleared", "returned") else "card",
        amount=Decimal("182.50"),
        status=status,
        site=account.site,
        merchid=account.merchid,
    )


def merchid(tenant):
    """The one that is stored."""
    return CardConnectAccount.objects.get(tenant=tenant).merchid


@pytest.mark.parametrize("field", [{"merchid": OTHER}, {"site": "boltgw"}])
@pytest.mark.parametrize("status", UNFINISHED)
def test_it_waits_for_what_is_under_way(tenant, support, gateway, status, field):
    payment = charge(tenant, status)
    with pytest.raises(NotEnabled) as refused:
        set_credentials(tenant, typed(tenant, **field), support)
    words = f"{payment.invoice.number} ({payment.get_status_display().lower()})"
    assert words in str(refused.value)
    assert "Wait until" in str(refused.value)
    account = CardConnectAccount.objects.get(tenant=tenant)
    assert (account.site, account.merchid) == ("fts-uat", gateway.merchid)
    assert not AuditEntry.objects.filter(action="tenant.credentials_changed").exists()
    # The same merchant account may have another password.
    set_credentials(tenant, typed(tenant), support)


@pytest.mark.parametrize("status", FINISHED)
def test_what_has_ended_holds_up_nothing(tenant, support, gateway, status):
    charge(tenant, status)
    set_credentials(tenant, typed(tenant, merchid=OTHER), support)
    assert merchid(tenant) == OTHER


def test_an_open_refund_holds_it_up_and_cash_does_not(tenant, support, gateway, clerk):
    Payment.objects.create(
        tenant=tenant, invoice=make_invoice(tenant), key=uuid.uuid4(), method="cash",
        amount=Decimal("5.00"), status="captured",
    )  # fmt: skip
    payment = charge(tenant, "settled")
    refund = Refund.objects.create(
        tenant=tenant, payment=payment, key=uuid.uuid4(), kind="refund", amount=Decimal("5.00"),
        status="unknown", requested_by=clerk,
    )  # fmt: skip
    with pytest.raises(NotEnabled, match=f"{payment.invoice.number} .refund not finished"):
        set_credentials(tenant, typed(tenant, merchid=OTHER), support)
    Refund.objects.filter(pk=refund.pk).update(status="done")
    set_credentials(tenant, typed(tenant, merchid=OTHER), support)


def test_a_payment_that_begins_meanwhile_is_seen(tenant, support, gateway, monkeypatch):
    ask = activation._ask

    def slow(account):
        ask(account)
        charge(tenant, "pending")

    monkeypatch.setattr(activation, "_ask", slow)
    with pytest.raises(NotEnabled, match="processing"):
        set_credentials(tenant, typed(tenant, merchid=OTHER), support)
    assert merchid(tenant) == gateway.merchid


def test_support_is_told_what_is_under_way_and_what_to_do(tenant, support, browser_of, gateway):
    payments = [charge(tenant, "started") for _ in range(7)]
    page = f"/admin/tenants/tenant/{tenant.pk}/change/"
    answer = browser_of(support).post(page, change_form(tenant, merchid=OTHER), follow=True)
    said = " ".join(str(message) for message in answer.context["messages"])
    assert f"{payments[0].invoice.number} (bank payment started), " in said
    assert " and 2 more. Wait until" in said
    assert "turn Text-to-Pay off" in said
    assert merchid(tenant) == gateway.merchid


def change_form(tenant, **fields: Any):
    """The company's form as its page sends it."""
    names = "name slug timezone phone email street city region postal brand refund_policy processor"
    form = {name: getattr(tenant, name) for name in names.split()}
    form |= {"is_active": "on", "text_to_pay_enabled": "on", "memberships-TOTAL_FORMS": 0}
    form["memberships-INITIAL_FORMS"] = 0
    for prefix, row in (("cardconnect", tenant.cardconnect), ("twilio", tenant.twilio)):
        form |= {f"{prefix}-TOTAL_FORMS": 1, f"{prefix}-INITIAL_FORMS": 1}
        form |= {f"{prefix}-0-id": row.pk, f"{prefix}-0-tenant": tenant.pk}
        for field in row._meta.fields:
            if field.editable and field.name not in ("id", "tenant"):
                form[f"{prefix}-0-{field.name}"] = getattr(row, field.name) or ""
    form["twilio-0-texts_per_second"] = "1.00"
    return form | {f"cardconnect-0-{name}": value for name, value in fields.items()}


def test_a_payment_of_the_merchant_id_before_is_refunded_by_hand(
    payer, link, form, gateway, tenant, support, admin_user
):
    payer.post(address(link), form)
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    settle_bank_payments()
    payment = Payment.objects.get()
    set_credentials(tenant, typed(tenant, merchid=OTHER), support)
    wish = {"amount": Decimal("50.00"), "reason": "Twice", "actor": admin_user}
    with pytest.raises(CannotRefund) as refused:
        request_refund(payment, key=uuid.uuid4(), **wish)
    for words in (gateway.merchid, payment.retref, "manually at CardConnect"):
        assert words in str(refused.value)
    assert not Refund.objects.exists()
    set_credentials(tenant, typed(tenant, merchid=gateway.merchid), support)
    refund, _ = request_refund(payment, key=uuid.uuid4(), **wish)
    execute.send(refund)
    assert refund.status == "done"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks are PostgreSQL's")
@pytest.mark.parametrize("begins", ["payment", "refund"])
def test_what_is_not_committed_yet_holds_it_up_too(
    tenant, link, support, gateway, admin_user, begins
):
    """Another thread cannot see the claim yet, so the new merchant ID waits for its commit."""
    settled = charge(tenant, "settled")
    with transaction.atomic():
        if begins == "payment":
            claim.start(
                link,
                method="card",
                amount=Decimal("182.50"),
                key=uuid.uuid4(),
                token="9418594164541111",
                agreement=Agreement(text="I authorize it.", version="card-en-1"),
            )
        else:
            wish = {"amount": Decimal("5.00"), "reason": "Twice", "actor": admin_user}
            request_refund(settled, key=uuid.uuid4(), **wish)
        other = apart(lambda: set_credentials(tenant, typed(tenant, merchid=OTHER), support))
        wait_until_locked_out(other)
    with pytest.raises(NotEnabled, match=r"not finished|processing"):
        other.result(30)
    assert merchid(tenant) == gateway.merchid
