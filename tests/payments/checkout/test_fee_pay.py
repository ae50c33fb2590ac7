"""Paying with a surcharge: what is charged is what was agreed to, or nothing."""

from decimal import Decimal

import pytest

from payments.activation import disable_text_to_pay, enable_text_to_pay
from payments.checkout import surcharge
from payments.checkout.surcharge import NOT_TOLD
from payments.models import Authorization, Payment
from tests.conftest import ScopedClient, signed_in
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import address, sweep_after

pytestmark = pytest.mark.django_db
DEBIT = "4222222222222204"
RESTRICTED = "06101"


@pytest.fixture
def fee_form(form, surcharged):
    """What the page posts once the surcharge is known."""
    return form | {"postal": "85003", "fee": "5.48", "balance": "182.50"}


def ask(payer, link, form, **other):
    asked = {name: form[name] for name in ("token", "postal", "amount")} | other
    return payer.post(f"{address(link)}fee/", asked)


def taken(gateway):
    return [charge["amount"] for charge in gateway.taken()]


def test_a_surcharge_account_is_learned_and_said(
    tenant, support, admin_user, payer, link, gateway, with_fee
):
    disable_text_to_pay(tenant, support)
    account = with_fee()
    assert enable_text_to_pay(tenant, support)
    account.refresh_from_db()
    assert (account.fee_type, account.fee_format, account.fee_value) == ("S", "percent", 3)
    told = "This merchant account adds a surcharge of 3% on credit cards."
    assert told in words_of(signed_in(admin_user).get("/settings/payments/"))
    admin = signed_in(support).get(f"/admin/tenants/tenant/{tenant.pk}/change/")
    assert told in words_of(admin)
    assert "Card billing ZIP code" in words_of(payer.get(address(link)))


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [("flat", "2.50", "a surcharge of $2.50 on credit cards"), ("percent", "2.75", "of 2.75% on")],
)
def test_every_shape_in_words(surcharged, shape, value, words):
    surcharged.set_fee("S", shape, Decimal(value))
    assert words in surcharged.fee_words


def test_the_charged_total_is_the_one_agreed_to(payer, link, fee_form, gateway):
    told = ask(payer, link, fee_form).json()
    assert told == {"amount": "182.50", "fee": "5.48", "total": "187.98", "words": ""}
    page = words_of(payer.post(address(link), fee_form, follow=True))
    payment, authorization = Payment.objects.get(), Authorization.objects.get()
    assert taken(gateway) == ["187.98"]
    assert (payment.status, payment.amount) == ("captured", Decimal("182.50"))
    assert authorization.amount == Decimal("187.98")
    assert "$187.98 USD (including a surcharge of $5.48)" in authorization.text
    assert authorization.version == "card-surcharge-en-1"
    assert all(line in page for line in ("Amount $182.50", "Surcharge $5.48", "Total $187.98 USD"))
    link.invoice.refresh_from_db()
    assert (link.invoice.paid, link.invoice.status) == (Decimal("182.50"), "paid")


def test_staff_see_amount_surcharge_and_total(payer, link, fee_form, admin_user):
    payer.post(address(link), fee_form)
    browser = signed_in(admin_user)
    invoice = words_of(browser.get(f"/invoices/{link.invoice.public_id}/"))
    assert "$182.50 + $5.48 surcharge = $187.98" in invoice
    assert "Total charged $187.98" in invoice
    assert "+ $5.48 surcharge = $187.98" in words_of(browser.get("/payments/"))
    payment = Payment.objects.get()
    assert browser.get(f"/api/v1/payments/{payment.public_id}/").json()["fee"] == "5.48"


@pytest.mark.parametrize(
    ("card", "postal", "words"),
    [
        (DEBIT, "85003", "No surcharge on debit cards."),
        ("", RESTRICTED, "No surcharge in this ZIP code."),
    ],
)
def test_no_surcharge_on_debit_cards_and_where_it_is_not_allowed(
    payer, link, fee_form, gateway, card, postal, words
):
    fee_form |= {"postal": postal, "fee": "0.00"}
    fee_form |= {"token": gateway.token(card)} if card else {}
    told = ask(payer, link, fee_form).json()
    assert (told["total"], told["words"]) == ("182.50", words)
    page = payer.post(address(link), fee_form, follow=True)
    assert taken(gateway) == ["182.50"]
    assert Authorization.objects.get().version == "card-en-1"
    assert "Surcharge" not in words_of(page)


def test_a_bank_payment_has_none(payer, link, bank_form, surcharged, gateway):
    payer.post(address(link), bank_form | {"fee": "5.48", "postal": "85003"})
    assert (Payment.objects.get().fee, taken(gateway)) == (0, ["182.50"])


def test_a_part_carries_its_own_surcharge(payer, link, fee_form, gateway, tenant):
    tenant.partial_payments = True
    tenant.save()
    fee_form["amount"] = "50.00"
    fee_form["fee"] = ask(payer, link, fee_form).json()["fee"]
    payer.post(address(link), fee_form)
    assert taken(gateway) == ["51.50"]
    link.invoice.refresh_from_db()
    assert link.invoice.balance == Decimal("132.50")


@pytest.mark.parametrize(
    ("change", "new"), [({"postal": RESTRICTED}, "$182.50"), ({"fee": "1.00"}, "$187.98")]
)
def test_another_total_than_agreed_is_asked_again(payer, link, fee_form, gateway, change, new):
    answer = payer.post(address(link), fee_form | change)
    page = words_of(answer)
    assert answer.status_code == 409
    assert "No money has been taken. The surcharge on your card has changed." in page
    assert f"Now {new}" in page
    assert not Payment.objects.exists()
    assert gateway.charges() == []


def test_a_fee_that_changed_while_the_page_was_open(payer, link, fee_form, gateway, with_fee):
    with_fee("S", "4.00")
    page = words_of(payer.post(address(link), fee_form))
    assert "You saw $187.98 Added + $1.82 Now $189.80" in page
    with_fee("N", "0")
    assert "Now $182.50" in words_of(payer.post(address(link), fee_form))
    assert gateway.charges() == []


def test_a_fee_that_changes_between_question_and_charge_is_given_back(
    payer, link, fee_form, gateway, with_fee, monkeypatch
):
    agreed = surcharge.agreed

    def slow(*args, **kwargs):
        fee = agreed(*args, **kwargs)
        with_fee("S", "4.00")
        return fee

    monkeypatch.setattr(surcharge, "agreed", slow)
    page = words_of(payer.post(address(link), fee_form, follow=True))
    payment = Payment.objects.get()
    assert payment.status == "declined"
    assert "approved $189.80 instead of $187.98, so we canceled the payment" in page
    assert gateway.taken() == []


def test_nothing_moves_when_nobody_can_tell_the_surcharge(payer, link, fee_form, gateway):
    gateway.fault("surcharge", "http_500", times=2)
    answer = ask(payer, link, fee_form)
    assert (answer.status_code, answer.json()["problem"]) == (503, NOT_TOLD)
    answer = payer.post(address(link), fee_form)
    assert answer.status_code == 409
    assert f"No money has been taken. {NOT_TOLD}" in words_of(answer)
    assert not Payment.objects.exists()
    assert payer.post(address(link), fee_form).status_code == 302


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"postal": ""}, "Enter the 5 digits"),
        ({"postal": "8500"}, "Enter the 5 digits"),
        ({"postal": "٨٥٠٠٣"}, "Enter the 5 digits"),
        ({"fee": ""}, "Wait for the total with its surcharge"),
        ({"fee": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_is_missing_is_said(payer, link, fee_form, gateway, change, words):
    answer = payer.post(address(link), fee_form | change)
    assert answer.status_code == 422
    assert words in words_of(answer)
    assert gateway.charges() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "4111111111111111"}, 400),
        ({"token": "x"}, 422),
        ({"postal": "1"}, 422),
        ({"amount": "500.00"}, 422),
        ({"amount": "1e3"}, 422),
    ],
)
def test_the_question_is_checked(payer, link, fee_form, change, status):
    assert ask(payer, link, fee_form, **change).status_code == status


def test_the_question_has_its_limits(payer, link, fee_form, gateway, surcharged):
    assert payer.post(f"/p/{'x' * 22}/fee/", {}).status_code == 404
    assert payer.get(f"{address(link)}fee/").status_code == 405
    answers = [ask(payer, link, fee_form, postal="x").status_code for _ in range(31)]
    assert (answers[29], answers[30]) == (422, 429)
    surcharged.set_fee("N", "", Decimal(0))
    surcharged.save_fee()
    assert ask(payer, link, fee_form).status_code == 409


def test_the_question_needs_our_own_page(link, fee_form):
    strict = ScopedClient(enforce_csrf_checks=True)
    assert ask(strict, link, fee_form).status_code == 403


def test_a_surcharge_we_did_not_know_of_is_learned(payer, link, form, gateway, with_fee):
    account = with_fee()
    page = payer.post(address(link), form, follow=True)  # the gateway wants a ZIP code
    assert Payment.objects.get().status == "declined"
    assert "No money has been taken." in words_of(page)
    assert gateway.taken() == []
    account.refresh_from_db()
    assert account.has_surcharge
    assert "Card billing ZIP code" in words_of(payer.get(address(link)))


def test_a_double_click_charges_once(payer, link, fee_form, gateway):
    first = payer.post(address(link), fee_form)
    gateway.fault("surcharge", "http_500")
    second = payer.post(address(link), fee_form)
    assert first["Location"] == second["Location"]
    assert taken(gateway) == ["187.98"]


@pytest.mark.parametrize("fault", ["drop_after", "http_500_after"])
def test_an_unknown_outcome_is_found_with_its_surcharge(payer, link, fee_form, gateway, fault):
    gateway.fault("auth", fault)
    payer.post(address(link), fee_form)
    payment = Payment.objects.get()
    assert payment.status == "unknown"
    payment = sweep_after(payment, 100)
    assert (payment.status, payment.total) == ("captured", Decimal("187.98"))
    assert taken(gateway) == ["187.98"]
