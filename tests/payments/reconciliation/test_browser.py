"""The list of payments and money match in a real browser, small and large, light and dark."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from audit.clock import db_now
from payments.models import Finding, MatchRow, Payment
from payments.reconciliation import match
from tests.browser import DESKTOP, PHONE, axe_violations, scrolls_sideways
from tests.factories import PASSWORD, make_invoice
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
        theirs = cause not in ("not_settled", "checking")
        MatchRow.objects.create(
            tenant=tenant,
            run=run,
            bucket="matched" if cause == "same" else "theirs" if theirs else "ours",
            cause=cause,
            day=today,
            orderid="BCDFGHJKLMNPQRSTVWX",
            retref="123456789012",
            our_amount=None if cause == "unknown_charge" else paid.amount,
            their_amount=Decimal("182.50") if theirs else None,
            payment=None if cause == "unknown_charge" else paid,
            invoice=None if cause == "unknown_charge" else paid.invoice,
        )
    run.finish()
    Finding.objects.create(
        tenant=tenant,
        invariant=4,
        invoice=paid.invoice,
        words="INV-1001: the invoice says $1.00 was paid, its payments say $2.00",
        step="Press Match now; if it stays, tell Support.",
    )
    assert Payment.objects.count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["1280", "390"])
def test_pages_are_sound(
    browser: Browser, live_server: Any, clerk: Any, ledger: None, window: Any, scheme: Any
) -> None:
    context = browser.new_context(viewport=window, color_scheme=scheme, base_url=live_server.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(clerk.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(live_server.url + "/")
    for path in ("/", "/payments/", "/payments/match/", "/payments/match/?bucket=ours"):
        page.goto(path)
        assert axe_violations(page) == [], path
        assert not scrolls_sideways(page), path
    expect(page.get_by_role("button", name="Ask CardConnect").first).to_be_visible()
    context.close()
