"""Trouble that a seed draws, commits that come late, and the clock that makes waiting needless."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ACH_MID, MID, Gateway
from tests.sandbox_process import Sandbox

LOGIN = ("shop", "secret")


def charge(gateway: Gateway, orderid: str, path: str = "auth", **more: Any) -> requests.Response:
    body = {"amount": "5.00", "expiry": "1230", "capture": "Y", "merchid": MID, **more}
    body.setdefault("account", "9418594164541111")
    return gateway.call("PUT", path, **body, orderid=orderid)


def lost(gateway: Gateway, orderid: str, path: str = "auth", **more: Any) -> None:
    with pytest.raises(requests.ConnectionError):
        charge(gateway, orderid, path, **more)


def by_orderid(gateway: Gateway, orderid: str) -> Any:
    return gateway.get(f"inquireByOrderid/{orderid}/{MID}/1")


@pytest.fixture(autouse=True)
def known_card(gateway: Gateway) -> None:
    gateway.token("4111111111111111")


def test_a_late_commit_is_invisible_until_its_time(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "late_commit")
    lost(gateway, "L-1")
    assert by_orderid(gateway, "L-1")["respcode"] == "29"
    assert gateway.put("voidByOrderId", orderid="L-1")["respcode"] == "29"
    (row,) = sandbox.ledger()["charges"]
    assert not row["committed"]
    assert gateway.get(f"inquire/{row['retref']}/{MID}")["respcode"] == "29"
    assert gateway.put("void", retref=row["retref"])["respcode"] == "29"
    sandbox.control("clock", advance=31)
    assert by_orderid(gateway, "L-1")["respcode"] == "29"
    sandbox.control("clock", advance=2)
    assert by_orderid(gateway, "L-1")["respstat"] == "A"
    assert gateway.put("voidByOrderId", orderid="L-1")["respstat"] == "A"


def test_a_late_commit_misses_the_batch_that_closes_before_it(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "late_commit", seconds=100)
    lost(gateway, "L-2")
    assert sandbox.control("close-batch")["settled"] == {}
    sandbox.control("clock", advance=101)
    assert len(sandbox.control("close-batch")["settled"]) == 1


def test_a_late_refund(gateway: Gateway, sandbox: Sandbox):
    retref = charge(gateway, "R-0").json()["retref"]
    sandbox.control("close-batch")
    sandbox.fault("refund", "late_commit")
    lost(gateway, "R-1", "refund", retref=retref)
    assert by_orderid(gateway, "R-1")["respcode"] == "29"
    sandbox.control("clock", advance=33)
    assert by_orderid(gateway, "R-1")["amount"] == "5.00"


def test_timed_out_and_approved_later(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "timeout_62_late")
    first = charge(gateway, "B-1").json()
    assert (first["respstat"], first["respcode"]) == ("B", "62")
    before = by_orderid(gateway, "B-1")
    assert (before["respstat"], before["setlstat"], before["amount"]) == ("B", "Declined", "0.00")
    assert (before["authcode"], before["voidable"]) == ("", "N")
    assert gateway.put("void", retref=first["retref"])["respcode"] == "29"
    sandbox.control("clock", advance=33)
    after = by_orderid(gateway, "B-1")
    assert (after["respstat"], after["retref"], after["amount"]) == ("A", first["retref"], "5.00")


def test_the_clock_ages_what_the_frame_left_behind(gateway: Gateway, sandbox: Sandbox):
    token = gateway.token("4111111111111111", cvv="111", expiry="1231")
    sandbox.control("clock", advance=119)
    fresh = gateway.put("auth", account=token, amount="1.00")
    assert (fresh["cvvresp"], fresh["expiry"]) == ("N", "1231")
    gateway.token("4111111111111111", cvv="111", expiry="1231")
    sandbox.control("clock", advance=121)
    stale = charge(gateway, "C-2").json()
    assert stale["cvvresp"] == "X"


def test_the_clock_moves_the_gateways_day(gateway: Gateway, sandbox: Sandbox):
    first = charge(gateway, "D-1").json()["retref"]
    sandbox.control("clock", advance=3 * 86400)
    second = charge(gateway, "D-2").json()["retref"]
    days = [gateway.get(f"inquire/{retref}/{MID}")["authdate"] for retref in (first, second)]
    assert days[0] < days[1]
    bad = requests.post(f"{sandbox.url}/sandbox/clock", json={"advance": -1}, timeout=5)
    assert bad.status_code == 400


def draws(sandbox: Sandbox, gateway: Gateway, seed: int, calls: int = 40) -> list[int]:
    """Return what a plan makes of so many calls, by status; 200 is no trouble."""
    sandbox.control(
        "fault-plan", seed=seed, mix={"http_500": 0.3, "http_503": 0.2}, targets=["inquire"]
    )
    with requests.Session() as http:
        url = f"{gateway.base}/inquire/1/{MID}"
        return [http.get(url, auth=LOGIN, timeout=5).status_code for _ in range(calls)]


def test_a_fault_plan_can_be_replayed(gateway: Gateway, sandbox: Sandbox):
    first = draws(sandbox, gateway, 7)
    assert draws(sandbox, gateway, 7) == first
    assert draws(sandbox, gateway, 8) != first
    assert set(first) == {200, 500, 503}
    assert charge(gateway, "P-1").status_code == 200
    sandbox.control("fault-plan")
    assert gateway.call("GET", f"inquire/1/{MID}").status_code == 200


def test_the_trail_says_which_fault_hit_which_call(gateway: Gateway, sandbox: Sandbox):
    sandbox.control("fault-plan", seed=1, mix={"http_500_after": 1}, targets=["auth"])
    for number in range(3):
        assert charge(gateway, f"P-{number}").status_code == 500
    page = requests.get(f"{sandbox.url}/sandbox/ledger.json?of=events", timeout=5).json()
    hits = [row for row in page["events"] if row["kind"] == "fault"]
    assert [(hit["data"]["call"], hit["data"]["about"]) for hit in hits] == [
        (1, "P-0"),
        (2, "P-1"),
        (3, "P-2"),
    ]
    assert {(hit["subject"], hit["data"]["fault"]) for hit in hits} == {("auth", "http_500_after")}
    state = requests.get(f"{sandbox.url}/sandbox/state", timeout=5).json()
    assert (state["plan"]["calls"], state["plan"]["seed"]) == (3, 1)


def test_plan_numbers_do_not_depend_on_who_calls_first(gateway: Gateway, sandbox: Sandbox):
    mix = {"http_500": 0.5}

    def hits() -> dict[int, str]:
        sandbox.control("reset")
        sandbox.control("fault-plan", seed=3, mix=mix, targets=["gateway"])
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: gateway.call("GET", f"inquire/{n}/{MID}"), range(40)))
        events = sandbox.ledger()["events"]
        return {e["data"]["call"]: e["data"]["fault"] for e in events if e["kind"] == "fault"}

    assert hits() == hits()


def test_plans_that_make_no_sense(sandbox: Sandbox):
    for plan in ({"mix": {"gremlins": 1}}, {"mix": {"html": -1}}, {"mix": {"html": "much"}}):
        url = f"{sandbox.url}/sandbox/fault-plan"
        assert requests.post(url, json=plan, timeout=5).status_code == 400


def test_wrong_types(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "wrong_types")
    body = charge(gateway, "W-1").json()
    assert (body["amount"], body["respstat"]) == ({"value": "5.00"}, ["A"])
    assert isinstance(body["retref"], int)
    assert by_orderid(gateway, "W-1")["respstat"] == "A"


def test_drop_by_drop(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "drip", seconds=1.2)
    start = time.monotonic()
    token = "9418594164541111"
    body = {"merchid": MID, "account": token, "amount": "5.00", "expiry": "1230"}
    with requests.put(
        f"{gateway.base}/auth", json=body, auth=LOGIN, timeout=5, stream=True
    ) as response:
        assert response.raw.read(1) == b"{"
        # The charge stands long before the answer does.
        assert len(sandbox.ledger()["charges"]) == 1
        assert b'"respstat"' in response.raw.read()
    assert time.monotonic() - start >= 1.2
    assert len(sandbox.ledger()["charges"]) == 1


def test_noise_is_a_switch(gateway: Gateway, sandbox: Sandbox):
    plain = sandbox.control("switches", shuffle=False, inject=False)
    assert plain == {"shuffle": False, "inject": False, "per_minute": 0}
    bodies = [charge(gateway, "N-1").json() for _ in range(3)]
    assert len({tuple(body) for body in bodies}) == 1
    sandbox.control("switches", inject=True)
    assert set(charge(gateway, "N-1").json()) > set(bodies[0])
    sandbox.control("switches", inject=False, shuffle=True)
    shuffled = [charge(gateway, "N-1").json() for _ in range(8)]
    assert {frozenset(body) for body in shuffled} == {frozenset(bodies[0])}
    assert len({tuple(body) for body in shuffled}) > 1
    bad = requests.post(f"{sandbox.url}/sandbox/switches", json={"music": True}, timeout=5)
    assert bad.status_code == 400


def test_the_call_limit(gateway: Gateway, sandbox: Sandbox):
    sandbox.control("switches", per_minute=3)
    path = f"inquire/1/{MID}"
    left = [gateway.call("GET", path).headers["X-Rate-Limit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = gateway.call("GET", f"settlestat?merchid={MID}")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["X-Rate-Limit-Retry-After-Seconds"]) <= 60
    assert charge(gateway, "Q-1").status_code == 200
    sandbox.control("clock", advance=61)
    assert gateway.call("GET", path).status_code == 200


def test_a_429_always_says_how_long(gateway: Gateway, sandbox: Sandbox):
    sandbox.fault("auth", "http_429")
    assert charge(gateway, "T-1").headers["X-Rate-Limit-Retry-After-Seconds"] == "1"


def test_the_ledger_in_pages(gateway: Gateway, sandbox: Sandbox):
    retrefs = [charge(gateway, f"L-{n}").json()["retref"] for n in range(5)]
    seen, since, pages = [], 0, 0
    while since is not None:
        url = f"{sandbox.url}/sandbox/ledger.json?since={since}&limit=2"
        page = requests.get(url, timeout=5).json()
        seen += [row["retref"] for row in page["charges"]]
        since, pages = page["next"], pages + 1
    assert (seen, pages) == (retrefs, 3)
    for wrong in ("since=x", "of=secrets"):
        url = f"{sandbox.url}/sandbox/ledger.json?{wrong}"
        assert requests.get(url, timeout=5).status_code == 400


def test_nobody_rewrites_the_trail(gateway: Gateway, sandbox: Sandbox, ledger_file: Path):
    charge(gateway, "A-1")
    with sqlite3.connect(ledger_file, timeout=10) as database:
        for statement in ("UPDATE sandbox_event SET kind = 'x'", "DELETE FROM sandbox_event"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(statement)


def test_the_trail_alone_tells_where_every_charge_stands(gateway: Gateway, sandbox: Sandbox):
    paid = [charge(gateway, f"E-{n}", amount=f"{n + 1}.00").json()["retref"] for n in range(4)]
    held = charge(gateway, "E-H", amount="50.00", capture="N").json()["retref"]
    gateway.put("void", retref=paid[0])
    gateway.put("void", retref=held, amount="20.00")
    gateway.put("capture", retref=held, amount="10.00")
    bank = gateway.auth("036001808/123456789", merchid=ACH_MID, accttype="ECHK")["retref"]
    sandbox.control("close-batch", reject=[paid[1]])
    gateway.put("refund", retref=paid[2], amount="1.00")
    sandbox.control("return", retref=bank, code="R01")
    told: dict[str, tuple[str, Decimal]] = {}
    for event in sandbox.ledger()["events"]:
        if event["kind"] in ("charge", "refund", "void", "capture", "settle", "reject", "return"):
            state, amount = told.get(event["subject"], ("", Decimal(0)))
            data = event["data"]
            told[event["subject"]] = (
                data.get("setlstat", state),
                Decimal(data.get("amount", amount)),
            )
    booked = {
        r["retref"]: (r["setlstat"], Decimal(r["amount"])) for r in sandbox.ledger()["charges"]
    }
    assert told == booked
