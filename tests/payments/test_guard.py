"""No card number comes in, in no part of a request, and none of it is kept or repeated."""

import pytest

from payments.guard import client_ip
from payments.models import Authorization, Payment
from tests.payments.conftest import address

CARDS = ["4111111111111111", "371449635398431", "4111 1111 1111 1111"]
FIELDS = ["key", "amount", "day", "method", "account", "name", "token", "expiry", "authorized", "x"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("card", CARDS)
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
