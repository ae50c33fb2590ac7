"""One sandbox process for these tests, emptied before each, and a small place to be called at."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.rest import Client

from tests.sandbox_process import Sandbox, start_sandbox
from tests.workers import free_port

SID = "AC" + "1a" * 16
AUTH_TOKEN = "the-auth-token"
SERVICE = "MG" + "2b" * 16
SENDER, SECOND = "+19785550190", "+16175550123"
MID, ACH_MID, RPCT_MID, FOREIGN = "700000000001", "700000000002", "700000000003", "700000000009"
LOGIN = ("shop", "secret")


@pytest.fixture(scope="session")
def smtp_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3"


@pytest.fixture(scope="session")
def running(ledger_file: Path, smtp_port: int) -> Iterator[Sandbox]:
    sandbox = start_sandbox(
        ledger_file.parent,
        SANDBOX_SMTP_PORT=str(smtp_port),
        SANDBOX_SLOW_SECONDS="1.5",
        SANDBOX_CARDCONNECT_MERCHANTS=(
            f"{MID}:shop:secret,{ACH_MID}:shop:secret:ach,{RPCT_MID}:shop:secret:rpct,"
            f"{FOREIGN}:other:secret"
        ),
        SANDBOX_TWILIO_ACCOUNTS=f"{SID}:{AUTH_TOKEN}:{SENDER}|{SECOND}|{SERVICE}",
    )
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.control("reset", all=True)
    return running


class Gateway:
    """The least of a CardPointe client: JSON with Basic credentials."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.base = sandbox.url + "/cardconnect/rest"
        self.sandbox = sandbox

    def call(self, verb: str, path: str, login: Any = LOGIN, **body: Any) -> requests.Response:
        return requests.request(
            verb, f"{self.base}/{path}", json=body or None, auth=login, timeout=5
        )

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        body.setdefault("merchid", MID)
        response = self.call("PUT", path, **body)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def token(self, account: str, **more: Any) -> str:
        response = requests.post(
            self.sandbox.url + "/cardsecure/api/v1/ccn/tokenize",
            json={"account": account, **more},
            timeout=5,
        )
        return str(response.json()["token"])

    def auth(self, account: str = "4111111111111111", **body: Any) -> dict[str, Any]:
        """Charge a card by its number, the way a page would: token first."""
        body = {"amount": "10.00", "expiry": "1230", "capture": "Y", **body}
        return self.put("auth", account=self.token(account), **body)


@pytest.fixture
def gateway(sandbox: Sandbox) -> Gateway:
    return Gateway(sandbox)


@pytest.fixture
def twilio(sandbox: Sandbox) -> Client:
    client = Client(SID, AUTH_TOKEN)
    client.api.base_url = sandbox.url
    return client


class Receiver:
    """A tiny web server that keeps what it is sent; `answers` are the statuses it gives back."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(body, keep_blank_values=True))
                call = {"path": self.path, "form": form, "headers": dict(self.headers)}
                receiver.calls.append(call)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count: int, seconds: float = 8) -> list[dict[str, Any]]:
        """Return the calls once there are this many."""
        end = time.monotonic() + seconds
        while len(self.calls) < count:
            assert time.monotonic() < end, f"{len(self.calls)} calls, not {count}: {self.calls}"
            time.sleep(0.02)
        return self.calls

    def statuses(self) -> list[str]:
        return [call["form"].get("MessageStatus", "") for call in self.calls]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
