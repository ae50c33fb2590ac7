"""A company's pages live under its short name; two tabs of two companies do not meet."""

from __future__ import annotations

import html
import importlib
import re
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import NoReverseMatch
from django.urls import reverse as django_reverse

from audit.models import AuditEntry
from customers.models import Customer
from invoices.models import Invoice
from tenants.addresses import company_path, site_path
from tenants.models import Membership, Role, ShortName, Tenant, User
from tenants.short_names import PATTERN, RESERVED, validate_short_name
from tests.addresses import first_words
from tests.conftest import ScopedClient, signed_in
from tests.customers.test_pages import contact_data
from tests.factories import make_invoice, make_member, make_ready_tenant, make_tenant
from tests.tenants.test_settings import company_form

pytestmark = pytest.mark.django_db


def words(answer: Any) -> str:
    return html.unescape(answer.content.decode())


@pytest.fixture
def other(db: None) -> Tenant:
    return make_ready_tenant("Mesa Verde Electric")


@pytest.fixture
def both(clerk: User, other: Tenant) -> Any:
    """A browser of somebody who works at Harbor and at Mesa Verde."""
    role = other.add_built_in_roles()["Administrator"]
    Membership.objects.create(user=clerk, tenant=other, role=role)
    browser = signed_in(clerk)
    browser.company = ""
    return browser


def test_the_list_of_reserved_words_covers_every_address() -> None:
    for urlconf in (settings.ROOT_URLCONF, settings.COMPANY_URLCONF):
        for word in first_words(urlconf) - {""}:
            words = re.findall(r"[a-z-]+", word) if "(" in word else [word]
            assert set(words) - {"former"} <= RESERVED
    assert settings.STATIC_URL.strip("/") in RESERVED
    assert all(re.fullmatch(PATTERN, word) for word in RESERVED)


@pytest.mark.parametrize("name", ["admin", "p", "invoices", "Harbor", "-harbor", "har bor", "ü"])
def test_such_a_short_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_short_name(name)


def test_two_tabs_of_two_companies(both: Any, tenant: Tenant, other: Tenant) -> None:
    ours, theirs = (company_path(one, "customers:create") for one in (tenant, other))
    assert tenant.name in words(both.get(ours))
    assert other.name in words(both.get(theirs))
    data = {"name": "Coastline Dental", "city": "Gloucester"}
    contact = contact_data(name="Ida Coe")
    both.post(ours, data | {f"contact-{name}": value for name, value in contact.items()})
    assert Customer.objects.get().tenant == tenant
    Membership.objects.update(role=Role.objects.get(tenant=tenant, name="Administrator"))
    before = Tenant.objects.filter(pk=other.pk).values().get()
    both.get(company_path(other, "tenants:company"))
    form = company_form(tenant, name="Harbor P&H")
    assert both.post(company_path(tenant, "tenants:company"), form).status_code == 302
    assert Tenant.objects.get(pk=tenant.pk).name == "Harbor P&H"
    assert Tenant.objects.filter(pk=other.pk).values().get() == before


def test_links_of_a_page_stay_in_its_company(both: Any, tenant: Tenant, other: Tenant) -> None:
    for company, neighbor in ((tenant, other), (other, tenant)):
        page = both.get(company_path(company, "home")).content.decode()
        assert f'href="/{company.slug}/invoices/"' in page
        assert re.findall(rf'href="(/{neighbor.slug}/[^"]*)"', page) == [f"/{neighbor.slug}/"]
        assert 'action="/accounts/logout/"' in page


def test_a_strangers_company_looks_like_none(clerk: User, other: Tenant) -> None:
    make_member(other, "Administrator")
    browser = signed_in(clerk)
    for page in ("/", "/invoices/", "/settings/people/", "/nothing/"):
        answers = [browser.get(f"/{name}{page}") for name in (other.slug, "no-such-company")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    for page in ("/", "/invoices/"):
        answers = [ScopedClient().get(f"/{name}{page}") for name in (other.slug, "no-such-company")]
        assert [answer.status_code for answer in answers] == [302, 302]
    for name in (other.slug, "no-such-company"):
        assert browser.get(f"/{name}/api/v1/invoices/").json()["code"] == "not_found"


def test_after_renaming_old_links_lead_on(tenant: Tenant, clerk: User, other: Tenant) -> None:
    browser, before = signed_in(clerk), tenant.slug
    tenant.slug = "harbor-heating"
    tenant.save()
    answer = browser.get(f"/{before}/invoices/?q=dana")
    assert answer["Location"] == "/harbor-heating/invoices/?q=dana"
    assert browser.get("/harbor-heating/invoices/").status_code == 200
    other.slug = before
    with pytest.raises(ValidationError, match="has or had this short name"):
        other.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save()
    assert Tenant.objects.get(pk=other.pk).slug != before
    tenant.slug = before  # its own may come back
    tenant.full_clean()
    tenant.save()
    assert browser.get(f"/{before}/invoices/").status_code == 200


def test_a_former_address_opens_where_its_object_is(
    both: Any, tenant: Tenant, other: Tenant
) -> None:
    for company in (tenant, other):
        invoice = make_invoice(company)
        answer = both.get(f"/invoices/{invoice.public_id}/?tab=1")
        assert answer["Location"] == f"/{company.slug}/invoices/{invoice.public_id}/?tab=1"
        mallory = signed_in(make_member(make_tenant(), "Administrator"))
        mallory.company = ""
        assert mallory.get(f"/invoices/{invoice.public_id}/").status_code == 404


def test_a_former_address_without_object_asks(both: Any, tenant: Tenant, other: Tenant) -> None:
    page = both.get("/invoices/?status=open").content.decode()
    assert "At which company?" in page
    for company in (tenant, other):
        assert f'href="/{company.slug}/invoices/?status=open"' in page
    Membership.objects.filter(tenant=other).update(is_active=False)
    assert both.get("/invoices/")["Location"] == f"/{tenant.slug}/invoices/"
    assert both.get("/invoices/nothing/here/").status_code == 404


def test_a_form_of_a_former_address_changes_nothing(both: Any, tenant: Tenant) -> None:
    invoice = make_invoice(tenant)
    entries = AuditEntry.objects.count()
    answer = both.post(f"/invoices/{invoice.public_id}/void/", {"reason": "Wrong"})
    assert answer.status_code == 409
    assert "Nothing was saved" in answer.content.decode()
    assert Invoice.objects.get().status == "open"
    assert AuditEntry.objects.count() == entries


def test_the_former_api_answers_people_of_one_company(
    both: Any, clerk: User, tenant: Tenant, other: Tenant
) -> None:
    assert both.get("/api/v1/invoices/").status_code == 403
    assert both.get(f"/{tenant.slug}/api/v1/invoices/").status_code == 200
    Membership.objects.filter(tenant=other).update(is_active=False)
    assert both.get("/api/v1/invoices/").status_code == 200


def test_after_signing_in_the_last_company_opens(both: Any, tenant: Tenant, other: Tenant) -> None:
    for company in (other, tenant, other):
        both.get(company_path(company, "home"))
        both.get(company_path(tenant, "invoices:list"))
        assert both.get("/")["Location"] == f"/{company.slug}/"


def test_a_name_of_a_company_page_needs_a_company(tenant: Tenant) -> None:
    for name in ("home", "invoices:list", "tenants:company"):
        with pytest.raises(NoReverseMatch):
            django_reverse(name)
    assert company_path(tenant, "home") == f"/{tenant.slug}/"
    assert site_path("account_login") == django_reverse("account_login") == "/accounts/login/"


def test_below_a_prefix_of_the_web_server(clerk: User, tenant: Tenant) -> None:
    browser = signed_in(clerk)
    page = browser.get(f"/{tenant.slug}/invoices/", SCRIPT_NAME="/textpay")
    assert page.status_code == 200


def test_the_migration_renames_what_other_addresses_need(db: None) -> None:
    ShortName.objects.all().delete()
    Tenant.objects.bulk_create(
        Tenant(slug=slug, name=slug, phone="+19785550134", email="a@b.example")
        for slug in ("invoices", "invoices-2", "Harbor", "harbor", "fine", "_odd")
    )
    migration = importlib.import_module("tenants.migrations.0007_short_names")
    migration.keep_short_names(apps, None)
    now = dict(Tenant.objects.values_list("name", "slug"))
    assert now == {
        "invoices": "invoices-3",
        "invoices-2": "invoices-2",
        "Harbor": "harbor-2",
        "harbor": "harbor",
        "fine": "fine",
        "_odd": "odd",
    }
    assert set(ShortName.objects.values_list("name", flat=True)) == set(now.values())
    for slug in now.values():
        validate_short_name(slug)


def test_a_new_company_reserves_its_short_name() -> None:
    tenant = make_tenant(slug="pine-street")
    assert ShortName.objects.get(name="pine-street").tenant == tenant
    assert make_member(tenant, "Viewer").memberships.get().tenant == tenant
    assert Role.objects.filter(tenant=tenant).exists()
