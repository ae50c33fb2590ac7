"""Payment link tokens: 128 bits, never stored, derived with LINK_KEYS."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import zoneinfo

from django.conf import settings

LIFE = dt.timedelta(days=60)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 22  # 62**22 > 2**128
# The path of payment links; payments/urls.py serves them there.
FOLDER = "p/"
TOKEN = re.compile(rf"^[0-9A-Za-z]{{{LENGTH}}}$")


def address(token: str) -> str:
    """The address of the Pay Now page, on PUBLIC_BASE_URL and never on a request's Host header."""
    return f"{settings.PUBLIC_BASE_URL}/{FOLDER}{token}/"


def new_nonce() -> bytes:
    """16 random bytes: all that is stored of a token, useless without the key."""
    return secrets.token_bytes(16)


def derive(nonce: bytes, key: str) -> str:
    """The token for `nonce` under `key`: 22 characters of base 62, 128 bits.

    Base 62 rather than base64url because phones drop a trailing "-" or "_" from links.
    """
    number = int.from_bytes(_mac(key, b"token", nonce)[:16], "big")
    digits = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def digest(token: str, key: str) -> str:
    """What the database stores to find the link again: a keyed digest, 64 hex characters."""
    return _mac(key, b"digest", token.encode()).hex()


def digests(token: str) -> list[str]:
    """The digest under every key still in use; empty for a malformed token."""
    if not TOKEN.match(token):
        return []
    return [digest(token, key) for key in settings.LINK_KEYS]


def rederive(nonce: bytes, wanted: str) -> str:
    """The token of a stored nonce and digest; raises LookupError when its key was removed."""
    for key in settings.LINK_KEYS:
        token = derive(nonce, key)
        if hmac.compare_digest(digest(token, key), wanted):
            return token
    raise LookupError("No key in LINK_KEYS made this payment link.")


def sixty_days_later(moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """The same wall-clock time 60 calendar days later in `zone`, as UTC.

    Not 1,440 hours: a clock change in between moves the instant by an hour. A wall-clock time that
    a spring change skips counts as if the clock had not changed yet (02:30 becomes 03:30), which
    is what fold=0 means (PEP 495); a time that occurs twice is its first occurrence.
    """
    local = moment.astimezone(zone)
    return (local + LIFE).replace(fold=0).astimezone(dt.UTC)


def _mac(key: str, purpose: bytes, message: bytes) -> bytes:
    return hmac.new(key.encode(), purpose + b"\0" + message, hashlib.sha256).digest()
