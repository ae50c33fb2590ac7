"""The number of segments of a text, counted as Twilio and the carriers count."""

from __future__ import annotations

import regex

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM7 = BASIC | EXTENSION


def outside_gsm7(text: str) -> str:
    """The characters, each once, that force UCS-2, which more than doubles the segments."""
    return "".join(dict.fromkeys(char for char in text if char not in GSM7))


def segments(text: str) -> int:
    """The number of segments of a text.

    One segment holds 160 GSM-7 septets, or 70 UTF-16 units when one character is outside GSM-7; in
    longer texts 153 or 67. Neither an escaped pair nor a grapheme cluster, such as an emoji of
    several code points, is split.
    """
    gsm = not outside_gsm7(text)
    alone, part = (160, 153) if gsm else (70, 67)
    widths = [_septets(char) for char in text] if gsm else list(_units(text, part))
    if sum(widths) <= alone:
        return 1
    count, room = 1, part
    for width in widths:
        if width > room:
            count, room = count + 1, part
        room -= width
    return count


def clusters(text: str) -> list[str]:
    """The grapheme clusters of a text: what people see as single characters."""
    found: list[str] = regex.findall(r"\X", text)
    return found


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _septets(char: str) -> int:
    return 2 if char in EXTENSION else 1


def _units(text: str, most: int) -> list[int]:
    """The widths of the text's clusters; a cluster longer than a segment counts by character."""
    found: list[int] = []
    for cluster in clusters(text):
        width = utf16(cluster)
        found += [width] if width <= most else [utf16(char) for char in cluster]
    return found
