"""What payer and staff are told is what the gateway's own books say, at every moment."""

import uuid
from decimal import Decimal

import pytest

from payments.models import Payment, payment_state
from tests.conftest import ScopedClient, signed_in
from tests.payments.checkout.test_faults import AFTER, BEFORE, LATE
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import PARTIAL, address, sweep_after

pytestmark = pytest.mark.django_db
PAID, NOT_PAID = "Paid. Thank you", "No money has been taken."
GOOD, DECLINED = "4111111111111111", "4387751111111053"
TIMED_OUT = "4999006200620062"
TIMES = [
    *((GOOD, fault) for fault in ("", *BEFORE, *AFTER, *LATE)),
    (DECLINED, ""),
    (DECLINED, "drop_after"),
    (PARTIAL, ""),
    (PARTIAL, "drop_after"),
    (TIMED_OUT, ""),
]


def must_be_true(words, gateway):
    """A page that says how it ended says what the books say."""
    taken = gateway.taken()
    assert not (PAID in words and NOT_PAID in words)
    if PAID in words:
        assert len(taken) == 1
    if NOT_PAID in words:
        assert taken == []


@pytest.mark.parametrize(("card", "fault"), TIMES)
def test_the_page_says_paid_when_and_only_when_the_books_do(
    payer, link, form, gateway, card, fault
):
    if fault:
        gateway.fault("auth", fault)
    answer = payer.post(address(link), form | {"token": gateway.token(card)})
    must_be_true(words_of(payer.get(answer.url)), gateway)
    payment = Payment.objects.get()
    for seconds in (31, 44, 46, 89, 91, 400, 4000):
        if payment.status in ("pending", "unknown"):
            sweep_after(payment, seconds)
        must_be_true(words_of(payer.get(answer.url)), gateway)
    words, taken = words_of(payer.get(answer.url)), gateway.taken()
    assert (PAID in words) is (len(taken) == 1)
    assert (NOT_PAID in words) is (taken == [])
    link.invoice.refresh_from_db()
    assert link.invoice.paid == sum(Decimal(charge["amount"]) for charge in taken)


def test_an_open_outcome_is_said_to_everybody(payer, link, form, gateway, clerk):
    gateway.fault("auth", "drop_after")
    mine = payer.post(address(link), form).url
    words = words_of(payer.get(mine))
    assert "We are checking with the bank." in words
    assert "we do not know if your card was charged" in words
    assert PAID not in words
    assert NOT_PAID not in words
    other = ScopedClient()
    assert "Please do not pay again." in words_of(other.get(address(link)))
    refused = other.post(address(link), form | {"key": str(uuid.uuid4())})
    assert refused.status_code == 409
    assert "paying is locked until we know" in words_of(refused)
    office = signed_in(clerk)
    words = words_of(office.get(f"/invoices/{link.invoice.public_id}/"))
    assert "Checking with CardConnect" in words
    assert "Do not take another payment yet" in words
    assert "Checking payment" in words_of(office.get("/invoices/"))
    assert payer.get(f"{mine}?format=json").json() == {"state": "unknown"}
    sweep_after(Payment.objects.get(), 60)
    assert payer.get(f"{mine}?format=json").json() != {"state": "unknown"}
    assert PAID in words_of(payer.get(mine))
    assert "Already paid" in words_of(other.get(address(link)))
    assert len(gateway.charges()) == 1


@pytest.mark.parametrize(
    ("total", "told"), [("214.00", "Added + $31.50"), ("100.00", "Taken off −$82.50")]
)
@pytest.mark.parametrize("bank", [False, True])
def test_an_edit_up_or_down_is_shown_and_agreed_to_anew(
    payer, link, form, bank_form, gateway, total, told, bank
):
    entered = (bank_form if bank else form) | {"balance": "182.50"}
    line = {"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal(total)}
    link.invoice.revise(lines=[line], tax=Decimal("0.00"), actor=None, read_payments=payment_state)
    answer = payer.post(address(link), entered)
    assert answer.status_code == 409
    assert f"You saw $182.50 {told} Now ${total}" in words_of(answer)
    assert NOT_PAID in words_of(answer)
    assert gateway.charges() == []
    again = entered | {"amount": total, "balance": total}
    assert payer.post(address(link), again).status_code == 302
    assert [charge["amount"] for charge in gateway.taken()] == [total]
