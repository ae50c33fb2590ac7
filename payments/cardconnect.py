"""The CardPointe Gateway: the one file that knows the wire.

Speaks tokens, amounts and order numbers. What comes back is an Approved, a Declined, or one of two
errors: NotSent (no byte of the request left, so nothing can have happened) and Unknown (anything
else: a time-out, an HTTP error, an answer nobody can read). Credentials, tokens and bodies are in
no message, representation or log line of this file.
"""

from __future__ import annotations

import http.client
import json
import logging
import queue
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings

from audit.network import never_sent
from payments import decline_words
from payments.models import CardConnectAccount, Payment

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
# The gateway answers at 32 seconds at the latest; hanging up earlier would make unknowns ourselves.
DEADLINE_SECONDS = 40.0
MAX_BODY = 256 * 1024
TOKEN = re.compile(r"^9[0-9A-Za-z]{15}$")
_AMOUNT = re.compile(r"^-?\d{1,12}(\.\d{1,2})?$")
_LONG_NUMBER = re.compile(r"\d{4,}")


class NotSent(Exception):
    """The gateway could not be reached: provably, nothing was charged."""


class Unknown(Exception):
    """Whether anything was charged is not known; ask by order number, never send again."""


class CredentialError(Exception):
    """The gateway does not accept the credentials; str() is the sentence to show."""


@dataclass(frozen=True)
class Approved:
    """Money was taken: `amount` may differ from what was asked for."""

    amount: Decimal
    retref: str
    authcode: str = ""
    respproc: str = ""
    respcode: str = ""
    resptext: str = ""


@dataclass(frozen=True)
class Declined:
    """No money was taken. `sentence` is for the payer, code and text are for staff."""

    respproc: str
    respcode: str
    resptext: str
    sentence: str
    may_retry: bool = True
    retref: str = ""


Answer = Approved | Declined


def base_url(site: str) -> str:
    """Where the gateway, CardSecure and the tokenizer frame of a site are."""
    return str(settings.CARDCONNECT_URL).replace("{site}", site)


def origin(site: str) -> str:
    """What a browser calls that place: scheme, host and port."""
    parts = urlsplit(base_url(site))
    return f"{parts.scheme}://{parts.netloc}"


def check_credentials(account: CardConnectAccount) -> None:
    """Ask the gateway whether it knows this merchant; raises CredentialError with a sentence."""
    try:
        status, _ = _call(account, "PUT", "", {"merchid": account.merchid})
    except (NotSent, Unknown):
        raise CredentialError(
            f"CardConnect could not be reached at {origin(account.site)}. Check the site name, or "
            "try again in a few minutes."
        ) from None
    if status == http.client.UNAUTHORIZED:
        raise CredentialError(
            "CardConnect does not accept this user name and password for this merchant ID."
        )
    if status != http.client.OK:
        raise CredentialError(f"CardConnect answered with an error (HTTP {status}).")


def auth(
    payment: Payment, token: str, *, expiry: str = "", account_type: str = "", postal: str = ""
) -> Answer:
    """Charge `payment.amount` to what `token` stands for, once; raises NotSent or Unknown."""
    request = {
        "merchid": payment.merchid,
        "account": token,
        "amount": f"{payment.amount:.2f}",  # always two decimals: "10" would be ten cents
        "currency": payment.tenant.currency,
        "orderid": payment.orderid,
        "capture": "Y",
        "ecomind": "E",
    }
    if payment.method == Payment.Method.ACH:
        request |= {"accttype": account_type, "achEntryCode": "WEB"}
        request["name"] = payment.payer_name[:30]
    else:
        request |= {"expiry": expiry, "postal": postal}
    request = {name: value for name, value in request.items() if value}
    status, body = _call(payment.tenant.cardconnect, "PUT", "auth", request, payment.site)
    answer = _read(_json(status, body), payment)
    if answer is None:
        raise Unknown("The gateway says that it does not know yet.")
    return answer


def inquire_by_orderid(payment: Payment) -> list[Answer] | None:
    """All that the gateway has under our order number; [] is its "Txn not found".

    None: it has the attempt, without an end yet. Raises NotSent or Unknown when there is no answer.
    """
    found = _inquire(payment, f"inquireByOrderid/{payment.orderid}/{payment.merchid}/1")
    if found == [] and payment.method == Payment.Method.ACH:
        # A bank payment may be booked under a linked merchant ID, which the "/1" leaves out.
        found = _inquire(payment, f"inquireByOrderid/{payment.orderid}/{payment.merchid}")
    return found


def inquire(payment: Payment) -> list[Answer] | None:
    """The same for the gateway's own reference."""
    return _inquire(payment, f"inquire/{payment.retref}/{payment.merchid}")


def void(payment: Payment, retref: str) -> bool:
    """Undo a charge; True only when the gateway confirms it."""
    return _void(payment, "void", {"retref": retref})


def void_by_orderid(payment: Payment) -> bool:
    """Undo whatever was charged under our order number; True only when the gateway confirms it."""
    return _void(payment, "voidByOrderId", {"orderid": payment.orderid})


def _inquire(payment: Payment, path: str) -> list[Answer] | None:
    status, body = _call(payment.tenant.cardconnect, "GET", path, None, payment.site)
    told = _json(status, body)
    rows = told if isinstance(told, list) else [told]
    answers, undecided = [], False
    for row in rows:
        if _is_not_found(row) or _is_voided(row):
            continue
        answer = _read(row, payment)
        if answer is None and _field(row, "setlstat").lower() != "declined":
            undecided = True
        elif answer is not None:
            answers.append(answer)
    return answers or (None if undecided else [])


def _void(payment: Payment, path: str, request: Mapping[str, str]) -> bool:
    try:
        status, body = _call(
            payment.tenant.cardconnect,
            "PUT",
            path,
            {"merchid": payment.merchid, **request},
            payment.site,
        )
        told = _json(status, body)
    except (NotSent, Unknown):
        return False
    # 26 "Txn Settled" is marked A as well, and is the opposite of a void.
    return _field(told, "respstat") == "A" and _field(told, "respcode") in ("00", "000")


def _read(row: Any, payment: Payment) -> Answer | None:
    """One transaction as the gateway tells it; None for its B, "try later"; raises Unknown."""
    respstat = _field(row, "respstat")
    if respstat not in ("A", "B", "C"):
        raise Unknown("The answer does not say how it went.")
    told = _field(row, "orderId") or _field(row, "orderid")
    if told and told != payment.orderid:
        raise Unknown("The answer is about another order.")
    merchid = _field(row, "merchid")
    is_card = payment.method == Payment.Method.CARD
    if is_card and merchid and merchid != payment.merchid:
        raise Unknown("The answer is about another merchant.")
    if respstat == "B":
        return None
    # The bank's processor repeats the account number in some texts.
    text = _LONG_NUMBER.sub("…", _field(row, "resptext"))[:128]
    respproc = _field(row, "respproc")[:4]
    respcode = _field(row, "respcode")[:4]
    retref = _field(row, "retref")[:14]
    if respstat == "A":
        amount = _field(row, "amount")
        if not retref or not _AMOUNT.match(amount):
            raise Unknown("The answer approves without an amount or a reference.")
        authcode = _field(row, "authcode")[:16]
        return Approved(Decimal(amount), retref, authcode, respproc, respcode, text)
    words = decline_words.find(respproc, respcode, text, _field(row, "declineCategory"))
    return Declined(respproc, respcode, text, words.sentence, words.may_retry, retref)


def _is_not_found(row: Any) -> bool:
    return (_field(row, "respproc"), _field(row, "respcode")) == ("PPS", "29")


def _is_voided(row: Any) -> bool:
    return _field(row, "setlstat").lower() == "voided"


def _field(row: Any, name: str) -> str:
    """A field without its padding; "" for a missing, blank or absurd one."""
    value = row.get(name) if isinstance(row, dict) else None
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _json(status: int, body: bytes) -> Any:
    if status != http.client.OK:
        log.error("CardConnect answered with HTTP %s", status)
        raise Unknown(f"The gateway answered with HTTP {status}.")
    try:
        return json.loads(body)
    except ValueError:
        raise Unknown("The answer cannot be read.") from None


def _call(
    account: CardConnectAccount,
    verb: str,
    path: str,
    request: Mapping[str, str] | None,
    site: str = "",
) -> tuple[int, bytes]:
    """Send one request, follow nothing, wait DEADLINE_SECONDS at most for the whole answer.

    The exchange runs in a thread of its own, because a read timeout alone never ends for a gateway
    that sends one byte a second.
    """
    url = f"{base_url(site or account.site)}/cardconnect/rest/{path}"
    login = (account.username, account.password)
    told: queue.SimpleQueue[tuple[int, bytes] | Exception] = queue.SimpleQueue()
    call = partial(_exchange, told, verb, url, login, request)
    threading.Thread(target=call, name="cardconnect", daemon=True).start()
    try:
        outcome = told.get(timeout=DEADLINE_SECONDS)
    except queue.Empty:
        raise Unknown("No answer from the gateway in time.") from None
    if isinstance(outcome, Exception):
        raise outcome from None
    return outcome


def _exchange(
    told: queue.SimpleQueue[tuple[int, bytes] | Exception],
    verb: str,
    url: str,
    login: tuple[str, str],
    request: Mapping[str, str] | None,
) -> None:
    """One HTTP exchange; puts the status and body, or NotSent or Unknown, into `told`."""
    try:
        with requests.request(
            verb,
            url,
            json=request,
            auth=login,
            headers={"Accept": "application/json", "Connection": "close"},
            allow_redirects=False,
            stream=True,
            timeout=(CONNECT_SECONDS, DEADLINE_SECONDS),
        ) as response:
            told.put((response.status_code, response.raw.read(MAX_BODY, decode_content=True)))
    except requests.RequestException as error:
        kind = type(error).__name__
        if never_sent(error):
            log.error("CardConnect cannot be reached at %s (%s)", urlsplit(url).hostname, kind)
            told.put(NotSent(f"The gateway cannot be reached ({kind})."))
        else:
            told.put(Unknown(f"No answer from the gateway ({kind})."))
    except Exception as error:  # urllib3's own, while the body is read
        told.put(Unknown(f"No answer from the gateway ({type(error).__name__})."))
