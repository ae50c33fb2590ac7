"""Merchant, kind of card, surcharge and profiles."""

from decimal import Decimal

import pytest

from payments.gateway import client
from payments.gateway.client import Bin, Declined, Profile, Unknown
from tests.payments.wire_fakes import MID, TOKEN, make_account

MERCHANT = {
    "merchid": MID, "site": "fts", "enabled": True, "cardproc": "FNOR", "echeck": "Y", "avs": "N",
    "cvv": " y ", "acctupdater": "N", "fee_type": "S", "fee_format": "percent", "fee_value": "3",
    "fee_merchid": "",
}  # fmt: skip
SAVED = {
    "respstat": "A", "respproc": "PPS", "respcode": "09", "resptext": "Profile Saved",
    "profileid": "17846452356120120001", "acctid": "1", "token": TOKEN, "accttype": "VISA",
    "defaultacct": "Y", "expiry": "1230", "name": "Dana Whitfield",
}  # fmt: skip
SURCHARGE = {"token": "CREDIT", "postal": "NOT_RESTRICTED", "fee_amount": "0.75", "messages": []}


def test_a_merchant(says):
    says(MERCHANT)
    told = client.merchant(make_account())
    assert says.asked == ("GET", f"inquireMerchant/{MID}", {})
    assert told.is_enabled
    assert told.takes_bank_payments
    assert not told.checks_address
    assert told.checks_code
    assert told.has_surcharge
    assert told.fee_value == 3


@pytest.mark.parametrize(
    ("change", "enabled", "surcharge"),
    [
        ({"enabled": "true"}, True, True), ({"enabled": "N"}, False, True),
        ({"enabled": None, "fee_type": "N"}, False, False), ({"fee_value": ""}, True, False),
        ({"fee_type": "C"}, True, False), ({"fee_value": "Infinity"}, True, False),
    ],
)  # fmt: skip
def test_a_merchant_in_other_words(says, change, enabled, surcharge):
    says(MERCHANT | change)
    told = client.merchant(make_account())
    assert (told.is_enabled, told.has_surcharge) == (enabled, surcharge)


@pytest.mark.parametrize("body", [[], {}, "", MERCHANT | {"merchid": "1"}])
def test_another_merchant_is_not_ours(says, body):
    says(body)
    with pytest.raises(Unknown):
        client.merchant(make_account())


def test_a_kind_of_card(says):
    says({"country": "USA", "product": "V", "bin": "411111", "prepaid": True, "corporate": False,
          "issuer": " A Bank ", "cardusestring": "True credit"})  # fmt: skip
    told = client.bin_of(make_account(), TOKEN)
    assert told == Bin("USA", "V", "411111", "A Bank", "True credit", True, False)
    assert says.asked == ("GET", f"bin/{MID}/{TOKEN}", {})


def test_a_kind_of_card_nobody_knows(says):
    says({"success": True, "errormsg": "No bin information found."})
    assert client.bin_of(make_account(), TOKEN) is None
    says({"success": False, "errormsg": "System trouble"})
    with pytest.raises(Unknown):
        client.bin_of(make_account(), TOKEN)


def test_a_surcharge(says):
    says(SURCHARGE)
    told = client.surcharge(make_account(), TOKEN, "03801", Decimal("24.99"))
    assert says.asked[2] == {"merchid": MID, "token": TOKEN, "postal": "03801", "amount": "24.99"}
    assert (told.fee, told.restricted, told.is_certain) == (Decimal("0.75"), False, True)


@pytest.mark.parametrize(
    ("change", "fee", "restricted", "certain"),
    [
        ({"fee_amount": "0.745"}, "0.75", False, True),
        ({"fee_amount": "0.7449"}, "0.74", False, True),
        ({"fee_amount": " 3 "}, "3.00", False, True),
        ({"token": "DEBIT"}, "0.00", False, True),
        ({"postal": "RESTRICTED"}, "0.00", True, True),
        ({"postal": "SURCHARGE_NOT_ALLOWED", "fee_amount": ""}, "0.00", True, True),
        ({"postal": "UNKNOWN", "fee_amount": ""}, "0.00", False, False),
        ({"postal": "UNKNOWN", "fee_amount": "0.00"}, "0.00", False, False),
        ({"token": "UNKNOWN", "fee_amount": None}, "0.00", False, False),
    ],
)
def test_a_surcharge_is_rounded_half_up_and_not_taken_everywhere(
    says, change, fee, restricted, certain
):
    says(SURCHARGE | change)
    told = client.surcharge(make_account(), TOKEN, "", Decimal("24.99"))
    assert (told.fee, told.restricted, told.is_certain) == (Decimal(fee), restricted, certain)
    assert "postal" not in says.asked[2]


@pytest.mark.parametrize(
    "messages",
    [["postal is missing or empty"], [{"postal": "postal is missing or empty"}],
     [{"field": "postal", "message": "postal is missing or empty"}],
     "postal is missing or empty", [None, {}, {"postal": " postal is missing or empty"}]],
)  # fmt: skip
def test_the_messages_of_a_surcharge(says, messages):
    says(SURCHARGE | {"messages": messages})
    told = client.surcharge(make_account(), TOKEN, "", Decimal("1.00"))
    assert told.messages == ("postal is missing or empty",)


@pytest.mark.parametrize("body", ["", [], "null", SURCHARGE | {"fee_amount": "-1.00"}])
def test_a_surcharge_that_cannot_be_read_is_unknown(says, body):
    says(body)
    with pytest.raises(Unknown):
        client.surcharge(make_account(), TOKEN, "03801", Decimal("1.00"))


def test_a_profile_is_created(says):
    says(SAVED)
    told = client.profile_create(make_account(), TOKEN, expiry="1230", default=True)
    assert isinstance(told, Profile)
    assert (told.profileid, told.acctid, told.is_default) == ("17846452356120120001", "1", True)
    assert says.asked == (
        "PUT",
        "profile",
        {"merchid": MID, "account": TOKEN, "expiry": "1230", "defaultacct": "Y"},
    )
    assert TOKEN not in repr(told)


def test_an_account_is_added_and_changed(says):
    says(SAVED | {"acctid": 2})
    client.profile_create(make_account(), TOKEN, profileid="178", permission=True)
    assert says.asked[2]["profile"] == "178"
    assert says.asked[2]["cofpermission"] == "Y"
    told = client.profile_update(make_account(), "178", "2", expiry="0131")
    assert told.acctid == "2"
    assert says.asked[2] == {
        "merchid": MID, "profile": "178/2", "profileupdate": "Y", "expiry": "0131",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [("34", "Invalid field", "one of the fields"), ("96", "Profile not found", "does not know"),
     ("11", "Invalid card", "refused the profile")],
)  # fmt: skip
def test_a_refused_profile(says, code, text, words):
    no = {"respstat": "C", "respproc": "PPS", "respcode": code, "resptext": text}
    says(no)
    for told in (
        client.profile_create(make_account(), TOKEN),
        client.profile_update(make_account(), "178", "1"),
        client.profile_delete(make_account(), "178", "1"),
    ):
        assert isinstance(told, Declined)
        assert words in told.sentence
        assert told.resptext == text


def test_a_profile_is_read_as_an_array(says):
    row = {k: v for k, v in SAVED.items() if not k.startswith("resp")}
    says([row, row | {"acctid": "2", "defaultacct": ""}])
    first, second = client.profile_read(make_account(), "178")
    assert says.asked[1] == f"profile/178//{MID}"
    assert (first.is_default, second.is_default, second.acctid) == (True, False, "2")
    says(row)
    [one] = client.profile_read(make_account(), "178", "1")
    assert says.asked[1] == f"profile/178/1/{MID}"
    assert one.token == TOKEN
    says([{"respstat": "C", "respproc": "PPS", "respcode": "96"}])
    assert client.profile_read(make_account(), "178") == []
    says([{"respstat": "C", "respproc": "PPS", "respcode": "97"}])
    with pytest.raises(Unknown):
        client.profile_read(make_account(), "178")


def test_a_profile_is_forgotten(says):
    says({"respstat": "A", "respproc": "PPS", "respcode": "08", "resptext": "Profile Deleted"})
    assert client.profile_delete(make_account(), "178") is None
    assert says.asked[:2] == ("DELETE", f"profile/178//{MID}")
    for body in ({}, "", {"respstat": "B"}):
        says(body)
        with pytest.raises(Unknown):
            client.profile_delete(make_account(), "178")


@pytest.mark.parametrize(
    ("profileid", "acctid"), [("../auth", ""), ("", ""), ("1", "a"), ("1/2", "")]
)
def test_a_profile_is_a_number(says, profileid, acctid):
    for verb in (client.profile_read, client.profile_delete):
        with pytest.raises(ValueError, match="numbers"):
            verb(make_account(), profileid, acctid)
    assert not says.mock.calls
