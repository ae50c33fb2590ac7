"""After the day: batches, deposits and bank payments that come back, as the reports tell them."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ACH_MID, MID, Gateway
from tests.sandbox_process import Sandbox

BANK = "036001808/123456789"
LOGIN = ("shop", "secret")


def bank(gateway: Gateway, amount: str = "40.00") -> str:
    body = gateway.auth(BANK, merchid=ACH_MID, accttype="ECHK", amount=amount, expiry="")
    assert body["respstat"] == "A"
    return str(body["retref"])


def funding(gateway: Gateway, merchid: str = ACH_MID, **query: str) -> Any:
    return ask(gateway, "funding", merchid=merchid, **query).json()


def ask(gateway: Gateway, path: str, **query: str) -> requests.Response:
    return requests.get(f"{gateway.base}/{path}", params=query, auth=LOGIN, timeout=5)


def setlstat(gateway: Gateway, retref: str, merchid: str = ACH_MID) -> str:
    return str(gateway.get(f"inquire/{retref}/{merchid}")["setlstat"])


def refused(sandbox: Sandbox, **data: Any) -> str:
    response = requests.post(f"{sandbox.url}/sandbox/return", json=data, timeout=5)
    assert response.status_code == 400
    return str(response.json()["error"])


def test_nothing_settled_is_text_that_claims_to_be_json(gateway: Gateway):
    response = ask(gateway, "settlestat", merchid=MID)
    assert (response.status_code, response.text) == (200, "Null batches")
    assert response.headers["Content-Type"] == "application/json"


def test_reports_need_the_merchants_own_credentials(gateway: Gateway):
    for path in ("settlestat", "funding"):
        assert ask(gateway, path, merchid="700000000009").status_code == 401
        assert ask(gateway, path).status_code == 401


def test_a_batch_is_listed_once_unless_asked_for_by_name_or_day(gateway: Gateway, sandbox: Sandbox):
    paid = gateway.auth(orderid="S-1", amount="12.34")
    lost = gateway.auth("5454545454545454", orderid="S-2")
    gateway.auth("4387751111111053")
    sandbox.control("close-batch", merchid=MID, reject=[lost["retref"]])
    (batch,) = ask(gateway, "settlestat", merchid=MID).json()
    assert (batch["hoststat"], batch["merchid"], batch["batchid"]) == ("MB", MID, paid["batchid"])
    rows = {row["retref"]: row for row in batch["txns"]}
    assert set(rows) == {paid["retref"], lost["retref"]}
    first = rows[paid["retref"]]
    assert (first["setlstat"], first["setlamount"], first["salesdoc"]) == ("Y", "12.34", "S-1")
    assert rows[lost["retref"]]["setlstat"] == "N"
    assert ask(gateway, "settlestat", merchid=MID).text == "Null batches"
    by_name = ask(gateway, "settlestat", merchid=MID, batchid=batch["batchid"]).json()
    assert len(by_name) == 1
    day = gateway.get(f"inquire/{paid['retref']}/{MID}")["settledate"][4:8]
    assert len(ask(gateway, "settlestat", merchid=MID, date=day).json()) == 1
    for wrong in ("1399", "0230", "abc"):
        assert ask(gateway, "settlestat", merchid=MID, date=wrong).text == "Null batches"


def test_each_batch_has_a_number_of_its_own(gateway: Gateway, sandbox: Sandbox):
    first = gateway.auth()["batchid"]
    sandbox.control("close-batch")
    assert gateway.auth()["batchid"] != first


def test_deposits(gateway: Gateway, sandbox: Sandbox):
    assert funding(gateway, MID)["errormsg"] == "No deposits match your request"
    paid = gateway.auth(orderid="D-1", amount="100.00")["retref"]
    assert sandbox.control("fund")["funded"] == {}
    sandbox.control("close-batch")
    back = gateway.put("refund", retref=paid, amount="30.00")["retref"]
    sandbox.control("close-batch")
    sandbox.control("fund")
    report = funding(gateway, MID)
    rows = {row["retref"]: row for row in report["txns"]}
    assert (rows[paid]["amount"], rows[paid]["type"]) == ("100.00", "SALE")
    assert rows[paid]["status"] == "Settled"
    assert "parentretref" not in rows[paid]
    assert (rows[back]["amount"], rows[back]["parentretref"]) == ("-30.00", paid)
    assert report["fundings"][0]["totalfunding"] == "70.00"
    day = report["fundingdate"].replace("-", "")
    assert funding(gateway, MID, date=day)["fundingdate"] == report["fundingdate"]
    assert funding(gateway, MID, date=day[4:])["fundingdate"] == report["fundingdate"]
    for wrong in ("20200101", "0230", "soon"):
        assert funding(gateway, MID, date=wrong)["errormsg"] == "No deposits match your request"
    assert sandbox.control("fund")["funded"] == {}


def test_a_return_before_the_deposit_rejects_the_original(gateway: Gateway, sandbox: Sandbox):
    retref = bank(gateway)
    sandbox.control("close-batch")
    assert setlstat(gateway, retref) == "Accepted"
    told = sandbox.control("return", retref=retref, code="R03")
    assert (told["status"], told["retref"], told["parentretref"]) == ("Rejected", retref, "")
    assert setlstat(gateway, retref) == "Rejected"
    (row,) = funding(gateway)["txns"]
    assert (row["retref"], row["status"], row["achreturncode"]) == (retref, "Rejected", "R03")
    assert row["amount"] == "40.00"
    assert funding(gateway)["fundings"][0]["totalfunding"] == "0.00"
    assert sandbox.control("fund")["funded"] == {}


def test_a_return_after_the_deposit_is_a_negative_record(gateway: Gateway, sandbox: Sandbox):
    retref = bank(gateway)
    sandbox.control("close-batch")
    sandbox.control("fund")
    told = sandbox.control("return", retref=retref, code="R10")
    original, record = funding(gateway)["txns"]
    assert (original["retref"], original["status"]) == (retref, "Settled")
    assert "achreturncode" not in original
    assert (record["parentretref"], record["amount"]) == (retref, "-40.00")
    assert (record["achreturncode"], record["retref"]) == ("R10", told["retref"])
    assert record["retref"] != retref
    assert setlstat(gateway, retref) == "Accepted"


def test_a_queued_payment_is_sent_off_alone_before_it_comes_back(
    gateway: Gateway, sandbox: Sandbox
):
    stays, goes = bank(gateway), bank(gateway)
    sandbox.control("return", retref=goes, code="R01")
    assert setlstat(gateway, goes) == "Rejected"
    assert setlstat(gateway, stays) == "Queued for Capture"


def test_what_cannot_come_back(gateway: Gateway, sandbox: Sandbox):
    card, paid, voided = gateway.auth()["retref"], bank(gateway), bank(gateway)
    gateway.put("void", merchid=ACH_MID, retref=voided)
    assert "no bank payment" in refused(sandbox, retref=card, code="R01")
    assert "no bank payment" in refused(sandbox, retref="1", code="R01")
    assert "Voided" in refused(sandbox, retref=voided, code="R01")
    assert "return code" in refused(sandbox, retref=paid, code="1")
    sandbox.control("return", retref=paid, code="R01")
    assert "cannot come back" in refused(sandbox, retref=paid, code="R01")


@pytest.mark.parametrize("funded", [True, False])
def test_a_feed_may_repeat_a_return(gateway: Gateway, sandbox: Sandbox, funded: bool):
    retref = bank(gateway)
    sandbox.control("close-batch")
    if funded:
        sandbox.control("fund")
    sandbox.control("return", retref=retref, code="R02")
    sandbox.control("return", retref=retref, code="R02", again=True)
    rows = [row for row in funding(gateway)["txns"] if row.get("achreturncode") == "R02"]
    assert len(rows) == 2
    assert {row.get("parentretref", row["retref"]) for row in rows} == {retref}


@pytest.mark.parametrize("funded", [True, False])
def test_a_return_may_stand_in_the_report_of_an_earlier_day(
    gateway: Gateway, sandbox: Sandbox, funded: bool
):
    retref = bank(gateway)
    sandbox.control("close-batch")
    if funded:
        sandbox.control("fund")
    today = sandbox.control("clock", advance=4 * 86400)["now"][:10]
    day = (dt.date.fromisoformat(today) - dt.timedelta(days=3)).isoformat()
    assert sandbox.control("return", retref=retref, code="R01", day=day)["fundingdate"] == day
    (row,) = funding(gateway, date=day.replace("-", ""))["txns"]
    assert (row.get("parentretref", row["retref"]), row["achreturncode"]) == (retref, "R01")
    assert "to come" in refused(sandbox, retref=retref, code="R01", again=True, day="2999-01-01")


def test_a_day_without_its_year_may_be_a_leap_day(gateway: Gateway, sandbox: Sandbox):
    now = dt.datetime.fromisoformat(sandbox.control("clock", advance=0)["now"])
    year = next(year for year in range(now.year + 1, now.year + 9) if calendar.isleap(year))
    leap_day = dt.datetime(year, 2, 29, 18, tzinfo=dt.UTC)
    sandbox.control("clock", advance=(leap_day - now).total_seconds())
    bank(gateway)
    sandbox.control("close-batch")
    sandbox.control("fund")
    assert funding(gateway)["fundingdate"] == f"{year}-02-29"
    sandbox.control("clock", advance=330 * 86400)
    assert funding(gateway, date="0229")["fundingdate"] == f"{year}-02-29"


def test_amounts_as_cents(gateway: Gateway, sandbox: Sandbox):
    sandbox.control(
        "merchants", merchid=ACH_MID, username="shop", password="secret", funding_cents=True
    )
    bank(gateway, "41.99")
    sandbox.control("close-batch")
    sandbox.control("fund")
    report = funding(gateway)
    assert report["txns"][0]["amount"] == 4199
    assert report["fundings"][0]["totalfunding"] == 4199
