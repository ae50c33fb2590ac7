"""What must never reach a log: card numbers, links, phone numbers, credentials."""

import io
import logging
import logging.config
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.card_numbers import luhn
from textpay.logs import ScrubbingFormatter, configuration, scrub

CARDS = ["4111111111111111", "5454545454545454", "378282246310005", "6011000990139424"]
TOKEN = "9418594164541111"


def complete(digits: str) -> str:
    """Add the digit that makes a number pass the Luhn check."""
    return next(digits + last for last in "0123456789" if luhn(digits + last))


card_numbers = st.text("0123456789", min_size=12, max_size=18).map(complete)
surroundings = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=20).filter(
    lambda text: not re.search(r"[+\-]", text)
)


@given(surroundings, card_numbers, surroundings)
def test_no_card_number_survives(before: str, card: str, after: str) -> None:
    assert card not in scrub(before + card + after)


@given(card_numbers, st.sampled_from(" -"), st.integers(2, 6))
def test_nor_one_in_groups(card: str, separator: str, size: int) -> None:
    groups = separator.join(card[at : at + size] for at in range(0, len(card), size))
    assert groups not in scrub(f"paid with {groups}, thanks")


@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_shown_by_its_last_four(card: str) -> None:
    assert scrub(f"account={card}&expiry=1227") == f"account=****{card[-4:]}&expiry=1227"
    assert scrub(f'{{"account": "{card}"}}') == f'{{"account": "****{card[-4:]}"}}'


def test_a_card_number_is_found_beside_other_numbers() -> None:
    assert scrub("4111 1111 1111 1111 12 27") == "****1111 12 27"
    assert scrub("17 4111-1111-1111-1111") == "17 ****1111"


def test_a_token_is_shown_by_its_last_four_whether_or_not_it_passes_luhn() -> None:
    assert scrub(f"token {TOKEN}") == "token ****1111"
    assert scrub("token 9418594164541112") == "token ****1112"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /p/Zk3_9-aaaaaaaaaaaaaaaaaa/ HTTP/1.1", "GET /p/***/ HTTP/1.1"),
        ("https://pay.example/p/Zk39aaaaaaaaaaaaaaaaaa", "https://pay.example/p/***"),
        ("GET /p/abcdefghij/status/?x=1", "GET /p/***/status/?x=1"),
        (
            "GET /accounts/password/reset/key/3-cyq0bk-e7b1f6a1f63b9e0c5f4a3e2d1c0b9a87/ HTTP/1.1",
            "GET /accounts/password/reset/key/***/ HTTP/1.1",
        ),
        (
            "Referer: https://x.example/accounts/password/reset/key/3-cyq0bk-e7b1f6",
            "Referer: https://x.example/accounts/password/reset/key/***",
        ),
        (
            "GET /accounts/password/reset/key/3-set-password/ HTTP/1.1",
            "GET /accounts/password/reset/key/***/ HTTP/1.1",
        ),
        ("GET /accounts/password/reset/key/done/", "GET /accounts/password/reset/key/done/"),
        ("Authorization: Basic dGVzdGluZzp0ZXN0aW5n", "Authorization: ***"),
        ("{'Authorization': 'Basic dGVzdGluZzp0ZXN0aW5n'}", "{'Authorization': ***}"),
        ("HTTP_AUTHORIZATION=Bearer abc.def", "HTTP_AUTHORIZATION=***"),
        ("X-Twilio-Signature: 0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "X-Twilio-Signature: ***"),
        ("HTTP_X_TWILIO_SIGNATURE='0/KCTR6DLpKmk='", "HTTP_X_TWILIO_SIGNATURE=***"),
        ("sent Basic dGVzdGluZzp0ZXN0aW5n", "sent Basic ***"),
        ("to +14155550123 now", "to +***0123 now"),
        ("To=%2B14155550123&Body=x", "To=+***0123&Body=x"),
        ("call +44 20 7946 0958.", "call +***0958."),
        ("call (415) 555-0123.", "call ***0123."),
        ("redis://:s3cret@redis:6379/0", "redis://:***@redis:6379/0"),
    ],
)
def test_credentials_links_and_numbers_are_masked(text: str, expected: str) -> None:
    assert scrub(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "invoice INV-1042 over $1,182.50 of 2026-11-22 15:40:10",
        "task 8a7f0f5e-6a43-4f0e-9d53-1b0a3c7a2f11 received",
        "SM0123456789abcdef0123456789abcdef is delivered",
        "GET /invoices/8a7f0f5e-6a43-4f0e-9d53-1b0a3c7a2f11/ 200",
        "GET /people/ 200",
        "Task sms.tasks.sweep succeeded in 0.0042339961111112s: None",
    ],
)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert scrub(text) == text


def test_tracebacks_and_arguments_are_scrubbed_too() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ScrubbingFormatter("%(message)s"))
    logger = logging.Logger("scrubbed")
    logger.addHandler(handler)
    try:
        raise ValueError(CARDS[0])
    except ValueError:
        logger.exception("charge of %s for %s", CARDS[1], "+14155550123")
    said = stream.getvalue()
    assert not any(secret in said for secret in (*CARDS, "+14155550123"))
    assert "****1111" in said
    assert "****5454" in said


@pytest.mark.parametrize(
    "name", ["", "django.request", "celery.app.trace", "gunicorn.access", "sms.twilio"]
)
def test_every_logger_of_ours_ends_in_the_scrubbing_handler(name: str) -> None:
    config = configuration("INFO")
    assert config["handlers"]["console"]["formatter"] == "scrubbed"
    handlers = {tuple(entry["handlers"]) for entry in config["loggers"].values()}
    assert handlers | {tuple(config["root"]["handlers"])} == {("console",)}
    assert config["loggers"]["twilio"]["level"] == "WARNING"
