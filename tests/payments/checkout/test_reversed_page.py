"""What the payer reads when the bank did not complete a payment: what is owed and how to pay it."""

import uuid
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from payments.checkout import claim
from payments.checkout.authorization_text import Agreement
from payments.models import Payment
from tests.factories import make_link
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db


def pay(invoice, link, method, amount="182.50"):
    """A payment through the link that was booked."""
    payment, _ = claim.start(
        link,
        method=method,
        amount=Decimal(amount),
        key=uuid.uuid4(),
        token="9418594164541111",
        account_type="ECHK" if method == "ach" else "",
        seen=invoice.balance,
        agreement=Agreement(text="I authorize it.", version="card-en-1"),
    )
    booked = "started" if method == "ach" else "settled"
    with transaction.atomic():
        Payment._base_manager.filter(pk=payment.pk).update(
            status=booked, resolved_at=timezone.now()
        )
        payment.refresh_from_db()
        payment.book()
    invoice.refresh_from_db()
    return payment


def came_back(payment):
    assert payment.mark_returned("R01")


def rejected(payment):
    assert payment.reject("Rejected")


BACK = pytest.mark.parametrize(
    ("method", "back"), [("ach", came_back), ("card", rejected)], ids=["returned", "rejected"]
)


def page_of(payer, link, payment):
    answer = payer.get(f"{address(link)}{payment.public_id}/")
    words = words_of(answer)
    assert "Your bank did not complete this payment" in words
    assert "will send you" not in words
    return words


@BACK
def test_the_link_is_closed_so_a_call_brings_a_fresh_one(payer, invoice, link, method, back):
    payment = pay(invoice, link, method)
    back(payment)
    words = page_of(payer, link, payment)
    assert f"did not receive $182.50, so invoice {invoice.number} is due again." in words
    assert "Call us and we will text you a new one." in words
    assert "Call (978) 555-0134" in words
    assert invoice.tenant.email in words


@BACK
def test_where_a_newer_link_lives_it_is_the_one_to_open(payer, invoice, link, method, back):
    payment = pay(invoice, link, method)
    back(payment)
    invoice.refresh_from_db()
    make_link(invoice)
    words = page_of(payer, link, payment)
    assert "Harbor Plumbing & Heating sent you a newer one. Open that one to pay." in words
    assert "fresh one" not in words


@BACK
def test_where_this_link_lives_it_takes_the_payment(payer, tenant, invoice, link, method, back):
    tenant.partial_payments = True
    tenant.save()
    payment = pay(invoice, link, method, amount="50.00")
    back(payment)
    words = page_of(payer, link, payment)
    assert "You can pay it with this link." in words
    assert "Pay $182.50" in words


@BACK
def test_what_is_paid_again_meanwhile_is_not_asked_for(payer, invoice, link, method, back):
    payment = pay(invoice, link, method)
    back(payment)
    invoice.refresh_from_db()
    pay(invoice, make_link(invoice), "card")
    words = page_of(payer, link, payment)
    assert "The invoice has been paid in the meantime." in words
    assert "is due again" not in words


def test_a_bank_payment_that_starts_promises_nothing_that_nobody_sends(payer, invoice, link):
    payment = pay(invoice, link, "ach")
    words = words_of(payer.get(f"{address(link)}{payment.public_id}/"))
    assert "will tell you" not in words
    assert "the invoice is due again and this page will say so" in words
    came_back(payment)
    page_of(payer, link, payment)
