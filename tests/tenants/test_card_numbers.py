"""The one rule by which card and bank numbers are found, and what is left of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.card_numbers import holds_card_number, luhn, without_card_numbers

CARDS = [
    "4111111111111111", "5454545454545454", "371449635398431", "6011000995500000",
    "36438999960016", "3528000000000007", "4000100011112224", "2223003122003222",
    "4111 1111 1111 1111", "4111-1111-1111-1111", "３７１４４９６３５３９８４３１", "4222222222222",
    "4111  1111  1111  1111", "4111 - 1111 - 1111 - 1111", "4111\n1111\r\n1111 1111",
    "4111–1111–1111–1111", "4111\u20111111\u20111111\u20111111", "4111\u200b1111\u200b11111111",
    "4111+1111+1111+1111", "3782 822463 10005", "④111 1111 1111 1111", "٤١١١١١١١١١١١١١١١",
]  # fmt: skip


def complete(digits):
    """With the digit that makes a number pass the card check."""
    return next(digits + last for last in "0123456789" if luhn(digits + last))


numbers = (
    st.tuples(st.sampled_from("12345678"), st.text("0123456789", min_size=11, max_size=17))
    .map("".join)
    .map(complete)
)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("around", ["{}", "my card is {} thanks", "Visa{}", "{}exp", "17 {} 123"])
def test_card_numbers_are_seen(card, around):
    assert holds_card_number(around.format(card))


@pytest.mark.parametrize(
    "text",
    [
        "9418594164541111", "4111111111111112", "INV-1042", "978 555 0134", "2026-11-24",
        "d1f0b5a2-4111-4111-8111-111111111111", "0123456789abcdef4111111111111111", "",
        "41111111-1111-4111-8111-111111111111", "SM4111111111111111abcdef0123456789",
        "call (312) 555-0134\n312-555-0140 or +1 312 555 0142",
        "+8613800138008", "+4915123456786 +5511912345678", "+86 138 0013 8008",
        "2026-11-24 2026-12-26", "11/24/2026 12/26/2026", "$1,182.50 $1,200.00 $950.00",
        "task succeeded in 0.0042339961111112s",
    ],
)  # fmt: skip
def test_what_is_no_card_number_passes(text):
    assert not holds_card_number(text)
    assert without_card_numbers(text) == text


@pytest.mark.parametrize("pair", ["036001808/1234567894412", "036001808 / 1234567894412"])
def test_bank_numbers_are_seen(pair):
    assert holds_card_number(pair)
    assert without_card_numbers(f"pay from {pair}.") == "pay from [bank account ending 4412]."


@given(numbers, st.integers(2, 19), st.sampled_from([" ", "-", "  ", "\n", "–", " - "]))
def test_a_number_is_found_in_any_groups(number, size, spacer):
    written = spacer.join(number[at : at + size] for at in range(0, len(number), size))
    said = without_card_numbers(f"use {written}, please")
    assert re.fullmatch(r"use \[card ending [0-9]{4}\], please", said)


@given(st.text(), numbers, st.text(st.characters(exclude_categories=["Nd"])))
def test_no_number_survives_in_any_text(before, number, after):
    assert number not in without_card_numbers(f"{before}\n, {number}{after}")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("4111 1111 1111 1111 12/27 123", "[card ending 1111]"),
        ("4111111111111111, exp 12 / 2027, cvv: 123 ok", "[card ending 1111] ok"),
        ("4111111111111111 1227 123", "[card ending 1111]"),
        ("378282246310005 1234", "[card ending 0005]"),
        ("5454545454545454 and 4111111111111111", "[card ending 5454] and [card ending 1111]"),
        (
            "4111111111111111 for 2 lamps, 312 555 0134",
            "[card ending 1111] for 2 lamps, 312 555 0134",
        ),
        ("4111111111111111. 312-555-0134", "[card ending 1111]. 312-555-0134"),
    ],
)
def test_expiry_and_security_code_go_too_and_nothing_else(text, left):
    assert without_card_numbers(text) == left
