"""What nobody could settle is asked about again, slowly; refunds that a bank sends back."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import transaction

from audit.clock import db_now
from audit.models import AuditEntry
from payments.gateway import client
from payments.gateway.client import Unknown
from payments.models import SLOW_PAUSES, CannotRefund, CardConnectAccount, Payment, Refund
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.settlement import ach_returns
from payments.tasks import settle_refunds, settle_unknown
from tenants.addresses import company_path
from tests.addresses import reverse
from tests.payments.conftest import PARTIAL, address, check_everybody
from tests.payments.reconciliation.test_match import agreed, match_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def stuck(payer, link, form, gateway):
    """A part was approved and its void not confirmed: $182.50 wanted."""
    gateway.fault("void", "http_500", times=1)
    payer.post(address(link), form | {"token": gateway.token(PARTIAL)})
    payment = Payment.objects.get()
    assert payment.status == "needs_attention"
    return payment


def let_time_pass(row, **span):
    """Bring every moment that matters to the sweep that much nearer to now."""
    for name in ("created_at", "sent_at", "claimed_at", "resolved_at", "next_inquiry_at"):
        if getattr(row, name, None):
            setattr(row, name, getattr(row, name) - dt.timedelta(**span))
    row.save()


def asked(payment):
    """Run the sweep; whether it asked about the payment."""
    before = payment.inquiries
    settle_unknown()
    payment.refresh_from_db()
    return payment.inquiries > before


def taken(gateway):
    return [row for row in gateway.taken() if row["kind"] == "sale"]


def test_the_sweep_asks_by_itself_and_tells_the_truth(stuck, gateway, payer, link):
    assert not asked(stuck)
    let_time_pass(stuck, minutes=11)
    assert asked(stuck)
    assert stuck.status == "declined"
    assert "so we canceled the payment" in stuck.reason
    assert taken(gateway) == []
    assert "Please do not pay again" not in payer.get(address(link)).content.decode()


def test_a_void_that_happened_after_all_is_seen(stuck, gateway):
    assert client.void(stuck, stuck.retref)
    let_time_pass(stuck, minutes=11)
    assert asked(stuck)
    assert stuck.status == "declined"
    assert "No money has been taken" in stuck.reason
    assert check_everybody() == []


def test_what_cannot_be_voided_is_asked_about_more_and_more_seldom(stuck, gateway):
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    for minutes in (11, 61, 6 * 60 + 1, 24 * 60 + 1, 24 * 60 + 1):
        assert not asked(stuck)
        let_time_pass(stuck, minutes=minutes)
        assert asked(stuck)
        assert stuck.status == "needs_attention"  # never booked as the whole, never called void
    assert len(taken(gateway)) == 1
    stuck.invoice.refresh_from_db()
    assert stuck.invoice.paid == 0
    let_time_pass(stuck, days=30)
    assert not asked(stuck)


@pytest.mark.parametrize("fault", ["http_500", "html", "drop_after"])
def test_silence_settles_nothing(stuck, gateway, fault):
    gateway.fault("inquireByOrderid", fault, times=4)
    let_time_pass(stuck, minutes=11)
    assert asked(stuck)
    assert stuck.status == "needs_attention"


def test_not_found_settles_nothing_that_was_seen_once(stuck, gateway):
    gateway.sandbox.reset()
    account = stuck.tenant.cardconnect
    gateway.sandbox.control(
        "merchants", merchid=account.merchid, username="testing", password="testing123"
    )
    let_time_pass(stuck, minutes=11)
    assert asked(stuck)
    assert stuck.status == "needs_attention"


def test_staff_may_ask_at_once(stuck, admin_user, clerk, stranger, browser_of):
    page = f"/invoices/{stuck.invoice.public_id}/"
    ask = reverse("payments:ask", args=[stuck.public_id])
    assert ask not in browser_of(clerk).get(page).content.decode()
    assert browser_of(clerk).post(ask).status_code == 403
    assert browser_of(stranger).post(ask).status_code == 404
    assert ask in browser_of(admin_user).get(page).content.decode()
    words = browser_of(admin_user).post(ask, follow=True).content.decode()
    assert "Declined" in words
    assert ask not in words


def test_a_part_that_settled_is_booked_for_what_it_is_with_one_click(
    stuck, gateway, tenant, admin_user, browser_of, payer, link
):
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    match_now(tenant)
    browser = browser_of(admin_user)
    page = browser.get(reverse("payments:match")).content.decode()
    part = Decimal(taken(gateway)[0]["amount"])
    assert f"Book ${part:,.2f}" in page
    keep = reverse("payments:match_keep", args=[stuck.match_rows.get().public_id])
    browser.post(keep)
    stuck.refresh_from_db()
    stuck.invoice.refresh_from_db()
    assert stuck.status == "declined"
    assert stuck.invoice.paid == part < stuck.invoice.total
    assert check_everybody() == []
    told = " ".join(payer.get(f"{address(link)}{stuck.public_id}/").content.decode().split())
    assert "<strong>No money has been taken" not in told
    assert f"Only part of it was taken.</strong> CardConnect took ${part:,.2f}" in told


# --- "Declined", and CardConnect took it -------------------------------------------------------


@pytest.fixture
def declined(payer, link, form, gateway, tenant):
    """CardConnect settled what we hold as declined; money match has listed it."""
    payer.post(address(link), form)
    payment = Payment.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    Payment.objects.filter(pk=payment.pk).update(status="declined", reason="No.")
    with transaction.atomic():
        Payment.objects.get().book()
    match_now(tenant)
    return Payment.objects.get()


def test_it_is_booked_with_one_click_and_once(declined, admin_user, viewer, browser_of):
    row = declined.match_rows.get()
    assert (row.bucket, row.cause) == ("theirs", "ended")
    keep = reverse("payments:match_keep", args=[row.public_id])
    assert browser_of(viewer).post(keep).status_code == 403
    browser = browser_of(admin_user)
    assert keep in browser.get(reverse("payments:match")).content.decode()
    assert "booked on" in browser.post(keep, follow=True).content.decode()
    assert "already resolved" in browser.post(keep, follow=True).content.decode()
    booked = Payment.objects.exclude(pk=declined.pk).get()
    assert (booked.retref, booked.last4, booked.status) == (declined.retref, "1111", "settled")
    assert booked.found_by_match
    declined.invoice.refresh_from_db()
    assert declined.invoice.paid == Decimal("182.50")
    entry = AuditEntry.objects.filter(action="payment.captured").latest("pk")
    assert entry.actor == admin_user
    assert agreed(declined.tenant) == {"Charges": (1, Decimal("182.50"))}
    assert not booked.match_rows.filter(handled_at=None).exists()


def test_or_it_is_given_back(declined, admin_user, browser_of, gateway):
    keep = reverse("payments:match_keep", args=[declined.match_rows.get().public_id])
    answer = browser_of(admin_user).post(keep, {"give_back": "yes"}, follow=True)
    booked = Payment.objects.exclude(pk=declined.pk).get()
    assert answer.redirect_chain[-1][0] == company_path(
        booked.tenant, "payments:give_back", booked.public_id
    )
    assert "182.50" in answer.content.decode()


# --- Refunds that nobody could settle, and those that come back --------------------------------


@pytest.fixture
def cleared(payer, link, bank_form, gateway):
    """A bank payment of $182.50, settled, paid out and cleared."""
    payer.post(address(link), bank_form)
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    gateway.sandbox.control("fund", merchid=gateway.merchid)
    payment = Payment.objects.get()
    assert payment.mark_cleared()
    return payment


def give_back(payment, actor, amount="182.50"):
    """A refund that CardConnect took."""
    refund, _ = request_refund(
        payment, amount=Decimal(amount), reason="Wrong price", actor=actor, key=uuid.uuid4()
    )
    execute.send(refund)
    refund.refresh_from_db()
    return refund


def read(tenant):
    """Read what banks returned."""
    return ach_returns.read_returns(CardConnectAccount.objects.get(tenant=tenant))


def test_a_refund_in_doubt_has_a_button_and_is_asked_about(
    cleared, admin_user, clerk, browser_of, gateway
):
    refund = give_back(cleared, admin_user, "50.00")
    Refund.objects.filter(pk=refund.pk).update(status="unknown", retref="")
    refund.refresh_from_db()
    refund.need_attention("CardConnect shows different refunds than this one.")
    ask = reverse("payments:ask_refund", args=[refund.public_id])
    page = f"/invoices/{cleared.invoice.public_id}/"
    assert ask not in browser_of(clerk).get(page).content.decode()
    assert browser_of(clerk).post(ask).status_code == 403
    browser = browser_of(admin_user)
    assert ask in browser.get(page).content.decode()
    assert "Needs attention" in browser.get("/").content.decode()
    settle_refunds()
    refund.refresh_from_db()
    assert refund.status == "needs_attention"
    assert refund.next_inquiry_at - db_now() > SLOW_PAUSES[0] - dt.timedelta(minutes=1)
    let_time_pass(refund, minutes=11)
    settle_refunds()
    refund.refresh_from_db()
    assert refund.status == "done"
    assert "on its way back" in browser.post(ask, follow=True).content.decode()


def silence(seen):
    """CardConnect gave no answer to the late look."""
    raise Unknown("no answer")


def a_decline(seen):
    """It saw the refund declined."""
    return [replace(each, respstat="C") for each in seen]


@pytest.fixture
def looked_at_late(cleared, admin_user, browser_of, monkeypatch):
    """Somebody presses **Check with CardConnect again**; before the answer is read, the sweep
    hears what became of the refund."""

    def press(state, meanwhile, late):
        refund = give_back(cleared, admin_user, "50.00")
        retref, find = refund.retref, client.find
        with transaction.atomic():
            Refund.objects.filter(pk=refund.pk).update(status=state, retref="")
            cleared.recount_refunds(Decimal("0.00"))

        def answered_late(payment, orderid):
            monkeypatch.setattr(client, "find", find)
            other = Refund.objects.select_related("payment__invoice").get(pk=refund.pk)
            assert meanwhile(other, retref)
            return late(find(payment, orderid))

        monkeypatch.setattr(client, "find", answered_late)
        asked = reverse("payments:ask_refund", args=[refund.public_id])
        page = browser_of(admin_user).post(asked, follow=True)
        assert page.status_code == 200
        refund.refresh_from_db()
        cleared.refresh_from_db()
        return refund, page.content.decode()

    return press


@pytest.mark.parametrize("state", ["unknown", "needs_attention"])
@pytest.mark.parametrize("late", [silence, a_decline])
def test_a_late_look_at_a_refund_undoes_nothing(cleared, looked_at_late, caplog, state, late):
    refund, page = looked_at_late(state, lambda other, retref: other.done(retref=retref), late)
    assert "on its way back" in page
    assert (refund.status, cleared.refunded) == ("done", Decimal("50.00"))
    assert cleared.invoice.balance == Decimal("50.00")
    assert AuditEntry.objects.filter(action="refund.done").count() == 2
    assert ("is done, but now hears otherwise" in caplog.text) is (late is not silence)


@pytest.mark.parametrize("state", ["unknown", "needs_attention"])
def test_a_refund_that_cardconnect_has_after_all_counts(cleared, looked_at_late, state):
    never = "The request never reached CardConnect."
    refund, page = looked_at_late(state, lambda other, _: other.decline(never), lambda seen: seen)
    assert "on its way back" in page
    assert (refund.status, refund.outcome, cleared.refunded) == ("done", "", Decimal("50.00"))
    assert cleared.invoice.balance == Decimal("50.00")


@pytest.mark.parametrize("funded", [False, True])
@pytest.mark.parametrize("amount", ["182.50", "60.00"])
def test_a_refund_that_comes_back_is_reversed_once(
    cleared, admin_user, browser_of, gateway, tenant, funded, amount
):
    refund = give_back(cleared, admin_user, amount)
    invoice = cleared.invoice
    invoice.refresh_from_db()
    assert invoice.paid == Decimal("182.50") - Decimal(amount)
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    if funded:
        gateway.sandbox.control("fund", merchid=gateway.merchid)
    gateway.sandbox.control("return", retref=refund.retref, code="R02")
    assert read(tenant) == 1
    gateway.sandbox.control("return", retref=refund.retref, code="R02", again=True)
    assert read(tenant) == 0
    refund.refresh_from_db()
    cleared.refresh_from_db()
    invoice.refresh_from_db()
    assert (refund.status, cleared.status, cleared.refunded) == ("returned", "cleared", 0)
    assert (invoice.status, invoice.paid) == ("paid", Decimal("182.50"))
    assert AuditEntry.objects.filter(action="refund.returned").count() == 1
    browser = browser_of(admin_user)
    for page in ("/", f"/invoices/{invoice.public_id}/"):
        words = browser.get(page).content.decode()
        assert "account is closed" in words
        assert "Pay the customer another way" in words
    assert agreed(tenant)["Returns"][0] == (2 if funded else 1)  # reported again once funded
    assert not cleared.match_rows.exists()
    assert check_everybody() == []


@pytest.mark.parametrize("status", ["cleared", "refunded"])
def test_a_status_that_denies_what_was_given_back_is_seen(cleared, admin_user, status):
    give_back(cleared, admin_user, "182.50" if status == "cleared" else "60.00")
    assert check_everybody() == []
    Payment.objects.update(status=status)
    assert {violation.invariant for violation in check_everybody()} == {8, 9}


def test_paid_another_way_counts_as_refunded(cleared, admin_user, clerk, browser_of, gateway):
    refund = give_back(cleared, admin_user, "60.00")
    assert refund.mark_returned("R02")
    repaid = reverse("payments:repaid", args=[refund.public_id])
    assert browser_of(clerk).post(repaid, {"how": "check 7"}).status_code == 403
    browser = browser_of(admin_user)
    assert browser.get(repaid).status_code == 200
    assert browser.post(repaid, {"how": ""}).status_code == 422
    for _ in range(2):
        browser.post(repaid, {"how": "check 1042"})
    refund.refresh_from_db()
    cleared.refresh_from_db()
    cleared.invoice.refresh_from_db()
    assert (refund.status, refund.outcome) == ("repaid", "check 1042")
    assert cleared.refunded == Decimal("60.00")
    assert cleared.invoice.balance == Decimal("60.00")
    assert AuditEntry.objects.get(action="refund.repaid").actor == admin_user
    assert "Came back" not in browser.get("/").content.decode()
    assert not refund.mark_returned("R02")
    assert check_everybody() == []


def test_what_was_refunded_again_meanwhile_is_not_paid_twice(cleared, admin_user, gateway):
    refund = give_back(cleared, admin_user)
    gateway.sandbox.control("return", retref=refund.retref, code="R23")
    assert refund.mark_returned("R23")
    again = give_back(cleared, admin_user)
    assert again.status == "done"
    with pytest.raises(CannotRefund, match=r"Only \$0.00 is left"):
        refund.repay("check", actor=admin_user)
    assert not Refund.objects.for_people().exists()


def test_a_refund_made_elsewhere_brings_no_payment_back(cleared, admin_user, gateway, tenant):
    refund = give_back(cleared, admin_user, "60.00")
    Refund.objects.filter(pk=refund.pk).update(retref="elsewhere")
    gateway.sandbox.control("return", retref=refund.retref, code="R02")
    assert read(tenant) == 0
    cleared.refresh_from_db()
    assert cleared.status == "cleared"
