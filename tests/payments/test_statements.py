"""What the gateway's two reports of a day say together about one charge."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.urls import reverse

from audit.models import AuditEntry
from payments import gateway_reports, statements
from payments.gateway_reports import Settled
from payments.models import MatchRow, Payment
from tests.payments.conftest import address
from tests.payments.test_match import matched
from tests.payments.wire_fakes import ORDER, RETREF

pytestmark = pytest.mark.django_db(transaction=True)
DAY = dt.date(2026, 3, 9)
SETTLED = Settled("1900010001", RETREF, ORDER, Decimal("182.50"), "Y", cardtype="VISA")


@pytest.fixture
def charged(payer, link, form, gateway):
    payer.post(address(link), form)
    return Payment.objects.get()


@pytest.fixture
def reports(monkeypatch):
    """What the two reports tell of DAY, and nothing of other days."""
    told = {"settlements": [], "funding": []}
    for name, lines in told.items():
        monkeypatch.setattr(
            gateway_reports, name, lambda _, day, lines=lines: lines if day == DAY else []
        )
    return told


def read():
    return statements.read(None, DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=5))


@pytest.mark.parametrize("letter", "NFPTR")
def test_letters_that_mean_rejected(reports, letter):
    reports["settlements"].append(settled(letter=letter))
    [line] = read()
    assert line.is_rejected


@pytest.mark.parametrize("letter", ["W", "", "Q"])
def test_what_is_under_review_or_queued_waits(reports, letter):
    """Neither settled nor rejected: no line of the report until the gateway has decided."""
    reports["settlements"].append(settled(letter=letter))
    assert read() == []


def settled(**changes):
    return Settled(**{**SETTLED.__dict__, **changes})


def test_under_review_is_not_called_rejected(tenant, charged, monkeypatch):
    line = settled(retref=charged.retref, orderid=charged.orderid, letter="W")
    monkeypatch.setattr(gateway_reports, "settlements", lambda *_: [line])
    assert matched(tenant) == []
    charged.refresh_from_db()
    assert charged.status == "captured"


def test_a_rejection_after_settled_reopens_the_invoice(
    tenant, charged, gateway, admin_user, browser_of
):
    charged.mark_settled()
    gateway.sandbox.control("close-batch", reject=[charged.retref])
    [row] = matched(tenant)
    charged.refresh_from_db()
    assert (charged.status, row.bucket) == ("rejected", "matched")
    assert AuditEntry.objects.filter(action="payment.rejected").count() == 1
    charged.invoice.refresh_from_db()
    assert (charged.invoice.status, charged.invoice.balance) == ("open", Decimal("182.50"))
    home = browser_of(admin_user).get(reverse("home")).content.decode()
    assert "Rejected at settlement: $182.50" in home


def test_a_rejection_that_could_not_be_asked_about_is_asked_about_by_a_person(
    tenant, charged, gateway, admin_user, browser_of
):
    charged.mark_settled()
    gateway.sandbox.control("close-batch", reject=[charged.retref])
    gateway.fault("inquire", "http_500")
    [row] = matched(tenant)
    assert (row.bucket, row.cause) == ("differs", "rejected")
    browser = browser_of(admin_user)
    assert "Ask CardConnect<" in browser.get(reverse("payments:match")).content.decode()
    ask = reverse("payments:match_ask", args=[row.public_id])
    assert "Rejected at settlement" in browser.post(ask, follow=True).content.decode()
    charged.refresh_from_db()
    assert charged.status == "rejected"
    assert not MatchRow.objects.problems().exists()
