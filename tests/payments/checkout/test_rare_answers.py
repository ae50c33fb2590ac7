"""What CardConnect seldom says about a charge: nothing is booked that is not ours, nothing lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from invoices.models import Invoice
from payments.checkout import charge as charging
from payments.checkout import open_tracking, surcharge
from payments.gateway import client
from payments.gateway.client import NotSent, Unknown
from payments.gateway.responses import Approved
from payments.models import CardConnectAccount, Payment
from tests.factories import make_invoice, make_link
from tests.payments.conftest import address, sweep_after

pytestmark = pytest.mark.django_db
FULL = Decimal("182.50")


def approved(retref, amount=FULL, **more):
    return Approved(amount=amount, retref=retref, respproc="RPCT", respcode="000", **more)


@pytest.fixture
def unknown(payer, link, form, gateway):
    """A payment whose answer was lost before the gateway did anything."""
    gateway.fault("auth", "drop_before")
    payer.post(address(link), form)
    return Payment.objects.get()


def answer_with(monkeypatch, **answers):
    for name, answer in answers.items():

        def said(*_, _answer=answer, **__):
            if isinstance(_answer, Exception):
                raise _answer
            return _answer

        monkeypatch.setattr(client, name, said)


def test_a_second_process_charges_nothing(paid, form, gateway):
    charging.charge(paid, form["token"], expiry="203012")
    assert len(gateway.charges()) == 1


def test_a_reference_of_another_payment_is_not_booked_twice(
    paid, tenant, payer, form, gateway, monkeypatch
):
    link = make_link(make_invoice(tenant))
    answer_with(monkeypatch, auth=approved(paid.retref))
    page = payer.post(address(link), form | {"key": "0b5e7ba0-0000-4000-8000-00000000000a"})
    second = Payment.objects.exclude(pk=paid.pk).get()
    assert (second.status, second.is_booked) == ("needs_attention", False)
    assert link.invoice.payments.booked_total() == 0
    assert page.status_code == 302
    assert len(gateway.taken()) == 1


def test_two_charges_of_which_one_cannot_be_voided_need_a_person(unknown, monkeypatch):
    answer_with(monkeypatch, inquire_by_orderid=[approved("1"), approved("2")], void=False)
    payment = sweep_after(unknown, 120)
    assert payment.status == "needs_attention"
    assert payment.invoice.payments.booked_total() == 0


def test_a_payment_that_needs_a_person_stays_so_while_the_gateway_is_silent(unknown, monkeypatch):
    answer_with(monkeypatch, inquire_by_orderid=[approved("1"), approved("2")], void=False)
    sweep_after(unknown, 120)
    answer_with(monkeypatch, inquire_by_orderid=[], find=Unknown("timeout"))
    assert sweep_after(unknown, 240).status == "needs_attention"


def test_an_invoice_that_was_voided_meanwhile_takes_no_payment(payer, link, form, gateway):
    payer.get(address(link))
    Invoice.objects.update(status="draft")
    page = payer.post(address(link), form, follow=True).content.decode()
    assert not Payment.objects.exists()
    assert gateway.charges() == []
    assert "No money has been taken" in page or "nothing to pay" in page.lower()


@pytest.mark.parametrize("ending", ["opened/", "7a6b5c4d-0000-4000-8000-000000000001/"])
def test_parts_of_an_unknown_link_are_unknown_too(payer, ending, db):
    page = f"/p/{'x' * 22}/{ending}"
    answer = payer.post(page) if ending == "opened/" else payer.get(page)
    assert answer.status_code == 404


def test_without_a_cache_an_opening_still_counts(payer, link, gateway, monkeypatch):
    def broken(*_, **__):
        raise ConnectionError

    page = payer.get(address(link)).content.decode()
    nonce = page.partition('data-nonce="')[2].partition('"')[0]
    monkeypatch.setattr(cache, "add", broken)
    assert open_tracking._first_use(nonce) is True


def test_a_card_number_in_the_name_of_a_file_is_refused(payer, link, form, gateway):
    file = SimpleUploadedFile("4111111111111111.txt", b"x")
    answer = payer.post(address(link), form | {"file": file})
    assert answer.status_code in (400, 422)
    assert not Payment.objects.exists()


def test_a_surcharge_that_cardconnect_does_not_explain_is_only_noted(with_fee, paid, monkeypatch):
    with_fee()
    answer_with(monkeypatch, merchant=Unknown("timeout"))
    assert surcharge.record_fee(paid, approved(paid.retref, fee=Decimal("5.48"))) is False
    account = CardConnectAccount.objects.get()
    assert (account.adds_fee, account.has_surcharge, account.fee_words) == (
        True,
        False,
        "a card fee",
    )


def test_a_surcharge_of_a_former_merchant_account_changes_nothing(paid):
    Payment.objects.update(merchid="800000000001")
    paid.refresh_from_db()
    assert surcharge.record_fee(paid) is False
    assert CardConnectAccount.objects.get().adds_fee is False


@pytest.mark.parametrize("silence", [NotSent("refused"), Unknown("timeout")])
def test_how_much_of_a_charge_is_surcharge_stays_open_without_an_answer(
    surcharged, monkeypatch, silence
):
    answer_with(monkeypatch, look_up=silence)
    assert surcharge.added_to(surcharged, "1") is None
