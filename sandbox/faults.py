"""Faulty responses: what a client sees when the network or the gateway misbehaves."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from sandbox import lookup, twilio

NAMES = (
    "refuse", "drop_before", "drop_after", "late_commit", "html", "html_500", "empty", "truncated",
    "slow", "drip", "wrong_types", "timeout_62", "timeout_62_authorized", "timeout_62_late",
)  # fmt: skip
# Faults that occur before the call has any effect; the others occur after it.
BEFORE = re.compile(r"refuse|drop_before|http_\d{3}")
# What `seconds` means when none are given: a late commit comes after the gateway's own patience.
SECONDS = {"late_commit": 32.0, "timeout_62_late": 32.0, "drip": 60.0}
OVERLOAD_PAGE = "<html><head><title>Gateway</title></head><body>Please try later</body></html>"


def check_name(name: str) -> str:
    """Return the name of a fault there is; raises ValueError."""
    if name not in NAMES and not re.fullmatch(r"http_[45]\d\d(_after)?", name):
        raise ValueError(f"unknown fault {name}")
    return name


def spoil_before(request: HttpRequest, name: str, seconds: float) -> HttpResponseBase:
    """Refuse the call untouched: a closed connection or an HTTP error."""
    if not name.startswith("http_"):
        return hang_up(request, reset=name == "refuse")
    return http_error(request, int(name[5:8]), seconds)


def http_error(request: HttpRequest, status: int, seconds: float) -> HttpResponse:
    """Return an HTTP error in the manner of the service that was called."""
    if request.path.startswith((f"/{twilio.VERSION}/", f"/{lookup.VERSION}/")):
        code = {401: 20003, 404: 20404, 429: 20429}.get(status, 20500)
        response: HttpResponse = twilio.error(code, status=status)
        if seconds:
            response["Retry-After"] = str(int(seconds) or 1)
        return response
    response = HttpResponse(OVERLOAD_PAGE, status=status)
    if seconds or status == 429:
        response["X-Rate-Limit-Retry-After-Seconds"] = str(int(seconds) or 1)
    return response


def spoil_after(
    request: HttpRequest, response: HttpResponseBase, name: str, seconds: float
) -> HttpResponseBase:
    """Spoil the response to a call that has already taken effect."""
    if name in ("drop_after", "drop_before", "late_commit"):
        return hang_up(request)
    if name == "slow":
        time.sleep(seconds)
    if name in ("html", "html_500"):
        return HttpResponse(OVERLOAD_PAGE, status=500 if name == "html_500" else 200)
    if name == "empty":
        return HttpResponse(b"", content_type="application/json")
    if name.endswith("_after") and name.startswith("http_"):
        return http_error(request, int(name[5:8]), seconds)
    return respelled(response, name, seconds) if isinstance(response, HttpResponse) else response


def respelled(response: HttpResponse, name: str, seconds: float) -> HttpResponseBase:
    """Return the answer cut in half, with other types in it, or drop by drop."""
    if name == "truncated":
        response.content = response.content[: len(response.content) // 2]
    if name == "wrong_types":
        with contextlib.suppress(ValueError):
            response.content = json.dumps(mistyped(json.loads(response.content))).encode()
    if name == "drip":
        return drip(response, seconds)
    return response


def mistyped(value: Any) -> Any:
    """Return an answer of the right shape whose fields have types nobody promised."""
    if isinstance(value, list):
        return [mistyped(one) for one in value]
    if not isinstance(value, dict):
        return value
    odd = {
        "amount": {"value": value.get("amount")},
        "respstat": [value.get("respstat")],
        "respcode": 0,
        "resptext": None,
        "setlstat": True,
        "errorcode": {},
    }
    return {
        name: odd[name] if name in odd else int(text) if str(text).isdigit() else text
        for name, text in value.items()
    }


def drip(response: HttpResponse, seconds: float) -> StreamingHttpResponse:
    """Send a byte a second for so many seconds, then the rest."""
    content = response.content

    def drops() -> Iterator[bytes]:
        end = time.monotonic() + seconds
        for place in range(len(content)):
            if time.monotonic() >= end:
                yield content[place:]
                return
            yield content[place : place + 1]
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))

    slow = StreamingHttpResponse(drops(), status=response.status_code)
    slow["Content-Type"] = response["Content-Type"]
    slow["Content-Length"] = str(len(content))
    return slow


def hang_up(request: HttpRequest, reset: bool = False) -> HttpResponse:
    """Close the caller's connection without a response; with a TCP reset when asked."""
    connection = request.META.get("gunicorn.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            if reset:
                # Closing with unsent data and no lingering makes the kernel send RST, not FIN.
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.close()
            else:
                connection.shutdown(socket.SHUT_RDWR)
    # Nobody reads this answer: the server fails to write it and drops the connection.
    response = HttpResponse(status=204)
    response["Connection"] = "close"
    return response
