"""No card number comes in, in no part of a request, and none of it is kept or repeated."""

import pytest

from payments.guard import client_ip, holds_card_number
from payments.models import Authorization, Payment
from tests.payments.conftest import address

CARDS = [
    "4111111111111111", "5454545454545454", "371449635398431", "6011000995500000",
    "36438999960016", "3528000000000007", "4000100011112224", "2223003122003222",
    "4111 1111 1111 1111", "4111-1111-1111-1111", "３７１４４９６３５３９８４３１", "4222222222222",
]  # fmt: skip
FIELDS = ["key", "amount", "day", "method", "account", "name", "token", "expiry", "authorized", "x"]


@pytest.mark.parametrize("card", CARDS)
def test_card_numbers_are_seen(card):
    assert holds_card_number(f"my card is {card} thanks")


@pytest.mark.parametrize(
    "text",
    [
        "9418594164541111", "4111111111111112", "INV-1042", "978 555 0134", "2026-11-24",
        "d1f0b5a2-4111-4111-8111-111111111111", "0123456789abcdef4111111111111111", "",
    ],
)  # fmt: skip
def test_what_is_no_card_number_passes(text):
    assert not holds_card_number(text)


def test_bank_numbers_are_seen():
    assert holds_card_number("036001808/1234567894412")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("card", [CARDS[0], CARDS[2], CARDS[8]])
def test_a_card_number_in_any_field_is_refused_and_forgotten(
    payer, link, form, gateway, caplog, field, card
):
    answer = payer.post(address(link), form | {field: card})
    assert answer.status_code == 400
    assert card not in answer.content.decode()
    assert card not in caplog.text
    assert gateway.charges() == []
    assert not Payment.objects.exists()
    assert not Authorization.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "ask",
    [
        lambda payer, path: payer.get(path, {"q": CARDS[0]}),
        lambda payer, path: payer.get(f"{path}?{CARDS[0]}=1"),
        lambda payer, path: payer.get(path, headers={"X-Note": CARDS[0]}),
        lambda payer, path: payer.get(path, headers={"Referer": f"https://x/?c={CARDS[0]}"}),
        lambda payer, path: payer.post(path, {CARDS[0]: "1"}),
        lambda payer, path: payer.get(f"/p/{CARDS[0]}/"),
    ],
)
def test_nor_in_the_address_or_a_header(payer, link, caplog, ask):
    answer = ask(payer, address(link))
    assert answer.status_code == 400
    assert CARDS[0] not in answer.content.decode()
    assert CARDS[0] not in caplog.text
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "nonsense", None),
    ],
)
def test_an_address_counts_only_from_our_own_proxies(rf, settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1")
    assert client_ip(request) == expected
