"""Roles and actions: each page opens to exactly the roles that have its permission."""

from __future__ import annotations

import html
import uuid
from typing import Any

import pytest

from invoices.models import Invoice
from tenants.models import Membership, Role, Tenant, User
from tenants.roles import BUILT_IN_ROLES, Permission
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.factories import make_invoice, make_member
from tests.test_isolation import routes

pytestmark = pytest.mark.django_db
VIEWS = sorted(
    (name, pattern.callback.staff_permission, pattern.callback.other_permissions)
    for name, pattern in routes()
    if hasattr(pattern.callback, "staff_permission")
)


@pytest.fixture
def invoice(tenant: Tenant) -> Invoice:
    return make_invoice(tenant)


def address(name: str, invoice: Invoice, user: User) -> str:
    """The route, about things of the company."""
    contact = invoice.customer.contacts.get()
    about = {
        "customers": contact if name == "customers:contact_edit" else invoice.customer,
        "tenants": user.memberships.get(),
    }.get(name.partition(":")[0], invoice)
    pattern = next(pattern.pattern for known, pattern in routes() if known == name)
    values = {"public_id": about.public_id, "name": "Special", "pk": 1}
    return reverse(name, kwargs={gap: values[gap] for gap in pattern.converters} or None)


@pytest.mark.parametrize(("name", "permission", "others"), VIEWS, ids=[row[0] for row in VIEWS])
def test_a_page_needs_its_permission_and_no_other(
    name: str,
    permission: Permission,
    others: tuple[Permission, ...],
    tenant: Tenant,
    invoice: Invoice,
    clerk: User,
) -> None:
    role = Role.objects.create(tenant=tenant, name="Special", permissions=[permission.value])
    Membership.objects.filter(user=clerk).update(role=role)
    browser = signed_in(clerk)
    page = address(name, invoice, clerk)
    statuses = {browser.get(page).status_code, browser.post(page, {}).status_code}
    assert 403 not in statuses
    role.permissions = [p.value for p in Permission if p not in (permission, *others)]
    role.save()  # counts from the next request on
    for method in (browser.get, browser.post):
        answer = method(page)
        assert answer.status_code in (403, 405), name
        if answer.status_code == 403:
            assert str(permission.label) in html.unescape(answer.content.decode())


def test_administrators_may_everything_whatever_is_stored(tenant: Tenant) -> None:
    role = Role.objects.get(tenant=tenant, name="Administrator")
    role.permissions = []
    assert all(role.allows(permission) for permission in Permission)


def test_the_built_in_roles() -> None:
    may = {name: {Permission(p) for p in held} for name, held in BUILT_IN_ROLES.items()}
    assert may["Administrator"] == set(Permission)
    assert may["Office"] == set(Permission) - {
        Permission.REFUND_PAYMENTS,
        Permission.RELEASE_REFUNDS,
        Permission.TEXT_AGAIN,
        Permission.MANAGE_SETTINGS,
    }
    assert may["Viewer"] == {Permission.VIEW_INVOICES, Permission.VIEW_CUSTOMERS}


def test_an_inactive_company_or_person_may_nothing(tenant: Tenant, clerk: User) -> None:
    browser = signed_in(clerk)
    assert browser.get("/invoices/").status_code == 200
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    assert browser.get("/invoices/").status_code == 404
    Tenant.objects.filter(pk=tenant.pk).update(is_active=True)
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert browser.get("/invoices/").status_code == 302  # signed out


def test_a_new_password_ends_other_sessions(clerk: User) -> None:
    browser = signed_in(clerk)
    clerk.set_password("another " + uuid.uuid4().hex)
    clerk.save()
    assert browser.get("/invoices/").status_code == 302


def test_signing_in_gives_a_new_session(clerk: User, payer: Any) -> None:
    payer.get("/accounts/login/")
    payer.session["seen"] = True
    session = payer.session
    session.save()
    before = session.session_key
    form = {"login": clerk.email.upper(), "password": "correct horse battery staple"}
    answer = payer.post("/accounts/login/", form)
    assert answer.status_code == 302
    assert payer.session.session_key != before


def test_made_members_have_their_role(tenant: Tenant) -> None:
    assert make_member(tenant, "Viewer").memberships.get().role.name == "Viewer"
