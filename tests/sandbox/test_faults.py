"""Trouble on order: what a client sees, and whether the call took effect."""

from __future__ import annotations

import time

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.sandbox.conftest import AUTH_TOKEN, MID, SENDER, SID, Gateway
from tests.sandbox_process import Sandbox

TO = "+19785550142"


def charges(sandbox: Sandbox) -> int:
    return len(sandbox.ledger()["charges"])


def pay(gateway: Gateway, orderid: str = "F-1") -> requests.Response:
    token = gateway.token("4111111111111111")
    body = {"merchid": MID, "account": token, "amount": "5.00", "expiry": "1230"}
    return gateway.call("PUT", "auth", **body, orderid=orderid)


@pytest.mark.parametrize(
    ("fault", "effect"), [("refuse", 0), ("drop_before", 0), ("drop_after", 1)]
)
def test_connections_that_break(gateway: Gateway, sandbox: Sandbox, fault: str, effect: int):
    sandbox.fault("auth", fault)
    with pytest.raises(requests.ConnectionError):
        pay(gateway)
    assert charges(sandbox) == effect
    assert pay(gateway).json()["respstat"] == "A"


@pytest.mark.parametrize(
    ("fault", "status", "effect"),
    [("http_500", 500, 0), ("http_401", 401, 0), ("http_503", 503, 0), ("http_500_after", 500, 1)],
)
def test_http_errors(gateway: Gateway, sandbox: Sandbox, fault: str, status: int, effect: int):
    sandbox.fault("auth", fault)
    assert pay(gateway).status_code == status
    assert charges(sandbox) == effect


@pytest.mark.parametrize("fault", ["html", "empty", "truncated"])
def test_answers_nobody_can_read(gateway: Gateway, sandbox: Sandbox, fault: str):
    sandbox.fault("auth", fault)
    response = pay(gateway)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert charges(sandbox) == 1


def test_timed_out_without_and_with_money(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "timeout_62")
    assert pay(gateway, "LOST").json()["respcode"] == "62"
    assert gateway.get(f"inquireByOrderid/LOST/{MID}/1")["respstat"] == "B"
    sandbox.fault("auth", "timeout_62_authorized")
    assert pay(gateway, "KEPT").json()["respcode"] == "62"
    assert gateway.get(f"inquireByOrderid/KEPT/{MID}/1")["respstat"] == "A"


def test_slow_answers_come_after_the_effect(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "slow", seconds=0.6)
    start = time.monotonic()
    assert pay(gateway).json()["respstat"] == "A"
    assert time.monotonic() - start >= 0.6


def test_faults_are_used_up_in_order(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("inquireByOrderid", "http_503", times=2)
    sandbox.fault("any", "empty")
    path = f"inquireByOrderid/X/{MID}"
    statuses = [gateway.call("GET", path).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert gateway.get(path)["respcode"] == "29"


def test_rate_limit_header(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("inquire", "http_429", seconds=7)
    response = gateway.call("GET", f"inquire/1/{MID}")
    assert response.status_code == 429
    assert response.headers["X-Rate-Limit-Retry-After-Seconds"] == "7"


def test_unknown_faults_are_refused(sandbox: Sandbox):
    data = {"target": "auth", "fault": "gremlins"}
    assert requests.post(sandbox.url + "/sandbox/faults", json=data, timeout=5).status_code == 400


def test_twilio_faults(twilio: Client, sandbox: Sandbox):
    sandbox.fault("messages", "drop_after")
    with pytest.raises(requests.ConnectionError):
        twilio.messages.create(to=TO, from_=SENDER, body="lost answer")
    assert [m.body for m in twilio.messages.list(to=TO)] == ["lost answer"]
    sandbox.fault("messages.create", "http_429", seconds=3)
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=TO, from_=SENDER, body="x")
    assert (refused.value.status, refused.value.code) == (429, 20429)
    assert len(sandbox.ledger()["messages"]) == 1


@pytest.mark.parametrize(
    ("ending", "effect"), [("21", 1), ("24", 0)], ids=["dropped after", "dropped before"]
)
def test_control_numbers_that_drop(twilio: Client, sandbox: Sandbox, ending: str, effect: int):
    with pytest.raises(requests.ConnectionError):
        twilio.messages.create(to=f"+190755501{ending}", from_=SENDER, body="x")
    assert len(sandbox.ledger()["messages"]) == effect


@pytest.mark.parametrize(("ending", "status"), [("20", 429), ("25", 429), ("23", 500)])
def test_control_numbers_that_answer_errors(
    twilio: Client, sandbox: Sandbox, ending: str, status: int
):
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=f"+190755501{ending}", from_=SENDER, body="x")
    assert refused.value.status == status
    assert len(sandbox.ledger()["messages"]) == (1 if ending == "23" else 0)
    if ending != "23":
        again = twilio.messages.create(to=f"+190755501{ending}", from_=SENDER, body="x")
        assert again.status == "queued"


def test_control_number_that_is_slow(sandbox: Sandbox):
    client = Client(SID, AUTH_TOKEN, http_client=TwilioHttpClient(timeout=0.5))
    client.api.base_url = sandbox.url
    with pytest.raises(requests.ReadTimeout):
        client.messages.create(to="+19075550122", from_=SENDER, body="slow")
    assert [m["body"] for m in sandbox.ledger()["messages"]] == ["slow"]
