"""The nightly check of the money: company by company, to its end, and what Home says of it."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import NotSent, Unknown
from payments.models import Finding, MoneyCheck
from payments.reconciliation import verify
from payments.reconciliation.verify import Violation
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.tasks import verify_company
from tests.factories import make_invoice, make_ready_tenant
from tests.payments.conftest import address, check_everybody
from tests.payments.reconciliation.test_verify import pay, sql
from tests.race import apart, run_together, wait_until_locked_out

pytestmark = pytest.mark.django_db


def give_back(payment, actor, amount):
    """A void or refund that CardConnect took."""
    refund, _ = request_refund(
        payment, amount=Decimal(amount), reason="Twice", actor=actor, key=uuid.uuid4()
    )
    execute.send(refund)
    refund.refresh_from_db()
    assert refund.status == "done"
    return refund


def told():
    """What the check says, with the number of its rule."""
    return [(violation.invariant, violation.words) for violation in check_everybody()]


# --- The rules of the way back ----------------------------------------------------------------


def test_a_void_that_is_done_means_that_the_payment_is_voided(paid, admin_user):
    give_back(paid, admin_user, "182.50")
    assert told() == []
    sql("UPDATE payments_payment SET status = 'captured'")
    assert (8, "a void of $182.50 is marked done, but the payment is captured") in told()


def test_a_refund_of_which_nobody_knows_for_a_day(settled, admin_user):
    refund = give_back(settled, admin_user, "50.00")
    assert told() == []
    sql("UPDATE payments_refund SET status = 'unknown'")
    words = f"nobody has known for a day whether $50.00 was refunded (order {refund.orderid})"
    assert (2, words) not in told()
    sql("UPDATE payments_refund SET sent_at = sent_at - INTERVAL '25 hours'")
    assert (2, words) in told()


def test_one_refund_booked_twice_and_of_another_company(settled, admin_user):
    first = give_back(settled, admin_user, "50.00")
    second = give_back(settled, admin_user, "20.00")
    assert told() == []
    sql("UPDATE payments_refund SET retref = %s WHERE id = %s", first.retref, second.pk)
    assert told() == [(8, f"refund {first.retref} is booked 2 times")]
    other = make_ready_tenant("Mesa Verde Electric")
    sql("UPDATE payments_refund SET retref = %s, tenant_id = %s WHERE id = %s", "1", other.pk,
        second.pk)  # fmt: skip
    assert told() == [
        (8, "$70.00 counts as refunded, but its refunds add up to $50.00"),
        (10, f"refund {second.orderid} of $20.00 belongs to another company"),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_refund_with_a_part_of_a_cent(settled, admin_user):
    give_back(settled, admin_user, "50.00")
    sql("ALTER TABLE payments_refund ALTER fee TYPE numeric(12, 4)")
    try:
        sql("UPDATE payments_refund SET fee = 0.001")
        assert 13 in dict(told())
    finally:
        sql("ALTER TABLE payments_refund ALTER fee TYPE numeric(12, 2)")


def test_a_payment_under_way_where_the_company_is_no_more(paid, tenant):
    assert told() == []
    sql("UPDATE payments_cardconnectaccount SET merchid = '1'")
    words = f"$182.50 is under way at merchant ID {paid.merchid}, which the company no longer uses"
    assert told() == [(10, words)]
    sql("UPDATE payments_payment SET merchid = ''")
    assert 3 in dict(told())


def test_an_invoice_called_paid_while_the_bank_payment_is_on_its_way(
    payer, link, bank_form, gateway
):
    payer.post(address(link), bank_form)
    assert told() == []
    sql("UPDATE invoices_invoice SET status = 'paid'")
    assert (4, "the invoice is paid, with 1 bank payments on their way") in told()


# --- The night --------------------------------------------------------------------------------


def test_the_check_of_a_company_is_noted_with_what_was_not_answered(tenant, paid, gateway):
    gateway.fault("inquireByOrderid", "http_500")
    sql("UPDATE invoices_invoice SET paid = paid + 1")
    before = db_now()
    MoneyCheck.objects.create(tenant=tenant, next_check_at=before)
    assert verify_company(tenant.pk) == 1
    done = MoneyCheck.objects.get(tenant=tenant)
    assert (done.unanswered, done.is_late) == (1, False)
    assert done.checked_at >= before
    assert Finding.objects.count() == 1
    sql("UPDATE invoices_invoice SET paid = paid - 1")
    MoneyCheck.objects.update(next_check_at=before)
    assert verify_company(tenant.pk) == 0
    assert MoneyCheck.objects.get(tenant=tenant).unanswered == 0


def test_a_slow_gateway_does_not_hold_the_check_beyond_its_time(tenant, gateway, monkeypatch):
    for _ in range(3):
        pay(make_invoice(tenant))
    asked = []

    def slow(payment):
        asked.append(payment)
        passed.append(verify.ASKING_SECONDS + 1)
        raise Unknown("No answer.")

    passed = [0]
    monkeypatch.setattr(verify, "time", SimpleNamespace(monotonic=lambda: passed[-1]))
    monkeypatch.setattr(client, "inquire_by_orderid", slow)
    assert verify.ask_gateway(tenant) == ([], 3)
    assert len(asked) == 1


def test_a_gateway_that_cannot_be_reached_is_asked_once(tenant, gateway, monkeypatch):
    for _ in range(3):
        pay(make_invoice(tenant))
    asked = []

    def unreachable(payment):
        asked.append(payment)
        raise NotSent("Not reached.")

    monkeypatch.setattr(client, "inquire_by_orderid", unreachable)
    assert verify.ask_gateway(tenant) == ([], 3)
    assert len(asked) == 1


def violations(tenant, count=3):
    return [Violation(4, tenant.pk, None, f"INV-{n}", "is wrong", "Look.") for n in range(count)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks are PostgreSQL's")
def test_two_checks_at_one_moment_keep_each_finding_once(tenant):
    verify.record_findings(tenant, [])
    with transaction.atomic():
        verify.record_findings(tenant, violations(tenant))
        second = apart(lambda: verify.record_findings(tenant, violations(tenant), 2))
        wait_until_locked_out(second)
    second.result()
    assert [finding.words[:5] for finding in Finding.objects.all()] == ["INV-0", "INV-1", "INV-2"]
    assert MoneyCheck.objects.get(tenant=tenant).unanswered == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks are PostgreSQL's")
def test_many_first_checks_at_one_moment_keep_each_finding_once(tenant):
    assert (
        run_together(*[lambda: verify.record_findings(tenant, violations(tenant))] * 8)
        == [None] * 8
    )
    assert Finding.objects.count() == 3


def test_a_check_keeps_the_claim_of_its_night(tenant):
    due = db_now()
    MoneyCheck.objects.create(tenant=tenant, next_check_at=due)
    verify.record_findings(tenant, [])
    assert MoneyCheck.objects.get(tenant=tenant).next_check_at == due


# --- Home -------------------------------------------------------------------------------------


def test_home_says_when_it_was_checked_and_what_was_not_answered(
    tenant, admin_user, viewer, browser_of
):
    def home(person):
        return browser_of(person).get("/").content.decode()

    assert "accounted for" not in home(admin_user)
    verify.record_findings(tenant, [])
    assert "Every cent is accounted for" in home(admin_user)
    assert "accounted for" not in home(viewer)
    verify.record_findings(tenant, [], 3)
    page = home(admin_user)
    assert "Money to review" in page
    assert "CardConnect gave no answer about 3 payments" in page
    verify.record_findings(tenant, [])
    MoneyCheck.objects.update(checked_at=db_now() - dt.timedelta(days=2))
    assert "Last night’s money check did not run" in home(admin_user)


def test_no_company_sees_anothers_check(tenant, stranger, browser_of):
    verify.record_findings(tenant, [], 3)
    assert "did not answer" not in browser_of(stranger).get("/").content.decode()
