"""Control characters do not reach the database, from whichever door a text comes in.

PostgreSQL cannot store NUL, a line break in a company's name breaks every email about it, and
invisible characters make two names look the same. Browsers send none of them from a field; other
programs do.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, QueryDict

# C0 and C1 without tab and line breaks, and halves of a character (lone surrogates).
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAKS = re.compile("[\t\r\n\u2028\u2029]+")
# The fields of forms that may have several lines: those with a Textarea, which a test compares.
MULTILINE = frozenset({"note", "refund_policy", "body", "wording"})
WEBHOOKS = "/webhooks/"
PAY = "/p/"
# The only field of a webhook that holds what a person wrote; it is cleaned when it is stored.
BODY = "Body"


def plain(text: str, *, one_line: bool = False) -> str:
    """The text without control characters; with `one_line`, line breaks become spaces."""
    text = _CONTROL.sub("", text)
    return _LINE_BREAKS.sub(" ", text) if one_line else text


def is_plain(text: str) -> bool:
    """Whether the text holds no control character."""
    return _CONTROL.search(text) is None


class PlainTextMiddleware:
    """Cleans the query and the form of each request. An address with a control character is 400.

    A webhook's form is covered by a signature, so it is not changed: one with a control character
    outside the text that a person wrote is 400. The API's JSON is checked by its parser.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # All unknown payment links get one and the same page; a token is looked up by its digest.
        if not is_plain(request.path_info) and not request.path_info.startswith(PAY):
            return HttpResponseBadRequest("This address holds a control character.")
        request.GET = _cleaned(request.GET)  # type: ignore[assignment]
        if request.method == "POST" and request.path_info.startswith(WEBHOOKS):
            # The signature covers the body, which cannot be read after the form.
            if len(request.body) and not _is_plain_but_for_body(request.POST):
                return HttpResponseBadRequest("A field holds a control character.")
        elif request.method == "POST":
            request.POST = _cleaned(request.POST)  # type: ignore[assignment]
        return self.get_response(request)


def _is_plain_but_for_body(form: QueryDict) -> bool:
    return all(is_plain(v) for name, values in form.lists() if name != BODY for v in values)


def _cleaned(form: QueryDict) -> QueryDict:
    """The same fields in plain text; the same object when nothing changes."""
    lists = [
        (plain(name, one_line=True), [plain(v, one_line=name not in MULTILINE) for v in values])
        for name, values in form.lists()
    ]
    if lists == list(form.lists()):
        return form
    clean = QueryDict(mutable=True)
    for name, values in lists:
        clean.setlist(name, values)
    clean._mutable = False
    return clean
