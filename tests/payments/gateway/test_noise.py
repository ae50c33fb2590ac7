"""Whatever the gateway sends, an attempt is approved, declined or unknown: there is no fourth."""

import datetime as dt
import json
from decimal import Decimal

import pytest
import responses
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.gateway import client
from payments.gateway.client import Approved, Declined, Refunded, Transaction, Unknown, Voided
from tests.payments.gateway.http_fakes import (
    ANYWHERE,
    GATEWAY,
    MID,
    ORDER,
    REFUND_ORDER,
    RETREF,
    TOKEN,
    make_account,
    make_payment,
)

texts = st.text(st.characters(codec="utf-8"), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just("\x00\ud800")
noise = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
# Fields that matter, with values that look right, nearly right or wrong.
told = st.fixed_dictionaries(
    {},
    optional={
        "respstat": st.sampled_from(["A", "B", "C", " A ", "a", "", None, 1]) | noise,
        "respproc": st.sampled_from(["PPS", "FNOR", "RPCT", "PSTR"]) | noise,
        "respcode": st.sampled_from(["00", "26", "28", "29", "62", "09", "08", 29]) | noise,
        "resptext": noise,
        "retref": st.sampled_from([RETREF, int(RETREF), "112989269999", "", "x" * 20]) | noise,
        "amount": st.sampled_from(["182.50", "5.00", "-1.00", "1000", 10, 1.5, "1e5"]) | noise,
        "orderId": st.sampled_from([ORDER, REFUND_ORDER, "", " "]) | noise,
        "merchid": st.sampled_from([MID, "542041", ""]) | noise,
        "setlstat": st.sampled_from(["Voided", "Accepted", "Declined"]) | noise,
        "fee_amount": noise,
        "declineCategory": noise,
        "txns": noise,
        "settledate": noise,
        "errormsg": noise,
    },
)
bodies = (noise | told | st.lists(told, max_size=3)).map(json.dumps) | st.binary(max_size=30)


def outcome(call, body, status=200):
    """What the call says to this body; the only error let through is Unknown."""
    with override_settings(CARDCONNECT_URL=GATEWAY), responses.RequestsMock() as mock:
        for verb in ("GET", "PUT"):
            mock.add(verb, ANYWHERE, body=body, status=status)
        mock.assert_all_requests_are_fired = False
        try:
            return call()
        except Unknown:
            return Unknown


@given(bodies, st.sampled_from(["card", "ach"]))
@settings(max_examples=50)
def test_a_charge_has_three_ends(body, method):
    payment = make_payment(method)
    end = outcome(lambda: client.auth(payment, TOKEN), body)
    assert end is Unknown or isinstance(end, Approved | Declined)
    if isinstance(end, Approved):
        assert end.amount >= 0
        assert end.retref
        end.resptext.encode()


@given(bodies)
@settings(max_examples=60)
def test_so_has_everything_else_that_moves_money(body):
    payment = make_payment()
    refund = outcome(lambda: client.refund(payment, Decimal("20.00"), REFUND_ORDER), body)
    assert refund is Unknown or isinstance(refund, Refunded | Declined)
    voided = outcome(lambda: client.try_void(payment), body)
    assert voided is Unknown or isinstance(voided, Voided | Declined)
    assert outcome(lambda: client.void(payment, RETREF), body) in (True, False)


@given(bodies)
@settings(max_examples=60)
def test_an_inquiry_says_something_or_nothing(body):
    payment = make_payment()
    found = outcome(lambda: client.inquire_by_orderid(payment), body)
    if found is not Unknown:
        assert all(isinstance(each, Approved | Declined) for each in found or [])
    one = outcome(lambda: client.inquire(payment), body)
    assert one is Unknown or one is None or (isinstance(one, Transaction) and one.retref == RETREF)


@given(bodies)
@settings(max_examples=50)
def test_no_report_and_no_fact_breaks(body):
    account, day = make_account(), dt.date(2026, 3, 7)
    outcome(lambda: client.settlements(account, day), body)
    outcome(lambda: client.funding(account, day), body)
    outcome(lambda: client.surcharge(account, TOKEN, "03801", Decimal("1.00")), body)
    outcome(lambda: client.merchant(account), body)


@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504])
def test_no_approval_with_an_error_status(status):
    yes = json.dumps({"respstat": "A", "retref": RETREF, "amount": "182.50", "respcode": "00"})
    assert outcome(lambda: client.auth(make_payment(), TOKEN), yes, status) is Unknown
