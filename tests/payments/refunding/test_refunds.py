"""Voids and refunds: who may, how much, once, and what the gateway's own books say."""

import datetime as dt
import re
import threading
import uuid
from decimal import Decimal

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from customers.models import Customer
from payments.gateway import client
from payments.models import Payment, Refund
from payments.refunding import execute
from payments.refunding.receipt import compose
from payments.refunding.request import request_refund
from payments.staff.forms import StepUpForm
from payments.tasks import settle_refunds
from tenants.models import User
from tests.addresses import reverse
from tests.factories import PASSWORD
from tests.payments.conftest import address, check_everybody
from tests.race import run_together

pytestmark = pytest.mark.django_db


def ask(browser, payment, amount="182.50", **more):
    """Ask for money back as the dialog does."""
    data = {
        "key": str(uuid.uuid4()),
        "amount": amount,
        "reason": "Charged twice",
        "confirm_password": PASSWORD,
        **more,
    }
    return browser.post(reverse("payments:give_back", args=[payment.public_id]), data, follow=True)


def said(answer):
    """All words of the page."""
    return answer.content.decode()


def later(refund, seconds=120):
    """Let it have been sent that long ago, and run the sweep."""
    moment = refund.requested_at - dt.timedelta(days=365)
    Refund.objects.filter(pk=refund.pk).update(
        claimed_at=moment, sent_at=moment, next_inquiry_at=None
    )
    settle_refunds()
    refund.refresh_from_db()
    return refund


def actions():
    """The history, oldest first."""
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_a_void_before_settlement_charges_nobody(paid, admin_user, browser_of, gateway):
    answer = ask(browser_of(admin_user), paid)
    assert "Voided. Visa ending 1111 will not be charged $182.50." in said(answer)
    paid.refresh_from_db()
    invoice = paid.invoice
    assert (paid.status, invoice.status, invoice.balance) == ("voided", "open", Decimal("182.50"))
    assert Customer.objects.get(pk=invoice.customer_id).balance == Decimal("182.50")
    assert gateway.taken() == []
    [refund] = Refund.objects.all()
    assert (refund.kind, refund.status, refund.requested_by) == ("void", "done", admin_user)
    assert {"refund.pending", "refund.done", "payment.voided", "invoice.open"} <= set(actions())


def test_a_void_asks_for_no_amount(paid, admin_user, browser_of, gateway):
    browser = browser_of(admin_user)
    dialog = said(browser.get(reverse("payments:give_back", args=[paid.public_id])))
    assert '<input type="hidden" name="amount" value="182.50"' in dialog
    assert re.search(r"Amount</p>\s*<p[^>]*>\$182\.50</p>", dialog)


def test_a_part_before_settlement_is_refused_in_words(paid, admin_user, browser_of, gateway):
    answer = ask(browser_of(admin_user), paid, "50.00")
    assert answer.status_code == 422
    assert "only the full amount can be voided now" in said(answer)
    assert not Refund.objects.exists()
    assert len(gateway.taken()) == 1


def test_refunds_in_parts_end_with_all_of_it(settled, admin_user, browser_of, gateway):
    browser = browser_of(admin_user)
    assert "$82.50 is on its way back" in said(ask(browser, settled, "82.50"))
    settled.refresh_from_db()
    assert (settled.status, settled.refunded) == ("settled", Decimal("82.50"))
    assert settled.invoice.balance == Decimal("82.50")
    page = said(browser.get(f"/invoices/{settled.invoice.public_id}/"))
    assert "Refund of $82.50: Completed" in page
    assert "$82.50 refunded" not in page  # that would be the same once more
    too_much = ask(browser, settled, "100.01")
    assert "At most $100.00 of this payment can be refunded." in said(too_much)
    ask(browser, settled, "100.00")
    settled.refresh_from_db()
    assert (settled.status, settled.left, settled.invoice.paid) == ("refunded", 0, 0)
    refunds = gateway.charges(kind="refund")
    assert sorted(row["amount"] for row in refunds) == ["100.00", "82.50"]
    assert {row["retref"] for row in refunds} == set(
        Refund.objects.values_list("retref", flat=True)
    )
    assert "nothing to refund" in said(ask(browser, settled, "1.00"))


def test_the_customer_gets_a_receipt_once(settled, admin_user, browser_of):
    ask(browser_of(admin_user), settled, "82.50")
    for _ in range(2):
        settle_refunds()
    [letter] = mail.outbox
    assert letter.to == ["dana@whitfield.example"]
    assert "$82.50" in letter.subject
    assert "$82.50 USD is on its way back to Visa ending 1111" in letter.body
    assert "Reason: Charged twice" in letter.body
    number = settled.invoice.number
    assert f"The balance of invoice {number} is now $82.50 USD." in letter.body
    assert actions().count("refund.receipt_sent") == 1


def test_a_receipt_without_an_open_balance_speaks_of_none(settled, admin_user, browser_of):
    Payment.objects.filter(pk=settled.pk).update(amount=Decimal("382.50"))
    with transaction.atomic():
        settled.book()
    settled.invoice.refresh_from_db()
    refund, _ = request_refund(
        settled, amount=Decimal("100.00"), reason="Overpaid", actor=admin_user, key=uuid.uuid4()
    )
    refund.done()
    assert "balance" not in compose(Refund.objects.get()).body


def test_the_same_form_twice_is_one_refund(settled, admin_user, browser_of, gateway):
    key = str(uuid.uuid4())
    for _ in range(3):
        ask(browser_of(admin_user), settled, "40.00", key=key)
    assert len(gateway.charges(kind="refund")) == 1
    assert Refund.objects.count() == 1


def test_office_and_viewer_and_stranger_may_not(
    settled, clerk, viewer, stranger, browser_of, gateway
):
    for person, status in ((clerk, 403), (viewer, 403), (stranger, 404)):
        browser = browser_of(person)
        assert ask(browser, settled).status_code == status
        page = browser.get(f"/invoices/{settled.invoice.public_id}/").content.decode()
        assert "/give-back/" not in page
    assert gateway.charges(kind="refund") == []
    assert not Refund.objects.exists()


def test_a_wrong_password_moves_nothing_and_six_lock(settled, admin_user, browser_of, gateway):
    browser = browser_of(admin_user)
    for _ in range(5):
        answer = ask(browser, settled, confirm_password="guess")
        assert "That is not your password." in said(answer)
    assert "Too many wrong passwords" in said(ask(browser, settled))
    assert gateway.charges(kind="refund") == []


def test_a_right_password_is_no_wrong_one(admin_user):
    for _ in range(6):
        assert StepUpForm({"confirm_password": PASSWORD}, user=admin_user).is_valid()


@pytest.mark.django_db(transaction=True)
def test_of_thirty_wrong_passwords_at_once_five_are_checked(admin_user, monkeypatch):
    """No check ends before every try has been let through to it or refused."""
    refused = "Too many wrong passwords. Wait five minutes."
    all_decided = threading.Barrier(30, timeout=60)
    check_password = User.check_password

    def check(user, password):
        all_decided.wait()
        return check_password(user, password)

    def guess():
        form = StepUpForm({"confirm_password": "guess"}, user=admin_user)
        [error] = form.errors["confirm_password"]
        if error == refused:
            all_decided.wait()
        return error

    monkeypatch.setattr(User, "check_password", check)
    answers = run_together(*[guess] * 30)
    assert sorted(answers) == ["That is not your password."] * 5 + [refused] * 25


def test_a_card_number_in_the_reason_is_refused(settled, admin_user, browser_of):
    answer = ask(browser_of(admin_user), settled, reason="card 4111 1111 1111 1111")
    assert answer.status_code == 422
    assert not Refund.objects.exists()


@pytest.mark.parametrize("fault", ["drop_after", "truncated", "http_500_after"])
def test_a_lost_answer_is_asked_about_and_never_sent_again(
    settled, admin_user, browser_of, gateway, fault
):
    gateway.fault("refund", fault)
    answer = ask(browser_of(admin_user), settled, "50.00")
    assert "Do not try again" in said(answer)
    refund = Refund.objects.get()
    assert refund.status == "unknown"
    assert "is still open" in said(ask(browser_of(admin_user), settled, "50.00"))
    later(refund)
    assert refund.status == "done"
    assert [row["retref"] for row in gateway.charges(kind="refund")] == [refund.retref]


@pytest.mark.parametrize("fault", ["drop_before", "http_503"])
def test_a_refund_that_never_arrived_is_told_so(settled, admin_user, browser_of, gateway, fault):
    gateway.fault("refund", fault)
    ask(browser_of(admin_user), settled, "50.00")
    refund = Refund.objects.get()
    settle_refunds()
    refund.refresh_from_db()
    assert refund.status == "unknown"  # too early to believe "not found"
    assert later(refund).status == "declined"
    assert "No money has moved" in refund.outcome_message
    assert gateway.charges(kind="refund") == []
    ask(browser_of(admin_user), settled, "50.00")
    assert len(gateway.charges(kind="refund")) == 1


@pytest.mark.parametrize("fault", ["drop_after", "http_500_after"])
def test_a_void_whose_answer_was_lost_ends_once(paid, admin_user, browser_of, gateway, fault):
    gateway.fault("void", fault)
    ask(browser_of(admin_user), paid)
    refund = Refund.objects.get()
    assert refund.status == "unknown"
    assert later(refund).status == "done"
    paid.refresh_from_db()
    assert paid.status == "voided"
    assert gateway.taken() == []


def test_a_batch_that_closed_meanwhile_turns_the_void_into_a_refund(
    paid, admin_user, browser_of, gateway
):
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    gateway.fault("inquire", "http_500")
    ask(browser_of(admin_user), paid)
    [refund] = Refund.objects.all()
    assert (refund.kind, refund.status) == ("refund", "done")
    paid.refresh_from_db()
    assert paid.status == "refunded"
    assert len(gateway.charges(kind="refund")) == 1


def test_a_void_of_what_we_held_as_settled_opens_the_bill_again(
    paid, admin_user, browser_of, gateway
):
    """We took it for settled, the gateway has not settled it: all of it is voided instead."""
    paid.mark_settled()
    answer = ask(browser_of(admin_user), paid)
    assert "Voided. Visa ending 1111 will not be charged $182.50." in said(answer)
    [refund] = Refund.objects.all()
    paid.refresh_from_db()
    assert (refund.kind, refund.status, paid.status) == ("void", "done", "voided")
    assert (paid.invoice.status, paid.invoice.balance) == ("open", Decimal("182.50"))
    assert gateway.taken() == []
    assert {violation.words for violation in check_everybody()} == set()


def test_a_void_of_a_bank_payment_we_held_as_cleared_opens_the_bill_again(
    payer, link, bank_form, admin_user, browser_of, gateway
):
    payer.post(address(link), bank_form)
    started = Payment.objects.get()
    started.mark_cleared()
    assert "Voided. Checking ending 4412" in said(ask(browser_of(admin_user), started))
    started.refresh_from_db()
    assert (started.status, started.invoice.status) == ("voided", "open")
    assert (started.invoice.balance, gateway.taken()) == (Decimal("182.50"), [])


def test_a_void_that_cannot_move_its_payment_needs_a_person(paid, admin_user, browser_of, gateway):
    gateway.fault("void", "drop_after")
    browser = browser_of(admin_user)
    ask(browser, paid)
    assert Payment.objects.get().reject("Refused")
    refund = later(Refund.objects.get())
    paid.refresh_from_db()
    assert (refund.status, paid.status) == ("needs_attention", "rejected")
    assert (
        "CardConnect voided it, but the payment here is rejected at settlement."
        in refund.outcome_message
    )
    assert refund.outcome in said(browser.get("/"))
    assert "will not be charged" not in said(browser.get(f"/invoices/{paid.invoice.public_id}/"))
    assert later(refund).status == "needs_attention"
    assert actions().count("refund.needs_attention") == 1


def test_two_who_find_the_void_too_late_refund_once(
    paid, admin_user, browser_of, gateway, monkeypatch
):
    gateway.fault("void", "drop_before")
    ask(browser_of(admin_user), paid)
    refund = Refund.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    inquire = client.inquire

    def answered_late(payment):
        """Meanwhile another worker asks as well, and refunds."""
        monkeypatch.setattr(client, "inquire", inquire)
        seen = inquire(payment)
        assert later(refund).status == "done"
        return seen

    monkeypatch.setattr(client, "inquire", answered_late)
    execute.inquire(Refund.objects.select_related("payment__tenant__cardconnect").get())
    assert [charge["respstat"] for charge in gateway.charges(kind="refund")] == ["A"]
    paid.refresh_from_db()
    assert paid.status == "refunded"


def test_a_refund_that_grew_out_of_a_void_has_its_own_time_to_arrive(
    paid, admin_user, browser_of, gateway
):
    gateway.fault("void", "drop_before")
    ask(browser_of(admin_user), paid)
    refund = Refund.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    gateway.fault("refund", "drop_before")
    later(refund)
    assert (refund.kind, refund.status) == ("refund", "unknown")
    Refund.objects.update(next_inquiry_at=None)
    settle_refunds()
    refund.refresh_from_db()
    assert refund.status == "unknown"  # too early to believe "not found"
    assert later(refund).status == "declined"
    assert gateway.charges(kind="refund") == []


def test_a_crash_before_the_call_is_settled_by_asking(settled, admin_user, gateway):
    refund, _ = request_refund(
        settled, amount=Decimal("10.00"), reason="x", actor=admin_user, key=uuid.uuid4()
    )
    assert later(refund).status == "declined"
    assert gateway.charges(kind="refund") == []


def test_what_went_back_shows_where_the_payer_looks(settled, admin_user, browser_of, payer, link):
    ask(browser_of(admin_user), settled)
    page = payer.get(f"{address(link)}{settled.public_id}/").content.decode()
    assert "This payment was refunded" in page
    assert "<td>−$182.50</td>" in page


def test_a_part_that_went_back_is_on_the_receipt(settled, admin_user, browser_of, payer, link):
    ask(browser_of(admin_user), settled, "45.50")
    page = payer.get(f"{address(link)}{settled.public_id}/").content.decode()
    assert "Paid. Thank you" in page
    assert "<td>−$45.50</td>" in page
    # The other $137.00 were taken and kept.
    page = payer.get(address(link)).content.decode()
    assert "This link is closed" in page
    assert "no money has been taken" not in page.lower()


def test_the_administrator_sets_the_limit_and_it_is_noted(tenant, admin_user, clerk, browser_of):
    page = reverse("tenants:money_back")
    wanted = {"refund_release_over": "250.00", "ach_clear_days": "6"}
    form = {**wanted, "confirm_password": PASSWORD}
    assert browser_of(clerk).post(page, form).status_code == 403
    browser = browser_of(admin_user)
    assert browser.post(page, {**form, "ach_clear_days": "-1"}).status_code == 422
    browser.post(page, form)
    tenant.refresh_from_db()
    assert (tenant.refund_release_over, tenant.ach_clear_days) == (Decimal("250.00"), 6)
    entry = AuditEntry.objects.get(action="tenant.edited")
    assert set(entry.data["fields"]) == set(wanted)


def test_the_invoice_page_takes_the_same_queries_for_one_refund_and_for_four(
    settled, admin_user, browser_of, django_assert_num_queries
):
    browser = browser_of(admin_user)
    page = f"/invoices/{settled.invoice.public_id}/"
    ask(browser, settled, "1.00")
    browser.get(page)
    with CaptureQueriesContext(connection) as one:
        browser.get(page)
        count = len(one)
    for _ in range(3):
        ask(browser, settled, "1.00")
    browser.get(page)
    with django_assert_num_queries(count):
        answer = browser.get(page)
    assert said(answer).count("Refund of $1.00") == 4
    assert count <= 14
