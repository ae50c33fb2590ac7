"""Who may do what is changed with a password, by somebody else, and never beyond one's own."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from audit.models import AuditEntry
from tenants.models import Membership, Role, Tenant, User
from tenants.roles import Permission
from tests.factories import PASSWORD, make_member
from tests.pages import form_on
from tests.tenants.test_settings import last

pytestmark = pytest.mark.django_db
Browser = Any


@pytest.fixture
def browser(admin_user: User, browser_of: Callable[[User], Browser]) -> Browser:
    """Alma's browser."""
    return browser_of(admin_user)


@pytest.fixture
def keeper(tenant: Tenant) -> User:
    """Kim, who may change people and see invoices, and nothing else."""
    allowed = ["manage_settings", "view_invoices"]
    Role.objects.create(tenant=tenant, name="Keeper", permissions=allowed)
    return make_member(tenant, "Keeper", name="Kim Vale")


def role_of(tenant: Tenant, name: str) -> Role:
    return Role.objects.get(tenant=tenant, name=name)


def page_of(user: User) -> str:
    return f"/settings/people/{user.memberships.get().public_id}/"


def words(answer: Any) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split()))


def test_a_person_changes_role_and_leaves(
    browser: Browser, tenant: Tenant, clerk: User, browser_of: Callable[[User], Browser]
) -> None:
    page = page_of(clerk)
    viewer = role_of(tenant, "Viewer")
    form = {"role": viewer.pk, "confirm_password": PASSWORD}
    assert browser.post(page, {**form, "is_active": "on"}).status_code == 302
    assert clerk.memberships.get().role == viewer
    assert last(tenant).data == {
        "person": clerk.email,
        "role": "Viewer",
        "role_before": "Office",
        "active": True,
        "active_before": True,
    }
    browser.post(page, form)
    assert not clerk.memberships.get().is_active
    assert browser_of(clerk).get("/invoices/").status_code == 403
    count = AuditEntry.objects.count()
    browser.post(page, form)
    assert AuditEntry.objects.count() == count  # nothing changed, nothing told


def test_the_last_administrator_stays(
    tenant: Tenant, admin_user: User, browser_of: Callable[[User], Browser]
) -> None:
    Role.objects.create(tenant=tenant, name="Partner", permissions=list(Permission.values))
    browser = browser_of(make_member(tenant, "Partner", name="Pat Rowe"))
    office = role_of(tenant, "Office")
    administrator = admin_user.memberships.get().role
    for form in ({"role": office.pk, "is_active": "on"}, {"role": administrator.pk}):
        answer = browser.post(page_of(admin_user), {**form, "confirm_password": PASSWORD})
        assert answer.status_code == 422
        assert "the only administrator" in words(answer)
    fresh = admin_user.memberships.get()
    assert (fresh.role.name, fresh.is_active) == ("Administrator", True)


def test_a_role_is_made_and_changed(browser: Browser, tenant: Tenant) -> None:
    form = {
        "name": "Technician",
        "permissions": ["view_invoices", "send_texts"],
        "confirm_password": PASSWORD,
    }
    assert browser.post("/settings/roles/new/", form).status_code == 302
    role = role_of(tenant, "Technician")
    assert role.permissions == ["send_texts", "view_invoices"]
    form = {**form, "name": "Fitter", "permissions": ["view_invoices", "edit_invoices"]}
    browser.post("/settings/roles/Technician/", form)
    role.refresh_from_db()
    assert role.permissions == ["edit_invoices", "view_invoices"]
    assert last(tenant).action == "tenant.role_changed"
    assert last(tenant).data == {
        "role": "Fitter",
        "name_before": "Technician",
        "added": ["edit_invoices"],
        "removed": ["send_texts"],
    }


@pytest.mark.parametrize("password", ["", "not mine at all"])
def test_without_the_password_nobody_and_nothing_changes(
    browser: Browser, tenant: Tenant, clerk: User, password: str
) -> None:
    viewer = role_of(tenant, "Viewer")
    person = {"first_name": "A", "last_name": "B", "email": "new@staff.example"}
    forms: dict[str, dict[str, Any]] = {
        page_of(clerk): {"role": viewer.pk, "is_active": "on"},
        "/settings/roles/new/": {"name": "Technician", "permissions": ["view_invoices"]},
        "/settings/roles/Office/": {"name": "Office", "permissions": ["refund_payments"]},
        "/settings/people/invite/": {**person, "role": viewer.pk},
        "/settings/payments/money-back/": {
            "refund_release_over": "9999999",
            "ach_clear_days": "4",
            "version": form_on(browser.get("/settings/payments/"), "money-back/")["version"],
        },
    }
    before = sorted(map(str, Role.objects.values_list()))
    for page, form in forms.items():
        opened = browser.get(page)
        if opened.status_code == 200:
            assert "Your password" in words(opened)
            form = form_on(opened) | form
        answer = browser.post(page, {**form, "confirm_password": password})
        assert answer.status_code == 422, page
        told = "That is not your password." if password else "Enter your password."
        assert told in words(answer), page
    tenant.refresh_from_db()
    assert tenant.refund_release_over == 500
    assert clerk.memberships.get().role.name == "Office"
    assert sorted(map(str, Role.objects.values_list())) == before
    assert Membership.objects.filter(tenant=tenant).count() == 2
    assert not AuditEntry.objects.about(tenant.audit_subject).exists()


def test_nobody_changes_their_own_place(
    tenant: Tenant, keeper: User, admin_user: User, browser_of: Callable[[User], Browser]
) -> None:
    for user in (keeper, admin_user):
        browser = browser_of(user)
        told = words(browser.get(page_of(user)))
        assert "This is you" in told
        assert "Your password" not in told
        mine = user.memberships.get().role
        for form in (
            {"role": role_of(tenant, "Administrator").pk, "is_active": "on"},
            {"role": role_of(tenant, "Viewer").pk, "is_active": "on"},
            {"role": mine.pk},
        ):
            answer = browser.post(page_of(user), {**form, "confirm_password": PASSWORD})
            assert answer.status_code == 422
        fresh = user.memberships.get()
        assert (fresh.role, fresh.is_active) == (mine, True)


def test_nobody_changes_the_role_they_work_with(
    tenant: Tenant, keeper: User, browser_of: Callable[[User], Browser]
) -> None:
    browser = browser_of(keeper)
    page = "/settings/roles/Keeper/"
    assert "This is your own role." in words(browser.get(page))
    assert "Your own" in words(browser.get("/settings/people/"))
    form = {"name": "Keeper", "permissions": ["view_invoices"], "confirm_password": PASSWORD}
    assert browser.post(page, form).status_code == 422
    assert role_of(tenant, "Keeper").permissions == ["manage_settings", "view_invoices"]


def test_nobody_gives_what_they_may_not_do_themselves(
    tenant: Tenant, keeper: User, clerk: User, browser_of: Callable[[User], Browser]
) -> None:
    browser = browser_of(keeper)
    mine = {"confirm_password": PASSWORD}
    administrator, viewer = role_of(tenant, "Administrator"), role_of(tenant, "Viewer")
    person = {"first_name": "A", "last_name": "B", "email": "second@keeper.example"}
    money = ["view_invoices", "refund_payments"]
    forms: dict[str, dict[str, Any]] = {
        page_of(clerk): {"role": administrator.pk, "is_active": "on"},
        "/settings/people/invite/": {**person, "role": administrator.pk},
        "/settings/roles/new/": {"name": "Helper", "permissions": money},
        "/settings/roles/Viewer/": {"name": "Viewer", "permissions": money},
    }
    for page, form in forms.items():
        answer = browser.post(page, {**form, **mine})
        assert answer.status_code == 422, page
        if page == page_of(clerk):
            assert "This role may do more than yours" in words(answer)
        else:
            assert "Your own role does not include: " in words(answer), page
            assert "Void and refund payments" in words(answer), page
    assert clerk.memberships.get().role.name == "Office"
    assert viewer.permissions == role_of(tenant, "Viewer").permissions
    assert not Role.objects.filter(name="Helper").exists()
    assert not User.objects.filter(email="second@keeper.example").exists()


def test_what_one_may_oneself_is_given_and_taken(
    tenant: Tenant, keeper: User, clerk: User, browser_of: Callable[[User], Browser]
) -> None:
    browser = browser_of(keeper)
    mine = {"confirm_password": PASSWORD}
    form: dict[str, Any] = {"name": "Helper", "permissions": ["view_invoices"], **mine}
    assert browser.post("/settings/roles/new/", form).status_code == 302
    helper = role_of(tenant, "Helper")
    form = {"role": helper.pk, "is_active": "on", **mine}
    other = Role.objects.create(tenant=tenant, name="Other", permissions=["view_invoices"])
    Membership.objects.filter(user=clerk).update(role=other)
    assert browser.post(page_of(clerk), form).status_code == 302
    assert clerk.memberships.get().role == helper
    form = {"name": "Other", "permissions": [], **mine}
    assert browser.post("/settings/roles/Other/", form).status_code == 302
    assert role_of(tenant, "Other").permissions == []


def test_nobody_changes_a_person_or_role_that_may_do_more(
    tenant: Tenant,
    keeper: User,
    clerk: User,
    admin_user: User,
    browser_of: Callable[[User], Browser],
) -> None:
    """Not by taking something away either: who may change people only could rule the company."""
    browser = browser_of(keeper)
    make_member(tenant, "Administrator", name="Cora Blake")  # not the only one
    lesser = role_of(tenant, "Keeper").pk
    mine = {"confirm_password": PASSWORD}
    forms = {
        page_of(clerk): [
            {"role": lesser, "is_active": "on"},
            {"role": role_of(tenant, "Office").pk},
        ],
        page_of(admin_user): [{"role": lesser, "is_active": "on"}, {"role": lesser}],
        "/settings/roles/Office/": [{"name": "Office", "permissions": []}],
    }
    before = [list(model.objects.order_by("pk").values()) for model in (Membership, Role)]
    for page, changes in forms.items():
        for form in changes:
            answer = browser.post(page, {**form, **mine})
            assert answer.status_code == 422, page
            assert "This role may do more than yours" in words(answer), page
    assert [list(m.objects.order_by("pk").values()) for m in (Membership, Role)] == before
