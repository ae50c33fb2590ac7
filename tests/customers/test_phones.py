"""Phone numbers as people type them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from customers import phones


@pytest.mark.parametrize(
    ("typed", "country", "stored"),
    [
        ("(978) 555-0142", "US", "+19785550142"),
        ("9785550142", "US", "+19785550142"),
        ("1 978 555 0142", "US", "+19785550142"),
        ("+1 978.555.0142", "US", "+19785550142"),
        ("416-555-0123", "CA", "+14165550123"),
        ("07400 123456", "GB", "+447400123456"),
        ("+44 7400 123456", "GB", "+447400123456"),
        ("  978 555 0142 ", "US", "+19785550142"),
    ],
)
def test_what_people_type_is_stored_as_e164(typed: str, country: str, stored: str) -> None:
    assert phones.parse(typed, country) == stored


@pytest.mark.parametrize(
    ("typed", "country", "words"),
    [
        ("", "US", "Enter a phone number."),
        ("(978) 555-014", "US", "One digit is missing. A US number has 10 digits"),
        ("97855", "US", "5 digits are missing."),
        ("978555014299", "US", "Too many digits."),
        ("call me", "US", "Enter digits only"),
        ("9" * 40, "US", "Enter digits only"),
        ("(111) 555-0142", "US", "This is not a valid +1 (US) number"),
        ("07400 123456", "US", "A US number has 10 digits"),
        ("+44 7400 123456", "US", "Choose +44 (GB)"),
        ("12", "GB", "the wrong length for a +44 (GB) number"),
        ("9785550142", "XX", "Choose a country code"),
    ],
)
def test_a_number_that_cannot_exist_is_refused_in_words(
    typed: str, country: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        phones.parse(typed, country)
    assert words in refused.value.message


def test_numbers_are_shown_the_national_way_and_with_a_plus_abroad() -> None:
    assert phones.national("+19785550142") == "(978) 555-0142"
    assert phones.national("+447400123456") == "+44 7400 123456"
    assert phones.national("+447400123456", home="GB") == "07400 123456"
    assert phones.international("+19785550142") == "+1 (978) 555-0142"
    assert phones.national("") == ""


def test_a_landline_is_known_where_numbers_tell() -> None:
    assert phones.kind("+442079460000") == "landline"
    assert phones.kind("+447400123456") == "mobile"
    assert phones.kind("+19785550142") == "either"
    assert not phones.can_text("+442079460000")
    assert not phones.can_text("+18005550100")
    assert phones.can_text("+19785550142")


def test_every_calling_code_is_offered_and_us_comes_first() -> None:
    assert phones.COUNTRIES[0] == ("US", "+1 (US)")
    assert ("GB", "+44 (GB)") in phones.COUNTRIES
    assert len(phones.COUNTRIES) > 200
    assert len({region for region, _ in phones.COUNTRIES}) == len(phones.COUNTRIES)
    assert phones.country_of("+14165550123") == "CA"
    assert phones.country_of("nonsense") == "US"
