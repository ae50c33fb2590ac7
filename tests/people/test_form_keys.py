"""A form that makes something makes it once, and says what looks like it."""

from __future__ import annotations

import html
import uuid
from functools import partial
from typing import Any

import pytest

from customers.models import Contact, Customer
from invoices.models import Invoice
from sms.models import OptOut, ReminderStep
from tenants.form_keys import ALREADY_SAVED
from tenants.models import FormKey, Membership, Role, Tenant, User
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.customers.test_pages import contact_data
from tests.factories import PASSWORD, make_customer, make_invoice
from tests.pages import form_on
from tests.race import run_together

pytestmark = pytest.mark.django_db


def words(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def new_invoice(customer: Customer) -> dict[str, str]:
    return {
        "customer": str(customer.public_id),
        "description": "Boiler",
        "lines-0-description": "Labor",
        "lines-0-quantity": "1",
        "lines-0-unit_price": "75.00",
    }


def new_customer() -> dict[str, str]:
    contact = contact_data(name="Ida Coe", mobile="(978) 555-0177")
    return {"name": "Coastline Dental", **{f"contact-{name}": it for name, it in contact.items()}}


def forms(tenant: Tenant) -> dict[str, tuple[str, dict[str, str], Any]]:
    """Page, what is typed and what is counted, of every form that makes something."""
    customer = make_customer(tenant)
    contact = contact_data(name="Ida Coe", mobile="(978) 555-0177")
    viewer = Role.objects.get(tenant=tenant, name="Viewer").pk
    person = {"first_name": "Ida", "last_name": "Coe", "email": "ida@staff.example"}
    return {
        "invoice": (reverse("invoices:create"), new_invoice(customer), Invoice),
        "customer": (reverse("customers:create"), new_customer(), Customer),
        "contact": (
            reverse("customers:contact_create", args=[customer.public_id]),
            contact,
            Contact,
        ),
        "person": (
            "/settings/people/invite/",
            {**person, "role": str(viewer), "confirm_password": PASSWORD},
            Membership,
        ),
        "role": (
            "/settings/roles/new/",
            {"name": "Technician", "permissions": "view_invoices", "confirm_password": PASSWORD},
            Role,
        ),
        "step": (
            "/settings/reminders/steps/new/",
            {"days": "9", "when": "after_sending"},
            ReminderStep,
        ),
        "opt-out": (
            reverse("replies:opt_out"),
            {"number": "(978) 555-0177", "wording": "Asked on the phone"},
            OptOut,
        ),
    }


NAMES = ["invoice", "customer", "contact", "person", "role", "step", "opt-out"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_form_again_shows_what_the_first_made(
    name: str, tenant: Tenant, admin_user: User
) -> None:
    address, typed, model = forms(tenant)[name]
    browser = signed_in(admin_user)
    form = form_on(browser.get(address)) | typed
    first = browser.post(address, form)
    assert first.status_code == 302, words(first)
    count = model._base_manager.count()
    again = browser.post(address, form)
    assert (again.status_code, again["Location"]) == (302, first["Location"])
    assert ALREADY_SAVED in words(browser.get(again["Location"]))
    assert model._base_manager.count() == count


def test_a_form_with_errors_keeps_its_key_and_does_not_use_it_up(
    tenant: Tenant, admin_user: User
) -> None:
    address, browser = reverse("customers:create"), signed_in(admin_user)
    form = form_on(browser.get(address)) | new_customer()
    refused = browser.post(address, form | {"name": ""})
    assert refused.status_code == 422
    assert form_on(refused)["key"] == form["key"]
    assert not FormKey.objects.exists()
    assert browser.post(address, form).status_code == 302
    assert Customer.objects.count() == 1


def test_keys_of_two_companies_do_not_meet(
    tenant: Tenant, admin_user: User, stranger: User
) -> None:
    key = str(uuid.uuid4())
    for user in (admin_user, stranger):
        browser = signed_in(user)
        address = reverse("customers:create")
        form = form_on(browser.get(address)) | new_customer() | {"key": key}
        assert browser.post(address, form).status_code == 302
    assert Customer.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_make_one(tenant: Tenant, admin_user: User) -> None:
    address, typed = reverse("invoices:create"), new_invoice(make_customer(tenant))
    browsers = [signed_in(admin_user) for _ in range(4)]
    form = form_on(browsers[0].get(address)) | typed
    answers = run_together(*(partial(browser.post, address, form) for browser in browsers))
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer["Location"] for answer in answers}) == 1
    assert Invoice.objects.count() == 1


def test_what_looks_like_something_made_lately_is_said_first(
    tenant: Tenant, admin_user: User
) -> None:
    customer = make_customer(tenant)
    alike = {
        reverse("customers:create"): (new_customer(), "already a customer of this name", Customer),
        reverse("invoices:create"): (new_invoice(customer), "over the same amount", Invoice),
        reverse("customers:contact_create", args=[customer.public_id]): (
            contact_data(name="Ida Coe", mobile="(978) 555-0177"),
            "already has a contact of this name",
            Contact,
        ),
    }
    browser = signed_in(admin_user)
    for address, (typed, told, model) in alike.items():
        assert browser.post(address, form_on(browser.get(address)) | typed).status_code == 302
        count = model._base_manager.count()
        second = browser.post(address, form_on(browser.get(address)) | typed)
        assert second.status_code == 422, address
        assert told in words(second)
        assert model._base_manager.count() == count
        third = browser.post(address, form_on(second))
        assert third.status_code == 302, words(third)
        assert model._base_manager.count() == count + 1


def test_another_amount_another_day_or_a_void_invoice_is_not_alike(tenant: Tenant) -> None:
    invoice = make_invoice(tenant)
    assert list(Invoice.objects.similar(invoice.customer, invoice.total)) == [invoice]
    assert not Invoice.objects.similar(invoice.customer, invoice.total + 1)
    Invoice.objects.update(status="void")
    assert not Invoice.objects.similar(invoice.customer, invoice.total)
