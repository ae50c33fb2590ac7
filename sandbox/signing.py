"""Twilio's webhook signature: HMAC-SHA1 over the URL and the sorted form parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature(token: str, url: str, params: dict[str, str]) -> str:
    """Return X-Twilio-Signature: the URL, then each name and value, names sorted, no separators.

    The URL's fragment is not part of what is signed.
    """
    signed = url + "".join(name + params[name] for name in sorted(params))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def headers(token: str, url: str, params: dict[str, str], idempotency: str) -> dict[str, str]:
    """Return the headers of a webhook; a retry carries the same idempotency token."""
    return {
        "X-Twilio-Signature": signature(token, url, params),
        "I-Twilio-Idempotency-Token": idempotency,
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
    }
