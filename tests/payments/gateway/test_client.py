"""The wire: what is read, what is refused, and what is never told."""

import json
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.utils.html import strip_tags

from payments.checkout import authorization_text
from payments.gateway import client, decline_codes, http, responses
from payments.gateway.client import Approved, CredentialError, Declined, Unknown
from payments.models import Payment
from tests.payments.conftest import address
from tests.workers import free_port

ORDER = "BCDFGHJKLMNPQRSTVWX"
YES = {
    "respstat": "A", "respproc": "FNOR", "respcode": "00", "resptext": "Approval",
    "retref": "112989260941", "amount": "182.50", "authcode": "PPS542", "merchid": "496160873888",
}  # fmt: skip


def payment(method="card"):
    return SimpleNamespace(method=method, orderid=ORDER, merchid="496160873888")


def read(row, method="card"):
    return responses.attempt(row, payment(method))


def test_an_approval_is_read_whatever_surrounds_it():
    noise: dict[str, object] = {
        "xqzjfkd": {"key": []},
        "commcard": " C ",
        "avsresp": " ",
        "cvvresp": None,
    }
    padded = {name: f" {value} " for name, value in YES.items()}
    for row in (YES, dict(reversed(YES.items())), noise | padded, padded | {"orderId": ORDER}):
        assert read(row) == Approved(
            Decimal("182.50"), "112989260941", "PPS542", "FNOR", "00", "Approval"
        )


@pytest.mark.parametrize(
    "change",
    [
        {"respstat": ""}, {"respstat": None}, {"respstat": "X"}, {"respstat": ["A"]},
        {"amount": ""}, {"amount": "lots"}, {"amount": "1,000.00"}, {"retref": " "},
        {"orderId": "ZZZZZZZZZZZZZZZZZZZ"}, {"merchid": "800000009033"},
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_is_unknown(change):
    with pytest.raises(Unknown):
        read(YES | change)


@pytest.mark.parametrize("row", [None, [], "Null batches", 7, {}, [YES]])
def test_an_answer_that_is_no_answer_is_unknown(row):
    with pytest.raises(Unknown):
        read(row)


def test_a_bank_payment_may_be_booked_under_a_linked_merchant():
    assert isinstance(read(YES | {"merchid": "542041"}, "ach"), Approved)


def test_every_try_later_is_undecided():
    assert read(YES | {"respstat": "B", "respcode": "62"}) is None


def test_bank_numbers_in_a_processors_text_are_not_kept():
    text = "The AccountNumber (12345678901) must be between 4 and 17 digits long."
    answer = read({"respstat": "C", "respproc": "PSTR", "respcode": "99", "resptext": text}, "ach")
    assert isinstance(answer, Declined)
    assert "12345678901" not in answer.resptext


@pytest.mark.parametrize("status", [204, 301, 302, 400, 401, 404, 408, 429, 500, 503])
def test_every_http_error_is_unknown(status):
    with pytest.raises(Unknown):
        http.read_json(status, json.dumps(YES).encode())


def test_words_for_declines():
    def words(processor, code, text="", category=""):
        return decline_codes.find(processor, code, text, category)

    assert words("FNOR", "NU") == words("RPCT", "116") == words("AMEX", "116")
    assert words("FNOR", "05") == words("VANT", "whatever")
    assert not words("FNOR", "05", category="1").may_retry
    assert not words("BPAY", "??", "Declined: bank account failed validation").may_retry
    assert "pay by card" in words("BPAY", "??").sentence
    for every in {*decline_codes._WORDS.values()}:
        assert every.sentence.endswith(".")
        assert not {"stolen", "fraud", "error", "invalid"} & set(every.sentence.lower().split())


@pytest.mark.parametrize(
    ("token", "brand"),
    [
        ("9418594164541111", "Visa"), ("9545454545454545", "Mastercard"),
        ("9221111111111111", "Mastercard"), ("9371449635398431", "American Express"),
        ("9601100099550000", "Discover"), ("9363899996000016", "Diners Club"),
        ("9352800000000007", "JCB"), ("9000000000000000", ""),
    ],
)  # fmt: skip
def test_the_brand_is_in_the_token(token, brand):
    assert authorization_text.brand_of(token) == brand


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["card", "ach"])
def test_page_and_evidence_are_the_same_sentence(invoice, method):
    day = invoice.issued_on
    html = authorization_text.sentence_html(invoice, method, invoice.balance, day)
    text = authorization_text.sentence(invoice, method, invoice.balance, day)
    assert strip_tags(html).replace("&amp;", "&").replace("&#x27;", "'") == text


@pytest.mark.django_db
def test_credentials_are_checked_with_the_gateway(gateway, tenant):
    account = tenant.cardconnect
    client.check_credentials(account)
    account.set_password("wrong")
    with pytest.raises(CredentialError, match="did not accept this user name"):
        client.check_credentials(account)


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["http_500", "drop_before"])
def test_credentials_that_cannot_be_checked_are_not_accepted(gateway, tenant, fault):
    gateway.fault("check", fault)
    with pytest.raises(CredentialError):
        client.check_credentials(tenant.cardconnect)


@pytest.mark.django_db
def test_a_gateway_that_is_not_there_accepts_nobody(tenant, settings):
    settings.CARDCONNECT_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(CredentialError, match="could not be reached"):
        client.check_credentials(tenant.cardconnect)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["", "http_500", "drop_after", "html", "truncated"])
def test_no_credential_and_no_token_in_any_log(payer, link, form, gateway, tenant, caplog, fault):
    caplog.set_level("DEBUG")
    if fault:
        gateway.fault("auth", fault)
    payer.post(address(link), form)
    told = caplog.text + repr(Payment.objects.get()) + repr(tenant.cardconnect)
    for secret in ("testing123", form["token"], "dGVzdGluZzp0ZXN0aW5nMTIz", link.token):
        assert secret not in told
