"""Texts in the REST API."""

import uuid

import pytest

from payments.models import payment_state
from sms.models import TextMessage
from tests.factories import MOBILE, long_ago, make_customer, make_invoice, make_text

pytestmark = pytest.mark.django_db
URL = "/api/v1/texts/"


@pytest.fixture
def invoice(tenant):
    return make_invoice(customer=make_customer(tenant))


@pytest.fixture
def maya(clerk, browser_of):
    return browser_of(clerk)


def post(browser, about, **fields):
    data = {"invoice": str(about.public_id), "to": MOBILE, "key": str(uuid.uuid4()), **fields}
    return browser.post(URL, data, content_type="application/json")


def test_sending_and_reading(maya, invoice):
    answer = post(maya, invoice)
    assert answer.status_code == 201
    text = TextMessage.objects.get()
    assert answer.json()["id"] == str(text.public_id)
    assert text.link.token not in answer.content.decode()
    listed = maya.get(URL).json()["results"]
    assert [row["id"] for row in listed] == [str(text.public_id)]
    one = maya.get(f"{URL}{text.public_id}/").json()
    assert (one["status"], one["to"]) == ("queued", MOBILE)
    assert one["message"] == text.masked_body


def test_the_same_key_is_the_same_text(maya, invoice):
    key = str(uuid.uuid4())
    assert post(maya, invoice, key=key).status_code == 201
    assert post(maya, invoice, key=key).status_code == 200
    assert TextMessage.objects.count() == 1


def test_a_second_one_must_name_the_first(maya, invoice, clerk):
    first = make_text(invoice, clerk)
    assert post(maya, invoice).json()["code"] == "on_its_way"
    first.claim()
    first.mark_sent("SM" + "a" * 32)
    long_ago(first)
    refused = post(maya, invoice)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_sent")
    assert post(maya, invoice, seen=refused.json()["seen"]).status_code == 201


@pytest.mark.parametrize(
    "fields",
    [
        {"to": "12"},
        {"to": "+442079460958", "country": "GB"},
        {"to": MOBILE, "country": "XX"},
        {"key": "x"},
        {"invoice": "x"},
    ],
)
def test_what_cannot_be_is_400(maya, invoice, fields):
    assert post(maya, invoice, **fields).status_code == 400
    assert not TextMessage.objects.exists()


def test_who_may(invoice, viewer, stranger, payer, browser_of):
    assert post(browser_of(viewer), invoice).status_code == 403
    assert post(browser_of(stranger), invoice).status_code == 404
    assert post(payer, invoice).status_code in (401, 403)
    assert not TextMessage.objects.exists()


def test_a_stranger_reads_nothing(invoice, clerk, stranger, browser_of):
    text = make_text(invoice, clerk)
    sam = browser_of(stranger)
    assert sam.get(URL).json()["results"] == []
    assert sam.get(f"{URL}{text.public_id}/").status_code == 404


def test_a_void_invoice_is_refused_with_the_reason(maya, invoice, clerk):
    invoice.void(actor=clerk, reason="mistake", read_payments=payment_state)
    answer = post(maya, invoice)
    assert (answer.status_code, answer.json()["code"]) == (409, "invoice_void")
