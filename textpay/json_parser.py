"""The API's JSON: bounded, and in plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from tenants.plain_text import is_plain

MOST_BYTES = 200_000
DEEPEST = 20


class BoundedJSONParser(JSONParser):
    """Raises ParseError, a 400 in words, for JSON that is too long or too deep, or not text."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        """The parsed body."""
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ParseError(f"The request is longer than {MOST_BYTES:,} bytes. Nothing was saved.")
        try:
            data: dict[str, Any] = json.loads(raw.decode())
        except (ValueError, RecursionError):
            raise ParseError("The request is no valid JSON in UTF-8. Nothing was saved.") from None
        for text, depth in _strings(data):
            if depth > DEEPEST:
                raise ParseError("The request is nested too deeply. Nothing was saved.")
            if not is_plain(text):
                raise ParseError("A text holds a control character. Nothing was saved.")
        return data


def _strings(data: object) -> Iterator[tuple[str, int]]:
    """Each name and text with its depth; an empty text for every list and object."""
    waiting = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            yield "", depth
            yield from ((name, depth) for name in value)
            waiting += [(one, depth + 1) for one in value.values()]
        elif isinstance(value, list):
            yield "", depth
            waiting += [(one, depth + 1) for one in value]
        elif isinstance(value, str):
            yield value, depth
