"""What a failed call to a provider proves: whether the request can have arrived."""

from __future__ import annotations

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError


def never_sent(error: requests.RequestException) -> bool:
    """True only when no byte of the request left: refused, unknown host, no trusted TLS handshake.

    Any other failure (a reset, a read timeout, a broken TLS record) may come after the provider
    has acted; the outcome must be inquired about instead of sent again.
    """
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, NewConnectionError):  # urllib3 reports an unknown host as one
        return True
    return isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY" in str(reason)
