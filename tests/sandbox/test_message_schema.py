"""Every answer of the sandbox's Messages API has the fields and types that Twilio publishes."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import AUTH_TOKEN, SENDER, SERVICE, SID
from tests.sandbox_process import Sandbox
from tests.waiting import eventually

STATUSES = {
    "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received",
    "accepted", "scheduled", "read", "partially_delivered", "canceled",
}  # fmt: skip
DIRECTIONS = {"inbound", "outbound-api", "outbound-call", "outbound-reply"}
NUMBER = re.compile(r"\+[1-9]\d{6,14}")


def text(pattern: str) -> Any:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def moment(value: Any) -> bool:
    """RFC 2822, always in UTC."""
    return isinstance(value, str) and value.endswith("+0000") and bool(parsedate_to_datetime(value))


def or_null(check: Any) -> Any:
    return lambda value: value is None or check(value)


MESSAGE = {
    "account_sid": text(r"AC[0-9a-fA-F]{32}"),
    "api_version": text(r"2010-04-01"),
    "body": or_null(lambda value: isinstance(value, str)),
    "date_created": moment,
    "date_sent": or_null(moment),
    "date_updated": moment,
    "direction": lambda value: value in DIRECTIONS,
    "error_code": or_null(lambda value: type(value) is int),
    "error_message": or_null(lambda value: isinstance(value, str)),
    "from": or_null(lambda value: isinstance(value, str) and value != ""),
    "messaging_service_sid": or_null(text(r"MG[0-9a-fA-F]{32}")),
    "num_media": text(r"\d+"),
    "num_segments": text(r"\d+"),
    "price": or_null(text(r"-?\d+\.\d+")),
    "price_unit": or_null(text(r"[A-Z]{3}")),
    "sid": text(r"(SM|MM)[0-9a-fA-F]{32}"),
    "status": lambda value: value in STATUSES,
    "subresource_uris": lambda value: isinstance(value, dict) and "media" in value,
    "to": text(NUMBER.pattern),
    "uri": text(r"/2010-04-01/Accounts/AC\w{32}/Messages/(SM|MM)\w{32}\.json"),
}
PAGE = {"page", "page_size", "start", "end", "uri"} | {
    f"{which}_page_uri" for which in ("first", "next", "previous")
}
ERROR = {
    "code": lambda value: type(value) is int,
    "message": lambda value: isinstance(value, str) and value != "",
    "more_info": text(r"https://www\.twilio\.com/docs/errors/\d+"),
    "status": lambda value: type(value) is int,
}


def wrong(answer: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The fields that are missing, too many or of another type."""
    strange = sorted(set(answer) ^ set(schema))
    return strange + [f"{name}: {answer[name]!r}" for name in schema if name in answer
                      and not schema[name](answer[name])]  # fmt: skip


@pytest.fixture
def ask(sandbox: Sandbox) -> Any:
    """`ask("POST", "/Messages.json", To=…)` calls the API as an HTTP client."""
    sandbox.reset()

    def call(method: str, path: str, password: str = AUTH_TOKEN, **form: str) -> Any:
        address = f"{sandbox.url}/2010-04-01/Accounts/{SID}{path}"
        return requests.request(method, address, data=form, auth=(SID, password), timeout=10)

    return call


def test_a_text_fits_the_schema_at_every_step(ask: Any):
    for ending, sender in [("00", SENDER), ("03", SENDER), ("01", SENDER), ("10", SENDER)]:
        to = f"+190755501{ending}"
        answer = ask("POST", "/Messages.json", To=to, From=sender, Body="Hello")
        assert answer.status_code == 201
        first = answer.json()
        assert wrong(first, MESSAGE) == []
        assert (first["status"], first["price"], first["num_segments"]) == ("queued", None, "1")

        def priced(sid: str = first["sid"]) -> Any:
            now = ask("GET", f"/Messages/{sid}.json").json()
            assert wrong(now, MESSAGE) == []
            return now["price"]

        assert float(eventually(priced, "the price")) < 0


def test_a_service_has_no_sender_and_no_segments_at_first(ask: Any):
    form = {"To": "+19785550142", "MessagingServiceSid": SERVICE, "Body": "Hello"}
    first = ask("POST", "/Messages.json", **form).json()
    assert wrong(first, MESSAGE) == []
    assert (first["status"], first["from"], first["num_segments"]) == ("accepted", None, "0")
    assert first["messaging_service_sid"] == SERVICE

    def chosen() -> Any:
        now = ask("GET", f"/Messages/{first['sid']}.json").json()
        assert wrong(now, MESSAGE) == []
        return now["from"] and now["num_segments"] == "1"

    eventually(chosen, "the service chose a sender")


def test_a_page_of_texts_fits_the_schema(ask: Any):
    for _ in range(3):
        ask("POST", "/Messages.json", To="+19785550142", From=SENDER, Body="Hello")
    page = ask("GET", "/Messages.json?PageSize=2").json()
    assert set(page) == PAGE | {"messages"}
    assert [wrong(row, MESSAGE) for row in page["messages"]] == [[], []]
    assert page["next_page_uri"].startswith("/2010-04-01/")
    assert page["previous_page_uri"] is None


@pytest.mark.parametrize(
    ("form", "code", "status"),
    [
        ({}, 21604, 400),
        ({"To": "+19785550142"}, 21603, 400),
        ({"To": "+19785550142", "From": SENDER}, 21602, 400),
        ({"To": "x", "From": SENDER, "Body": "Hello"}, 21211, 400),
        ({"To": "+19075550130", "From": SENDER, "Body": "Hello"}, 21610, 400),
        ({"To": "+19075550120", "From": SENDER, "Body": "Hello"}, 20429, 429),
    ],
)
def test_a_refusal_fits_the_schema(ask: Any, form: dict[str, str], code: int, status: int):
    answer = ask("POST", "/Messages.json", **form)
    assert wrong(answer.json(), ERROR) == []
    assert (answer.json()["code"], answer.status_code, answer.json()["status"]) == (
        code, status, status,
    )  # fmt: skip


def test_wrong_credentials_and_unknown_texts_fit_it_too(ask: Any):
    answer = ask("GET", "/Messages.json", password="no")
    assert (answer.status_code, wrong(answer.json(), ERROR)) == (401, [])
    answer = ask("GET", f"/Messages/SM{'0' * 32}.json")
    assert (answer.status_code, wrong(answer.json(), ERROR)) == (404, [])


def test_an_overload_may_be_a_page_for_people(ask: Any):
    answer = ask("POST", "/Messages.json", To="+19075550127", From=SENDER, Body="Hello")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert len(ask("GET", "/Messages.json").json()["messages"]) == 1
