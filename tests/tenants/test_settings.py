"""The Settings pages: what they change, what they refuse, and the entries they leave."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from audit.models import AuditEntry
from tenants.models import Membership, Role, Tenant, User
from tests.factories import PASSWORD, make_tenant
from textpay.company.forms import CompanyForm
from textpay.tasks import welcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(admin_user: User, browser_of: Any) -> Any:
    """Alma's browser."""
    return browser_of(admin_user)


def company_form(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    names = list(CompanyForm.Meta.fields)
    return {name: getattr(tenant, name) for name in names} | fields


def last(tenant: Tenant) -> AuditEntry:
    entry = AuditEntry.objects.filter(subject=tenant.audit_subject).order_by("-id").first()
    assert entry
    return entry


# --- Company ----------------------------------------------------------------------------------


def test_the_company_is_changed(browser: Any, tenant: Tenant, admin_user: User) -> None:
    form = company_form(tenant, name="Harbor P&H", phone="(978) 555-0199", brand="#8A3B12")
    assert browser.post("/settings/company/", form).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.name, tenant.phone, tenant.brand) == ("Harbor P&H", "+19785550199", "#8a3b12")
    entry = last(tenant)
    assert (entry.action, entry.actor) == ("tenant.edited", admin_user)
    assert set(entry.data["fields"]) == {"name", "phone", "brand"}
    assert "Harbor P&amp;H" in browser.get("/settings/company/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 41),
        ("phone", "123"),
        ("email", "nobody"),
        ("timezone", "Mars/Olympus"),
        ("brand", "red; }"),
    ],
)
def test_nonsense_is_refused(browser: Any, tenant: Tenant, field: str, value: str) -> None:
    before = Tenant.objects.filter(pk=tenant.pk).values().get()
    answer = browser.post("/settings/company/", company_form(tenant, **{field: value}))
    assert answer.status_code == 422
    assert Tenant.objects.filter(pk=tenant.pk).values().get() == before
    assert not AuditEntry.objects.filter(subject=tenant.audit_subject).exists()


def test_switches_cannot_be_slipped_in(browser: Any, tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(text_to_pay_enabled=False)
    form = company_form(tenant, name="New", text_to_pay_enabled="on", processor="none", slug="x")
    browser.post("/settings/company/", form)
    fresh = Tenant.objects.get(pk=tenant.pk)
    assert (fresh.name, fresh.slug, fresh.processor) == ("New", tenant.slug, "cardconnect")
    assert not fresh.text_to_pay_enabled


def test_the_colour_reaches_the_payer(tenant: Tenant, client: Client) -> None:
    answer = client.get(f"/brand/{tenant.brand[1:]}.css")
    assert answer.content == b":root{--brand:#0b6470}"
    assert answer["Content-Type"].startswith("text/css")
    assert "max-age" in answer["Cache-Control"]
    assert client.get("/brand/nobody.css").status_code == 404


# --- Texts and payments -------------------------------------------------------------------------


def test_the_texts_page_shows_the_message(browser: Any, tenant: Tenant) -> None:
    page = browser.get("/settings/texts/").content.decode()
    assert "Text-to-Pay is on." in page
    assert "Harbor Plumbing &amp; Heating: $182.50 for invoice INV-1042. Pay here:" in page
    assert "Contact Support to enable Text-to-Pay" not in page


def test_without_accounts_the_pages_still_open(db: None, browser_of: Any) -> None:
    tenant = make_tenant("Pine Street Cleaning")
    user = User.objects.create_user("pia@staff.example")
    role = Role.objects.get(tenant=tenant, name="Administrator")
    Membership.objects.create(user=user, tenant=tenant, role=role)
    for tab in ("company", "texts", "payments", "people"):
        assert browser_of(user).get(f"/settings/{tab}/").status_code == 200


# --- People -------------------------------------------------------------------------------------


def test_somebody_is_invited_and_gets_in(browser: Any, tenant: Tenant, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://staff.example"
    role = Role.objects.get(tenant=tenant, name="Office")
    form = {
        "first_name": "Nina",
        "last_name": "Ortiz",
        "email": "Nina@Staff.example",
        "role": role.pk,
        "confirm_password": PASSWORD,
    }
    assert browser.post("/settings/people/invite/", form).status_code == 302
    membership = Membership.objects.get(user__email="nina@staff.example")
    assert (membership.tenant, membership.role) == (tenant, role)
    assert last(tenant).action == "tenant.person_added"
    welcome(membership.pk)
    (message,) = mail.outbox
    link = next(line for line in message.body.splitlines() if line.startswith("https://"))
    assert link.startswith("https://staff.example/accounts/password/reset/key/")
    newcomer = Client()
    page = newcomer.get(link.removeprefix("https://staff.example"), follow=True)
    assert page.status_code == 200
    address = page.redirect_chain[-1][0]
    newcomer.post(address, {"password1": PASSWORD, "password2": PASSWORD})
    assert Client().login(username="nina@staff.example", password=PASSWORD)
    again = Client().get(link.removeprefix("https://staff.example"), follow=True)
    assert "password1" not in again.content.decode()  # the link works once


def test_nobody_is_invited_twice_or_with_a_foreign_role(
    browser: Any, tenant: Tenant, clerk: User, stranger: User
) -> None:
    own = Role.objects.get(tenant=tenant, name="Office")
    foreign = Role.objects.exclude(tenant=tenant).filter(name="Office").first()
    assert foreign
    names = {"first_name": "A", "last_name": "B", "confirm_password": PASSWORD}
    twice = {**names, "email": clerk.email.upper(), "role": own.pk}
    strange = {**names, "email": "new@staff.example", "role": foreign.pk}
    for form in (twice, strange):
        assert browser.post("/settings/people/invite/", form).status_code == 422
    assert Membership.objects.filter(tenant=tenant).count() == 2


@pytest.mark.parametrize("name", ["", "Office", "office", "new", "a/b", "x" * 41])
def test_bad_role_names_are_refused(browser: Any, tenant: Tenant, name: str) -> None:
    form = {"name": name, "confirm_password": PASSWORD}
    assert browser.post("/settings/roles/new/", form).status_code == 422
    assert Role.objects.filter(tenant=tenant).count() == 3


def test_the_administrator_role_is_not_for_changing(browser: Any) -> None:
    assert browser.get("/settings/roles/Administrator/").status_code == 404


def test_unknown_permissions_are_refused(browser: Any) -> None:
    form = {"name": "Technician", "permissions": ["be_superuser"], "confirm_password": PASSWORD}
    assert browser.post("/settings/roles/new/", form).status_code == 422


def test_a_password_link_never_follows_the_host_header(clerk: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.PUBLIC_BASE_URL = "https://staff.example"
    Client(headers={"host": "evil.example"}).post(
        "/accounts/password/reset/", {"email": clerk.email}
    )
    (message,) = mail.outbox
    assert "https://staff.example/accounts/password/reset/key/" in message.body
    assert "evil.example" not in message.body + message.subject + str(message.message())


def test_strangers_addresses_get_no_letter(client: Client, db: None) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "nobody@else.example"})
    assert answer.status_code == 302  # as for everybody
    assert mail.outbox == []


def test_nobody_signs_up(client: Client, db: None) -> None:
    form = {"email": "me@evil.example", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", form)
    assert not User.objects.exists()


def test_nobody_gives_themselves_another_address(browser: Any) -> None:
    assert browser.get("/accounts/email/").status_code == 404


def test_query_counts(browser: Any, django_assert_num_queries: Any) -> None:
    browser.get("/settings/company/")
    for tab, count in (("company", 4), ("texts", 9), ("payments", 5), ("people", 6)):
        with django_assert_num_queries(count):
            browser.get(f"/settings/{tab}/")
