"""Money match against a real gateway's own settlement and funding, and the pages around it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from audit.clock import db_now
from audit.models import AuditEntry
from payments.models import Payment
from payments.models.reconciliation import MatchRow, MatchRun
from payments.reconciliation import match as matching
from payments.reconciliation import statement
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.tasks import match_money, settle_bank_payments
from tests.addresses import reverse
from tests.factories import make_invoice, make_ready_tenant
from tests.payments.conftest import address, check_everybody
from tests.payments.reconciliation.test_verify import pay, sql, start

pytestmark = pytest.mark.django_db


def settle(gateway):
    """The gateway closes its batches and pays out."""
    gateway.sandbox.control("close-batch")
    gateway.sandbox.control("fund")


def match_now(tenant):
    """One comparison."""
    with scope(tenant=tenant):
        run = matching.begin(tenant)
        matching.run(run)
    return run


def matched(tenant):
    """One comparison; its rows, of what does not agree."""
    return list(MatchRow.objects.filter(run=match_now(tenant)).order_by("id"))


def agreed(tenant):
    """One comparison in which both sides agree about every line; count and sum of each kind."""
    run = match_now(tenant)
    run.refresh_from_db()
    assert not run.problem
    assert not run.rows.exists()
    return {kind: (count, total) for kind, count, total in run.matched_by_kind() if count}


def forget(invoice):
    """What restoring yesterday's database does to a payment of today."""
    for table, where in [
        ("payments_authorization", "true"),
        ("payments_matchrow", "true"),
        ("payments_payment", "true"),
        ("audit_auditentry", "action LIKE 'payment.%%' OR action = 'invoice.paid'"),
    ]:
        sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        sql(f"DELETE FROM {table} WHERE {where}")
        sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    sql("UPDATE invoices_invoice SET status = 'open', paid = 0, paid_at = NULL")
    sql("UPDATE customers_customer SET balance = 182.50")
    invoice.refresh_from_db()


@pytest.fixture
def charged(payer, link, form, gateway):
    payer.post(address(link), form)
    return Payment.objects.get()


def test_books_that_agree(tenant, charged, gateway):
    settle(gateway)
    assert agreed(tenant) == {"Charges": (1, Decimal("182.50"))}


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_loses_no_payment(tenant, charged, gateway, admin_user, browser_of):
    """F-24: the payment is gone from our database; the gateway's record brings it back."""
    invoice = charged.invoice
    settle(gateway)
    forget(invoice)
    assert invoice.balance == Decimal("182.50")
    [row] = matched(tenant)
    assert (row.bucket, row.cause) == ("theirs", "booked")
    assert row.next_step.startswith("It is on the invoice now.")
    found = Payment.objects.get()
    assert found.found_by_match
    theirs = gateway.taken()[0]
    assert (found.retref, found.orderid, f"{found.amount:.2f}") == (
        theirs["retref"],
        theirs["orderid"],
        theirs["amount"],
    )
    invoice.refresh_from_db()
    assert (invoice.status, invoice.balance) == ("paid", 0)
    entry = AuditEntry.objects.get(action="payment.captured")
    assert "money match" in entry.data["reason"]
    assert check_everybody() == []
    home = browser_of(admin_user).get(reverse("home")).content.decode()
    assert "Found at CardConnect and booked: $182.50" in home
    assert agreed(tenant) == {"Charges": (1, Decimal("182.50"))}  # twice books once
    assert Payment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_restored_bank_payment_is_started_not_paid(tenant, payer, link, bank_form, gateway):
    payer.post(address(link), bank_form)
    settle(gateway)
    forget(link.invoice)
    matched(tenant)
    found = Payment.objects.get()
    assert (found.method, found.status) == ("ach", "started")
    link.invoice.refresh_from_db()
    assert link.invoice.status == "pending"


def test_a_charge_we_called_not_charged_is_booked(tenant, charged, gateway):
    settle(gateway)
    sql("UPDATE payments_payment SET status = 'not_charged', retref = ''")
    sql("UPDATE invoices_invoice SET status = 'open', paid = 0, paid_at = NULL")
    [row] = matched(tenant)
    assert (row.bucket, row.cause) == ("theirs", "booked")
    charged.refresh_from_db()
    assert (charged.status, charged.found_by_match) == ("captured", True)
    assert charged.retref == gateway.taken()[0]["retref"]


@pytest.mark.django_db(transaction=True)
def test_a_number_that_went_to_another_invoice_is_left_to_a_person(
    tenant, charged, gateway, admin_user, browser_of
):
    """A restored database gives numbers out again, so too small a balance is not booked on."""
    settle(gateway)
    forget(charged.invoice)
    sql("UPDATE invoices_invoice SET number = 'INV-OTHER'")
    [row] = matched(tenant)
    assert (row.bucket, row.cause, row.invoice) == ("theirs", "unknown_charge", None)
    assert not Payment.objects.exists()
    browser = browser_of(admin_user)
    page = browser.get(reverse("payments:match")).content.decode()
    assert "Find out whose it is" in page
    assert "Book $182.50" in page
    book = reverse("payments:match_book", args=[row.public_id])
    answer = browser.post(book, {"number": "INV-NONE"}, follow=True).content.decode()
    assert "There is no invoice" in answer
    answer = browser.post(book, {"number": "inv-other"}, follow=True).content.decode()
    assert "$182.50 booked on INV-OTHER" in answer
    payment = Payment.objects.get()
    assert payment.found_by_match
    assert payment.account_label == "Card"
    assert AuditEntry.objects.get(action="payment.captured").actor == admin_user
    page = browser.get(reverse("payments:match")).content.decode()
    assert "Someone in your office booked it." in page
    again = browser.post(book, {"number": "INV-OTHER"}, follow=True).content.decode()
    assert "already booked" in again
    assert Payment.objects.count() == 1
    assert check_everybody() == []


def test_an_amount_that_differs(tenant, charged, gateway):
    settle(gateway)
    sql("UPDATE payments_payment SET amount = 180")
    [row] = matched(tenant)
    assert (row.bucket, row.our_amount, row.their_amount) == ("differs", 180, Decimal("182.50"))
    assert "Call CardConnect" in row.next_step


def test_ours_only(tenant, invoice, gateway, admin_user, browser_of):
    payment = pay(invoice)  # the gateway never heard of it
    assert matched(tenant) == []  # it may still settle
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '3 days'")
    [row] = matched(tenant)
    assert (row.bucket, row.cause, row.payment) == ("ours", "not_settled", payment)
    browser = browser_of(admin_user)
    page = browser.get(reverse("payments:match")).content.decode()
    assert "Check with CardConnect" in page
    ask = reverse("payments:match_ask", args=[row.public_id])
    assert invoice.number in browser.post(ask, follow=True).content.decode()


def test_an_open_outcome_is_shown_and_a_person_may_ask(
    tenant, payer, link, form, gateway, admin_user, browser_of
):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    [row] = matched(tenant)
    assert (row.bucket, row.cause) == ("ours", "checking")
    ask = reverse("payments:match_ask", args=[row.public_id])
    page = browser_of(admin_user).post(ask, follow=True).content.decode()
    assert "Paid" in page
    assert Payment.objects.get().status == "captured"


def test_what_a_bank_returned_comes_back_in_whichever_report_it_stands(
    tenant, payer, link, bank_form, gateway
):
    payer.post(address(link), bank_form)
    settle(gateway)
    payment = Payment.objects.get()
    day = (db_now().date() - dt.timedelta(days=6)).isoformat()
    gateway.sandbox.control("return", retref=payment.retref, code="R01", day=day)
    both = agreed(tenant)
    assert both["Charges"] == (1, Decimal("182.50"))
    assert both["Returns"][0] == 1
    payment.refresh_from_db()
    payment.invoice.refresh_from_db()
    assert (payment.status, payment.return_code) == ("returned", "R01")
    assert (payment.invoice.status, payment.invoice.balance) == ("open", Decimal("182.50"))
    assert agreed(tenant) == both  # twice brings it back once
    assert AuditEntry.objects.filter(action="payment.returned").count() == 1
    assert check_everybody() == []


def test_the_code_of_what_came_back_without_one(tenant, payer, link, bank_form, gateway):
    payer.post(address(link), bank_form)
    settle(gateway)
    payment = Payment.objects.get()
    gateway.sandbox.control("return", retref=payment.retref, code="R03")
    payment.mark_returned("")
    assert agreed(tenant).keys() == {"Charges", "Returns"}
    payment.refresh_from_db()
    assert payment.return_code == "R03"


@pytest.mark.parametrize("fault", ["http_500", "html", "truncated"])
def test_without_an_answer_nothing_is_changed(tenant, charged, gateway, fault):
    settle(gateway)
    pay(make_invoice(tenant))  # the gateway never heard of it
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '3 days'")
    matched(tenant)
    before = MatchRow.objects.count()
    assert before == 1
    gateway.fault("settlestat", fault)
    run = match_now(tenant)
    assert "Nothing was changed" in run.problem
    assert MatchRow.objects.count() == before
    run.refresh_from_db()
    assert run.matched_count == 0


def test_one_run_at_a_time_and_a_task_told_twice(tenant, charged, gateway):
    settle(gateway)
    run = matching.begin(tenant)
    assert matching.begin(tenant) is None
    match_money(run.pk)
    match_money(run.pk)
    run.refresh_from_db()
    assert (run.matched_count, run.matched_total) == (1, Decimal("182.50"))
    stuck = matching.begin(tenant)
    sql("UPDATE payments_matchrun SET started_at = started_at - INTERVAL '1 hour'")
    assert matching.begin(tenant) is not None
    stuck.refresh_from_db()
    assert "interrupted" in stuck.problem


def test_other_companies_charges_stay_theirs(tenant, charged, gateway):
    settle(gateway)
    other = make_ready_tenant("Mesa Verde Electric")
    gateway.sandbox.control(
        "merchants",
        merchid=other.cardconnect.merchid,
        username=other.cardconnect.username,
        password=other.cardconnect.password,
    )
    match_now(other)
    assert agreed(tenant) == {"Charges": (1, Decimal("182.50"))}
    sql("UPDATE payments_payment SET amount = 180")
    match_now(other)
    assert not MatchRow.objects.filter(tenant=other).exists()
    runs = MatchRun.objects.filter(tenant=other)
    assert [(run.problem, run.matched_count) for run in runs] == [("", 0)] * 2
    [row] = matched(tenant)
    assert row.tenant == tenant


def test_the_button_match_now(
    tenant, charged, gateway, admin_user, viewer, browser_of, monkeypatch
):
    settle(gateway)
    browser = browser_of(admin_user)
    page = browser.get(reverse("payments:match")).content.decode()
    assert "Not matched yet" in page
    page = browser.post(reverse("payments:match_now"), follow=True).content.decode()
    assert "has started" in page
    assert "Matching with CardConnect" in page
    page = browser.post(reverse("payments:match_now"), follow=True).content.decode()
    assert "already running" in page
    match_money(MatchRun.objects.get().pk)
    page = browser.get(reverse("payments:match")).content.decode()
    assert "Match now" in page
    assert "Both books agree" in page
    assert "1 line" in page
    assert "$182.50" in page
    assert browser_of(viewer).get(reverse("payments:match")).status_code == 403
    assert browser_of(viewer).post(reverse("payments:match_now")).status_code == 403


def test_the_list_of_payments(tenant, clerk, viewer, stranger, browser_of):
    empty = browser_of(clerk).get(reverse("payments:list")).content.decode()
    assert "No payments yet" in empty
    paid = pay(make_invoice(tenant, number="INV-7001"))
    declined = start(make_invoice(tenant, number="INV-7002"))
    declined.decline("No.", respcode="05")
    for person in (clerk, viewer):
        browser = browser_of(person)
        page = browser.get(reverse("payments:list")).content.decode()
        assert "INV-7001" in page
        assert "INV-7002" in page
        assert "$182.50</span> collected" in page
    for words in ("7001", paid.reference, paid.retref, "INV-7001"):
        page = browser.get(reverse("payments:list"), {"q": words}).content.decode()
        assert "INV-7001" in page
        assert "INV-7002" not in page
    page = browser.get(reverse("payments:list"), {"status": "failed"}).content.decode()
    assert "INV-7002" in page
    assert "INV-7001" not in page
    page = browser.get(reverse("payments:list"), {"q": "zzz"}).content.decode()
    assert "No matching payments" in page
    assert "INV-7001" not in browser_of(stranger).get(reverse("payments:list")).content.decode()


def test_the_pages_ask_the_database_little(
    tenant, clerk, gateway, browser_of, django_assert_num_queries
):
    browser = browser_of(clerk)
    for count in (1, 30):
        for _ in range(count):
            pay(make_invoice(tenant))
        with django_assert_num_queries(6):
            assert browser.get(reverse("payments:list")).status_code == 200
    run = matching.begin(tenant)
    assert run is not None
    matching.run(run)
    for count in (1, 20):
        for payment in Payment.objects.order_by("id")[:count]:
            MatchRow.objects.create(
                tenant=tenant, run=run, bucket="ours", cause="not_settled", day=run.to_day,
                payment=payment, invoice=payment.invoice, our_amount=payment.amount,
            )  # fmt: skip
        with django_assert_num_queries(9):
            assert browser.get(reverse("payments:match")).status_code == 200


def test_a_long_report_is_matched_in_few_statements(tenant, charged, gateway):
    """A busy company's week is thousands of lines; each must not cost a look of its own."""
    spent, [one] = {}, gateway_lines(charged)
    account = tenant.cardconnect
    for count in (10, 400):
        others = [
            replace(one, retref=f"{n:012}", is_rejected=True, orderid="") for n in range(count)
        ]
        with CaptureQueriesContext(connection) as queries:
            books = statement.Books(account, [one, *others])
            found = [books.payment(line) for line in (one, *others)]
        assert found == [charged] + [None] * count
        spent[count] = len(queries)
    assert spent[400] == spent[10] == 2


def test_what_changed_while_the_report_was_read_is_read_anew(tenant, charged, gateway):
    account, [line] = tenant.cardconnect, gateway_lines(charged)
    sql("UPDATE payments_payment SET status = 'unknown', retref = ''")
    books = statement.Books(account, [line])
    sql(f"UPDATE payments_payment SET status = 'captured', retref = '{line.retref}'")
    match = matching.begin(tenant)
    row = matching._row(match, account, line, books)
    assert (row.bucket, row.cause) == ("matched", "same")
    charged.refresh_from_db()
    assert not charged.found_by_match


def gateway_lines(payment):
    """What the gateway reports of it."""
    return [statement.Line(payment.retref, payment.total, dt.date(2026, 11, 2), payment.orderid)]


def test_a_refund_of_ours_is_held_against_the_refund(tenant, charged, gateway, admin_user):
    settle(gateway)
    settle_bank_payments()
    charged.refresh_from_db()
    refund, _ = request_refund(
        charged, amount=Decimal("45.50"), reason="x", actor=admin_user, key=uuid.uuid4()
    )
    execute.send(refund)
    settle(gateway)
    assert agreed(tenant) == {
        "Charges": (1, Decimal("182.50")),
        "Refunds": (1, Decimal("-45.50")),
    }


def test_a_refund_made_elsewhere_is_shown(tenant, charged, gateway):
    settle(gateway)
    account = tenant.cardconnect
    line = statement.Line("999", Decimal("-5.00"), matching.db_now().date())
    found = matching._judge(account, line, charged, None)
    assert found == (charged, ("theirs", "refund"))
