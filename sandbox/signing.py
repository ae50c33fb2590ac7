"""Twilio's webhook signature: an HMAC over the URL and the sorted form parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac

KEY_ID = "webhooks_sharedkey_sandbox"
ALGORITHMS = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}


def signature(secret: str, url: str, params: dict[str, str], algorithm: str = "HMAC_SHA1") -> str:
    """Return X-Twilio-Signature: the URL, then each name and value, names sorted, no separators.

    The URL's fragment is not part of what is signed.
    """
    signed = url + "".join(name + params[name] for name in sorted(params))
    digest = hmac.new(secret.encode(), signed.encode(), ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode()


def headers(
    token: str, url: str, params: dict[str, str], idempotency: str, key: str = ""
) -> dict[str, str]:
    """Return the headers of a webhook; a retry carries the same idempotency token.

    With a shared `key` it is signed by SHA-256 and says so.
    """
    common = {
        "I-Twilio-Idempotency-Token": idempotency,
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
    }
    if not key:
        return {"X-Twilio-Signature": signature(token, url, params), **common}
    return {
        "X-Twilio-Signature": signature(key, url, params, "HMAC_SHA256"),
        "X-Twilio-Webhooks-Signature-Settings": f"key={KEY_ID},algorithm=HMAC_SHA256",
        **common,
    }
