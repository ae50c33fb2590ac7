"""Page regions that update themselves: rendered for the page and for each poll."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Mapping

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

# Content that differs in every rendering without a change: countdowns and form tokens.
VOLATILE = re.compile(
    r'<!--live-->.*?<!--/live-->|name="csrfmiddlewaretoken" value="[^"]*"'
    r'|name="key" value="[^"]*"',
    re.S,
)

# A page whose history has not grown is rendered again after this many seconds: a few things, such
# as an expiring link, change without an entry.
LOOK_AGAIN = 5


def nothing_new(request: HttpRequest, stamp: str) -> bool:
    """Whether this poll can be answered with 204 without rendering.

    `stamp` represents all audit entries of what the page shows. The poll sends the stamp and the
    time of its last rendering, see `Regions.answer`.
    """
    _, seen, at = (request.GET.get("v", "") + "..").split(".")[:3]
    return seen == stamp and at.isdecimal() and 0 <= time.time() - int(at[:12]) < LOOK_AGAIN


class Regions:
    """The named regions of one page: `{{ live.balance }}` places one, `answer` sends them again.

    Each region is a template; js/live.js replaces it when its `data-v` differs and keeps details
    open that a person opened.
    """

    def __init__(
        self, request: HttpRequest, templates: Mapping[str, str], context: Mapping[str, object]
    ) -> None:
        self._html = {
            name: self._region(name, render_to_string(template, dict(context), request).strip())
            for name, template in templates.items()
        }

    def __getitem__(self, name: str) -> SafeString:
        return self._html[name]

    @property
    def version(self) -> str:
        """A value that changes when any region does."""
        return _digest(self._html.values())

    def answer(self, request: HttpRequest, stamp: str = "") -> HttpResponse:
        """204 when the page has this version (`?v=`), else all regions.

        With a `stamp`, read before the regions were rendered, the next polls use `nothing_new`.
        """
        known = request.GET.get("v", "").partition(".")[0] == self.version
        response = HttpResponse("" if known else "".join(self._html.values()))
        response.status_code = 204 if known else 200
        looked = f".{stamp}.{int(time.time())}" if stamp else ""
        response["X-Version"] = f"{self.version}{looked}"
        return response

    def _region(self, name: str, html: str) -> SafeString:
        return format_html(
            '<div class="live" id="live-{}" data-v="{}" hx-swap-oob="true">{}</div>',
            name,
            _digest([html]),
            mark_safe(html),  # noqa: S308  a rendered template, escaped by the engine
        )


def _digest(parts: Iterable[str]) -> str:
    seen = hashlib.sha256()
    for part in parts:
        seen.update(VOLATILE.sub("", part).encode())
    return seen.hexdigest()[:16]
