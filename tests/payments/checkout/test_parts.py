"""Paying a part: what may be chosen, what is charged, what stays to pay, what everybody is told."""

import uuid
from decimal import Decimal

import pytest
from bs4 import BeautifulSoup

from audit.models import AuditEntry
from invoices.models import Invoice
from payments.checkout import amounts
from payments.models import Authorization, Payment, payment_state
from tests.conftest import signed_in
from tests.factories import make_invoice, make_link
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import address
from tests.race import run_together
from textpay.pages.status_summary import status_summary, with_status_summary

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_parts(tenant):
    tenant.partial_payments = True
    tenant.save()
    return tenant


def part(form, amount, balance="182.50"):
    """The form of somebody who chose another amount."""
    return form | {"key": str(uuid.uuid4()), "amount": amount, "balance": balance}


def soup_of(answer):
    return BeautifulSoup(answer.content, "html.parser")


def asked(answer):
    """The amount in the sentence, on the button and in the form."""
    soup = soup_of(answer)
    return (
        soup.select_one('[data-sentence="card"] [data-part="amount"]').text,
        soup.select_one("#form button").text,
        soup.find("input", {"name": "amount", "type": "hidden"})["value"],
    )


def test_a_part_is_charged_booked_and_told(payer, link, form, gateway, in_parts):
    answer = payer.post(address(link), part(form, "50.00"), follow=True)
    assert [charge["amount"] for charge in gateway.taken()] == ["50.00"]
    payment, evidence = Payment.objects.get(), Authorization.objects.get()
    assert (payment.amount, payment.status) == (Decimal("50.00"), "captured")
    assert evidence.amount == payment.amount
    assert "to charge $50.00 USD once" in evidence.text
    words = words_of(answer)
    assert "$132.50 is left to pay" in words
    assert "Remaining balance $132.50" in words
    assert "Pay the remaining $132.50" in words
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.paid, invoice.balance) == (
        "open", Decimal("50.00"), Decimal("132.50"),
    )  # fmt: skip
    link.refresh_from_db()
    assert link.status == "live"
    page = payer.get(address(link))
    assert "$50.00 of $182.50 is paid. $132.50 is left to pay." in words_of(page)
    assert asked(page) == ("$132.50 USD", "Pay $132.50", "132.50")


def test_parts_add_up_to_paid(payer, link, form, gateway, in_parts):
    for amount, balance in (("50", "182.50"), ("$112.50", "132.50"), ("20.00", "20.00")):
        assert payer.post(address(link), part(form, amount, balance)).status_code == 302
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.balance) == ("paid", Decimal("0.00"))
    assert [c["amount"] for c in gateway.taken()] == ["50.00", "112.50", "20.00"]
    booked = Payment.objects.booked()
    assert {p.retref: f"{p.amount}" for p in booked} == {
        c["retref"]: c["amount"] for c in gateway.taken()
    }
    assert booked.booked_total() == invoice.total
    link.refresh_from_db()
    assert link.status == "closed"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("182.51", "Enter $182.50 or less"),
        ("5000", "Enter $182.50 or less"),
        ("19.99", "Enter $20.00 or more"),
        ("0", "Enter $20.00 or more"),
        ("-50", "Enter an amount in dollars and cents"),
        ("50.005", "Enter an amount in dollars and cents"),
        ("1e2", "Enter an amount in dollars and cents"),
        ("fifty", "Enter an amount in dollars and cents"),
        ("٥٠", "Enter an amount in dollars and cents"),
        ("", "Enter an amount in dollars and cents"),
    ],
)
def test_an_amount_that_may_not_be_is_explained(
    payer, link, form, gateway, in_parts, amount, words
):
    answer = payer.post(address(link), part(form, amount))
    assert answer.status_code == 422
    soup = soup_of(answer)
    assert soup.select_one("#other-error [data-words]").text.startswith(words)
    assert soup.select_one('#fixes a[href="#other"]')
    assert asked(answer) == ("$182.50 USD", "Pay $182.50", "182.50")
    assert gateway.charges() == []
    assert not Payment.objects.exists()
    if amount:
        shown = payer.get(address(link), {"pay": "other", "amount": amount})
        assert words in soup_of(shown).find(id="other-error").text


def test_the_choice_works_without_scripts(payer, link, in_parts):
    page = payer.get(address(link), {"pay": "other", "amount": "50"})
    assert asked(page) == ("$50.00 USD", "Pay $50.00", "50.00")
    assert "You pay $50.00 now. $132.50 is left to pay." in words_of(page)
    choice = soup_of(page).find(id="choice")
    assert choice["method"] == "get"
    assert choice.find("input", {"value": "other"}).has_attr("checked")
    assert choice.find(id="other")["value"] == "50.00"
    full = payer.get(address(link), {"pay": "full", "amount": "50"})
    assert asked(full) == ("$182.50 USD", "Pay $182.50", "182.50")
    assert asked(payer.get(address(link), {"pay": "other", "amount": "182.5"})) == asked(full)


def test_only_where_the_company_allows_it(payer, link, form, gateway):
    page = payer.get(address(link), {"pay": "other", "amount": "50"})
    assert "Pay another amount" not in words_of(page)
    assert asked(page) == ("$182.50 USD", "Pay $182.50", "182.50")
    answer = payer.post(address(link), part(form, "50.00"))
    assert answer.status_code == 422
    assert "out of date" in words_of(answer)
    assert gateway.charges() == []


def test_a_page_from_before_it_was_switched_off_charges_nothing(
    payer, link, form, gateway, in_parts
):
    in_parts.partial_payments = False
    in_parts.save()
    assert payer.post(address(link), part(form, "50.00")).status_code == 422
    assert gateway.charges() == []


@pytest.mark.parametrize("balance", ["20.00", "19.99", "1.00"])
def test_what_is_below_the_minimum_is_paid_in_full(payer, tenant, form, gateway, in_parts, balance):
    link = make_link(make_invoice(tenant, total=balance))
    assert "Pay another amount" not in words_of(payer.get(address(link)))
    assert payer.post(address(link), part(form, balance, balance)).status_code == 302
    assert [charge["amount"] for charge in gateway.taken()] == [balance]


@pytest.mark.parametrize(
    ("total", "told"), [("214.00", "Added + $31.50"), ("100.00", "Taken off −$82.50")]
)
@pytest.mark.parametrize("amount", ["182.50", "50.00"])
def test_a_balance_that_changed_is_shown_and_agreed_to_anew(
    payer, link, form, gateway, in_parts, amount, total, told
):
    line = {"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal(total)}
    link.invoice.revise(lines=[line], tax=Decimal("0.00"), actor=None, read_payments=payment_state)
    answer = payer.post(address(link), part(form, amount))
    assert answer.status_code == 409
    words = words_of(answer)
    assert "The amount changed while you were here" in words
    assert f"You saw $182.50 {told} Now ${total}" in words
    assert not soup_of(answer).find(id="agree").has_attr("checked")
    assert gateway.charges() == []
    now = total if amount == "182.50" else amount
    assert asked(answer) == (f"${now} USD", f"Pay ${now}", now)
    assert payer.post(address(link), part(form, now, total)).status_code == 302
    assert [charge["amount"] for charge in gateway.taken()] == [now]


def test_a_second_phone_that_saw_the_old_balance_is_told(payer, link, form, gateway, in_parts):
    payer.post(address(link), part(form, "50.00"))
    answer = payer.post(address(link), part(form, "50.00"))
    assert answer.status_code == 409
    assert "You saw $182.50 Taken off −$50.00 Now $132.50" in words_of(answer)
    assert len(gateway.charges()) == 1


def test_a_second_attempt_while_the_first_is_open_is_refused(payer, link, form, gateway, in_parts):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), part(form, "50.00"))
    answer = payer.post(address(link), part(form, "60.00"))
    assert answer.status_code == 409
    assert "Please do not pay again." in words_of(answer)
    assert len(gateway.charges()) == 1


@pytest.mark.django_db(transaction=True)
def test_ten_phones_at_once_never_pay_more_than_the_bill(
    live_server, link, form, gateway, in_parts
):
    from tests.payments.checkout.test_races import post  # noqa: PLC0415  its own marks stay there

    calls = [post(live_server, link, part(form, "100.00")) for _ in range(10)]
    statuses = sorted(answer.status_code for answer in run_together(*calls))
    assert statuses == [302] + [409] * 9
    assert [charge["amount"] for charge in gateway.taken()] == ["100.00"]
    assert Invoice.objects.get().balance == Decimal("82.50")


def test_a_declined_part_may_be_tried_again(payer, link, form, gateway, in_parts):
    entered = part(form, "50.00") | {"token": gateway.token("4387751111111053")}
    answer = payer.post(address(link), entered, follow=True)
    assert "Your card was declined" in words_of(answer)
    assert asked(answer) == ("$50.00 USD", "Pay $50.00", "50.00")
    assert Invoice.objects.get().paid == 0


def test_a_bank_payment_of_a_part_is_never_called_paid(
    payer, link, bank_form, form, gateway, in_parts
):
    answer = payer.post(address(link), part(bank_form, "50.00"), follow=True)
    words = words_of(answer)
    assert "$132.50 is left to pay" in words
    page = words_of(payer.get(address(link)))
    assert "A bank payment of $50.00 is on its way. $132.50 is left to pay." in page
    assert "is paid" not in page
    told = status_summary(with_status_summary(Invoice.objects.all()).get())
    assert (told.words, told.detail) == (
        "Bank payment started", "$50.00 of $182.50 paid or started",
    )  # fmt: skip
    answer = payer.post(address(link), part(form, "132.50", "132.50"), follow=True)
    assert "Together with a bank payment of $50.00 that is on its way" in words_of(answer)
    assert Invoice.objects.get().status == "pending"


def test_staff_see_partly_paid(payer, link, form, gateway, in_parts, clerk):
    payer.post(address(link), part(form, "50.00"))
    office = signed_in(clerk)
    for path in ("/invoices/", f"/invoices/{link.invoice.public_id}/"):
        words = words_of(office.get(path))
        assert "Partly paid" in words
    assert "$132.50 Balance of $182.50" in words
    assert "$50.00 of $182.50 paid" in words_of(office.get("/invoices/"))


def test_the_number_of_queries_stays_fixed_after_a_part(
    payer, link, form, gateway, in_parts, django_assert_max_num_queries
):
    payer.post(address(link), part(form, "50.00"))
    with django_assert_max_num_queries(10):
        payer.get(address(link))


def test_the_company_decides(admin_user, clerk, tenant):
    office = signed_in(admin_user)
    entered = {"partial_payments": "on", "partial_minimum": "35.00"}
    assert signed_in(clerk).post("/settings/payments/", entered).status_code == 403
    assert office.post("/settings/payments/", entered).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.partial_payments, tenant.partial_minimum) == (True, Decimal("35.00"))
    entry = AuditEntry.objects.filter(subject=tenant.audit_subject).latest("id")
    assert (entry.action, entry.actor) == ("tenant.edited", admin_user)
    assert set(entry.data["fields"]) == {"partial_payments", "partial_minimum"}
    for wrong in ("", "0", "0.99", "-5", "20.001", "much"):
        answer = office.post("/settings/payments/", entered | {"partial_minimum": wrong})
        assert answer.status_code == 422
    tenant.refresh_from_db()
    assert tenant.partial_minimum == Decimal("35.00")


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("50", "50.00"), (" $1,050.5 ", "1050.50"), ("0.10", "0.10"), ("1234567.89", "1234567.89")],
)
def test_amounts_are_read_exactly(typed, amount):
    assert amounts.read(typed) == Decimal(amount)
    assert f"{amounts.read(typed)}" == amount
