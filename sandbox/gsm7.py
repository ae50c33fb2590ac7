"""How many segments a text takes: GSM 03.38 septets, or UTF-16 units when one char is outside.

A segment holds 160 septets or 70 units; when the text is split, 153 or 67 are left beside the
header. An escape pair or a surrogate pair is never cut in two.
"""

from __future__ import annotations

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")


def widths(text: str) -> tuple[list[int], int, int]:
    """Return each character's width, and the room in a lone and in a split segment."""
    if all(char in BASIC or char in EXTENSION for char in text):
        return [2 if char in EXTENSION else 1 for char in text], 160, 153
    return [2 if ord(char) > 0xFFFF else 1 for char in text], 70, 67


def segments(text: str) -> int:
    """Return the number of segments Twilio would count for this text."""
    sizes, lone, split = widths(text)
    if sum(sizes) <= lone:
        return 1
    count, room = 1, split
    for size in sizes:
        if size > room:
            count, room = count + 1, split
        room -= size
    return count
