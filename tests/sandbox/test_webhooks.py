"""Status callbacks and incoming texts, checked with Twilio's own validator."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.sandbox.conftest import AUTH_TOKEN, SENDER, SERVICE, SID, Receiver
from tests.sandbox_process import Sandbox
from tests.workers import free_port

TO = "+19785550142"


def send(twilio: Client, url: str, to: str = TO, **fields: str) -> str:
    fields = fields or {"from_": SENDER}
    return str(twilio.messages.create(to=to, body="Hi", status_callback=url, **fields).sid)


def test_callbacks_are_signed_and_in_order(twilio: Client, receiver: Receiver):
    path = "/texts/7b1c?b=2&a=1"
    sid = send(twilio, receiver.url + path + "#rc=2&rp=all")
    calls = receiver.wait(3)
    assert receiver.statuses() == ["sending", "sent", "delivered"]
    validator = RequestValidator(AUTH_TOKEN)
    for call in calls:
        assert call["path"] == path
        signature = call["headers"]["X-Twilio-Signature"]
        assert validator.validate(receiver.url + path, call["form"], signature)
        assert call["headers"]["I-Twilio-Idempotency-Token"]
        assert call["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    last = calls[-1]["form"]
    assert (last["MessageSid"], last["SmsSid"], last["AccountSid"]) == (sid, sid, SID)
    assert (last["From"], last["To"], last["SmsStatus"]) == (SENDER, TO, "delivered")
    assert len(last["RawDlrDoneDate"]) == 10
    assert "ErrorCode" not in last


def test_a_service_tells_of_queued_as_well(twilio: Client, receiver: Receiver):
    send(twilio, receiver.url, messaging_service_sid=SERVICE)
    calls = receiver.wait(4)
    assert receiver.statuses() == ["queued", "sending", "sent", "delivered"]
    assert calls[0]["form"]["MessagingServiceSid"] == SERVICE


def test_failure_carries_the_error_code(twilio: Client, receiver: Receiver):
    send(twilio, receiver.url, to="+19075550107")
    assert receiver.wait(3)[-1]["form"]["ErrorCode"] == "30007"


def test_reversed_order(twilio: Client, receiver: Receiver):
    send(twilio, receiver.url, to="+19075550111")
    receiver.wait(3)
    assert receiver.statuses() == ["delivered", "sent", "sending"]


def test_duplicates_share_their_token(twilio: Client, receiver: Receiver):
    send(twilio, receiver.url, to="+19075550112")
    calls = receiver.wait(6)
    assert receiver.statuses() == ["sending", "sending", "sent", "sent", "delivered", "delivered"]
    tokens = [call["headers"]["I-Twilio-Idempotency-Token"] for call in calls]
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3


def test_stuck_silent_and_bare(twilio: Client, sandbox: Sandbox, receiver: Receiver):
    silent = send(twilio, receiver.url, to="+19075550113")
    sandbox.wait_for_status(silent, "delivered")
    assert receiver.calls == []
    stuck = send(twilio, receiver.url, to="+19075550110")
    receiver.wait(2)
    assert sandbox.wait_for_status(stuck, "sent")["on_phone"] is True
    send(twilio, receiver.url, to="+19075550114")
    last = receiver.wait(5)[-1]["form"]
    assert last["MessageStatus"] == "undelivered"
    assert "ErrorCode" not in last
    assert last["UnheardOfField"] == "new"


def test_by_default_a_server_error_is_not_retried(twilio: Client, receiver: Receiver):
    receiver.answers = [500]
    send(twilio, receiver.url)
    receiver.wait(3)
    time.sleep(0.3)
    assert receiver.statuses() == ["sending", "sent", "delivered"]


def test_the_fragment_asks_for_retries(twilio: Client, receiver: Receiver):
    receiver.answers = [500, 503]
    send(twilio, receiver.url + "#rc=3&rp=5xx")
    calls = receiver.wait(5)
    assert receiver.statuses()[:3] == ["sending"] * 3
    assert len({call["headers"]["I-Twilio-Idempotency-Token"] for call in calls[:3]}) == 1


def test_nobody_listening_is_tried_twice(twilio: Client, sandbox: Sandbox):
    sid = send(twilio, f"http://127.0.0.1:{free_port()}/gone")
    sandbox.wait_for_status(sid, "delivered")
    end = time.monotonic() + 8
    while not all(row["done"] for row in sandbox.ledger()["callbacks"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert [row["attempts"] for row in sandbox.ledger()["callbacks"]] == [2, 2, 2]


def incoming(sandbox: Sandbox, body: str, **more: Any) -> None:
    sandbox.control("incoming", **{"from": TO, "to": SENDER, "body": body, **more})


def register(sandbox: Sandbox, receiver: Receiver) -> None:
    data = {"sid": SID, "auth_token": AUTH_TOKEN, "inbound_url": receiver.url + "/in"}
    sandbox.control("twilio-accounts", **data)


def test_an_answer_reaches_the_webhook(sandbox: Sandbox, receiver: Receiver):
    register(sandbox, receiver)
    incoming(sandbox, "Is Tuesday ok?")
    call = receiver.wait(1)[0]
    assert call["path"] == "/in"
    form = call["form"]
    assert (form["From"], form["To"], form["Body"]) == (TO, SENDER, "Is Tuesday ok?")
    assert "OptOutType" not in form
    signature = call["headers"]["X-Twilio-Signature"]
    assert RequestValidator(AUTH_TOKEN).validate(receiver.url + "/in", form, signature)


def test_pictures_and_keywords_of_ones_own_are_told(sandbox: Sandbox, receiver: Receiver):
    register(sandbox, receiver)
    incoming(sandbox, "BASTA", pictures=2, opt_out_type="STOP")
    form = receiver.wait(1)[0]["form"]
    assert (form["NumMedia"], form["OptOutType"]) == ("2", "STOP")
    assert form["MediaContentType1"] == "image/jpeg"
    assert sandbox.ledger()["messages"][0]["body"] == "BASTA [picture] [picture]"


def test_stop_and_start(twilio: Client, sandbox: Sandbox, receiver: Receiver):
    register(sandbox, receiver)
    incoming(sandbox, " stop ")
    assert receiver.wait(1)[0]["form"]["Body"] == " stop "
    for sender in ({"from_": SENDER}, {"messaging_service_sid": SERVICE}):
        with pytest.raises(TwilioRestException) as refused:
            twilio.messages.create(to=TO, body="x", **sender)
        assert (refused.value.code, refused.value.status) == (21610, 400)
    answers = [m for m in sandbox.ledger()["messages"] if m["direction"] == "outbound-reply"]
    assert "unsubscribed" in answers[0]["body"]
    incoming(sandbox, "START")
    assert twilio.messages.create(to=TO, from_=SENDER, body="x").status == "queued"


def test_stop_please_is_just_a_text(twilio: Client, sandbox: Sandbox):
    incoming(sandbox, "stop please")
    assert twilio.messages.create(to=TO, from_=SENDER, body="x").status == "queued"


def test_advanced_opt_out_names_the_keyword(twilio: Client, sandbox: Sandbox, receiver: Receiver):
    register(sandbox, receiver)
    sid = twilio.messages.create(to=TO, messaging_service_sid=SERVICE, body="x").sid
    sandbox.wait_for_status(sid, "delivered")
    incoming(sandbox, "QUIT")
    assert receiver.wait(1)[0]["form"]["OptOutType"] == "STOP"
