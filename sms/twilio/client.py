"""The only module that calls Twilio's library, and what its failures mean."""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple, TypeVar

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.rest.lookups.v2.phone_number import PhoneNumberInstance

from audit.alarms import credentials_lost
from audit.network import never_sent
from sms.error_codes import TRY_AGAIN, explain
from sms.models import TextMessage, TwilioAccount
from tenants.secrets import SecretError

TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds to wait for the answer
LOOKUP_TIMEOUT = (2.0, 3.0)  # a person waits in the pop-up meanwhile
VALID_SECONDS = 4 * 60 * 60  # a text that waits longer in Twilio's queue must not go out at night
LOST = (
    "The stored Twilio credentials cannot be decrypted, so nothing was sent. Support "
    "has been notified."
)
CONNECTIONS = 64  # kept open to Twilio by each process
CLOCKS_DIFFER = dt.timedelta(minutes=5)  # Twilio's from ours, at most
FIND_LIMIT = 200  # texts to one number that `find` reads, newest first
# Without this fragment Twilio repeats a report only when the connection failed.
REPEAT_REPORTS = "#rc=3&rp=5xx,ct,rt"
_silent = logging.getLogger("sms.twilio.http")  # the library would log numbers and texts
_silent.disabled = True


Answer = TypeVar("Answer")


class TwilioError(Exception):
    """Twilio did not accept the text, or it is unknown whether it did.

    `ambiguous`: it may have been sent, so poll before anything else. `permanent`: it was not sent
    and repeating is pointless. Neither: it was not sent; try again later, after `retry_after`
    seconds when Twilio named them. `sentence` is for people.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: int | None = None,
        permanent: bool = False,
        ambiguous: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code
        self.permanent, self.ambiguous, self.retry_after = permanent, ambiguous, retry_after


class Accepted(NamedTuple):
    """What Twilio stores about a text."""

    sid: str
    status: str
    segments: int | None
    sender: str
    error_code: int | None
    price: Decimal | None
    price_unit: str


class _HttpClient(TwilioHttpClient):
    """Twilio's HTTP client with two timeouts, a silent logger and the last Retry-After."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__(logger=_silent)
        self.timeout = timeout  # the constructor refuses a pair
        self._last_answer = threading.local()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    @property
    def retry_after(self) -> int | None:
        """The Retry-After of this thread's last answer, in seconds."""
        return getattr(self._last_answer, "retry_after", None)

    def request(self, *args: object, **kwargs: object) -> Response:
        self._last_answer.retry_after = None
        answer = super().request(*args, **kwargs)
        waits = str((answer.headers or {}).get("Retry-After", ""))
        self._last_answer.retry_after = min(int(waits), 3600) if waits.isdecimal() else None
        return answer


@lru_cache(maxsize=256)
def _client(
    url: str, account_sid: str, auth_token: str, timeout: tuple[float, float]
) -> tuple[Client, _HttpClient]:
    """One client per account and process, so that connections are reused."""
    http_client = _HttpClient(timeout)
    client = Client(account_sid, auth_token, http_client=http_client)
    client.api.base_url = url
    return client, http_client


os.register_at_fork(after_in_child=_client.cache_clear)  # a connection belongs to one process


def send(message: TextMessage) -> Accepted:
    """Send the text, without retries; raises TwilioError."""
    account = message.account
    sender = {"from_": account.sender} if account.sender else {}
    service = account.messaging_service_sid
    if service:
        sender["messaging_service_sid"] = service
    values = {
        "to": message.to,
        "body": message.body,
        "status_callback": message.callback_url + REPEAT_REPORTS,
        "validity_period": VALID_SECONDS,
        **sender,
    }
    return _accepted(_call(account, lambda client: client.messages.create(**values)))


def find(message: TextMessage) -> Accepted | None:
    """The text at Twilio with exactly our body, if there is one; raises TwilioError.

    A reminder may repeat its link and an answer has none, so an equal body counts only when it was
    created after the claim and is not another text's.
    """
    body, since = message.body, (message.claimed_at or message.queued_at) - CLOCKS_DIFFER

    def is_ours(text: MessageInstance) -> bool:
        if text.body != body or (text.date_created and text.date_created < since):
            return False
        others = TextMessage._base_manager.filter(sid=text.sid).exclude(pk=message.pk)
        return not others.exists()

    def search(client: Client) -> MessageInstance | None:
        texts = client.messages.stream(to=message.to, limit=FIND_LIMIT, page_size=50)
        return next((text for text in texts if is_ours(text)), None)

    found = _call(message.account, search)
    return _accepted(found) if found is not None else None


def fetch(message: TextMessage) -> Accepted:
    """The state of a text that Twilio accepted; raises TwilioError."""
    return _accepted(_call(message.account, lambda c: c.messages(message.sid).fetch()))


def line_type(account: TwilioAccount, number: str) -> tuple[str, str]:
    """The line type, as Twilio names it, and the carrier of an E.164 number; "" where unknown.
    Each call costs money. Raises TwilioError."""

    def look_up(client: Client) -> PhoneNumberInstance:
        client.lookups.base_url = settings.LOOKUPS_URL
        return client.lookups.v2.phone_numbers(number).fetch(fields="line_type_intelligence")

    found = _call(account, look_up, LOOKUP_TIMEOUT).line_type_intelligence or {}
    return str(found.get("type") or ""), str(found.get("carrier_name") or "")


def _call(
    account: TwilioAccount,
    request: Callable[[Client], Answer],
    timeout: tuple[float, float] = TIMEOUT,
) -> Answer:
    try:
        token = account.auth_token
    except SecretError:
        credentials_lost(account.tenant, "Twilio")
        raise TwilioError(LOST, permanent=True) from None
    client, http_client = _client(settings.TWILIO_URL, account.account_sid, token, timeout)
    try:
        return request(client)
    except TwilioRestException as refusal:
        raise _refused(refusal, http_client.retry_after) from None
    except requests.RequestException as error:
        raise (_not_reached() if never_sent(error) else _unknown()) from None
    except (TwilioException, ValueError, TypeError, KeyError):
        raise _unknown() from None


def _refused(refusal: TwilioRestException, retry_after: int | None) -> TwilioError:
    code = int(refusal.code or 0)
    if refusal.status >= 500 or refusal.status < 400:
        return _unknown()
    sentence = explain(code).sentence
    again = refusal.status == 429 or code in TRY_AGAIN
    retry_after = retry_after or TRY_AGAIN.get(code)
    return TwilioError(sentence, code=code, permanent=not again, retry_after=retry_after)


def _not_reached() -> TwilioError:
    return TwilioError("Twilio could not be reached. Nothing was sent.")


def _unknown() -> TwilioError:
    return TwilioError(
        "Twilio did not answer, so we are checking whether it sent the text.", ambiguous=True
    )


def _accepted(text: MessageInstance) -> Accepted:
    counted = str(text.num_segments or "")
    return Accepted(
        sid=text.sid or "",
        status=str(text.status or ""),
        segments=int(counted) if counted.isdecimal() and int(counted) else None,
        sender=text.from_ or "",
        error_code=text.error_code,
        price=_price(text.price),
        price_unit=text.price_unit or "",
    )


def _price(text: str | None) -> Decimal | None:
    """What was charged, negative; None while Twilio has no price."""
    try:
        price = Decimal(text or "")
    except InvalidOperation:
        return None
    return price if price.is_finite() and abs(price) < 10_000 else None
