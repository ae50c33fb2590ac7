"""How many segments of a phone bill a text takes, counted as Twilio counts."""

from __future__ import annotations

import regex

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM7 = BASIC | EXTENSION


def outside_gsm7(text: str) -> str:
    """The characters, each once, that make a text more than twice as dear; "" when none does."""
    return "".join(dict.fromkeys(char for char in text if char not in GSM7))


def segments(text: str) -> int:
    """How many segments the text takes.

    160 GSM-7 septets, or 70 UTF-16 units when one character is outside GSM-7; split, 153 or 67
    each. What people see as one character is never cut in two: not an escaped pair, not an emoji
    made of several.
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
    """The text cut into what people see as single characters."""
    found: list[str] = regex.findall(r"\X", text)
    return found


def utf16(text: str) -> int:
    """How many UTF-16 units a text takes."""
    return len(text.encode("utf-16-le")) // 2


def _septets(char: str) -> int:
    return 2 if char in EXTENSION else 1


def _units(text: str, most: int) -> list[int]:
    """The widths of the text's clusters; one that no segment can hold goes char by char."""
    found: list[int] = []
    for cluster in clusters(text):
        width = utf16(cluster)
        found += [width] if width <= most else [utf16(char) for char in cluster]
    return found
