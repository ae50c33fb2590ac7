"""Charges from before the sandbox's time: as if they had happened then, once, no nonsense."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.sandbox.conftest import ACH_MID, MID, RPCT_MID, Gateway
from tests.sandbox.test_settlement import ask, funding
from tests.sandbox_process import Sandbox

NOW = dt.datetime.now(dt.UTC)
SALE = {
    "merchid": MID, "retref": "633100000001", "orderid": "PAST-ONE", "kind": "card",
    "amount": "120.00", "account": "41XXXXXXXXXX1111", "authcode": "PPS123", "invoiceid": "1007",
}  # fmt: skip


def ago(**time: float) -> str:
    return (NOW - dt.timedelta(**time)).isoformat()


def day(**time: float) -> dict[str, str]:
    local = (NOW - dt.timedelta(**time)).astimezone(ZoneInfo("America/New_York"))
    return {"date": f"{local:%Y%m%d}"}


def tell(sandbox: Sandbox, *rows: dict[str, Any]) -> list[str]:
    return list(sandbox.control("past", charges=list(rows))["written"])


def refused(sandbox: Sandbox, *rows: dict[str, Any]) -> str:
    before = sandbox.ledger()
    response = requests.post(f"{sandbox.url}/sandbox/past", json={"charges": rows}, timeout=5)
    assert response.status_code == 400
    assert sandbox.ledger() == before
    return str(response.json()["error"])


def test_a_settled_sale_is_in_every_book_of_its_days(gateway: Gateway, sandbox: Sandbox):
    sale = SALE | {"at": ago(days=4, hours=2), "settled": ago(days=4)}
    assert tell(sandbox, sale) == [sale["retref"]]
    seen = gateway.get(f"inquireByOrderid/PAST-ONE/{MID}/1")
    assert (seen["retref"], seen["amount"], seen["respstat"]) == (sale["retref"], "120.00", "A")
    assert (seen["setlstat"], seen["lastfour"], seen["refundable"]) == ("Accepted", "1111", "Y")
    [batch] = ask(gateway, "settlestat", merchid=MID, **day(days=4)).json()
    assert [(row["retref"], row["setlstat"]) for row in batch["txns"]] == [(sale["retref"], "Y")]
    [row] = funding(gateway, MID, **day(days=3))["txns"]
    assert (row["retref"], row["amount"], row["invoicenumber"]) == (
        sale["retref"],
        "120.00",
        "1007",
    )
    kinds = [event["kind"] for event in sandbox.ledger()["events"]]
    assert kinds[-4:] == ["charge", "batch", "settle", "fund"]


def test_what_is_new_waits_for_the_next_batch(gateway: Gateway, sandbox: Sandbox):
    tell(sandbox, SALE | {"at": ago(hours=1)})
    queued = gateway.get(f"inquire/{SALE['retref']}/{MID}")
    assert (queued["setlstat"], queued["voidable"]) == ("Queued for Capture", "Y")
    assert queued["batchid"] == gateway.auth()["batchid"]
    assert SALE["retref"] in sandbox.control("close-batch", merchid=MID)["settled"]


def test_it_is_written_once_however_often_it_is_told(sandbox: Sandbox):
    sale = SALE | {"at": ago(days=4, hours=2), "settled": ago(days=4)}
    refund = sale | {"retref": "633100000002", "orderid": "BACK", "parent": sale["retref"]}
    refund |= {"amount": "20.00", "at": ago(days=2), "settled": ago(days=1, hours=1)}
    assert tell(sandbox, refund, sale) == [refund["retref"], sale["retref"]]
    before = sandbox.ledger()
    assert tell(sandbox, sale, refund) == []
    assert sandbox.ledger() == before
    assert tell(sandbox, sale, SALE | {"retref": "633100000003", "at": ago(days=1)})


def test_a_refund_is_one_of_its_own_and_counts(gateway: Gateway, sandbox: Sandbox):
    sale = SALE | {"at": ago(days=4, hours=2), "settled": ago(days=4)}
    back = {"merchid": MID, "retref": "633100000002", "orderid": "BACK", "kind": "card"}
    back |= {"amount": "20.00", "parent": sale["retref"], "at": ago(days=2)}
    tell(sandbox, sale, back | {"settled": ago(days=1, hours=1)})
    [row] = funding(gateway, MID, **day(hours=1))["txns"]
    assert (row["amount"], row["parentretref"]) == ("-20.00", sale["retref"])
    assert gateway.put("refund", retref=sale["retref"], amount="100.01")["respcode"] == "42"
    assert gateway.put("refund", retref=sale["retref"], amount="100.00")["respstat"] == "A"


def test_voided_and_returned(gateway: Gateway, sandbox: Sandbox):
    voided = SALE | {"at": ago(days=1), "voided": ago(hours=20)}
    bank = SALE | {"merchid": ACH_MID, "kind": "ach", "account": "03XXXXX6789"}
    early = bank | {"retref": "633100000004", "at": ago(days=3), "settled": ago(days=2.5)}
    late = bank | {"retref": "633100000005", "at": ago(days=6), "settled": ago(days=5)}
    came_back = {"code": "R01", "returned": ago(days=2)}
    tell(sandbox, voided, early | came_back, late | came_back)
    assert gateway.get(f"inquire/{SALE['retref']}/{MID}")["setlstat"] == "Voided"
    assert gateway.get(f"inquire/{early['retref']}/{ACH_MID}")["setlstat"] == "Rejected"
    assert gateway.get(f"inquire/{late['retref']}/{ACH_MID}")["setlstat"] == "Accepted"
    rows = funding(gateway, ACH_MID, **day(days=2))["txns"]
    told = [(row["amount"], row["status"], row["achreturncode"]) for row in rows]
    assert told == [("120.00", "Rejected", "R01"), ("-120.00", "Settled", "R01")]
    assert sandbox.control("fund")["funded"] == {}


def test_a_fee_is_within_the_amount(gateway: Gateway, sandbox: Sandbox):
    tell(sandbox, SALE | {"merchid": RPCT_MID, "at": ago(hours=1), "fee": "3.60"})
    seen = gateway.get(f"inquire/{SALE['retref']}/{RPCT_MID}")
    assert (seen["amount"], seen["fee_amount"], seen["respproc"]) == ("123.60", "3.60", "RPCT")


GOOD = SALE | {"at": ago(days=2)}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (GOOD | {"merchid": "1"}, "no such merchid"),
        (GOOD | {"retref": "12"}, "no retref"),
        (GOOD | {"orderid": ""}, "no orderid"),
        (GOOD | {"kind": "cash"}, "no kind"),
        (GOOD | {"account": "4111111111111111"}, "no account"),
        (GOOD | {"amount": "0.00"}, "no amount"),
        (GOOD | {"amount": 12}, "no amount"),
        (GOOD | {"amount": "-1.00"}, "no amount"),
        (GOOD | {"at": ""}, "has a moment"),
        (GOOD | {"at": "yesterday"}, "ValueError"),
        (GOOD | {"at": "2026-01-05T10:00:00"}, "no time zone"),
        (GOOD | {"at": ago(days=-1)}, "from its charge to now"),
        (GOOD | {"settled": ago(days=3)}, "from its charge to now"),
        (GOOD | {"settled": ago(days=1), "voided": ago(hours=1)}, "after its batch"),
        (GOOD | {"returned": ago(days=1), "code": "R01"}, "no bank payment"),
        (GOOD | {"retref": "633100000009", "parent": "633100000008"}, "unknown charge"),
        (GOOD | {"colour": "red"}, "unknown fields"),
        ([], "AttributeError"),
    ],
)
def test_nonsense_is_refused_with_all_that_came_with_it(sandbox: Sandbox, row: Any, why: str):
    fine = GOOD | {"retref": "633100000007", "orderid": "FINE"}
    assert why in refused(sandbox, fine, row)


def test_what_the_gateway_would_have_refused_is_refused(sandbox: Sandbox):
    tell(sandbox, GOOD)
    assert "another charge" in refused(sandbox, GOOD | {"amount": "121.00"})
    assert "another charge" in refused(sandbox, GOOD | {"orderid": "OTHER"})
    sale = SALE | {"retref": "633100000006", "at": ago(days=4), "settled": ago(days=3)}
    early = sale | {"retref": "633100000002", "parent": sale["retref"], "at": ago(days=3.5)}
    assert "the gateway would say" in refused(sandbox, sale, early | {"settled": ""})
    more = early | {"at": ago(days=2), "settled": "", "amount": "120.01"}
    assert "the gateway would say" in refused(sandbox, sale, more)
