"""Browser headers for every page, and the faults that tests order or a plan draws."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sandbox import faults, lookup, twilio, world
from sandbox.books import writing
from sandbox.models import Fault, note

Next = Callable[[HttpRequest], HttpResponseBase]

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


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


@dataclass(frozen=True)
class Trouble:
    """The fault that hits one call; no name for none."""

    name: str = ""
    seconds: float = 0.0


class FaultInjector:
    """Spoils calls: by a fault a test asked for, by the fault plan, or by a control number."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        trouble = choose(request)
        name = trouble.name
        seconds = trouble.seconds or faults.SECONDS.get(name, 0.0)
        if faults.BEFORE.fullmatch(name):
            return faults.spoil_before(request, name, seconds)
        request.sandbox_fault = name  # type: ignore[attr-defined]
        request.sandbox_seconds = seconds  # type: ignore[attr-defined]
        response = self.get_response(request)
        ordered = getattr(request, "sandbox_spoil", "")
        if ordered:
            name, seconds = ordered, settings_seconds(ordered)
        return faults.spoil_after(request, response, name, seconds)


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
    if path.startswith(f"/{lookup.VERSION}/"):
        return ["lookup", "twilio", "any"]
    return []


def twilio_targets(path: str, method: str) -> list[str]:
    """Return the names of a call on the Messages resource."""
    if path.endswith("/Messages.json"):
        return ["messages.create" if method == "POST" else "messages.list", "messages"]
    if "/Messages/" in path:
        verb = {"POST": "update", "DELETE": "delete"}.get(method, "fetch")
        return [f"messages.{verb}", "messages"]
    return ["account"]


def choose(request: HttpRequest) -> Trouble:
    """Return the fault for this call, ordered before planned, and write it into the trail."""
    names = targets(request)
    if not names:
        return Trouble()
    number, drawn, seconds = world.planned(names)
    trouble = take(names) or Trouble(drawn, seconds)
    if trouble.name:
        note("fault", names[0], fault=trouble.name, call=number, about=about(request))
    return trouble


def take(names: list[str]) -> Trouble | None:
    """Use up one order for any of these names, the oldest first."""
    if not Fault.objects.exists():
        return None
    with writing():
        fault = Fault.objects.filter(target__in=names).order_by("pk").first()
        if fault is None:
            return None
        fault.times -= 1
        if fault.times > 0:
            fault.save()
        else:
            Fault.objects.filter(pk=fault.pk).delete()
    return Trouble(fault.fault, fault.seconds)


def about(request: HttpRequest) -> str:
    """Return what the call is about: its orderid, its retref, or the path of a reading call."""
    if request.method == "GET":
        return request.path.removeprefix("/cardconnect/rest/")[:100]
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        return ""
    return str(body.get("orderid") or body.get("retref") or "") if isinstance(body, dict) else ""
