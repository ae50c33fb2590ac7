"""Finds card and bank account numbers in text: one rule for pages, texts, forms and logs.

Standard library only: textpay/logs.py imports this before Django is set up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

_GROUP = re.compile(r"[0-9]+")
# Characters that may separate the groups of one number: spaces, dashes of any length, and invisible
# ones. A plus is a space in an address.
_GAP = re.compile("[\\s\\-\u2010-\u2015\u2212._/+\u00ad\u200b-\u200f\u2060\ufeff]{0,3}")
_BANK = re.compile(r"(?<![0-9])[0-9]{9}\s*/\s*[0-9]{4,17}(?![0-9])")
# Patterns that are no card number, but could form one together with a neighbor.
_OTHER_NUMBERS = re.compile(
    r"""(?ix)
    [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}                                   # a UUID
    | (?<![0-9]) (?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2} (?![0-9])                    # a date
    | (?<![0-9]) [0-9]{1,2}/[0-9]{1,2}/(?:19|20)[0-9]{2} (?![0-9])
    | (?<![0-9]) \(?[2-9][0-9]{2}\)?[ .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4} (?![0-9])  # a phone
    | (?<![0-9]) [0-9]{1,6}\.[0-9]+s\b                                            # seconds
    """
)
# The digit sum of each digit doubled.
_DOUBLED = str.maketrans("0123456789", "0246813579")
_CALLING_CODE = re.compile(r"(?:^|\W)\+$")
# A piece of something like 3fa4111111111111111; "Visa4111111111111111" is not.
_HASH_BEFORE = re.compile(r"(?i)[0-9][a-f]{1,8}$")
_HASH_AFTER = re.compile(r"(?i)[a-f]{1,8}[0-9]")
# Expiration date and CVV, where they follow a card number.
_REST_OF_CARD = re.compile(
    r"""(?ix) (?: [\s,;:./\-]{0,3} (?:(?:and|y)\s+)?
        (?:(?:exp\w*|vence|cvv2?|cvc2?|cid|code|c[oó]digo) [\s:.\#]*)?
        (?: [0-9]{1,2}\s?[/.\-]\s?[0-9]{2,4} | [0-9]{2}\s[0-9]{2} | [0-9]{3,4} ) (?![0-9]) ){1,2}
    """
)


class Found(NamedTuple):
    """The position of a number in a text, from `start` up to `end`, and its last digits."""

    start: int
    end: int
    digits: str
    is_bank: bool = False

    @property
    def last4(self) -> str:
        """The last four digits, which may be stored."""
        return self.digits[-4:]


def holds_card_number(text: str) -> bool:
    """Whether the text holds 13 to 19 digits that pass the Luhn check, in any spacing.

    CardSecure's tokens begin with 9, as no card does, and are allowed. A bank's "routing/account"
    counts as well.
    """
    return bool(find(text))


def without_card_numbers(text: str) -> str:
    """The text with each number cut to its last four digits; expiration date and CVV are removed
    with it.
    """

    def words(found: Found) -> str:
        return f"[{'bank account' if found.is_bank else 'card'} ending {found.last4}]"

    plain = _plain(text, unicodedata.decimal)
    return replace(text, [_with_rest(plain, found) for found in find(text)], words)


def replace(text: str, found: Iterable[Found], words: Callable[[Found], str]) -> str:
    """The text with a replacement for each number found."""
    pieces, at = [], 0
    for number in found:
        pieces += [text[at : number.start], words(number)]
        at = number.end
    return "".join([*pieces, text[at:]])


def find(text: str, *, tokens: bool = False) -> list[Found]:
    """The card and bank numbers in a text, in order, without overlaps.

    With `tokens`, CardSecure's tokens count as well.
    """
    found = _find(_plain(text, unicodedata.decimal), tokens)
    if not text.isascii():
        # Searched again with look-alike digits: a superscript 2 may be part of a number, or a
        # footnote.
        found += _find(_plain(text, unicodedata.digit), tokens)
    apart: list[Found] = []
    for number in sorted(found):
        if apart and number.start < apart[-1].end:
            apart[-1] = _joined(apart[-1], number)
        else:
            apart.append(number)
    return apart


def luhn(digits: str) -> bool:
    """Whether a string of digits passes the Luhn check."""
    every_second = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2] + every_second)) % 10 == 0


def _plain(text: str, value: Callable[[str, None], int | None]) -> str:
    """The text, character by character, with digits of every script as 0 to 9 and patterns of
    other numbers blanked.
    """
    if not text.isascii():
        read = ((char, value(char, None)) for char in text)
        text = "".join(char if digit is None else str(digit) for char, digit in read)
    return _OTHER_NUMBERS.sub(lambda match: "|" * len(match[0]), text)


def _find(plain: str, tokens: bool) -> list[Found]:
    banks = [Found(*bank.span(), bank[0], is_bank=True) for bank in _BANK.finditer(plain)]
    plain = replace(plain, banks, lambda bank: "|" * (bank.end - bank.start))
    return banks + [found for found in _stretches(plain) if _is_secret(found, plain, tokens)]


def _stretches(plain: str) -> Iterator[Found]:
    """Every run of whole groups of digits: "4111 1111 1111 1111 123" holds one."""
    groups = list(_GROUP.finditer(plain))
    gaps = ((one.end(), other.start()) for one, other in pairwise(groups))
    goes_on = [bool(_GAP.fullmatch(plain, *gap)) for gap in gaps]
    for place, first in enumerate(groups):
        digits = ""
        for last in range(place, len(groups)):
            digits += groups[last][0]
            if len(digits) > 19:
                break
            if len(digits) >= 13:
                yield Found(first.start(), groups[last].end(), digits)
            if last == len(goes_on) or not goes_on[last]:
                break


def _is_secret(found: Found, plain: str, tokens: bool) -> bool:
    is_token = found.digits[0] == "9"
    if not (is_token and tokens) and (is_token or not luhn(found.digits)):
        return False
    before = plain[max(found.start - 9, 0) : found.start]
    if _CALLING_CODE.search(before) and len(found.digits) <= 15:
        return False  # a phone number
    return not (_HASH_BEFORE.search(before) or _HASH_AFTER.match(plain, found.end))


def _joined(one: Found, other: Found) -> Found:
    """The union of two overlapping numbers; its last digits are those of the one nearer to 16
    digits.
    """
    likelier = min(one, other, key=lambda found: (found.is_bank, abs(len(found.digits) - 16)))
    return likelier._replace(start=one.start, end=max(one.end, other.end))


def _with_rest(plain: str, found: Found) -> Found:
    rest = None if found.is_bank else _REST_OF_CARD.match(plain, found.end)
    return found._replace(end=rest.end()) if rest else found
