"""What the gateway says about a merchant, and the surcharge."""

from decimal import Decimal

import pytest

from payments.gateway import client
from payments.gateway.client import Unknown
from tests.payments.gateway.http_fakes import MID, TOKEN, make_account

MERCHANT = {
    "merchid": MID, "site": "fts", "enabled": True, "cardproc": "FNOR", "echeck": "Y", "avs": "N",
    "cvv": " y ", "acctupdater": "N", "fee_type": "S", "fee_format": "percent", "fee_value": "3",
    "fee_merchid": "",
}  # fmt: skip
SURCHARGE = {"token": "CREDIT", "postal": "NOT_RESTRICTED", "fee_amount": "0.75", "messages": []}


def test_a_merchant(says):
    says(MERCHANT)
    told = client.merchant(make_account())
    assert says.asked == ("GET", f"inquireMerchant/{MID}", {})
    assert not told.checks_address
    assert told.checks_code
    assert told.has_surcharge
    assert told.fee_value == 3


@pytest.mark.parametrize(
    ("change", "surcharge"),
    [
        ({"fee_type": " s "}, True), ({"fee_type": "N"}, False), ({"fee_value": ""}, False),
        ({"fee_type": "C"}, False), ({"fee_value": "Infinity"}, False),
    ],
)  # fmt: skip
def test_a_merchant_in_other_words(says, change, surcharge):
    says(MERCHANT | change)
    assert client.merchant(make_account()).has_surcharge == surcharge


@pytest.mark.parametrize("body", [[], {}, "", MERCHANT | {"merchid": "1"}])
def test_another_merchant_is_not_ours(says, body):
    says(body)
    with pytest.raises(Unknown):
        client.merchant(make_account())


def test_a_surcharge(says):
    says(SURCHARGE)
    told = client.surcharge(make_account(), TOKEN, "03801", Decimal("24.99"))
    assert says.asked[2] == {"merchid": MID, "token": TOKEN, "postal": "03801", "amount": "24.99"}
    assert (told.fee, told.restricted) == (Decimal("0.75"), False)


@pytest.mark.parametrize(
    ("change", "fee", "restricted"),
    [
        ({"fee_amount": "0.745"}, "0.75", False),
        ({"fee_amount": "0.7449"}, "0.74", False),
        ({"fee_amount": " 3 "}, "3.00", False),
        ({"token": "DEBIT"}, "0.00", False),
        ({"postal": "RESTRICTED"}, "0.00", True),
        ({"postal": "SURCHARGE_NOT_ALLOWED", "fee_amount": ""}, "0.00", True),
        ({"postal": "UNKNOWN", "fee_amount": ""}, "0.00", False),
        ({"postal": "UNKNOWN", "fee_amount": "0.00"}, "0.00", False),
        ({"token": "UNKNOWN", "fee_amount": None}, "0.00", False),
    ],
)
def test_a_surcharge_is_rounded_half_up_and_not_taken_everywhere(says, change, fee, restricted):
    says(SURCHARGE | change)
    told = client.surcharge(make_account(), TOKEN, "", Decimal("24.99"))
    assert (told.fee, told.restricted) == (Decimal(fee), restricted)
    assert "postal" not in says.asked[2]


@pytest.mark.parametrize("body", ["", [], "null", SURCHARGE | {"fee_amount": "-1.00"}])
def test_a_surcharge_that_cannot_be_read_is_unknown(says, body):
    says(body)
    with pytest.raises(Unknown):
        client.surcharge(make_account(), TOKEN, "03801", Decimal("1.00"))
