"""Refunds in money match: ours in every status, and those that somebody made at CardConnect."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from audit.models import AuditEntry
from customers.models import Customer
from payments.gateway import client
from payments.models import Payment, Refund
from payments.models.reconciliation import MatchRow
from payments.refunding import execute
from payments.refunding.request import request_refund
from tests.addresses import reverse
from tests.payments.conftest import address, check_everybody
from tests.payments.reconciliation.test_match import agreed, match_now, matched, settle
from tests.payments.reconciliation.test_verify import sql

pytestmark = pytest.mark.django_db
ELSEWHERE = "ZZZZBCDFGHJKLMNPQRS"


def refund_elsewhere(payment, gateway, amount):
    """Somebody refunds at CardConnect; its reference."""
    answer = client.refund(payment, Decimal(amount), ELSEWHERE)
    settle(gateway)
    return answer.retref


def refund_row(tenant):
    [row] = [row for row in matched(tenant) if row.their_amount and row.their_amount < 0]
    return row


def refund_agreed(tenant):
    """One comparison in which both sides agree about everything; how many refunds there were."""
    return agreed(tenant)["Refunds"][0]


def ours(payment, actor, amount="45.50"):
    refund, _ = request_refund(
        payment, amount=Decimal(amount), reason="x", actor=actor, key=uuid.uuid4()
    )
    execute.send(refund)
    refund.refresh_from_db()
    return refund


def record(browser, row):
    address = reverse("payments:match_refund", args=[row.public_id])
    return browser.post(address, follow=True).content.decode()


def test_a_refund_made_at_cardconnect_is_recorded_in_one_click(
    tenant, settled, gateway, admin_user, viewer, browser_of
):
    retref = refund_elsewhere(settled, gateway, "45.50")
    row = refund_row(tenant)
    assert (row.bucket, row.cause, row.payment) == ("theirs", "refund", settled)
    browser = browser_of(admin_user)
    assert "Record this refund" in browser.get(reverse("payments:match")).content.decode()
    url = reverse("payments:match_refund", args=[row.public_id])
    assert browser_of(viewer).post(url).status_code == 403
    assert not Refund.objects.exists()
    assert "Refund of $45.50 recorded" in record(browser, row)
    refund = Refund.objects.get()
    assert (refund.status, refund.kind, refund.retref) == ("done", "refund", retref)
    assert (refund.amount, refund.requested_by) == (Decimal("45.50"), admin_user)
    settled.refresh_from_db()
    assert (settled.status, settled.refunded) == ("settled", Decimal("45.50"))
    settled.invoice.refresh_from_db()
    assert (settled.invoice.status, settled.invoice.balance) == ("open", Decimal("45.50"))
    assert Customer.objects.get().balance == Decimal("45.50")
    entry = AuditEntry.objects.get(action="refund.done")
    assert (entry.actor, entry.data["retref"]) == (admin_user, retref)
    assert "already recorded" in record(browser, row)
    assert Refund.objects.count() == 1
    assert check_everybody() == []
    assert refund_agreed(tenant) == 1
    assert not MatchRow.objects.problems().exists()


def test_a_whole_refund_made_at_cardconnect_before_we_knew_that_it_settled(
    tenant, payer, link, form, gateway, admin_user, browser_of
):
    payer.post(address(link), form)
    settle(gateway)
    payment = Payment.objects.get()
    assert payment.status == "captured"
    refund_elsewhere(payment, gateway, "182.50")
    record(browser_of(admin_user), refund_row(tenant))
    payment.refresh_from_db()
    assert (payment.status, payment.left) == ("refunded", 0)
    assert check_everybody() == []


def test_more_than_is_left_is_not_recorded(tenant, settled, gateway, admin_user, browser_of):
    ours(settled, admin_user, "182.50")
    refund_elsewhere_row = MatchRow.objects.create(
        tenant=tenant, run=match_now(tenant), bucket="theirs", cause="refund",
        day=settled.created_at.date(), retref="999999999999", merchid=settled.merchid,
        their_amount=Decimal("-5.00"), payment=settled, invoice=settled.invoice,
    )  # fmt: skip
    assert "Only $0.00 is left" in record(browser_of(admin_user), refund_elsewhere_row)
    assert Refund.objects.count() == 1
    assert MatchRow.objects.problems().filter(retref="999999999999").exists()


def test_while_another_refund_has_no_end_none_is_recorded(
    tenant, settled, gateway, admin_user, browser_of
):
    refund_elsewhere(settled, gateway, "45.50")
    row = refund_row(tenant)
    gateway.fault("refund", "drop_before")
    assert ours(settled, admin_user).status == "unknown"
    assert "is still open" in record(browser_of(admin_user), row)
    assert Refund.objects.count() == 1


def test_a_bank_payment_that_has_not_cleared_takes_no_recorded_refund(
    tenant, payer, link, bank_form, gateway, admin_user, browser_of
):
    payer.post(address(link), bank_form)
    settle(gateway)
    refund_elsewhere(Payment.objects.get(), gateway, "45.50")
    row = refund_row(tenant)
    assert row.is_bank
    assert "has not cleared yet" in record(browser_of(admin_user), row)
    assert not Refund.objects.exists()
    sql("UPDATE payments_payment SET status = 'cleared'")
    record(browser_of(admin_user), row)
    assert Refund.objects.get().status == "done"


def test_a_refund_of_ours_without_an_answer_is_asked_about(tenant, settled, gateway, admin_user):
    gateway.fault("refund", "drop_after")
    refund = ours(settled, admin_user)
    assert refund.status == "unknown"
    settle(gateway)
    assert refund_agreed(tenant) == 1
    refund.refresh_from_db()
    assert (refund.status, Refund.objects.count()) == ("done", 1)


def test_a_refund_of_ours_that_stays_unknown_is_not_called_unheard_of(
    tenant, settled, gateway, admin_user
):
    gateway.fault("refund", "drop_after")
    assert ours(settled, admin_user).status == "unknown"
    settle(gateway)
    gateway.fault("inquireByOrderid", "http_500")
    row = refund_row(tenant)
    assert (row.bucket, row.cause) == ("differs", "refund_open")
    assert not row.may_be_recorded
    assert refund_agreed(tenant) == 1
    assert not MatchRow.objects.problems().exists()


def test_a_refund_of_ours_that_was_noted_declined_and_done_after_all_is_put_right(
    tenant, settled, gateway, admin_user, browser_of
):
    refund = ours(settled, admin_user)
    settle(gateway)
    given = refund.retref
    sql("UPDATE payments_refund SET status = 'declined', retref = '', outcome = 'Not known.'")
    settled.recount_refunds(Decimal("0.00"))
    row = refund_row(tenant)
    assert (row.bucket, row.cause, row.our_amount) == ("theirs", "refund_ended", None)
    browser = browser_of(admin_user)
    page = browser.get(reverse("payments:match")).content.decode()
    assert "Refund not completed in our books" in page
    assert "Refund of $45.50 recorded" in record(browser, row)
    refund.refresh_from_db()
    assert (refund.status, refund.retref, refund.outcome) == ("done", given, "")
    assert Refund.objects.count() == 1
    settled.refresh_from_db()
    assert settled.refunded == Decimal("45.50")
    assert AuditEntry.objects.filter(action="refund.done", actor=admin_user).count() == 1
    assert check_everybody() == []
    assert refund_agreed(tenant) == 1


def test_two_refunds_under_one_order_number_are_two(
    tenant, settled, gateway, admin_user, browser_of
):
    refund = ours(settled, admin_user)
    client.refund(settled, Decimal("45.50"), refund.orderid)
    settle(gateway)
    row = refund_row(tenant)
    assert (row.retref == refund.retref, row.cause) == (False, "refund")
    assert (row.run.matched_refund_count, row.run.matched_refund_total) == (1, Decimal("-45.50"))
    record(browser_of(admin_user), row)
    settled.refresh_from_db()
    assert settled.refunded == Decimal("91.00")
    assert check_everybody() == []


def test_a_refund_of_ours_that_was_rejected_at_settlement_is_shown(
    tenant, settled, gateway, admin_user
):
    refund = ours(settled, admin_user)
    gateway.sandbox.control("close-batch", reject=[refund.retref])
    row = refund_row(tenant)
    assert (row.bucket, row.cause) == ("differs", "refund_back")
    assert (row.payment, row.our_amount) == (settled, None)
