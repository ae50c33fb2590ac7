"""Twilio's Messages API, driven by Twilio's own library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.sandbox.conftest import AUTH_TOKEN, SECOND, SENDER, SERVICE, SID, Receiver
from tests.sandbox_process import Sandbox

TO = "+19785550142"


def refusal(twilio: Client, **fields: object) -> tuple[int, int]:
    """Return (code, HTTP status) of the refusal a create call meets."""
    values = {"to": TO, "from_": SENDER, "body": "Hello"} | fields
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(**{k: v for k, v in values.items() if v is not None})
    return refused.value.code, refused.value.status


def test_create_and_fetch(twilio: Client, sandbox: Sandbox):
    message = twilio.messages.create(to=TO, from_=SENDER, body="Hello")
    assert message.status == "queued"
    assert (message.to, message.from_, message.body) == (TO, SENDER, "Hello")
    assert (message.num_segments, message.num_media) == ("1", "0")
    assert message.direction == "outbound-api"
    assert message.price is None
    assert message.date_sent is None
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    sandbox.wait_for_status(message.sid, "delivered")
    fetched = twilio.messages(message.sid).fetch()
    assert fetched.status == "delivered"
    assert fetched.date_sent.tzinfo is not None
    assert fetched.error_code is None


def test_the_price_comes_late(twilio: Client, sandbox: Sandbox):
    sid = twilio.messages.create(to=TO, from_=SENDER, body="x" * 161).sid
    sandbox.wait_for_status(sid, "delivered")
    for _ in range(100):
        message = twilio.messages(sid).fetch()
        if message.price:
            break
    assert (message.price, message.price_unit) == ("-0.01580", "USD")


def test_every_field_is_there(sandbox: Sandbox):
    url = f"{sandbox.url}/2010-04-01/Accounts/{SID}/Messages.json"
    form = {"To": TO, "From": SENDER, "Body": "Hi"}
    response = requests.post(url, data=form, auth=(SID, AUTH_TOKEN), timeout=5)
    assert response.status_code == 201
    assert set(response.json()) == {
        "account_sid", "api_version", "body", "date_created", "date_sent", "date_updated",
        "direction", "error_code", "error_message", "from", "messaging_service_sid", "num_media",
        "num_segments", "price", "price_unit", "sid", "status", "subresource_uris", "to", "uri",
    }  # fmt: skip
    assert response.json()["date_created"].endswith(" +0000")


def test_a_service_picks_the_sender_later(twilio: Client, sandbox: Sandbox):
    message = twilio.messages.create(to=TO, messaging_service_sid=SERVICE, body="Hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    sandbox.wait_for_status(message.sid, "delivered")
    later = twilio.messages(message.sid).fetch()
    assert (later.from_, later.num_segments) == (SENDER, "1")
    assert later.messaging_service_sid == SERVICE


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "{" + "a" * 152, 3),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("ł" * 134, 2),
        ("ł" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),
        ("a" * 66 + "😀" + "a" * 66, 3),
        ("`", 1),
    ],
)
def test_segments(twilio: Client, text: str, segments: int):
    message = twilio.messages.create(to=TO, from_=SENDER, body=text)
    assert message.num_segments == str(segments)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "12"}, 21211),
        ({"to": "9785550142"}, 21211),
        ({"to": "+1978555014"}, 21211),
        ({"from_": None}, 21603),
        ({"from_": "not a number!"}, 21212),
        ({"from_": "+12025550111"}, 21606),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+15005550007"}, 21606),
        ({"from_": "+15005550008"}, 21611),
        ({"from_": None, "messaging_service_sid": "MG" + "0" * 32}, 21705),
        ({"to": SENDER}, 21266),
        ({"to": "+15005550001"}, 21211),
        ({"to": "+15005550002"}, 21612),
        ({"to": "+15005550003"}, 21408),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"to": "+19075550130"}, 21610),
        ({"to": "+19075550131"}, 21614),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"status_callback": "/relative"}, 21609),
        ({"status_callback": "ftp://example.com/x"}, 21609),
        ({"status_callback": "https://under_score.example.com/x"}, 21609),
        ({"validity_period": 0}, 21624),
    ],
)
def test_refusals(twilio: Client, sandbox: Sandbox, fields: dict[str, object], code: int):
    assert refusal(twilio, **fields) == (code, 400)
    assert sandbox.ledger()["messages"] == []


def test_credentials(sandbox: Sandbox):
    stranger = Client(SID, "wrong")
    stranger.api.base_url = sandbox.url
    assert refusal(stranger) == (20003, 401)
    unknown = Client("AC" + "f" * 32, AUTH_TOKEN)
    unknown.api.base_url = sandbox.url
    assert refusal(unknown) == (20003, 401)


def test_the_error_body(sandbox: Sandbox):
    url = f"{sandbox.url}/2010-04-01/Accounts/{SID}/Messages.json"
    response = requests.post(url, json={"To": TO}, auth=(SID, AUTH_TOKEN), timeout=5)
    assert response.json() == {
        "code": 21604,
        "message": "A 'To' phone number is required.",
        "more_info": "https://www.twilio.com/docs/errors/21604",
        "status": 400,
    }


def test_list_pages_and_filters(twilio: Client):
    for number in range(7):
        twilio.messages.create(
            to=TO if number % 2 else "+12025550199", from_=SENDER, body=f"{number}"
        )
    assert [m.body for m in twilio.messages.list(page_size=3)] == list("6543210")
    assert [m.body for m in twilio.messages.list(limit=4, page_size=2)] == list("6543")
    assert [m.body for m in twilio.messages.list(to=TO)] == list("531")
    assert twilio.messages.list(from_=SECOND) == []


def test_redact_cancel_delete(twilio: Client, sandbox: Sandbox):
    sid = twilio.messages.create(to=TO, from_=SENDER, body="secret").sid
    sandbox.wait_for_status(sid, "delivered")
    assert twilio.messages(sid).update(body="").body == ""
    row = sandbox.wait_for_status(sid, "delivered")
    assert (row["body"], row["record_body"]) == ("secret", "")
    for change in ({"body": "new"}, {"body": "", "status": "canceled"}):
        with pytest.raises(TwilioRestException) as refused:
            twilio.messages(sid).update(**change)
        assert refused.value.code == 30400
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages(sid).update(status="canceled")
    assert (refused.value.code, refused.value.status) == (30409, 409)
    assert twilio.messages(sid).delete() is True
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages(sid).fetch()
    assert (refused.value.code, refused.value.status) == (20404, 404)


def test_a_scheduled_text_can_be_cancelled(twilio: Client):
    later = datetime.now(UTC) + timedelta(hours=1)
    message = twilio.messages.create(
        to=TO, messaging_service_sid=SERVICE, body="Later", schedule_type="fixed", send_at=later
    )
    assert message.status == "scheduled"
    assert twilio.messages(message.sid).update(status="canceled").status == "canceled"
    soon = datetime.now(UTC) + timedelta(minutes=1)
    fields = {"from_": None, "messaging_service_sid": SERVICE, "schedule_type": "fixed"}
    assert refusal(twilio, **fields, send_at=soon) == (35114, 400)


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("01", "failed", 30001),
        ("03", "undelivered", 30003),
        ("06", "undelivered", 30006),
        ("07", "undelivered", 30007),
        ("08", "failed", 30008),
    ],
)
def test_control_numbers(twilio: Client, sandbox: Sandbox, ending: str, status: str, code: int):
    for number in (f"+190755501{ending}", f"+155501000{ending}"):
        sid = twilio.messages.create(to=number, from_=SENDER, body="x").sid
        row = sandbox.wait_for_status(sid, status)
        assert (row["error_code"], row["on_phone"]) == (code, False)
    assert twilio.messages(sid).fetch().error_code == code


def test_api_keys_and_test_credentials(sandbox: Sandbox, receiver: Receiver):
    sid, key = "AC" + "3" * 32, "SK" + "4" * 32
    sandbox.control(
        "twilio-accounts", sid=sid, auth_token="t", senders=[SENDER], api_keys={key: "k"}, test=True
    )
    client = Client(key, "k", sid)
    client.api.base_url = sandbox.url
    assert refusal(client, from_=SENDER) == (21606, 400)
    message = client.messages.create(
        to=TO, from_="+15005550006", body="x", status_callback=receiver.url
    )
    assert message.status == "queued"
    assert receiver.calls == []
