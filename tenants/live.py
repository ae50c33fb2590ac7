"""Parts of a page that keep themselves up to date: rendered for the page and for each poll."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

# What differs at every rendering although nothing happened: countdowns and form tokens.
VOLATILE = re.compile(
    r'<!--live-->.*?<!--/live-->|name="csrfmiddlewaretoken" value="[^"]*"'
    r'|name="key" value="[^"]*"',
    re.S,
)


class Regions:
    """The named regions of one page: `{{ live.balance }}` places one, `answer` sends them again.

    Each region is a template; js/live.js swaps it in place when its `data-v` differs and keeps open
    what a person has opened in it.
    """

    def __init__(
        self, request: HttpRequest, templates: Mapping[str, str], context: Mapping[str, Any]
    ) -> None:
        self._html = {
            name: self._region(name, render_to_string(template, dict(context), request).strip())
            for name, template in templates.items()
        }

    def __getitem__(self, name: str) -> SafeString:
        return self._html[name]

    @property
    def version(self) -> str:
        """Changes when any region does."""
        return _digest(self._html.values())

    def answer(self, request: HttpRequest) -> HttpResponse:
        """204 when the page has this version (`?v=`), else all regions."""
        if request.GET.get("v") == self.version:
            return HttpResponse(status=204)
        response = HttpResponse("".join(self._html.values()))
        response["X-Version"] = self.version
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
