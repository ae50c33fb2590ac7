"""The list of payments and money match in a real browser, small and large, light and dark."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from audit.clock import db_now
from payments.models import Finding, MatchRow, Payment
from payments.reconciliation import match
from tests.browser import DESKTOP, PHONE, complaints, sign_in
from tests.factories import make_invoice
from tests.payments.reconciliation.test_verify import pay, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ledger(tenant: Any) -> None:
    """A run with a row of each kind, and a finding."""
    paid = pay(make_invoice(tenant))
    start(make_invoice(tenant)).decline("The bank declined this card.", respcode="05")
    run = match.begin(tenant)
    assert run is not None
    today = db_now().date()
    for cause in MatchRow.Cause.values:
        if cause == "same":
            continue  # in the figures
        theirs = cause not in ("not_settled", "checking")
        MatchRow.objects.create(
            tenant=tenant,
            run=run,
            bucket="theirs" if theirs else "ours",
            cause=cause,
            day=today,
            orderid="BCDFGHJKLMNPQRSTVWX",
            retref="123456789012",
            our_amount=None if cause == "unknown_charge" else paid.amount,
            their_amount=Decimal("182.50") if theirs else None,
            payment=None if cause == "unknown_charge" else paid,
            invoice=None if cause == "unknown_charge" else paid.invoice,
        )
    agrees = MatchRow(bucket="matched", cause="same", their_amount=paid.amount)
    run.store_matched([agrees], has_deposits=True)
    run.finish()
    Finding.objects.create(
        tenant=tenant,
        invariant=4,
        invoice=paid.invoice,
        words="INV-1001: the invoice says $1.00 was paid, but its payments add up to $2.00",
        step="Press Match now. If this does not go away, tell Support.",
    )
    assert Payment.objects.count() == 2


def test_pages_are_sound(browser: Browser, live_server: Any, clerk: Any, ledger: None) -> None:
    context = browser.new_context(base_url=live_server.url)
    page = sign_in(context, live_server, clerk)
    buckets = ("/payments/match/?bucket=matched", "/payments/match/?bucket=ours")
    for path in ("/", "/payments/", "/payments/match/", *buckets):
        page.goto(path)
        assert complaints(page, DESKTOP, PHONE) == []
    expect(page.get_by_role("button", name="Check with CardConnect").first).to_be_visible()
    context.close()
