"""What a failed call to a provider proves: whether the request can have reached the other side."""

from __future__ import annotations

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError


def never_sent(error: requests.RequestException) -> bool:
    """True only when no byte of the request left: refused, no such host, no trusted handshake.

    Anything else (a reset, a time-out while reading, a broken TLS record) may come after the
    provider has acted, and must be asked about instead of sent again.
    """
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, NewConnectionError):  # urllib3 counts an unknown host as one
        return True
    return isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY" in str(reason)
