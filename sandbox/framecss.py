"""The `css` parameter of the hosted tokenizer, cut down to an allow-list of properties.

The vendor's own list is not published; this one lets a page set colours, type, borders and
spacing, and nothing that could fetch, position or cover.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from django.utils import timezone

ALLOWED = re.compile(
    r"""^(
        color | color-scheme | background | background-color | accent-color | caret-color | opacity
      | font | font-[a-z]+ | line-height | letter-spacing | word-spacing | text-[a-z]+
      | border(-[a-z]+)* | outline(-[a-z]+)? | box-shadow | box-sizing
      | (margin|padding)(-[a-z]+)*
      | (min-|max-)?(width|height|inline-size|block-size)
      | display | float | clear | vertical-align | appearance | -webkit-appearance
      | gap | row-gap | column-gap | grid-[a-z-]+ | flex(-[a-z]+)? | align-[a-z]+ | justify-[a-z]+
      | transition | white-space
    )$""",
    re.VERBOSE,
)
SELECTOR = re.compile(r"^[\w\s.#:*,>+~()\[\]=\"'-]+$")
SCHEME = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)\s*")
FORBIDDEN = re.compile(r"url\s*\(|image|expression|script|@|\\|<|/\*", re.IGNORECASE)


def years() -> list[str]:
    """Return the years a card may expire in: this one and the next twenty."""
    return [str(timezone.localdate().year + ahead) for ahead in range(21)]


def address(css: str) -> str:
    """Return where the cleaned stylesheet is served, or "" when there is none."""
    return "/itoke/frame.css?" + urlencode({"css": css}) if css.strip() else ""


def clean(css: str) -> str:
    """Return only rules with plain selectors and allowed properties; the rest is dropped."""
    css, output = css[:8000], []
    while css:
        scheme = SCHEME.match(css.lstrip())
        if scheme:
            inner, css = cut_block(css.lstrip()[scheme.end() :])
            output.append(f"{scheme.group(0).strip()} {{\n{clean(inner)}\n}}")
            continue
        selector, brace, css = css.partition("{")
        body, _, css = css.partition("}")
        if brace and SELECTOR.match(selector.strip()):
            output.append(f"{selector.strip()} {{ {declarations(body)} }}")
    return "\n".join(output)


def cut_block(css: str) -> tuple[str, str]:
    """Split ``{ ... } rest`` at the brace that closes the first one."""
    depth = 0
    for place, char in enumerate(css):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return css[1:place], css[place + 1 :]
    return "", ""


def declarations(body: str) -> str:
    """Return the allowed declarations of one rule."""
    kept = []
    for line in body.split(";"):
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if ALLOWED.match(name) and value and not FORBIDDEN.search(value):
            kept.append(f"{name}: {value};")
    return " ".join(kept)
