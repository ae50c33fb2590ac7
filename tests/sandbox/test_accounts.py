"""Fees, stored accounts, what a card's first digits tell, and the brands' own decline fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import ACH_MID, MID, RPCT_MID, Gateway
from tests.sandbox_process import Sandbox

BANK = "036001808/123456789"
CREDIT, DEBIT = "4111111111111111", "4222222222222204"
FEES = "700000000011"


@pytest.fixture
def fee_mid(sandbox: Sandbox) -> Any:
    """Register a merchant with this fee and return its id."""

    def register(kind: str, value: str, shape: str = "percent") -> str:
        sandbox.control(
            "merchants",
            merchid=FEES,
            username="shop",
            password="secret",
            ach=True,
            fee_type=kind,
            fee_format=shape,
            fee_value=value,
        )
        return FEES

    return register


def test_a_surcharge_is_added_by_the_gateway(gateway: Gateway, fee_mid: Any):
    mid = fee_mid("S", "3")
    body = gateway.auth(merchid=mid, amount="24.99", postal="10001", orderid="S-1")
    assert (body["respstat"], body["amount"], body["fee_amount"]) == ("A", "25.74", "0.75")
    assert (body["fee_type"], body["fee_format"], body["fee_value"]) == ("S", "percent", "3.00")
    assert gateway.get(f"inquire/{body['retref']}/{mid}")["fee_amount"] == "0.75"
    void = gateway.put("void", merchid=mid, retref=body["retref"])
    assert (void["respstat"], void["amount"]) == ("A", "0.00")


def test_where_no_surcharge_falls(gateway: Gateway, fee_mid: Any):
    mid = fee_mid("S", "3")
    no_postal = gateway.auth(merchid=mid)
    assert (no_postal["respcode"], no_postal["resptext"]) == ("104", "Surcharge Not Supported")
    for body in (
        gateway.auth(DEBIT, merchid=mid, amount="20.00", postal="10001"),
        gateway.auth(merchid=mid, amount="20.00", postal="06103"),
        gateway.auth(BANK, merchid=mid, amount="20.00", accttype="ECHK"),
    ):
        assert (body["respstat"], body["amount"]) == ("A", "20.00")
        assert "fee_amount" not in body


def test_other_fees(gateway: Gateway, fee_mid: Any):
    mid = fee_mid("C", "2.50", "flat")
    assert gateway.auth(BANK, merchid=mid, accttype="ECHK")["amount"] == "12.50"
    mid = fee_mid("F", "2.50", "flat")
    body = gateway.auth(merchid=mid)
    assert (body["amount"], body["fee_amount"], body["fee_merchid"]) == (
        "10.00",
        "2.50",
        FEES + "9",
    )


def test_the_surcharge_is_told_beforehand(gateway: Gateway, fee_mid: Any):
    mid = fee_mid("S", "3")

    def ask(token: str, postal: str) -> dict[str, Any]:
        path = f"surcharge?merchid={mid}&token={token}&postal={postal}&amount=24.99"
        return dict(gateway.get(path))

    credit = ask(gateway.token(CREDIT), "10001")
    assert (credit["token"], credit["postal"]) == ("CREDIT", "NOT_RESTRICTED")
    assert (credit["fee_amount"], credit["messages"]) == ("0.75", [])
    debit = ask(gateway.token(DEBIT), "10001")
    assert (debit["token"], debit["fee_amount"]) == ("DEBIT", "0.00")
    assert ask(gateway.token(CREDIT), "06103")["fee_amount"] == "0.00"
    assert [m["message"] for m in ask("", "")["messages"]] == [
        "token is missing or empty",
        "postal is missing or empty",
    ]
    assert ask("9999999999999999", "10001")["messages"][0]["message"] == "Invalid Token"
    assert ask(gateway.token(BANK), "10001")["token"] == "UNKNOWN"


def test_what_the_gateway_says_of_a_merchant(gateway: Gateway, fee_mid: Any):
    plain = gateway.get(f"inquireMerchant/{MID}")
    assert (plain["fee_type"], plain["echeck"], plain["enabled"]) == ("N", "N", True)
    mid = fee_mid("S", "3")
    body = gateway.get(f"inquireMerchant/{mid}")
    assert (body["fee_type"], body["fee_value"], body["echeck"]) == ("S", "3.00", "Y")


def test_the_first_digits(gateway: Gateway):
    card = gateway.get(f"bin/{MID}/{gateway.token(CREDIT)}")
    assert (card["product"], card["bin"], card["country"]) == ("V", "411111", "USA")
    assert "Debit" in gateway.get(f"bin/{MID}/{gateway.token(DEBIT)}")["cardusestring"]
    nothing = {"success": True, "errormsg": "No bin information found."}
    for token in (gateway.token(BANK), "9999999999999999"):
        body = gateway.get(f"bin/{MID}/{token}")
        assert nothing.items() <= body.items()


def test_the_life_of_a_profile(gateway: Gateway):
    token = gateway.token(CREDIT)
    person = {"name": "Ada Lovelace", "postal": "01224"}
    first = gateway.put("profile", account=token, expiry="1230", **person)
    assert (first["respcode"], first["resptext"]) == ("09", "Profile Saved")
    assert (first["acctid"], first["accttype"], first["defaultacct"]) == ("1", "VISA", "Y")
    number = first["profileid"]
    assert len(number) == 20
    again = gateway.put("profile", account=token, expiry="1230", **person)
    assert (again["profileid"], again["acctid"]) == (number, "1")
    other = gateway.token("5454545454545454")
    second = gateway.put("profile", profile=number, account=other, expiry="1231")
    assert (second["profileid"], second["acctid"], second["defaultacct"]) == (number, "2", "N")
    gateway.put("profile", profile=f"{number}/2", profileupdate="Y", name="Grace Hopper")
    accounts = gateway.get(f"profile/{number}//{MID}")
    assert [account["acctid"] for account in accounts] == ["1", "2"]
    assert (accounts[1]["name"], accounts[1]["token"]) == ("Grace Hopper", other)
    assert "respstat" not in accounts[0]
    (one,) = gateway.get(f"profile/{number}/1/{MID}")
    assert one["postal"] == "01224"

    def delete(path: str) -> str:
        return str(gateway.call("DELETE", f"profile/{path}/{MID}").json()["respcode"])

    assert delete(f"{number}/1") == "34"
    assert delete(f"{number}/2") == "08"
    assert delete(f"{number}/1") == "08"
    assert delete(f"{number}/") == "96"
    assert gateway.get(f"profile/{number}//{MID}")[0]["respcode"] == "96"


def test_paying_with_a_profile(gateway: Gateway):
    made = gateway.auth(profile="Y", orderid="P-1")
    number = made["profileid"]
    paid = gateway.put("auth", profile=f"{number}/{made['acctid']}", amount="7.00", capture="Y")
    assert (paid["respstat"], paid["token"], paid["amount"]) == ("A", made["token"], "7.00")
    assert gateway.put("auth", profile=number, amount="1.00")["profileid"] == number
    lost = gateway.put("auth", profile="10000000000000000000/1", amount="7.00")
    assert (lost["respcode"], lost["respstat"]) == ("96", "C")
    declined = gateway.auth("4387751111111053", profile="Y")
    assert "profileid" not in declined


def test_a_bank_account_in_a_profile(gateway: Gateway):
    made = gateway.put(
        "profile", merchid=ACH_MID, account=gateway.token(BANK), accttype="ESAV", name="Ada"
    )
    assert (made["accttype"], made["expiry"]) == ("ESAV", "")
    paid = gateway.put("auth", merchid=ACH_MID, profile=f"{made['profileid']}/1", amount="5.00")
    assert (paid["respproc"], paid["respstat"]) == ("PSTR", "A")


@pytest.mark.parametrize(
    ("amount", "advice", "category"),
    [("2999.02", "02", "1"), ("2999.03", "03", "2"), ("2999.11", "R0", "3")],
)
def test_visa_advice(gateway: Gateway, amount: str, advice: str, category: str):
    body = gateway.auth("4012000000000081", amount=amount)
    assert (body["respcode"], body["merchAdviceCode"]) == ("05", advice)
    assert body["declineCategory"] == category
    assert gateway.auth("4012000000000081", amount="2999.50")["respstat"] == "A"


def test_mastercard_advice_is_for_stored_cards(gateway: Gateway):
    card = "5442981111111064"
    assert gateway.auth(card, amount="2999.03", cof="M")["respstat"] == "A"
    first = gateway.auth(card, cof="C", cofscheduled="Y")
    assert first["cof"] == "C"
    body = gateway.auth(card, amount="2999.03", cof="M", cofscheduled="Y", ecomind="R")
    assert (body["respcode"], body["merchAdviceCode"]) == ("05", "03")
    assert body["merchAdviceText"] == "Do not try again"


def test_the_brands_own_code(gateway: Gateway):
    body = gateway.auth("4387751111111012", amount="2888.79")
    assert (body["respcode"], body["assocRespCode"]) == ("54", "79")
    assert gateway.auth("4387751111111012", amount="2888.79", merchid=RPCT_MID)["respcode"] == "101"


def test_a_visa_decline_says_whether_to_try_again(gateway: Gateway):
    body = gateway.auth("4387751111111046")
    assert (body["declineCategory"], body["declineCategoryText"]) == (
        "3",
        "Fix the request and retry",
    )
    assert "declineCategory" not in gateway.auth("5442981111111056")


def test_batches_by_the_gateways_own_calls(gateway: Gateway):
    retref = gateway.auth()["retref"]
    opened = gateway.get(f"openbatch/{MID}/web")
    assert gateway.get(f"closebatch/{MID}/1")["respcode"] == "29"
    closed = gateway.get(f"closebatch/{MID}/{opened['batchid']}")
    assert (closed["respstat"], closed["batchid"]) == ("A", opened["batchid"])
    assert gateway.get(f"inquire/{retref}/{MID}")["setlstat"] == "Accepted"
    assert gateway.get(f"openbatch/{MID}/web")["batchid"] != opened["batchid"]
