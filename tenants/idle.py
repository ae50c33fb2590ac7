"""Ends a sign-in after IDLE_MINUTES without activity, and after its maximum age."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase

from tenants.middleware import WITHOUT_STAFF

BEGAN, SEEN, LAPSED = "began", "seen", "lapsed"
# Seconds between two updates of the same session, so that not every page writes one.
STEP = 30


class IdleMiddleware:
    """Signs out before the request is handled, so that posted data is not processed.

    Polling by an open page is no activity; typing in it is, see js/page.js.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(WITHOUT_STAFF):
            return self.get_response(request)
        now = int(time.time())
        if _is_over(request, now):
            logout(request)
            request.session[LAPSED] = True  # the sign-in page says why
        response = self.get_response(request)
        if request.user.is_authenticated and not request.path.endswith("/live/"):
            _note(request, now)
        return response


def _is_over(request: HttpRequest, now: int) -> bool:
    seen, began = request.session.get(SEEN, now), request.session.get(BEGAN, now)
    too_old = now - began > settings.SESSION_COOKIE_AGE
    return too_old or now - seen > settings.IDLE_MINUTES * 60


def _note(request: HttpRequest, now: int) -> None:
    if abs(now - request.session.get(SEEN, 0)) >= STEP:
        request.session[SEEN] = now
        request.session.setdefault(BEGAN, now)
        request.session.pop(LAPSED, None)
