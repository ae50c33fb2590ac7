"""Protects the payer's pages: no card numbers, no guessing of links, no caching."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any
from urllib.parse import unquote, unquote_plus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.card_numbers import holds_card_number
from tenants.rate_limit import RateLimit

UNKNOWN_LINKS = RateLimit("unknown-link", limit=10, window=60)
# A request for a quote or a report of an opened page needs a live link, so that without the cache
# these limits fail open.
FEE_QUESTIONS = RateLimit("fee", limit=30, window=60, fails_open=True)
OPENINGS = RateLimit("opening", limit=30, window=60, fails_open=True)
# No form of ours comes near this size, and searching megabytes of digits would block a worker.
MOST_BYTES = 32 * 1024
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    # With "no-referrer", browsers send "Origin: null", which the CSRF check refuses.
    "Referrer-Policy": "same-origin",
}

View = Callable[..., HttpResponse]


def payer_page(view: View) -> View:
    """Refuse requests that carry a card number or an oversized body; forbid caching and indexing
    of responses.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
            response = HttpResponse("Too much was sent at once.", "text/plain", status=413)
        elif carries_card_number(request):
            response = render(request, "payments/card_number.html", status=400)
        else:
            response = view(request, *args, **kwargs)
        for name, value in HEADERS.items():
            response[name] = value
        if response.status_code >= 400:
            # Django would log the address, which is the secret itself.
            response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    return guarded


def carries_card_number(request: HttpRequest) -> bool:
    """Whether a field, the address or the referring page holds a raw card or bank number.

    Other headers are not searched: they hold clocks, counters and cookies of other sites, and
    nobody types there.
    """
    return any(holds_card_number(text) for text in _everything_in(request))


def client_ip(request: HttpRequest) -> str | None:
    """The payer's address; a forwarding header counts only as far as TRUSTED_PROXIES wrote it."""
    address = request.META.get("REMOTE_ADDR", "")
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    if 0 < settings.TRUSTED_PROXIES <= len(hops):
        address = hops[-settings.TRUSTED_PROXIES].strip()
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def too_many(limit: RateLimit, response: HttpResponse) -> HttpResponse:
    """Turn the response into a 429 that says when to try again."""
    response.status_code = 429
    response["Retry-After"] = str(limit.retry_after)
    return response


def _everything_in(request: HttpRequest) -> Iterator[str]:
    yield unquote(request.path)
    yield from _pairs(request.GET.lists())
    yield from _pairs(request.POST.lists())
    yield unquote_plus(request.headers.get("Referer", ""))
    for name, files in request.FILES.lists():
        yield from (f"{name} {file.name}" for file in files)


def _pairs(lists: Iterable[tuple[str, list[Any]]]) -> Iterator[str]:
    for name, values in lists:
        yield name
        yield from map(str, values)
