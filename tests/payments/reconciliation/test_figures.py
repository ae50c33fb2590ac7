"""What both sides agree about is kept as figures of the run, however long the report is."""

from __future__ import annotations

import datetime as dt
import html
import uuid
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django_scopes import scope

from payments.models import Payment
from payments.models.reconciliation import MatchRow, MatchRun
from payments.models.refund import new_orderid
from payments.reconciliation import match as matching
from payments.reconciliation.statement import Line
from tests.addresses import reverse
from tests.factories import make_invoice
from tests.payments.reconciliation.test_match import agreed, match_now
from tests.payments.reconciliation.test_verify import pay, sql

pytestmark = pytest.mark.django_db
PER_DAY = 50


@pytest.fixture
def busy_week(tenant, monkeypatch):
    """Three hundred settled payments of $1.01, $1.02 and so on; their lines at CardConnect."""
    one = pay(make_invoice(tenant))
    payments = [
        Payment(
            tenant=tenant, invoice=one.invoice, key=uuid.uuid4(), orderid=new_orderid(),
            amount=1 + Decimal(n) / 100, method="card", status="settled", site=one.site,
            merchid=one.merchid, retref=f"{n:012}", created_at=one.created_at,
        )
        for n in range(1, 300)
    ]  # fmt: skip
    Payment.objects.bulk_create(payments)
    today = matching.db_now().date()
    lines = [
        Line(each.retref, each.amount, today - dt.timedelta(days=n // PER_DAY), each.orderid)
        for n, each in enumerate([one, *payments])
    ]
    monkeypatch.setattr(matching, "read", lambda *_: lines)
    return lines


def words_of(page):
    """The page without its line breaks."""
    return " ".join(html.unescape(page.content.decode()).split())


def test_a_clean_night_of_300_lines_keeps_no_rows(tenant, busy_week, admin_user, browser_of):
    total = sum(line.amount for line in busy_week)
    browser = browser_of(admin_user)
    for night in (1, 2):
        assert agreed(tenant) == {"Charges": (300, total)}
        assert MatchRow.objects.count() == 0
        assert MatchRun.objects.count() == night
        page = words_of(browser.get(reverse("payments:match")))
        assert f'<strong>300</strong> <small class="money">${total:,.2f}</small>' in page
        assert "Charges<small>300 lines</small>" in page
        assert f"<strong>${total:,.2f}</strong>" in page
        for words in ("Matched", "Both books agree", "Nothing to do.", "What to do"):
            assert words in page


def test_a_problem_among_300_lines_is_the_only_row(tenant, busy_week, admin_user, browser_of):
    busy_week[7] = Line("999999999999", Decimal("64.00"), busy_week[7].day)
    run = match_now(tenant)
    run.refresh_from_db()
    [row] = run.rows.all()
    assert (row.retref, row.cause) == ("999999999999", "unknown_charge")
    assert run.matched_count == 299
    browser = browser_of(admin_user)
    page = words_of(browser.get(reverse("payments:match")))
    assert "A charge we have no record of" in page
    assert "<strong>299</strong>" in page
    page = words_of(browser.get(reverse("payments:match") + "?bucket=matched"))
    assert "Charges<small>299 lines</small>" in page
    assert "A charge we have no record of" not in page


def test_what_went_back_is_counted_by_itself(tenant):
    run = matching.begin(tenant)
    assert run is not None
    rows = [
        MatchRow(bucket="matched", cause="same", their_amount=Decimal(amount), note=note)
        for amount, note in [("182.50", ""), ("-45.50", ""), ("-20.00", "R01"), ("20.00", "R02")]
    ]
    run.store_matched(rows, has_deposits=False)
    run.refresh_from_db()
    assert run.matched_by_kind() == [
        ("Charges", 1, Decimal("182.50")),
        ("Refunds", 1, Decimal("-45.50")),
        ("Returns", 2, Decimal("0.00")),
    ]
    assert (run.matched_count, run.matched_total) == (4, Decimal("137.00"))


def test_nothing_settled_is_said_in_words(tenant, monkeypatch, admin_user, browser_of):
    monkeypatch.setattr(matching, "read", lambda *_: [])
    assert agreed(tenant) == {}
    page = words_of(browser_of(admin_user).get(reverse("payments:match")))
    assert "CardConnect settled nothing on these days." in page


def test_the_database_takes_no_row_of_what_matched(tenant):
    with scope(tenant=tenant):
        run = matching.begin(tenant)
        assert run is not None
        with pytest.raises(DatabaseError, match="is_a_problem"), transaction.atomic():
            MatchRow.objects.create(
                tenant=tenant, run=run, bucket="matched", cause="same", day=run.to_day
            )


def test_a_run_that_ended_in_trouble_has_no_figures(tenant, busy_week, monkeypatch):
    run = match_now(tenant)

    def refuse(*_):
        raise matching.NotSent

    monkeypatch.setattr(matching, "read", refuse)
    failed = match_now(tenant)
    failed.refresh_from_db()
    assert failed.problem
    assert failed.matched_count == 0
    with scope(tenant=tenant):
        assert MatchRun.objects.whole().first() == run


def test_the_first_deposit_of_a_company_is_remembered(tenant, busy_week):
    """However many nights without one follow: only a test system never reports any."""
    run = match_now(tenant)
    run.refresh_from_db()
    assert not run.has_deposits
    line = busy_week[0]
    busy_week[0] = Line(line.retref, line.amount, line.day, line.orderid, paid_out=line.amount)
    for lines in (busy_week[:1], busy_week[1:2]):
        busy_week[:] = lines + busy_week
        run = match_now(tenant)
        run.refresh_from_db()
        assert run.has_deposits
    sql("DELETE FROM payments_matchrow")
    busy_week[:] = busy_week[-3:]
    run = match_now(tenant)
    run.refresh_from_db()
    assert run.has_deposits
