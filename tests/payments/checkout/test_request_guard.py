"""No card number comes in, in no part of a request, and none of it is kept or repeated."""

import pytest

from payments.checkout.request_guard import client_ip
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
        lambda payer, path: payer.get(
            path, headers={"Referer": "https://x/?c=4111+1111+1111+1111"}
        ),
        lambda payer, path: payer.get(path, headers={"Referer": f"https://x/?c={CARDS[0]}"}),
        lambda payer, path: payer.post(path, {CARDS[0]: "1"}),
        lambda payer, path: payer.get(f"/p/{CARDS[0]}/"),
    ],
)
def test_nor_in_the_address_or_that_of_the_page_before(payer, link, caplog, ask):
    answer = ask(payer, address(link))
    assert answer.status_code == 400
    assert CARDS[0] not in answer.content.decode()
    assert CARDS[0] not in caplog.text
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "_fbp=fb.1.1700000000002.1098115397"},
        {"Cookie": "_ga=GA1.1.4111111111111111.1700000000"},
        {"User-Agent": "GSA/290.0.579208453 Mobile/15E148"},
        {"X-Request-Start": "t=4111111111111111"},
    ],
)
def test_nobody_is_shut_out_by_what_they_did_not_type(payer, link, headers):
    answer = payer.get(address(link), headers=headers)
    assert answer.status_code == 200
    assert b"card or bank numbers here" not in answer.content


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


@pytest.mark.django_db
def test_more_than_any_form_holds_is_not_read(payer, link, gateway):
    answer = payer.post(address(link), {"postal": "1 " * 20_000})
    assert (answer.status_code, answer["Cache-Control"]) == (413, "no-store")
    assert gateway.taken() == []
