"""The REST API: one company's rows, public ids, money as text, refusals in words."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django_scopes import scope

from invoices.models import Invoice
from sms.models import TextMessage
from tenants.models import Membership, Role, Tenant, User
from tests.factories import MOBILE, make_customer, make_invoice, make_text

pytestmark = pytest.mark.django_db
ALL = ("invoices", "customers", "texts", "payments")


@pytest.fixture
def invoice(tenant: Tenant) -> Invoice:
    return make_invoice(tenant)


def test_lists_hold_only_the_own_companys_rows(
    invoice: Invoice, clerk: User, stranger: User, browser_of: Any
) -> None:
    make_text(invoice, clerk)
    theirs, others = browser_of(clerk), browser_of(stranger)
    for name, count in zip(ALL, (1, 1, 1, 0), strict=True):
        assert theirs.get(f"/api/v1/{name}/").json()["count"] == count
        assert others.get(f"/api/v1/{name}/").json()["count"] == 0


def test_an_invoice_as_json(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    shown = browser_of(clerk).get(f"/api/v1/invoices/{invoice.public_id}/").json()
    assert shown["id"] == str(invoice.public_id)
    assert shown["customer"] == str(invoice.customer.public_id)
    assert (shown["total"], shown["paid"], shown["balance"]) == ("182.50", "0.00", "182.50")
    assert shown["lines"] == [
        {"description": "Labor", "quantity": "1.00", "unit_price": "182.50", "amount": "182.50"}
    ]
    assert "pk" not in shown
    assert str(invoice.pk) not in [str(value) for value in shown.values()]


def test_a_customer_as_json(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    customer = invoice.customer
    shown = browser_of(clerk).get(f"/api/v1/customers/{customer.public_id}/").json()
    assert shown["balance"] == "182.50"
    (contact,) = shown["contacts"]
    assert (contact["mobile"], contact["is_billing"]) == (MOBILE, True)


def test_lists_are_paged_and_searched(
    tenant: Tenant, clerk: User, browser_of: Any, django_assert_max_num_queries: Any
) -> None:
    customer = make_customer(tenant)
    for _ in range(55):
        make_invoice(customer=customer)
    browser = browser_of(clerk)
    with django_assert_max_num_queries(8):
        page = browser.get("/api/v1/invoices/").json()
    assert (page["count"], len(page["results"])) == (55, 50)
    assert page["next"]
    number = page["results"][3]["number"]
    assert browser.get(f"/api/v1/invoices/?search={number}").json()["count"] == 1
    assert browser.get("/api/v1/invoices/?status=void").json()["count"] == 0
    assert browser.get("/api/v1/customers/?search=whitfield").json()["count"] == 1


def test_send_a_text_once(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    body = {"invoice": str(invoice.public_id), "to": MOBILE, "key": str(uuid.uuid4())}
    browser = browser_of(clerk)
    first = browser.post("/api/v1/texts/", body, content_type="application/json")
    again = browser.post("/api/v1/texts/", body, content_type="application/json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert TextMessage.objects.count() == 1
    message = TextMessage.objects.get()
    assert message.link.token not in first.content.decode()


@pytest.mark.parametrize("name", ALL)
def test_nobody_gets_nothing(db: None, name: str) -> None:
    answer = Client().get(f"/api/v1/{name}/")
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_authenticated"


def test_a_person_without_company_gets_nothing(db: None, browser_of: Any) -> None:
    browser = browser_of(User.objects.create_user("alone@staff.example"))
    for name in ALL:
        assert browser.get(f"/api/v1/{name}/").status_code == 403


def test_strangers_get_404_in_words(invoice: Invoice, stranger: User, browser_of: Any) -> None:
    browser = browser_of(stranger)
    for path in (f"invoices/{invoice.public_id}", f"customers/{invoice.customer.public_id}"):
        answer = browser.get(f"/api/v1/{path}/")
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
        assert answer.json()["detail"]


def test_roles_count(invoice: Invoice, viewer: User, browser_of: Any) -> None:
    browser = browser_of(viewer)
    assert browser.get("/api/v1/invoices/").status_code == 200
    body = {"invoice": str(invoice.public_id), "to": MOBILE, "key": str(uuid.uuid4())}
    answer = browser.post("/api/v1/texts/", body, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json() == {"code": "not_allowed", "detail": "Your role does not allow this."}
    Role.objects.filter(memberships__user=viewer).update(permissions=[])
    assert browser.get("/api/v1/invoices/").status_code == 403  # from the next request on


def test_bad_input_is_told_by_field(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    body = {"invoice": str(invoice.public_id), "to": "12", "key": str(uuid.uuid4())}
    answer = browser_of(clerk).post("/api/v1/texts/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert "to" in answer.json()["fields"]
    assert not TextMessage.objects.exists()


def test_reading_is_all_that_lists_allow(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    browser = browser_of(clerk)
    page = f"/api/v1/invoices/{invoice.public_id}/"
    for method in ("post", "put", "patch", "delete"):
        data = {"total": "0.01", "status": "paid", "tenant": 1}
        answer = getattr(browser, method)(page, data, content_type="application/json")
        assert answer.status_code == 405
    before = invoice.total
    invoice.refresh_from_db()
    assert (invoice.total, invoice.status) == (before, "open")


def test_posting_needs_the_csrf_token(invoice: Invoice, clerk: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    body = {"invoice": str(invoice.public_id), "to": MOBILE, "key": str(uuid.uuid4())}
    with scope():
        answer = browser.post("/api/v1/texts/", body, content_type="application/json")
    assert answer.status_code == 403
    assert not TextMessage.objects.exists()


def test_leaving_a_company_counts_at_once(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    browser = browser_of(clerk)
    assert browser.get("/api/v1/invoices/").status_code == 200
    Membership.objects.filter(user=clerk).update(is_active=False)
    assert browser.get("/api/v1/invoices/").status_code == 404
