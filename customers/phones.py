"""Phone numbers: parse typed numbers, store E.164, show the national format, name problems."""

from __future__ import annotations

import unicodedata

import phonenumbers
from django.core.exceptions import ValidationError
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

HOME = "US"
KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "either",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.PAGER: "pager",
}
NO_TEXTS = {"landline", "toll-free", "premium"}


def _countries() -> list[tuple[str, str]]:
    def rank(region: str) -> tuple[bool, bool, int, bool, str]:
        code = phonenumbers.country_code_for_region(region)
        main = phonenumbers.region_code_for_country_code(code) == region
        return region != HOME, region != "CA", code, not main, region

    regions = sorted(phonenumbers.SUPPORTED_REGIONS, key=rank)
    return [(r, f"+{phonenumbers.country_code_for_region(r)} ({r})") for r in regions]


# Every country's calling code, +1 (US) first: the options of the country code list.
COUNTRIES: list[tuple[str, str]] = _countries()
LABELS: dict[str, str] = dict(COUNTRIES)


def parse(raw: str, country: str = HOME) -> str:
    """The number as E.164; ValidationError with a sentence that says what to type instead."""
    raw = _as_typed(raw)
    if country not in LABELS:
        raise ValidationError("Choose a country code from the list.", code="country")
    if not raw:
        raise ValidationError("Enter a phone number.", code="required")
    if len(raw) > 30 or any(c not in "0123456789+-() ./" for c in raw):
        raise ValidationError("Enter digits only, like (978) 555-0142.", code="letters")
    try:
        number = phonenumbers.parse(raw, country)
    except NumberParseException:
        raise ValidationError(_size(raw, country), code="size") from None
    if number.country_code != phonenumbers.country_code_for_region(country):
        raise ValidationError(_other_country(number, country), code="country")
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise ValidationError(_size(str(number.national_number), country), code="size")
    if not phonenumbers.is_valid_number(number):
        raise ValidationError(
            f"This is not a valid {LABELS[country]} number. Check the area code and the "
            "digits, or choose the right country code.",
            code="impossible",
        )
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _as_typed(raw: str) -> str:
    """A pasted number as a keyboard would give it: no format marks, plain digits, dashes, spaces.

    Contacts apps wrap numbers in direction marks, and web pages give them as `tel:` links.
    """
    text = unicodedata.normalize("NFKC", raw)
    kinds = ((unicodedata.category(char), char) for char in text)
    text = "".join(
        "-" if kind == "Pd" or char == "\u2212" else " " if kind == "Zs" else char
        for kind, char in kinds
        if kind not in ("Cf", "Cc")
    )
    text = "".join(str(unicodedata.decimal(char, char)) for char in text).strip()
    return text[4:].strip() if text[:4].lower() == "tel:" else text


def _other_country(number: phonenumbers.PhoneNumber, country: str) -> str:
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    other = LABELS.get(region)
    if other is None:
        return f"No country uses the calling code +{number.country_code}."
    code = f"+{number.country_code}"
    return f"The number starts with {code}, but {LABELS[country]} is chosen. Choose {other}."


def _size(raw: str, country: str) -> str:
    digits = "".join(c for c in raw if c.isdigit())
    if country in ("US", "CA"):
        missing = 10 - len(digits)
        opening = "Too many digits." if missing < 0 else f"{missing} digits are missing."
        opening = "One digit is missing." if missing == 1 else opening
        return f"{opening} A {country} number has 10 digits, like (978) 555-0142."
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    shown = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL) if example else ""
    hint = f" One looks like {shown}." if shown else ""
    return f"This is the wrong length for a {LABELS[country]} number.{hint}"


def national(e164: str, home: str = HOME) -> str:
    """(978) 555-0142; with its + where the number is abroad; unchanged when it is no number."""
    number = _read(e164)
    if number is None:
        return e164
    if number.country_code == phonenumbers.country_code_for_region(home):
        return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def international(e164: str) -> str:
    """+1 (978) 555-0142: for records, where the country must be explicit."""
    number = _read(e164)
    if number is None:
        return e164
    if number.country_code == 1:
        return f"+1 {phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)}"
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def kind(e164: str) -> str:
    """mobile, landline, either (North American numbers do not show it), voip, toll-free, premium
    or other.
    """
    number = _read(e164)
    return KINDS.get(phonenumbers.number_type(number), "other") if number else "other"


def exists(e164: str) -> bool:
    """Whether the number can be assigned: neither too short nor in an unused range."""
    number = _read(e164)
    return number is not None and phonenumbers.is_valid_number(number)


def can_text(e164: str) -> bool:
    """Whether the number itself allows texts."""
    return bool(e164) and kind(e164) not in NO_TEXTS


def country_of(e164: str) -> str:
    """The region to preselect in the country code list for a stored number; US without one."""
    number = _read(e164)
    if number is None:
        return HOME
    region = phonenumbers.region_code_for_number(number)
    region = region or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return region if region in LABELS else HOME


def typed(e164: str) -> str:
    """The stored number without its country code, for the field beside it."""
    number = _read(e164)
    if number is None:
        return e164
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def _read(e164: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
