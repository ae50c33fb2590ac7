"""Moves texts through their statuses and calls the product back, on threads of the web server.

Steps and pending callbacks are rows, so a restart forgets none. Callbacks of one text stay in
order (each text has its own lane); those of different texts do not, as with the real service.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urldefrag

import requests
from django.db import close_old_connections, transaction
from django.utils import timezone

from sandbox import gsm7, signing
from sandbox.models import Callback, Hop, Message, note
from sandbox.texts import PRICE_PER_SEGMENT

log = logging.getLogger(__name__)
LANES = [ThreadPoolExecutor(1, thread_name_prefix=f"callback-{n}") for n in range(8)]
PAUSE_SECONDS = 0.05
RETRY_SECONDS = 0.2


def start() -> None:
    """Start the engine and pick up callbacks a crash left behind."""
    for callback in Callback.objects.filter(done=False):
        submit(callback)
    threading.Thread(target=run, name="delivery", daemon=True).start()


def run() -> None:
    """Take every due step, forever; a failure of one step does not stop the next."""
    while True:
        try:
            for hop in Hop.objects.filter(due_at__lte=timezone.now()).order_by("due_at", "pk"):
                take(hop)
        except Exception:
            log.exception("delivery stumbled")
            close_old_connections()
            time.sleep(0.5)
        time.sleep(PAUSE_SECONDS)


def take(hop: Hop) -> None:
    """Take one step and send its callbacks; a step deleted meanwhile is skipped."""
    with transaction.atomic():
        if not Hop.objects.filter(pk=hop.pk).delete()[0]:
            return
        message = Message.objects.select_related("account").get(pk=hop.message_id)
        callbacks = step(message, hop)
    for callback in callbacks:
        submit(callback)


def step(message: Message, hop: Hop) -> list[Callback]:
    """Change the message as the step says; an empty status is the late price."""
    if not hop.status:
        message.price = f"-{PRICE_PER_SEGMENT * message.segments:.5f}"
        message.save()
        return []
    if message.service_sid and not message.from_number:
        message.from_number = (message.account.numbers or ["+15005550006"])[0]
    message.segments = message.segments or gsm7.segments(message.phone_body)
    message.status = hop.status
    message.error_code = hop.plan.get("error") or None
    if hop.status == "sent":
        message.sent_at = timezone.now()
    if hop.status == "delivered" or (hop.status == "sent" and hop.plan.get("last")):
        message.on_phone_at = timezone.now()
    message.save()
    note("message", message.sid, status=message.status, error_code=message.error_code)
    return owed(message, hop)


def owed(message: Message, hop: Hop) -> list[Callback]:
    """Return the callbacks due at this step, in the order they go out."""
    order = hop.plan.get("order", "normal")
    if not message.callback_url or order == "silent":
        return []
    if order == "reversed":
        return reversed_callbacks(message) if hop.plan.get("last") else []
    callback = write(message, hop.status, bare=order == "bare")
    return [callback, callback] if order == "twice" else [callback]


def reversed_callbacks(message: Message) -> list[Callback]:
    """Return all callbacks at once, the last first: ordering is not guaranteed by Twilio."""
    return [write(message, status) for status in (message.status, "sent", "sending")]


def write(message: Message, status: str, bare: bool = False) -> Callback:
    """Record one status callback with the fields Twilio documents."""
    params = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": message.account.sid,
        "From": message.from_number,
        "To": message.to_number,
        "ApiVersion": "2010-04-01",
    }
    if message.service_sid:
        params["MessagingServiceSid"] = message.service_sid
    if status in ("delivered", "undelivered"):
        params["RawDlrDoneDate"] = timezone.now().strftime("%y%m%d%H%M")
    if status in ("failed", "undelivered") and message.error_code and not bare:
        params["ErrorCode"] = str(message.error_code)
    if bare:
        # Twilio adds fields without notice; a client must sign what it does not know.
        params["UnheardOfField"] = "new"
    return Callback.objects.create(message=message, url=message.callback_url, params=params)


def submit(callback: Callback) -> None:
    """Hand a callback to its text's lane."""
    LANES[callback.message_id % len(LANES)].submit(post, callback.pk)


def retry_rule(url: str) -> tuple[str, int, set[str]]:
    """Return (URL without fragment, retries, what to retry on) from ``#rc=…&rp=…``."""
    address, fragment = urldefrag(url)
    options = parse_qs(fragment)
    retries = options.get("rc", ["1"])[0]
    policy = set(options.get("rp", ["ct"])[0].split(","))
    if "all" in policy:
        policy = {"4xx", "5xx", "ct", "rt"}
    return address, min(int(retries), 5) if retries.isdigit() else 1, policy


def post(pk: int) -> None:
    """Deliver one callback, with the retries its URL asks for."""
    try:
        callback = Callback.objects.select_related("message__account").filter(pk=pk).first()
        if callback is None:
            return
        address, retries, policy = retry_rule(callback.url)
        for attempt in range(retries + 1):
            time.sleep(RETRY_SECONDS * attempt)
            answer, kind = knock(callback, address)
            callback.attempts += 1
            callback.answer = answer
            if kind not in policy:
                break
        Callback.objects.filter(pk=pk).update(
            attempts=callback.attempts, answer=callback.answer, done=True
        )
    except Exception:
        log.exception("callback %s was not delivered", pk)
    finally:
        close_old_connections()


def knock(callback: Callback, address: str) -> tuple[str, str]:
    """POST once; return (the response, the kind of failure: ct, rt, 4xx, 5xx or "")."""
    account = callback.message.account
    headers = signing.headers(
        account.auth_token, address, callback.params, callback.token, account.webhook_key
    )
    try:
        response = requests.post(
            address,
            data=callback.params,
            headers=headers,
            timeout=(5, 15),
            allow_redirects=False,
        )
    except (requests.ConnectTimeout, requests.ConnectionError) as problem:
        return type(problem).__name__, "ct"
    except requests.RequestException as problem:
        return type(problem).__name__, "rt"
    failed = response.status_code >= 400
    return str(response.status_code), f"{response.status_code // 100}xx" if failed else ""


def tell_inbound(message: Message, extra: dict[str, Any]) -> None:
    """Post an incoming text to the account's inbound address, when it has one."""
    if not message.account.inbound_url:
        return
    params = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsMessageSid": message.sid,
        "AccountSid": message.account.sid,
        "From": message.from_number,
        "To": message.to_number,
        "Body": message.body,
        "NumMedia": "0",
        "NumSegments": str(message.segments),
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "FromCountry": "US",
        "ToCountry": "US",
    } | extra
    if message.service_sid:
        params["MessagingServiceSid"] = message.service_sid
    submit(Callback.objects.create(message=message, url=message.account.inbound_url, params=params))
