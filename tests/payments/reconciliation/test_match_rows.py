"""Rows of money match wait for a person, whatever the matches after them can or cannot read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from audit.models import AuditEntry
from invoices.models import Invoice
from payments.models import Payment, payment_state
from payments.models.reconciliation import MatchRow, MatchRun
from payments.reconciliation import match, resolve
from tests.addresses import reverse
from tests.factories import make_invoice
from tests.payments.conftest import PARTIAL, address, check_everybody
from tests.payments.reconciliation.test_match import agreed, forget, matched, settle
from tests.payments.reconciliation.test_verify import pay, sql, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def charged(payer, link, form, gateway):
    payer.post(address(link), form)
    return Payment.objects.get()


@pytest.fixture
def stranger_charge(tenant, charged, gateway):
    """A charge that only CardConnect knows; the row of it."""
    settle(gateway)
    forget(charged.invoice)
    sql("UPDATE invoices_invoice SET number = 'INV-OTHER'")
    [row] = matched(tenant)
    assert row.cause == "unknown_charge"
    return row


@pytest.fixture
def moved_on(monkeypatch):
    """The days of the match have moved on: CardConnect tells nothing of what was."""
    return lambda: monkeypatch.setattr(match, "read", lambda *_: [])


def page_of(browser, name="payments:match"):
    return browser.get(reverse(name)).content.decode()


def seen(browser, row, **told):
    address = reverse("payments:match_seen", args=[row.public_id])
    return browser.post(address, told, follow=True).content.decode()


def test_a_match_that_failed_hides_nothing(
    tenant, stranger_charge, gateway, admin_user, browser_of
):
    gateway.fault("settlestat", "http_500")
    matched(tenant)
    assert MatchRun.objects.first().problem
    browser = browser_of(admin_user)
    home, page = page_of(browser, "home"), page_of(browser)
    assert "A charge we have no record of: $182.50" in home
    for told in (home, page):
        assert "The last match did not finish" in told
    assert "Book $182.50" in page


def test_what_agreed_is_shown_until_another_match_could_read_everything(
    tenant, charged, gateway, admin_user, browser_of
):
    settle(gateway)
    matched(tenant)
    gateway.fault("settlestat", "http_500")
    matched(tenant)
    page = page_of(browser_of(admin_user))
    assert "Both books agree" in page
    assert "The last match did not finish" in page


def test_a_row_outlives_the_days_of_the_match(
    tenant, stranger_charge, admin_user, browser_of, moved_on
):
    moved_on()
    assert matched(tenant) == []
    browser = browser_of(admin_user)
    assert "A charge we have no record of: $182.50" in page_of(browser, "home")
    page = page_of(browser)
    assert "Book $182.50" in page
    assert "From the match of" in page
    book = reverse("payments:match_book", args=[stranger_charge.public_id])
    browser.post(book, {"number": "INV-OTHER"})
    assert Payment.objects.get().retref == stranger_charge.retref
    assert "A charge we have no record of" not in page_of(browser, "home")


def test_only_the_newest_row_of_a_charge_is_shown(tenant, stranger_charge, admin_user, browser_of):
    matched(tenant)
    assert MatchRow.objects.count() == 2
    for name in ("home", "payments:match"):
        assert page_of(browser_of(admin_user), name).count(f"Review {stranger_charge.retref}") <= 1
    [row] = MatchRow.objects.problems()
    assert row.pk > stranger_charge.pk


def test_what_a_later_match_finds_matched_needs_nobody(tenant, stranger_charge, charged):
    account, invoice = tenant.cardconnect, charged.invoice
    line = resolve.Line(stranger_charge.retref, charged.amount, stranger_charge.day)
    match.book(account, invoice, line)
    assert agreed(tenant) == {"Charges": (1, Decimal("182.50"))}
    assert not MatchRow.objects.problems().exists()


def test_an_open_outcome_that_ended_without_a_charge_is_shown_no_more(
    tenant, payer, link, form, gateway, moved_on
):
    gateway.fault("auth", "drop_before")
    payer.post(address(link), form)
    moved_on()
    [row] = matched(tenant)
    assert row.cause == "checking"
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '20 days'")
    [again] = matched(tenant)  # nobody knows yet, however long ago it was
    assert again.cause == "checking"
    Payment.objects.get().not_charged("It never arrived.")
    assert matched(tenant) == []
    assert not MatchRow.objects.problems().exists()


def test_what_did_not_settle_waits_until_it_has(tenant, invoice, gateway):
    payment = pay(invoice)
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '3 days'")
    [row] = matched(tenant)
    assert row.cause == "not_settled"
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '20 days'")
    [row] = matched(tenant)
    assert row.cause == "not_settled"
    payment.mark_settled()
    assert matched(tenant) == []
    assert not MatchRow.objects.problems().exists()


def test_a_booked_notice_stays_until_somebody_has_seen_it(
    tenant, charged, gateway, admin_user, viewer, browser_of
):
    settle(gateway)
    forget(charged.invoice)
    [row] = matched(tenant)
    for _ in range(2):
        assert agreed(tenant) == {"Charges": (1, Decimal("182.50"))}
    browser = browser_of(admin_user)
    assert "Found at CardConnect and booked: $182.50" in page_of(browser, "home")
    assert "Mark as reviewed</button>" in page_of(browser)
    assert (
        browser_of(viewer).post(reverse("payments:match_seen", args=[row.public_id])).status_code
        == 403
    )
    assert "is marked as reviewed" in seen(browser, row)
    assert "Found at CardConnect and booked" not in page_of(browser, "home")
    entry = AuditEntry.objects.get(action="match.seen")
    assert (entry.actor, entry.subject) == (admin_user, charged.invoice.audit_subject)
    assert (entry.data["amount"], entry.data["retref"]) == ("182.50", row.retref)
    assert "was already reviewed" in seen(browser, row)
    assert AuditEntry.objects.filter(action="match.seen").count() == 1
    row.refresh_from_db()
    assert row.next_step == f"{admin_user.name} reviewed it."


def test_money_in_doubt_is_put_away_only_with_words_and_stays_away(
    tenant, stranger_charge, admin_user, browser_of
):
    browser = browser_of(admin_user)
    assert "Enter what was done" in seen(browser, stranger_charge, words=" ")
    assert MatchRow.objects.problems().exists()
    assert "is marked as reviewed" in seen(
        browser, stranger_charge, words="Refunded at CardConnect"
    )
    assert AuditEntry.objects.get(action="match.seen").data["words"] == "Refunded at CardConnect"
    [row] = matched(tenant)
    assert row.handled_at
    assert not MatchRow.objects.problems().exists()
    assert "Refunded at CardConnect" in page_of(browser)
    assert (
        "already booked"
        in browser.post(
            reverse("payments:match_book", args=[row.public_id]),
            {"number": "INV-OTHER"},
            follow=True,
        ).content.decode()
    )


def test_a_part_that_settled_can_be_released_after_the_days_of_the_match(
    tenant, payer, link, form, gateway, admin_user, browser_of, moved_on
):
    """Its void failed, so paying is locked until somebody says what becomes of the part."""
    gateway.fault("void", "http_500", times=9)
    payer.post(address(link), form | {"token": gateway.token(PARTIAL)})
    payment = Payment.objects.get()
    assert payment.status == "needs_attention"
    settle(gateway)
    [row] = matched(tenant)
    assert row.may_be_kept
    moved_on()
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '8 days'")
    matched(tenant)
    page = page_of(browser_of(admin_user))
    assert f"Book ${row.their_amount:,.2f}" in page
    browser_of(admin_user).post(reverse("payments:match_keep", args=[row.public_id]))
    payment.refresh_from_db()
    assert payment.status == "declined"
    link.invoice.refresh_from_db()
    assert link.invoice.paid == row.their_amount


def book(browser, row, number, **more):
    address = reverse("payments:match_book", args=[row.public_id])
    told = {"number": number, **more}
    return browser.post(address, told, follow=True).content.decode()


def test_nothing_is_booked_on_a_void_invoice_or_a_draft(
    tenant, stranger_charge, admin_user, browser_of
):
    browser = browser_of(admin_user)
    make_invoice(tenant, number="INV-DRAFT", opened=False)
    make_invoice(tenant, number="INV-VOID").void(
        actor=None, reason="Twice", read_payments=payment_state
    )
    for number, why in (("INV-VOID", "INV-VOID is void"), ("INV-DRAFT", "INV-DRAFT is a draft")):
        for more in ({}, {"confirmed": "yes"}):
            answer = book(browser, stranger_charge, number, **more)
            assert why in answer
            assert "nothing was booked." in answer
    assert not Payment.objects.exists()
    assert "INV-OTHER" in book(browser, stranger_charge, "INV-OTHER")
    assert Payment.objects.count() == 1


def test_more_than_the_balance_is_booked_only_when_confirmed(
    tenant, stranger_charge, admin_user, browser_of
):
    small = make_invoice(tenant, number="INV-SMALL", total="100.00")
    browser = browser_of(admin_user)
    answer = book(browser, stranger_charge, "INV-SMALL")
    assert "Book $182.50 on INV-SMALL?" in answer
    assert "overpaid by $82.50" in answer
    assert not Payment.objects.exists()
    assert "$182.50 booked on INV-SMALL" in book(
        browser, stranger_charge, "INV-SMALL", confirmed="yes"
    )
    small.refresh_from_db()
    assert (small.status, small.overpaid) == ("paid", Decimal("82.50"))
    assert "already booked" in book(browser, stranger_charge, "INV-SMALL", confirmed="yes")


def test_money_on_a_void_invoice_is_shown_as_overpaid(
    tenant, invoice, clerk, admin_user, browser_of
):
    """An approval came late, for an invoice that was voided meanwhile."""
    late = start(invoice)
    late.not_charged("It never arrived.")
    invoice.void(actor=clerk, reason="Twice", read_payments=payment_state)
    assert check_everybody() == []
    late.confirm(retref="123456789012", authcode="")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.overpaid) == ("void", Decimal("182.50"))
    assert list(Invoice.objects.overpaid()) == [invoice]
    home = browser_of(admin_user).get(reverse("home")).content.decode()
    assert "Overpaid: $182.50" in home
    assert "$182.50 was paid on a void invoice: refund it" in home
    [violation] = check_everybody()
    assert (violation.invariant, violation.step) == (4, "Refund it.")
    assert "void, but $182.50 was paid on it" in str(violation)


def test_a_card_number_is_not_kept_with_a_row(stranger_charge, admin_user, browser_of):
    told = seen(browser_of(admin_user), stranger_charge, words="Back to 4111 1111 1111 1111")
    assert "Nothing was saved or sent" in told
    assert MatchRow.objects.problems().exists()
