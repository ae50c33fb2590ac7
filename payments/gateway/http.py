"""One exchange with the CardPointe Gateway, and how its answers are read.

Every call ends in one of three ways: an answer, NotSent (no byte of the request left, so nothing
can have happened) or Unknown (anything else: a time-out, an HTTP error, an answer nobody can read).
Credentials, tokens and bodies are in no message, representation or log line of this file.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import logging
import queue
import re
import threading
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from audit.alarms import credentials_lost
from audit.network import never_sent
from payments.models.account import CardConnectAccount
from tenants.secrets import SecretError

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
# The gateway answers at 32 seconds at the latest; hanging up earlier would make unknowns ourselves.
DEADLINE_SECONDS = 40.0
MAX_BODY = 4 * 1024 * 1024  # a month's funding; any other answer has a few hundred bytes
CHUNK = 64 * 1024
_TOO_MUCH = 10**6
# A point is required: "1000" without one might be cents.
_AMOUNT = re.compile(r"-?[0-9]{1,10}\.[0-9]{1,2}")
_LONG_NUMBER = re.compile(r"\d{4,}")


class NotSent(Exception):
    """The gateway could not be reached: provably, nothing was charged."""


class CredentialsLost(NotSent):
    """The stored credentials cannot be opened; trying again helps nobody."""


class Unknown(Exception):
    """Whether anything was charged is not known; ask by order number, never send again."""


def base_url(site: str) -> str:
    """Where the gateway, CardSecure and the tokenizer frame of a site are."""
    return str(settings.CARDCONNECT_URL).replace("{site}", site)


def origin(site: str) -> str:
    """What a browser calls that place: scheme, host and port."""
    parts = urlsplit(base_url(site))
    return f"{parts.scheme}://{parts.netloc}"


@sensitive_variables()
def ask(
    account: CardConnectAccount,
    verb: str,
    path: str,
    request: Mapping[str, str] | None = None,
    site: str = "",
) -> Any:
    """The JSON that the gateway answers; raises NotSent or Unknown."""
    return read_json(*call(account, verb, path, request, site))


@sensitive_variables()
def look_up(account: CardConnectAccount, path: str, **query: str) -> Any:
    """The JSON under a path with a query; blank parts of the query are left out."""
    return ask(account, "GET", f"{path}?{urlencode({k: v for k, v in query.items() if v})}")


def read_json(status: int, body: bytes) -> Any:
    """The JSON of an answer; raises Unknown for any other answer."""
    if status != http.client.OK:
        log.error("CardConnect answered with HTTP %s", status)
        raise Unknown(f"The gateway answered with HTTP {status}.")
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unknown("The answer cannot be read.") from None


def field(row: Any, name: str, length: int = 256) -> str:
    """A field without its padding; "" for a missing, blank or absurd one.

    What PostgreSQL would refuse to store (NUL, half of a surrogate pair) is left out.
    """
    value = row.get(name) if isinstance(row, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return "".join(sign for sign in str(value) if sign.isprintable()).strip()[:length]


def flag(row: Any, name: str) -> bool:
    """A yes, whichever way it is written: true, "Y", "true"."""
    value = row.get(name) if isinstance(row, dict) else None
    return value is True or field(row, name).upper() in ("Y", "YES", "TRUE")


def text(row: Any, name: str, length: int = 128) -> str:
    """A text for people; the bank's processor repeats the account number in some of them."""
    return _LONG_NUMBER.sub("…", field(row, name))[:length]


def money(row: Any, name: str) -> Decimal | None:
    """An amount as all answers write it, with a point; None for anything else."""
    told = field(row, name)
    return Decimal(told).quantize(Decimal("0.01")) if _AMOUNT.fullmatch(told) else None


def rate(row: Any, name: str) -> Decimal | None:
    """A percentage or a fee, which may have any number of decimals."""
    try:
        value = Decimal(field(row, name, 14))
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < _TOO_MUCH else None


def day(row: Any, name: str) -> dt.date | None:
    """The day of YYYYMMDD, YYYYMMDDHHMMSS or YYYY-MM-DD, as the gateway's clock has it."""
    told = field(row, name).replace("-", "")[:8]
    try:
        return dt.datetime.strptime(told, "%Y%m%d").date()  # noqa: DTZ007  a day, not a moment
    except ValueError:
        return None


@sensitive_variables()
def call(
    account: CardConnectAccount,
    verb: str,
    path: str,
    request: Mapping[str, str] | None = None,
    site: str = "",
) -> tuple[int, bytes]:
    """Send one request, follow nothing, wait DEADLINE_SECONDS at most for the whole answer.

    The exchange runs in a thread of its own, because a read timeout alone never ends for a gateway
    that sends one byte a second.
    """
    url = f"{base_url(site or account.site)}/cardconnect/rest/{path}"
    try:
        login = (account.username, account.password)
    except SecretError:
        credentials_lost(account.tenant, "CardConnect")
        raise CredentialsLost("The stored credentials cannot be opened.") from None
    told: queue.SimpleQueue[tuple[int, bytes] | Exception] = queue.SimpleQueue()
    exchange = partial(_exchange, told, verb, url, login, request, DEADLINE_SECONDS)
    threading.Thread(target=exchange, name="cardconnect", daemon=True).start()
    try:
        outcome = told.get(timeout=DEADLINE_SECONDS)
    except queue.Empty:
        log.error("CardConnect did not answer within %s seconds", DEADLINE_SECONDS)
        raise Unknown("No answer from the gateway in time.") from None
    if isinstance(outcome, Exception):
        raise outcome from None
    return outcome


@sensitive_variables()
def _exchange(
    told: queue.SimpleQueue[tuple[int, bytes] | Exception],
    verb: str,
    url: str,
    login: tuple[str, str],
    request: Mapping[str, str] | None,
    seconds: float,
) -> None:
    """One HTTP exchange; puts the status and body, or NotSent or Unknown, into `told`."""
    end = time.monotonic() + seconds
    try:
        with requests.request(
            verb,
            url,
            json=request,
            auth=login,
            headers={"Accept": "application/json", "Connection": "close"},
            allow_redirects=False,
            stream=True,
            timeout=(CONNECT_SECONDS, seconds),
        ) as response:
            if response.status_code == http.client.TOO_MANY_REQUESTS:
                pause = response.headers.get("X-Rate-Limit-Retry-After-Seconds", "")
                log.error("CardConnect asks for fewer calls; again after %.5s seconds", pause)
            told.put((response.status_code, _body(response, end)))
    except Unknown as unknown:
        told.put(unknown)
    except requests.RequestException as error:
        told.put(_failure(error, url))
    except Exception as error:  # urllib3's own, while the body is read
        told.put(Unknown(f"No answer from the gateway ({type(error).__name__})."))


def _body(response: requests.Response, end: float) -> bytes:
    """The body, read as it comes, so that a body without end is hung up on; raises Unknown."""
    body = b""
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_BODY or time.monotonic() > end:
            raise Unknown("The answer does not end.")
    return body


def _failure(error: requests.RequestException, url: str) -> NotSent | Unknown:
    kind = type(error).__name__
    if not never_sent(error):
        return Unknown(f"No answer from the gateway ({kind}).")
    log.error("CardConnect cannot be reached at %s (%s)", urlsplit(url).hostname, kind)
    return NotSent(f"The gateway cannot be reached ({kind}).")


def _refuse(constant: str) -> None:
    """NaN and Infinity are not JSON."""
    raise ValueError(constant)
