"""What the gateway reports about days gone by, in every notation it has been seen to use."""

import datetime as dt
from decimal import Decimal

import pytest

from payments.gateway import client
from payments.gateway.client import Settled, Unknown
from tests.payments.gateway.http_fakes import MID, ORDER, RETREF, make_account

DAY = dt.date(2026, 3, 7)
LINE = {
    "retref": RETREF, "setlstat": "Y", "setlamount": "182.50", "salesdoc": ORDER,
    "cardtype": "VISA", "authcode": "PPS542",
}  # fmt: skip
BATCH = {
    "batchid": "1900010001", "hostbatch": "", "hoststat": "GB", "merchid": MID, "respproc": "FNOR",
}  # fmt: skip
FUNDED = {
    "fundingtxnid": "9", "fundingid": "7", "retref": RETREF, "date": "2026-03-07",
    "amount": "182.50", "currency": "USD", "type": "SALE", "status": "Processed",
}  # fmt: skip


def test_the_batches_of_a_day(says):
    refund = LINE | {"retref": "112989269999", "setlamount": "-20.00", "setlstat": " r "}
    says([BATCH | {"txns": [LINE]}, BATCH | {"txns": []}, BATCH | {"txns": [refund]}])
    first, second = client.settlements(make_account(), DAY)
    assert says.asked == ("GET", "settlestat", {"merchid": MID, "date": "0307"})
    assert isinstance(first, Settled)
    assert (first.batchid, first.retref, first.orderid) == ("1900010001", RETREF, ORDER)
    assert (first.amount, first.letter, first.merchid) == (Decimal("182.50"), "Y", MID)
    assert first.is_accepted
    assert (second.amount, second.letter) == (Decimal("-20.00"), "R")
    assert not second.is_accepted


@pytest.mark.parametrize("body", ["Null batches", " Null batches\n", '"Null batches"', "[]"])
def test_no_batches(says, body):
    says(body)
    assert client.settlements(make_account(), DAY) == []


def test_one_batch_without_an_array(says):
    says(BATCH | {"txns": [LINE | {"retref": int(RETREF)}]})
    [line] = client.settlements(make_account(), DAY)
    assert line.retref == RETREF


@pytest.mark.parametrize(
    "body",
    [
        "", "<html>", "null", [None], [[]], {}, [BATCH | {"txns": None}], [BATCH | {"txns": {}}],
        [BATCH | {"txns": [LINE | {"retref": ""}]}],
        [BATCH | {"txns": [LINE | {"setlamount": "?"}]}],
        [BATCH | {"txns": [None]}],
    ],
)  # fmt: skip
def test_a_report_read_in_part_is_no_report(says, body):
    says(body)
    with pytest.raises(Unknown):
        client.settlements(make_account(), DAY)


def test_null_batches_with_an_error_status_is_an_error(says):
    says("Null batches", 500)
    with pytest.raises(Unknown):
        client.settlements(make_account(), DAY)


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        ("182.50", "182.50"), (18250, "182.50"), ("18250", "182.50"), (-18250, "-182.50"),
        ("-182.50", "-182.50"), (182.5, "182.50"), ("0", "0.00"), (5, "0.05"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("retref", [RETREF, int(RETREF)])
def test_the_funding_of_a_day(says, amount, read, retref):
    row = FUNDED | {"amount": amount, "retref": retref, "fundingid": 7}
    says({"fundingdate": "2026-03-07", "merchid": MID, "fundings": [], "txns": [row]})
    [line] = client.funding(make_account(), DAY)
    assert says.asked == ("GET", "funding", {"merchid": MID, "date": "20260307"})
    assert (line.amount, line.retref, line.date) == (Decimal(read), RETREF, DAY)
    assert (line.kind, line.status, line.achreturncode) == ("SALE", "Processed", "")


def test_a_return_before_and_after_funding(says):
    rejected = FUNDED | {"status": "Rejected", "achreturncode": "R03"}
    later = FUNDED | {
        "retref": "112989269999", "amount": -18250, "type": "RETURN", "achreturncode": " r10 ",
        "parentretref": int(RETREF),
    }  # fmt: skip
    says({"txns": [rejected, later]})
    first, second = client.funding(make_account(), DAY)
    assert first.is_rejected
    assert first.achreturncode == "R03"
    assert not second.is_rejected
    assert (second.parentretref, second.achreturncode) == (RETREF, "R10")


@pytest.mark.parametrize(
    "body", [{"errormsg": "No deposits match your request"}, {"fundings": []}, {"txns": []}]
)
def test_no_deposits(says, body):
    says(body)
    assert client.funding(make_account(), DAY) == []


@pytest.mark.parametrize(
    "body",
    [
        "", "Null batches", [], {}, {"errormsg": "Invalid merchid 496160873888"}, {"txns": {}},
        {"txns": [FUNDED | {"amount": "1,000.00"}]}, {"txns": [FUNDED | {"retref": None}]},
    ],
)  # fmt: skip
def test_a_funding_that_cannot_be_read_is_unknown(says, body):
    says(body)
    with pytest.raises(Unknown) as caught:
        client.funding(make_account(), DAY)
    assert MID not in str(caught.value)
