"""What is asked of the gateway about a charge, and how its answers are understood."""

import random
import re
from decimal import Decimal
from types import SimpleNamespace

import pytest

from payments.gateway import client
from payments.gateway.client import Approved, Declined, NotSent, Refunded, Unknown, Voided
from payments.models import new_orderid
from tests.payments.gateway.http_fakes import MID, ORDER, REFUND_ORDER, RETREF, TOKEN, make_payment

BACK = "112989269999"
YES = {
    "respstat": "A", "respproc": "FNOR", "respcode": "00", "resptext": "Approval",
    "retref": RETREF, "amount": "182.50", "authcode": "PPS542", "merchid": MID,
}  # fmt: skip
NOT_FOUND = {
    "respstat": "C", "respproc": "PPS", "respcode": "29", "resptext": "Txn not found",
    "retref": RETREF,
}  # fmt: skip
REFUND = YES | {"retref": BACK, "amount": "20.00", "authcode": "REFUND", "respproc": "PPS"}
VOID = YES | {"amount": "0.00", "authcode": "REVERS", "orderId": ORDER}
BOOKED = YES | {
    "orderId": ORDER, "setlstat": "Queued for Capture", "batchid": "1900010001",
    "settledate": "", "voidable": "Y", "refundable": "N", "userfields": [], "fee_amount": "",
}  # fmt: skip


def refuses(code, respstat="C", text="No"):
    return {
        "respstat": respstat, "respproc": "PPS", "respcode": code, "resptext": text,
        "retref": RETREF,
    }  # fmt: skip


def shaken(row):
    """Shuffled, padded, with a stranger among the fields."""
    items = [(name, f" {value} ") for name, value in row.items()] + [("xq", {"key": [None]})]
    random.Random(7).shuffle(items)
    return dict(items)


def test_a_refund_is_asked_for_with_an_order_number_of_its_own(says):
    says(REFUND)
    told = client.refund(make_payment(), Decimal("20"), REFUND_ORDER)
    assert told == Refunded(BACK, Decimal("20.00"), "REFUND", "PPS", "00", "Approval")
    assert says.asked == (
        "PUT",
        "refund",
        {"merchid": MID, "retref": RETREF, "amount": "20.00", "orderid": REFUND_ORDER},
    )


@pytest.mark.parametrize("orderid", ["", ORDER, "A" * 20, "4111111111111111", "abc", "A1"])
def test_a_refund_never_shares_or_risks_its_order_number(says, orderid):
    with pytest.raises(ValueError, match="order number"):
        client.refund(make_payment(), Decimal("20.00"), orderid)
    assert not says.mock.calls


def test_our_order_numbers_are_letters_only():
    for _ in range(200):
        assert re.fullmatch(r"[A-Z]{19}", new_orderid())


@pytest.mark.parametrize("change", [{}, {"amount": "-20.00"}, {"orderId": ORDER}])
def test_a_refund_is_read_whatever_surrounds_it(says, change):
    says(shaken(REFUND | change))
    told = client.refund(make_payment(), Decimal("20.00"), REFUND_ORDER)
    assert isinstance(told, Refunded)
    assert (told.amount, told.retref) == (Decimal("20.00"), BACK)


@pytest.mark.parametrize(
    ("code", "respstat", "words"),
    [
        ("28", "C", "not settled yet"), ("28", "A", "not settled yet"),
        ("29", "C", "has no such charge"), ("45", "C", "without the original charge"),
        ("46", "C", "does not allow partial refunds"), ("42", "C", "more than is left"),
        ("26", "A", "already settled"), ("99", "C", "refused the refund"),
    ],
)  # fmt: skip
def test_a_refused_refund_says_what_to_do(says, code, respstat, words):
    says(refuses(code, respstat, "The original text"))
    told = client.refund(make_payment(), Decimal("20.00"), REFUND_ORDER)
    assert isinstance(told, Declined)
    assert words in told.sentence
    assert (told.respcode, told.resptext) == (code, "The original text")


@pytest.mark.parametrize(
    "change",
    [
        {"respstat": "B", "respcode": "62"}, {"respstat": ""}, {"retref": ""}, {"retref": RETREF},
        {"amount": ""}, {"amount": 2000}, {"orderId": "ZZZZ"}, {"merchid": "1"},
        {"retref": "1" * 15},
    ],
)  # fmt: skip
def test_a_refund_that_is_not_certain_is_unknown(says, change):
    says(REFUND | change)
    with pytest.raises(Unknown):
        client.refund(make_payment(), Decimal("20.00"), REFUND_ORDER)


def test_a_void_is_confirmed(says):
    says(shaken(VOID))
    assert isinstance(client.try_void(make_payment()), Voided)
    assert says.asked == ("PUT", "void", {"merchid": MID, "retref": RETREF})
    assert client.void(make_payment(), BACK)
    assert says.asked[2]["retref"] == BACK


@pytest.mark.parametrize(
    ("code", "respstat", "words"),
    [("26", "A", "Refund it instead"), ("27", "C", "settling now"), ("39", "C", "30 days")],
)
def test_settled_is_the_opposite_of_voided(says, code, respstat, words):
    says(refuses(code, respstat))
    told = client.try_void(make_payment())
    assert isinstance(told, Declined)
    assert words in told.sentence
    assert not client.void(make_payment(), RETREF)


@pytest.mark.parametrize(
    "body", ["", "<html>", [], VOID | {"respstat": "B"}, VOID | {"orderId": "Z"}]
)
def test_a_void_nobody_confirms_is_none(says, body):
    says(body)
    assert not client.void(make_payment(), RETREF)
    with pytest.raises(Unknown):
        client.try_void(make_payment())


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: [row], lambda row: [NOT_FOUND, row]])
def test_an_inquiry_answers_with_one_or_with_an_array(says, wrap):
    says(wrap(shaken(BOOKED)))
    told = client.inquire(make_payment())
    assert says.asked == ("GET", f"inquire/{RETREF}/{MID}", {})
    assert told.is_approved
    assert (told.amount, told.fee) == (Decimal("182.50"), Decimal("0.00"))


@pytest.mark.parametrize(
    ("setlstat", "stands"),
    [
        ("Accepted", "is_settled"), ("ACCEPTED ", "is_settled"), ("Voided", "is_voided"),
        ("Rejected", "is_rejected"), ("Format Error", "is_rejected"),
        ("queued  for capture", None), ("Authorized", None), ("", None),
    ],
)  # fmt: skip
def test_where_a_charge_stands(says, setlstat, stands):
    says(BOOKED | {"setlstat": setlstat})
    told = client.inquire(make_payment())
    every = ("is_settled", "is_voided", "is_rejected")
    assert [name for name in every if getattr(told, name)] == ([stands] if stands else [])


def test_a_charge_the_gateway_does_not_have(says):
    says(NOT_FOUND)
    assert client.inquire(make_payment()) is None
    assert client.find(make_payment()) == []
    assert client.inquire_by_orderid(make_payment()) == []


def test_an_inquiry_about_another_charge_is_unknown(says):
    says(BOOKED | {"retref": BACK})
    with pytest.raises(Unknown):
        client.inquire(make_payment())


def test_what_became_of_a_refund_is_found_by_its_order_number(says):
    says([shaken(BOOKED | {"retref": BACK, "orderId": REFUND_ORDER, "amount": "20.00"})])
    [found] = client.find(make_payment(), REFUND_ORDER)
    assert (found.retref, found.orderid) == (BACK, REFUND_ORDER)
    assert says.asked[1] == f"inquireByOrderid/{REFUND_ORDER}/{MID}/1"


def test_a_charge_of_another_merchant_is_not_taken_for_ours(says):
    says([BOOKED | {"merchid": "800000009033"}])
    with pytest.raises(Unknown):
        client.inquire_by_orderid(make_payment())


def test_a_bank_payment_is_looked_for_under_the_linked_merchant_too(says):
    says(NOT_FOUND)
    client.inquire_by_orderid(make_payment("ach"))
    assert says.asked[1] == f"inquireByOrderid/{ORDER}/{MID}"


def test_a_bank_payment_names_its_account_and_how_it_was_agreed(says):
    says(YES | {"merchid": "542041", "respproc": "BPAY"})
    told = client.auth(make_payment("ach"), TOKEN, account_type="ESAV", expiry="203012")
    assert isinstance(told, Approved)
    asked = says.asked[2]
    assert (asked["accttype"], asked["achEntryCode"], asked["name"]) == (
        "ESAV", "WEB", "Dana Whitfield",
    )  # fmt: skip
    assert "expiry" not in asked


def test_the_fee_the_gateway_added_is_told(says):
    says(YES | {"amount": "187.98", "fee_amount": "5.48", "fee_type": "S"})
    told = client.auth(make_payment(), TOKEN)
    assert (told.amount, told.fee) == (Decimal("187.98"), Decimal("5.48"))


def test_a_decline_without_a_text_gets_the_processors_own(says):
    says({"respstat": "C", "cardproc": "FNOR", "respcode": "NU", "amount": "0.00", "retref": "1"})
    told = client.auth(make_payment(), TOKEN)
    assert (told.respproc, told.resptext) == ("FNOR", "Insufficient funds")
    assert "not enough money" in told.sentence


def test_a_company_without_an_account_sends_nothing(says):
    payment = make_payment(tenant=SimpleNamespace(currency="USD"))
    for call in (
        lambda: client.auth(payment, TOKEN),
        lambda: client.inquire(payment),
        lambda: client.find(payment),
    ):
        with pytest.raises(NotSent):
            call()
    assert not client.void(payment, RETREF)
    assert not says.mock.calls
