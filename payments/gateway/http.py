"""One HTTP exchange with the CardPointe Gateway, and the parsing of its responses.

Every call ends in one of three ways: a response, NotSent (no byte of the request left, so nothing
can have happened) or Unknown (anything else: a timeout, an HTTP error, an unreadable response).
Credentials, tokens and bodies appear in no message, representation or log line of this file.
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
# The gateway responds within 32 seconds; a shorter timeout would create unknown outcomes.
DEADLINE_SECONDS = 40.0
MAX_BODY = (
    4 * 1024 * 1024
)  # bytes of a month's funding report; any other response has a few hundred
CHUNK = 64 * 1024
_TOO_MUCH = 10**6
# A decimal point is required: "1000" without one might be cents.
_AMOUNT = re.compile(r"-?[0-9]{1,10}\.[0-9]{1,2}")
_LONG_NUMBER = re.compile(r"\d{4,}")


class NotSent(Exception):
    """The gateway could not be reached: provably, nothing was charged."""


class CredentialsLost(NotSent):
    """The stored credentials cannot be decrypted; a retry does not help."""


class Unknown(Exception):
    """Whether anything was charged is not known; inquire by order number, never send again."""


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
) -> object:
    """The JSON of the gateway's response; raises NotSent or Unknown."""
    return read_json(*call(account, verb, path, request, site))


@sensitive_variables()
def look_up(account: CardConnectAccount, path: str, **query: str) -> object:
    """The JSON at a path with a query; blank parts of the query are left out."""
    return ask(account, "GET", f"{path}?{urlencode({k: v for k, v in query.items() if v})}")


def read_json(status: int, body: bytes) -> object:
    """Parse the JSON of a response; raises Unknown for anything else."""
    if status != http.client.OK:
        log.error("CardConnect answered with HTTP %s", status)
        raise Unknown(f"The gateway answered with HTTP {status}.")
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unknown("The answer cannot be read.") from None


def field(row: object, name: str, length: int = 256) -> str:
    """A field without its padding; "" when it is missing, blank or malformed.

    Drops what PostgreSQL cannot store: NUL and half of a surrogate pair.
    """
    value = row.get(name) if isinstance(row, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return "".join(sign for sign in str(value) if sign.isprintable()).strip()[:length]


def flag(row: object, name: str) -> bool:
    """A yes in any of the gateway's spellings: true, "Y", "true"."""
    value = row.get(name) if isinstance(row, dict) else None
    return value is True or field(row, name).upper() in ("Y", "YES", "TRUE")


def text(row: object, name: str, length: int = 128) -> str:
    """A text for people, masked: some processors repeat the account number in it."""
    return _LONG_NUMBER.sub("…", field(row, name))[:length]


def money(row: object, name: str) -> Decimal | None:
    """An amount with a decimal point, as all responses write it; None for anything else."""
    value = field(row, name)
    return Decimal(value).quantize(Decimal("0.01")) if _AMOUNT.fullmatch(value) else None


def rate(row: object, name: str) -> Decimal | None:
    """A percentage or a fee, which may have any number of decimals."""
    try:
        value = Decimal(field(row, name, 14))
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < _TOO_MUCH else None


def day(row: object, name: str) -> dt.date | None:
    """The day of YYYYMMDD, YYYYMMDDHHMMSS or YYYY-MM-DD, on the gateway's clock."""
    value = field(row, name).replace("-", "")[:8]
    try:
        return dt.datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007  a day, not a moment
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
    """Send one request without redirects; the whole response must arrive within DEADLINE_SECONDS.

    The exchange runs in a thread of its own, because a read timeout alone never ends for a gateway
    that sends one byte a second.
    """
    url = f"{base_url(site or account.site)}/cardconnect/rest/{path}"
    try:
        login = (account.username, account.password)
    except SecretError:
        credentials_lost(account.tenant, "CardConnect")
        raise CredentialsLost("The stored credentials cannot be opened.") from None
    outcomes: queue.SimpleQueue[tuple[int, bytes] | Exception] = queue.SimpleQueue()
    exchange = partial(_exchange, outcomes, verb, url, login, request, DEADLINE_SECONDS)
    threading.Thread(target=exchange, name="cardconnect", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=DEADLINE_SECONDS)
    except queue.Empty:
        log.error("CardConnect did not answer within %s seconds", DEADLINE_SECONDS)
        raise Unknown("No answer from the gateway in time.") from None
    if isinstance(outcome, Exception):
        raise outcome from None
    return outcome


@sensitive_variables()
def _exchange(
    outcomes: queue.SimpleQueue[tuple[int, bytes] | Exception],
    verb: str,
    url: str,
    login: tuple[str, str],
    request: Mapping[str, str] | None,
    seconds: float,
) -> None:
    """One HTTP exchange; puts status and body, or NotSent or Unknown, into `outcome`."""
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
            outcomes.put((response.status_code, _body(response, end)))
    except Unknown as unknown:
        outcomes.put(unknown)
    except requests.RequestException as error:
        outcomes.put(_failure(error, url))
    except Exception as error:  # urllib3's own, while the body is read
        outcomes.put(Unknown(f"No answer from the gateway ({type(error).__name__})."))


def _body(response: requests.Response, end: float) -> bytes:
    """Read the body in pieces and stop at the size limit; raises Unknown."""
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
