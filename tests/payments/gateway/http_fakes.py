"""A payment and an account without a database, and a gateway that says what a test wants."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses

GATEWAY = "https://gateway.test"
ANYWHERE = re.compile(re.escape(GATEWAY) + "/cardconnect/rest/.*")
MID = "496160873888"
ORDER = "BCDFGHJKLMNPQRSTVWX"
REFUND_ORDER = "RFNDBCDFGHJKLMNPQRS"
RETREF = "112989260941"
TOKEN = "9418594164541111"
PASSWORD = "a-password-nobody-may-see"
USERNAME = "a-user-nobody-may-see"


def make_account(**changes: Any) -> Any:
    """What the client needs of a CardConnectAccount."""
    fields = {"site": "fts-uat", "merchid": MID, "username": USERNAME, "password": PASSWORD}
    return SimpleNamespace(**fields | changes)


def make_payment(method: str = "card", **changes: Any) -> Any:
    """What the client needs of a Payment."""
    fields = {
        "method": method,
        "orderid": ORDER,
        "merchid": MID,
        "site": "fts-uat",
        "amount": Decimal("182.50"),
        "retref": RETREF,
        "payer_name": "Dana Whitfield",
        "invoice": SimpleNamespace(number="INV-1041"),
        "tenant": SimpleNamespace(currency="USD", cardconnect=make_account()),
    }
    return SimpleNamespace(**fields | changes)


class Says:
    """The next answers of the gateway, and what was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock

    def __call__(self, body: Any, status: int = 200, **headers: str) -> None:
        """Answer every call with this: JSON, or text and bytes as they are."""
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        for verb in ("GET", "PUT", "DELETE"):
            self.mock.upsert(
                verb,
                ANYWHERE,
                body=raw,
                status=status,
                headers=headers,
                content_type="application/json",
            )

    @property
    def asked(self) -> tuple[str, str, dict[str, str]]:
        """Verb, path below rest/ and query or body of the last call."""
        request: Any = self.mock.calls[-1].request
        url = urlsplit(str(request.url))
        path = url.path.partition("/rest/")[2]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return request.method, path, json.loads(request.body) if request.body else query
