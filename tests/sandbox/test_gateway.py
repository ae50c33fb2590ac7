"""The CardPointe gateway as a client meets it on the wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.conftest import ACH_MID, FOREIGN, MID, RPCT_MID, Gateway
from tests.sandbox_process import Sandbox

BANK = "036001808/123456789"


def test_credential_check(gateway: Gateway):
    for verb in ("PUT", "POST"):
        good = gateway.call(verb, "", merchid=MID)
        assert (good.status_code, good.text) == (200, "<h1>CardConnect REST Servlet</h1>")
    assert gateway.call("GET", "").status_code == 200
    assert gateway.call("PUT", "", merchid=FOREIGN).status_code == 401
    assert gateway.call("PUT", "", login=("shop", "wrong"), merchid=MID).status_code == 401
    assert gateway.call("PUT", "", login=None, merchid=MID).status_code == 401


def test_a_foreign_merchid_is_401_everywhere(gateway: Gateway):
    assert gateway.call("PUT", "auth", merchid=FOREIGN, amount="1.00").status_code == 401
    assert gateway.call("GET", f"inquire/123456789012/{FOREIGN}").status_code == 401
    assert gateway.call("GET", f"inquireByOrderid/A1/{FOREIGN}").status_code == 401


def test_unknown_paths_and_unreadable_json(gateway: Gateway):
    lost = gateway.call("PUT", "nowhere", merchid=MID)
    assert lost.status_code == 404
    envelope = lost.json()
    assert envelope["error"] == "Not Found"
    assert envelope["path"] == "/cardconnect/rest/nowhere"
    assert envelope["timestamp"].endswith("+00:00")
    garbage = requests.put(gateway.base + "/auth", data=b"{", auth=("shop", "secret"), timeout=5)
    assert garbage.status_code == 400


def test_approval_carries_the_recorded_fields(gateway: Gateway):
    body = gateway.auth("4788250000121443", orderid="INV-1", cvv2="112", postal="01224")
    assert (body["respstat"], body["respcode"], body["resptext"]) == ("A", "00", "Approval")
    assert body["respproc"] == "FNOR"
    assert body["amount"] == "10.00"
    assert body["authcode"] == "PPS009"
    assert body["token"] == body["account"] == "9477709629051443"
    assert (body["cvvresp"], body["avsresp"]) == ("M", "X")
    assert body["orderId"] == "INV-1"
    assert len(body["retref"]) == 12
    assert body["retref"].isdigit()
    assert body["batchid"]


def test_tokenize_flag_masks_the_account(gateway: Gateway):
    body = gateway.auth(tokenize="Y")
    assert (body["token"], body["account"]) == ("9418594164541111", "41XXXXXXXXXX1111")


@pytest.mark.parametrize(
    ("sent", "charged"), [("10.00", "10.00"), ("1000", "10.00"), ("10", "0.10"), ("998", "9.98")]
)
def test_both_amount_notations(gateway: Gateway, sent: str, charged: str):
    assert gateway.auth(amount=sent)["amount"] == charged


@pytest.mark.parametrize("amount", ["", "ten", "1.234", "-5.00", "1,000.00", None])
def test_impossible_amounts(gateway: Gateway, amount: str | None):
    body = gateway.auth(amount=amount)
    assert (body["respproc"], body["respcode"], body["respstat"]) == ("PPS", "43", "C")


@pytest.mark.parametrize(
    ("card", "fnor", "rpct"),
    [
        ("4387751111111020", "01", "107"),
        ("5442981111111031", "05", "100"),
        ("6011000995511148", "54", "101"),
        ("4387751111111053", "NU", "500"),
    ],
)
def test_declining_cards(gateway: Gateway, card: str, fnor: str, rpct: str):
    body = gateway.auth(card)
    assert (body["respstat"], body["respcode"], body["respproc"]) == ("C", fnor, "FNOR")
    assert (body["amount"], body["cardproc"]) == ("0.00", "FNOR")
    assert not {"authcode", "avsresp", "cvvresp", "batchid"} & set(body)
    assert gateway.auth(card, merchid=RPCT_MID)["respcode"] == rpct


@pytest.mark.parametrize(
    ("amount", "code", "stat"),
    [
        ("1005.00", "05", "C"),
        ("1051.99", "51", "C"),
        ("1028.00", "28", "B"),
        ("1000.00", "00", "A"),
    ],
)
def test_amounts_that_name_a_response_code(gateway: Gateway, amount: str, code: str, stat: str):
    body = gateway.auth(amount=amount)
    assert (body["respcode"], body["respstat"]) == (code, stat)


def test_amount_driven_decline_on_rpct(gateway: Gateway):
    body = gateway.auth(amount="1116.95", merchid=RPCT_MID)
    assert (body["respcode"], body["resptext"]) == ("116", "Not sufficient funds")


def test_partial_approval(gateway: Gateway):
    body = gateway.auth("4387750101010101", amount="6.00")
    assert (body["respstat"], body["respcode"], body["amount"]) == ("A", "10", "5.00")
    assert gateway.auth("4387750101010101", amount="5.99")["amount"] == "5.99"


def test_timed_out_card(gateway: Gateway):
    body = gateway.auth("4999006200620062", orderid="T-1")
    assert (body["respproc"], body["respcode"], body["respstat"]) == ("PPS", "62", "B")
    assert body["setlstat"] == "Declined"
    assert gateway.get(f"inquireByOrderid/T-1/{MID}/1")["respstat"] == "B"


@pytest.mark.parametrize(("cvv", "answer"), [("112", "M"), ("111", "N"), ("222", "P"), ("", "X")])
def test_security_code_results(gateway: Gateway, cvv: str, answer: str):
    assert gateway.auth(cvv2=cvv)["cvvresp"] == answer


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("expiry", "AB30", "15"),
        ("expiry", "1330", "34"),
        ("expiry", "123", "34"),
        ("cvv2", "12a", "14"),
        ("postal", "1234", "17"),
        ("currency", "EUR", "32"),
        ("orderid", "x" * 51, "34"),
    ],
)
def test_fields_the_gateway_refuses(gateway: Gateway, field: str, value: str, code: str):
    body = gateway.auth(**{field: value})
    assert (body["respproc"], body["respcode"]) == ("PPS", code)


@pytest.mark.parametrize("expiry", ["1230", "203012", "20301231", "20305", "0101"])
def test_expiry_notations_even_past_ones(gateway: Gateway, expiry: str):
    assert gateway.auth(expiry=expiry)["respstat"] == "A"


def test_accounts_the_gateway_refuses(gateway: Gateway):
    def code(account: str) -> str:
        return str(gateway.put("auth", account=account, amount="1.00", expiry="1230")["respcode"])

    assert code("9418594164541112") == "98"
    assert code("4111111111111112") == "13"
    assert code("4111") == "11"


def test_a_duplicate_orderid_is_a_second_charge(gateway: Gateway, sandbox: Sandbox):
    first, second = gateway.auth(orderid="TWICE"), gateway.auth(orderid="TWICE")
    assert first["retref"] != second["retref"]
    both = gateway.get(f"inquireByOrderid/TWICE/{MID}/1")
    assert [one["retref"] for one in both] == [first["retref"], second["retref"]]
    assert len(sandbox.ledger()["charges"]) == 2


def test_inquire_by_orderid_looks_at_all_mids_unless_told(gateway: Gateway):
    gateway.auth(orderid="WIDE", merchid=RPCT_MID)
    assert gateway.get(f"inquireByOrderid/WIDE/{MID}")["merchid"] == RPCT_MID
    assert gateway.get(f"inquireByOrderid/WIDE/{MID}/1")["respcode"] == "29"


def test_an_orderid_like_a_card_number_is_lost(gateway: Gateway):
    body = gateway.auth(orderid="4111111111111111")
    assert body["orderId"] == "XXXXXXXXXXXX1111"
    assert gateway.get(f"inquireByOrderid/4111111111111111/{MID}")["respcode"] == "29"


def test_inquire_tells_all(gateway: Gateway):
    retref = gateway.auth(orderid="ASK", name="Dana")["retref"]
    body = gateway.get(f"inquire/{retref}/{MID}")
    assert (body["setlstat"], body["voidable"], body["refundable"]) == (
        "Queued for Capture",
        "Y",
        "N",
    )
    assert (body["lastfour"], body["name"], body["orderId"]) == ("1111", "Dana", "ASK")
    lost = gateway.get(f"inquire/000000000000/{MID}")
    assert (lost["respcode"], lost["respstat"], lost["retref"]) == ("29", "C", "000000000000")


def test_authorize_capture_settle_refund(gateway: Gateway, sandbox: Sandbox):
    retref = gateway.auth(amount="50.00", capture="N")["retref"]
    assert gateway.get(f"inquire/{retref}/{MID}")["setlstat"] == "Authorized"
    captured = gateway.put("capture", retref=retref, amount="40.00")
    assert (captured["setlstat"], captured["amount"]) == ("Queued for Capture", "40.00")
    assert gateway.put("capture", retref=retref)["respstat"] == "A"
    assert gateway.put("refund", retref=retref)["respcode"] == "28"
    assert sandbox.control("close-batch")["settled"] == {retref: "Accepted"}
    assert gateway.put("void", retref=retref)["respcode"] == "26"
    part = gateway.put("refund", retref=retref, amount="15.00")
    assert (part["respstat"], part["authcode"], part["amount"]) == ("A", "REFUND", "15.00")
    assert part["retref"] != retref
    assert gateway.put("refund", retref=retref, amount="25.01")["respcode"] == "42"
    assert gateway.put("refund", retref=retref)["amount"] == "25.00"


def test_capture_of_nothing(gateway: Gateway):
    body = gateway.put("capture", retref="000000000000")
    assert (body["respcode"], body["batchid"], body["account"]) == ("29", "-1", "")


def test_void_whole_and_part(gateway: Gateway):
    held = gateway.auth(amount="50.00", capture="N")["retref"]
    assert gateway.put("void", retref=held, amount="20.00")["amount"] == "30.00"
    queued = gateway.auth()["retref"]
    assert gateway.put("void", retref=queued, amount="1.00")["respcode"] == "24"
    done = gateway.put("void", retref=queued)
    assert (done["respstat"], done["authcode"], done["amount"]) == ("A", "REVERS", "0.00")
    assert gateway.get(f"inquire/{queued}/{MID}")["setlstat"] == "Voided"
    assert gateway.put("void", retref=queued)["respstat"] == "C"


def test_void_by_orderid_passes_over_declines(gateway: Gateway):
    paid = gateway.auth(orderid="V-1")
    gateway.auth("4387751111111053", orderid="V-1")
    body = gateway.put("voidByOrderId", orderid="V-1")
    assert (body["retref"], body["authcode"]) == (paid["retref"], "REVERS")
    assert gateway.put("voidByOrderId", orderid="NOBODY")["respcode"] == "29"


def test_refund_of_anothers_or_a_declined_charge(gateway: Gateway, sandbox: Sandbox):
    retref = gateway.auth()["retref"]
    sandbox.control("close-batch")
    assert gateway.put("refund", merchid=RPCT_MID, retref=retref)["respcode"] == "29"
    declined = gateway.auth("4387751111111053")["retref"]
    assert gateway.put("refund", retref=declined)["respcode"] == "29"


def test_ach(gateway: Gateway, sandbox: Sandbox):
    body = gateway.auth(BANK, merchid=ACH_MID, accttype="ECHK", capture="N", expiry="")
    assert (body["respproc"], body["resptext"], body["respstat"]) == ("PSTR", "Success", "A")
    assert body["batchid"]
    assert gateway.get(f"inquire/{body['retref']}/{ACH_MID}")["setlstat"] == "Queued for Capture"
    assert gateway.auth(BANK, accttype="ECHK")["respcode"] == "48"


def test_ach_bad_accounts(gateway: Gateway):
    def pay(account: str, **more: str) -> dict[str, str]:
        return gateway.auth(account, merchid=ACH_MID, accttype="ECHK", **more)

    assert pay("23433/123456789")["respcode"] == "11"
    wrong = pay("123456789/123456789")
    assert (wrong["respproc"], wrong["respcode"]) == ("PSTR", "99")
    assert "(123456789) is not a valid Routing Number" in wrong["resptext"]
    assert pay("036001808/550002")["respcode"] == "02"
    assert pay("036001808/550062")["respstat"] == "B"
    assert pay(BANK, amount="0")["respcode"] == "43"


def test_ach_returns_at_settlement(gateway: Gateway, sandbox: Sandbox):
    named = gateway.auth("036001808/550009901", merchid=ACH_MID, accttype="ECHK")["retref"]
    ordered = gateway.auth(BANK, merchid=ACH_MID, accttype="ESAV")["retref"]
    sandbox.control("close-batch", reject=[ordered], achreturncode="R03")
    rows = {row["retref"]: row for row in sandbox.ledger()["charges"]}
    assert (rows[named]["setlstat"], rows[named]["achreturncode"]) == ("Rejected", "R01")
    assert (rows[ordered]["setlstat"], rows[ordered]["achreturncode"]) == ("Rejected", "R03")


def test_many_at_once(gateway: Gateway, sandbox: Sandbox):
    token = gateway.token("4111111111111111")

    def pay(number: int) -> str:
        body = gateway.put(
            "auth", account=token, amount="1.00", expiry="1230", orderid=f"P-{number}"
        )
        return str(body["respstat"])

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(pay, range(50))) == ["A"] * 50
    assert len({row["retref"] for row in sandbox.ledger()["charges"]}) == 50


def test_unsettled_money_is_never_refunded_twice(gateway: Gateway, sandbox: Sandbox):
    retref = gateway.auth(amount="30.00")["retref"]
    sandbox.control("close-batch")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.put("refund", retref=retref), range(8)))
    assert sum(body["respstat"] == "A" for body in answers) == 1


def test_a_merchant_registered_at_run_time(gateway: Gateway, sandbox: Sandbox):
    sandbox.control("merchants", merchid="42", username="new", password="pw", ach=True)
    assert gateway.call("PUT", "", login=("new", "pw"), merchid="42").status_code == 200
    bad = requests.post(sandbox.url + "/sandbox/merchants", json={"merchid": "1"}, timeout=5)
    assert bad.status_code == 400
