"""What the gateway's two reports of a day say together about one charge."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEntry
from payments.gateway import reports as gateway_reports
from payments.gateway.reports import Settled
from payments.models import MatchRow, Payment
from payments.reconciliation import match, statement
from tests.addresses import reverse
from tests.payments.conftest import address
from tests.payments.gateway.http_fakes import ORDER, RETREF, make_account
from tests.payments.reconciliation.test_match import agreed, forget, match_now, matched, settle

pytestmark = pytest.mark.django_db
DAY = MONDAY = dt.date(2026, 3, 9)
SETTLED = Settled("1900010001", RETREF, ORDER, Decimal("182.50"), "Y", cardtype="VISA")


@pytest.fixture
def charged(payer, link, form, gateway):
    payer.post(address(link), form)
    return Payment.objects.get()


@pytest.fixture
def reports(monkeypatch):
    """What the two reports tell of DAY, and nothing of other days."""
    told: dict[str, list[Any]] = {"settlements": [], "funding": []}
    for name, lines in told.items():
        monkeypatch.setattr(
            gateway_reports, name, lambda _, day, lines=lines: lines if day == DAY else []
        )
    return told


def read():
    return statement.read(None, DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=5))


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
    assert agreed(tenant) == {"Charges": (1, Decimal("182.50"))}
    charged.refresh_from_db()
    assert charged.status == "rejected"
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
    assert "Check with CardConnect<" in browser.get(reverse("payments:match")).content.decode()
    ask = reverse("payments:match_ask", args=[row.public_id])
    assert "Rejected at settlement" in browser.post(ask, follow=True).content.decode()
    charged.refresh_from_db()
    assert charged.status == "rejected"
    assert not MatchRow.objects.problems().exists()


def funded(**changes):
    fields = {
        "retref": RETREF, "amount": Decimal("182.50"), "kind": "SALE", "status": "Processed",
        "achreturncode": "", "parentretref": "", "date": DAY,
    }  # fmt: skip
    return gateway_reports.Funded(**{**fields, **changes})


def test_what_was_paid_out_is_kept_beside_what_was_settled(reports):
    reports["settlements"].append(settled())
    [line] = read()
    assert (line.amount, line.paid_out) == (Decimal("182.50"), None)
    reports["funding"].append(funded(amount=Decimal("180.00")))
    [line] = read()
    assert (line.amount, line.paid_out) == (Decimal("182.50"), Decimal("180.00"))


def test_a_refund_that_only_the_deposit_names_is_no_sale_whatever_its_sign(reports):
    for amount in ("-20.00", "20.00"):
        reports["funding"][:] = [funded(kind="REFUND", amount=Decimal(amount))]
        [line] = read()
        assert line.amount == Decimal("-20.00")


def test_what_came_back_before_it_was_paid_out_was_not_paid_out(reports):
    reports["settlements"].append(settled())
    reports["funding"].append(funded(status="Rejected", achreturncode="R01"))
    [line] = read()
    assert (line.return_code, line.paid_out) == ("R01", None)


def test_what_is_under_review_and_was_paid_out_is_decided(reports):
    reports["settlements"].append(settled(letter="W"))
    reports["funding"].append(funded())
    [line] = read()
    assert (line.is_rejected, line.paid_out) == (False, Decimal("182.50"))


@pytest.mark.parametrize("named", [{"cardtype": "Bank"}, {"cardbrand": "ECHK"}])
def test_a_bank_payment_that_only_the_deposit_names_is_one(says, named):
    row = {"retref": RETREF, "amount": "182.50", "type": "SALE", "status": "Settled"} | named
    says({"txns": [row]})
    [line] = gateway_reports.funding(make_account(), DAY)
    assert line.is_bank
    says({"txns": [row | {"cardtype": "Credit", "cardbrand": "VISA"}]})
    [line] = gateway_reports.funding(make_account(), DAY)
    assert not line.is_bank


@pytest.mark.django_db(transaction=True)
def test_a_forgotten_bank_payment_that_only_the_deposit_names_is_booked_as_one(
    tenant, payer, link, bank_form, gateway, monkeypatch
):
    payer.post(address(link), bank_form)
    settle(gateway)
    forget(link.invoice)
    monkeypatch.setattr(gateway_reports, "settlements", lambda *_: [])
    matched(tenant)
    found = Payment.objects.get()
    assert (found.method, found.status) == ("ach", "started")


def test_another_amount_paid_out_than_settled_differs(
    tenant, charged, gateway, admin_user, browser_of, monkeypatch
):
    settle(gateway)
    read_funding = gateway_reports.funding
    less = Decimal("180.00")
    monkeypatch.setattr(
        gateway_reports,
        "funding",
        lambda *asked: [replace(line, amount=less) for line in read_funding(*asked)],
    )
    [row] = matched(tenant)
    assert (row.bucket, row.cause) == ("differs", "amount")
    assert (row.their_amount, row.paid_out) == (Decimal("182.50"), less)
    page = browser_of(admin_user).get(reverse("payments:match")).content.decode()
    assert "CardConnect settled $182.50 and paid out $180.00." in page


def test_settled_and_not_paid_out_is_said_once_banking_days_have_passed(
    tenant, charged, gateway, monkeypatch
):
    """Monday's batch: on Wednesday the deposit may still come, on Thursday it should have."""
    gateway.sandbox.control("close-batch")
    line = statement.Line(charged.retref, charged.total, MONDAY, charged.orderid)
    paid = replace(line, paid_out=line.amount)
    monkeypatch.setattr(match, "read", lambda *_: [line])
    assert on(tenant, monkeypatch, 3) == ["same"]  # no deposit was ever told of: a test system
    monkeypatch.setattr(match, "read", lambda *_: [paid])
    assert on(tenant, monkeypatch, 1) == ["same"]
    monkeypatch.setattr(match, "read", lambda *_: [line])
    assert on(tenant, monkeypatch, 2) == ["same"]
    assert on(tenant, monkeypatch, 3) == ["not_paid_out"]
    row = MatchRow.objects.problems().get()
    assert (row.bucket, row.payment) == ("ours", charged)
    monkeypatch.setattr(match, "read", lambda *_: [])  # its day is not read any more
    assert on(tenant, monkeypatch, 9) == []
    assert MatchRow.objects.problems().get() == row
    monkeypatch.setattr(match, "read", lambda *_: [paid])
    assert on(tenant, monkeypatch, 10) == ["same"]
    assert not MatchRow.objects.problems().exists()


def on(tenant, monkeypatch, days):
    """What a match finds so many days after that Monday: "same" for each line that agrees."""
    noon = dt.datetime.combine(MONDAY + dt.timedelta(days=days), dt.time(12), dt.UTC)
    monkeypatch.setattr(match, "db_now", lambda: noon)
    run = match_now(tenant)
    run.refresh_from_db()
    causes = run.rows.exclude(cause="not_settled").values_list("cause", flat=True)
    return ["same"] * run.matched_count + list(causes)


def test_a_return_keeps_its_reason_when_a_later_line_names_none(reports):
    reports["funding"] += [funded(achreturncode="R01"), funded(achreturncode="")]
    [line] = read()
    assert line.return_code == "R01"
