"""Browser headers for every page, and the faults that tests order."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sandbox import twilio
from sandbox.models import Fault, note

Next = Callable[[HttpRequest], HttpResponseBase]

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
OVERLOAD_PAGE = "<html><head><title>Gateway</title></head><body>Please try later</body></html>"
# Faults that strike before the call has any effect; the others strike once it has happened.
BEFORE = re.compile(r"refuse|drop_before|http_\d{3}")


class BrowserGuard:
    """Adds a content policy to pages and refuses forms that another site submits."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        mine = request.path.startswith(("/phone", "/ledger", "/sandbox/"))
        foreign = request.headers.get("Sec-Fetch-Site") == "cross-site"
        if mine and foreign and request.method != "GET":
            return HttpResponse("Not from another site.", status=403)
        response = self.get_response(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        return response


class FaultInjector:
    """Spoils calls on order: by a fault a test asked for, or by a control number."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        fault = take(targets(request))
        name = fault.fault if fault else ""
        seconds = fault.seconds if fault else 0.0
        if BEFORE.fullmatch(name):
            return spoil_before(request, name, seconds)
        request.sandbox_fault = name  # type: ignore[attr-defined]
        response = self.get_response(request)
        ordered = getattr(request, "sandbox_spoil", "")
        if ordered:
            name, seconds = ordered, settings_seconds(ordered)
        return spoil_after(request, response, name, seconds)


def settings_seconds(name: str) -> float:
    """Return how long the control number for a slow answer waits."""
    return float(settings.SLOW_SECONDS) if name == "slow" else 0.0


def targets(request: HttpRequest) -> list[str]:
    """Return the names under which this call can be spoilt; none for our own pages."""
    path, method = request.path, request.method or ""
    if path.startswith("/cardconnect/rest/"):
        name = path.removeprefix("/cardconnect/rest/").split("/")[0]
        return [name or "check", "gateway", "any"]
    if path.startswith("/cardsecure/"):
        return [path.rsplit("/", 1)[-1], "any"]
    if path.startswith("/itoke/ajax"):
        return ["frame", "any"]
    if path.startswith(f"/{twilio.VERSION}/"):
        return [*twilio_targets(path, method), "twilio", "any"]
    return []


def twilio_targets(path: str, method: str) -> list[str]:
    """Return the names of a call on the Messages resource."""
    if path.endswith("/Messages.json"):
        return ["messages.create" if method == "POST" else "messages.list", "messages"]
    if "/Messages/" in path:
        verb = {"POST": "update", "DELETE": "delete"}.get(method, "fetch")
        return [f"messages.{verb}", "messages"]
    return ["account"]


def take(names: list[str]) -> Fault | None:
    """Use up one order for any of these names, the oldest first."""
    if not names or not Fault.objects.exists():
        return None
    with transaction.atomic():
        fault = Fault.objects.filter(target__in=names).order_by("pk").first()
        if fault is None:
            return None
        fault.times -= 1
        if fault.times > 0:
            fault.save()
        else:
            Fault.objects.filter(pk=fault.pk).delete()
        note("fault", names[0], fault=fault.fault)
    return fault


def spoil_before(request: HttpRequest, name: str, seconds: float) -> HttpResponseBase:
    """Refuse the call untouched: a closed connection or an HTTP error."""
    if not name.startswith("http_"):
        return hang_up(request, reset=name == "refuse")
    return http_error(request, int(name[5:8]), seconds)


def http_error(request: HttpRequest, status: int, seconds: float) -> HttpResponse:
    """Return an HTTP error in the manner of the service that was called."""
    if request.path.startswith(f"/{twilio.VERSION}/"):
        code = {401: 20003, 404: 20404, 429: 20429}.get(status, 20500)
        response: HttpResponse = twilio.error(code, status=status)
        wait_header = "Retry-After"
    else:
        response = HttpResponse(OVERLOAD_PAGE, status=status)
        wait_header = "X-Rate-Limit-Retry-After-Seconds"
    if seconds:
        response[wait_header] = str(int(seconds) or 1)
    return response


def spoil_after(
    request: HttpRequest, response: HttpResponseBase, name: str, seconds: float
) -> HttpResponseBase:
    """Spoil the answer to a call that has already taken effect."""
    if name in ("drop_after", "drop_before"):
        return hang_up(request)
    if name == "slow":
        time.sleep(seconds)
    if name == "html":
        return HttpResponse(OVERLOAD_PAGE)
    if name == "empty":
        return HttpResponse(b"", content_type="application/json")
    if name == "truncated" and isinstance(response, HttpResponse):
        response.content = response.content[: len(response.content) // 2]
    if name.endswith("_after") and name.startswith("http_"):
        return http_error(request, int(name[5:8]), seconds)
    return response


def hang_up(request: HttpRequest, reset: bool = False) -> HttpResponse:
    """Close the caller's connection without a word; with a TCP reset when asked."""
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
