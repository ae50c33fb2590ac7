"""CardSecure: the golden tokens, what it refuses, and what a token remembers for a while."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.conftest import Gateway
from tests.sandbox_process import Sandbox

GOLDEN = [
    ("4111111111111111", "9418594164541111"),
    ("4000100011112224", "9405701444882224"),
    ("4387751111111053", "9435885049491053"),
    ("4788250000121443", "9477709629051443"),
    ("124001545/123123123123", "9124468384113123"),
    ("053000196/15378535", "9051769384108535"),
]


def luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def tokenize(sandbox: Sandbox, **body: object) -> requests.Response:
    url = sandbox.url + "/cardsecure/api/v1/ccn/tokenize"
    return requests.post(url, json=body, timeout=5)


@pytest.mark.parametrize(("account", "token"), GOLDEN)
def test_golden_tokens(sandbox: Sandbox, account: str, token: str):
    body = tokenize(sandbox, account=account).json()
    assert body == {"message": "No Error", "errorcode": 0, "token": token}
    assert luhn(token)


@pytest.mark.parametrize("account", ["371449635398431", "36438999960016", "036001808/550001234"])
def test_tokens_are_deterministic_and_well_formed(sandbox: Sandbox, account: str):
    first, again = (tokenize(sandbox, account=account).json()["token"] for _ in range(2))
    assert first == again
    assert len(first) == 16
    assert first[0] == "9"
    assert first[1:3] == account[:2]
    assert first[-4:] == account[-4:]
    assert luhn(first)


def test_unique_tokens_differ(sandbox: Sandbox):
    account = "4111111111111111"
    tokens = {tokenize(sandbox, account=account, unique=True).json()["token"] for _ in range(3)}
    assert len(tokens) == 3
    assert all(luhn(token) for token in tokens)


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("", 14),
        ("4111111111111112", 54),
        ("41111x1111111111", 8),
        ("4111", 21),
        ("4" * 20, 13),
        ("12345/12", 21),
        ("abc/123456", 8),
    ],
)
def test_refused_accounts(sandbox: Sandbox, account: str, code: int):
    response = tokenize(sandbox, account=account)
    assert response.status_code == 400
    assert response.json()["errorcode"] == code
    assert "token" not in response.json()


def test_missing_account_and_bad_json(sandbox: Sandbox):
    assert tokenize(sandbox, cvv="123").json()["errorcode"] == 74
    url = sandbox.url + "/cardsecure/api/v1/ccn/tokenize"
    assert requests.post(url, data=b"[", timeout=5).json()["errorcode"] == 77


def test_any_page_may_call_it(sandbox: Sandbox):
    response = tokenize(sandbox, account="4111111111111111")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_echo(sandbox: Sandbox):
    url = sandbox.url + "/cardsecure/api/v1/echo"
    assert requests.post(url, json={"message": "hi"}, timeout=5).json() == {
        "message": "hi",
        "errorcode": 0,
    }


def test_code_and_expiry_left_with_a_token_serve_once(gateway: Gateway):
    token = gateway.token("4111111111111111", cvv="112", expiry="203012")
    first = gateway.put("auth", account=token, amount="5.00")
    assert (first["respstat"], first["cvvresp"], first["expiry"]) == ("A", "M", "1230")
    second = gateway.put("auth", account=token, amount="5.00", expiry="1230")
    assert second["cvvresp"] == "X"


def test_no_card_number_reaches_the_ledger(gateway: Gateway, sandbox: Sandbox):
    gateway.auth("4242424242424242", cvv2="987")
    everything = requests.get(sandbox.url + "/sandbox/ledger.json", timeout=5).text
    assert "4242424242424242" not in everything
    assert "987" not in [row.get("cvv2") for row in sandbox.ledger()["charges"]]
    assert "424242XXXXXX" not in everything
