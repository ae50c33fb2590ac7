"""Lines of CardConnect's reports, and moments, that money match seldom meets."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from payments.gateway import client
from payments.gateway.client import Unknown
from payments.gateway.responses import Approved
from payments.models import CardConnectAccount, MatchRow, MatchRun, Payment, Refund
from payments.reconciliation import match as matching
from payments.reconciliation import resolve, verify
from payments.reconciliation.resolve import CannotBook
from payments.reconciliation.statement import Line
from tests.addresses import reverse
from tests.factories import make_invoice, make_tenant
from tests.payments.reconciliation.test_match import match_now, settle

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 11, 20)
FULL = Decimal("182.50")


def line(payment: Payment, **changes: Any) -> Line:
    fields = {"retref": payment.retref, "amount": payment.total, "day": DAY}
    return Line(**fields | {"orderid": payment.orderid} | changes)


def row_of(about: Payment, **changes: Any) -> MatchRow:
    """A row about this payment that waits for a person."""
    run = MatchRun.objects.create(tenant=about.tenant, from_day=DAY, to_day=DAY)
    fields: dict[str, Any] = {
        "tenant": about.tenant,
        "run": run,
        "bucket": "theirs",
        "cause": "unknown_charge",
        "day": DAY,
        "retref": "112233445566",
        "merchid": about.merchid,
        "their_amount": FULL,
    }
    return MatchRow.objects.create(**fields | changes)


def test_a_company_without_cardconnect_has_nothing_to_match(db):
    tenant = make_tenant("Pine Street")
    run = match_now(tenant)
    run.refresh_from_db()
    assert "not set up yet" in run.problem


def test_a_company_without_cardconnect_is_not_compared(db):
    assert verify.ask_gateway(make_tenant("Pine Street")) == ([], 0)


def test_a_run_that_was_ended_meanwhile_stores_nothing(paid, tenant, gateway, monkeypatch):
    settle(gateway)
    read = matching.read

    def ended_meanwhile(*arguments):
        MatchRun.objects.get().finish("It was interrupted. Match again.")
        return read(*arguments)

    monkeypatch.setattr(matching, "read", ended_meanwhile)
    match_now(tenant)
    run = MatchRun.objects.get()
    assert (run.problem, run.matched_count) == ("It was interrupted. Match again.", 0)


def test_a_rejected_charge_that_nobody_here_knows_is_no_money(paid, tenant, gateway):
    account = CardConnectAccount.objects.get()
    stranger = Line("112233445566", FULL, DAY, "UNKNOWNORDER", is_rejected=True)
    rejected = [stranger]
    books = matching.Books(account, rejected)
    run = MatchRun.objects.create(tenant=tenant, from_day=DAY, to_day=DAY)
    assert matching._row(run, account, stranger, books) is None


def test_one_order_number_charged_twice_is_shown(paid, tenant, gateway):
    settle(gateway)
    again = line(paid, retref="112233445566")
    assert matching._judge_sale(again, paid) == ("theirs", "unknown_charge")


def test_a_return_of_an_unknown_payment_is_shown(paid):
    unknown = Line("112233445566", FULL, DAY, return_code="R01")
    assert matching._judge_return(unknown, None) == ("theirs", "returned")


def test_booking_a_charge_twice_gives_the_first_payment(paid, tenant, gateway):
    account = CardConnectAccount.objects.get()
    again = matching.book(account, paid.invoice, line(paid))
    assert again == paid
    assert Payment.objects.count() == 1


def test_staff_cannot_book_a_charge_on_a_second_invoice(paid, tenant, admin_user):
    other = make_invoice(tenant)
    row = row_of(paid, retref=paid.retref, orderid=paid.orderid)
    with pytest.raises(CannotBook, match=f"already booked, on {paid.invoice.number}"):
        resolve.book_row(row, other, actor=admin_user)
    assert other.payments.booked_total() == 0
    assert MatchRow.objects.get().handled_at is None


def test_how_much_of_it_is_a_surcharge_must_be_known(paid, tenant, admin_user, monkeypatch):
    account = CardConnectAccount.objects.get()
    account.set_fee("S", "percent", Decimal("3.00"))
    account.save_fee()

    def silent(*_):
        raise Unknown("timeout")

    monkeypatch.setattr(client, "look_up", silent)
    with pytest.raises(CannotBook, match="how much of it is a surcharge"):
        resolve.book_row(row_of(paid), make_invoice(tenant), actor=admin_user)
    assert Payment.objects.count() == 1


def test_a_refund_of_another_amount_than_was_asked_for_is_not_recorded(settled, tenant, admin_user):
    Refund.objects.create(
        tenant=tenant,
        payment=settled,
        key="7a6b5c4d-0000-4000-8000-000000000001",
        kind="refund",
        amount="50.00",
        reason="Wrong",
        status="declined",
        requested_by=admin_user,
        retref="112233445566",
    )
    row = row_of(settled, cause="refund", payment=settled, their_amount=Decimal("-40.00"))
    with pytest.raises(CannotBook, match=r"refunded \$40.00, but \$50.00 was requested"):
        resolve.record_refund(row, actor=admin_user)
    settled.refresh_from_db()
    assert (settled.refunded, Refund.objects.get().status) == (0, "declined")


def test_two_charges_under_one_order_number_are_a_violation(paid, tenant, monkeypatch):
    twice = [Approved(amount=FULL, retref=ref) for ref in (paid.retref, "112233445566")]
    monkeypatch.setattr(client, "inquire_by_orderid", lambda _: twice)
    [violation], silent = verify.ask_gateway(tenant)
    assert violation.invariant == 1
    assert "CardConnect shows two charges" in violation.words
    assert silent == 0


def test_a_payment_that_cardconnect_does_not_show_yet_is_no_violation(paid, tenant, monkeypatch):
    monkeypatch.setattr(client, "inquire_by_orderid", lambda _: None)
    assert verify.ask_gateway(tenant) == ([], 0)


def test_a_refund_of_nothing_of_ours_says_what_to_do(paid):
    row = row_of(paid, cause="refund", payment=None, their_amount=Decimal("-40.00"))
    assert row.next_step
    assert row.reference == ""


def test_a_row_that_needs_no_inquiry_says_so(paid, admin_user, browser_of):
    row = row_of(paid, payment=None)
    answer = browser_of(admin_user).post(
        reverse("payments:match_ask", args=[row.public_id]), follow=True
    )
    assert "There is nothing to check. Match again for the latest." in answer.content.decode()
