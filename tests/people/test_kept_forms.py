"""What was typed when a sign-in lapsed comes back, to the same person in the same browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from customers.models import Customer
from invoices.models import Invoice
from tenants.kept_forms import BACK, MOST
from tenants.models import Tenant, User
from tests.addresses import reverse
from tests.browser import chromium, complaints, sign_in
from tests.conftest import ScopedClient
from tests.factories import PASSWORD, make_customer, make_invoice, make_member
from tests.pages import form_on

pytestmark = pytest.mark.django_db
CARD = "4111 1111 1111 1111"


def sign_in_as(browser: ScopedClient, user: User, page: str = "/") -> Any:
    return browser.post(
        f"/accounts/login/?next={page}", {"login": user.email, "password": PASSWORD}
    )


@pytest.fixture
def maya(payer: ScopedClient, tenant: Tenant, clerk: User) -> ScopedClient:
    payer.company = tenant.slug
    sign_in_as(payer, clerk)
    return payer


def mark_on(answer: Any) -> str:
    body = BeautifulSoup(answer.content, "html.parser").body
    assert body is not None
    return str(body["data-person"])


def kept_on(answer: Any) -> Any:
    found = BeautifulSoup(answer.content, "html.parser").find(id="kept-form")
    return json.loads(found.get_text()) if found else None


def lapse(browser: ScopedClient) -> None:
    browser.cookies.pop("textpay")


def type_and_send(browser: ScopedClient, **fields: str) -> tuple[str, Any]:
    """Type a new customer, lose the sign-in, press Save. Returns the page and the answer."""
    page = reverse("customers:create")
    opened = browser.get(page)
    form = form_on(opened) | {"name": "Coastline Dental", "person": mark_on(opened)} | fields
    lapse(browser)
    referer = f"http://testserver/{browser.company}{page}"
    return page, browser.post(page, form, headers={"Referer": referer})


def test_the_form_is_back_once(maya: ScopedClient, clerk: User) -> None:
    page, answer = type_and_send(maya, street="1 Dock Road")
    assert answer["Location"].startswith("/accounts/login/")
    assert not Customer.objects.exists()
    sign_in_as(maya, clerk)
    back = maya.get(page)
    assert BACK in back.content.decode()
    kept = kept_on(back)
    assert kept["action"] == f"/{maya.company}{page}"
    assert kept["typed"]["name"] == ["Coastline Dental"]
    assert kept["typed"]["street"] == ["1 Dock Road"]
    assert kept_on(maya.get(page)) is None


def test_it_waits_for_its_page(maya: ScopedClient, clerk: User) -> None:
    page, _ = type_and_send(maya)
    sign_in_as(maya, clerk)
    assert kept_on(maya.get("/")) is None
    assert kept_on(maya.get(page))["typed"]["name"] == ["Coastline Dental"]


def test_another_person_does_not_see_it(maya: ScopedClient, tenant: Tenant, clerk: User) -> None:
    page, _ = type_and_send(maya)
    sign_in_as(maya, make_member(tenant, "Administrator", name="Alma Reyes"))
    assert kept_on(maya.get(page)) is None
    lapse(maya)
    sign_in_as(maya, clerk)
    assert kept_on(maya.get(page)) is None


def test_secrets_and_card_numbers_are_not_kept(maya: ScopedClient) -> None:
    type_and_send(maya, confirm_password=PASSWORD, note=f"card {CARD}", city="Gloucester")
    kept = json.dumps(maya.session["kept_form"])
    for secret in (PASSWORD, "1111", "csrfmiddlewaretoken"):
        assert secret not in kept
    assert "Gloucester" in kept


@pytest.mark.parametrize("change", [{"person": ""}, {"person": "made:up"}, {"note": "x" * MOST}])
def test_of_nobody_and_too_much_is_not_kept(maya: ScopedClient, change: dict[str, str]) -> None:
    _, answer = type_and_send(maya, **change)
    assert answer.status_code == 302
    assert "kept_form" not in maya.session


def test_signing_in_again_in_another_tab_loses_nothing(tenant: Tenant, clerk: User) -> None:
    """A new sign-in changes the form token, so the older page's form is refused."""
    browser = ScopedClient(enforce_csrf_checks=True)
    browser.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("customers:create")
    opened = browser.get(page)
    form = form_on(opened) | {"name": "Coastline Dental", "person": mark_on(opened)}
    form["csrfmiddlewaretoken"] = "x" * 64
    referer = f"http://testserver/{browser.company}{page}"
    answer = browser.post(page, form, headers={"Referer": referer})
    assert (answer.status_code, answer["Location"]) == (302, f"/{browser.company}{page}")
    assert not Customer.objects.exists()
    assert kept_on(browser.get(page))["typed"]["name"] == ["Coastline Dental"]
    # A form of another site has no mark, or comes from elsewhere.
    del form["person"]
    assert browser.post(page, form, headers={"Referer": referer}).status_code == 403
    form["person"] = mark_on(opened)
    elsewhere = {"Referer": "http://evil.example/"}
    assert browser.post(page, form, headers=elsewhere).status_code == 403
    assert "kept_form" not in browser.session
    assert Client().post("/accounts/login/", {}).status_code == 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def tab(
    browser: Browser, live_server: Any, tenant: Tenant, clerk: User, transactional_db: None
) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    yield sign_in(context, live_server, clerk)
    context.close()


def sign_in_on(tab: Page, clerk: User) -> None:
    tab.get_by_role("heading", name="Sign in").wait_for()
    tab.get_by_label("Email").fill(clerk.email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()


def test_an_invoice_with_lines_is_back_in_the_browser(
    tab: Page, tenant: Tenant, clerk: User
) -> None:
    customer = make_customer(tenant)
    tab.goto("/invoices/new/")
    tab.get_by_label("Customer", exact=True).select_option(str(customer.public_id))
    for number in range(5):
        if number > 2:
            tab.get_by_role("button", name="Add line").click()
        tab.locator(f"[name=lines-{number}-description]").fill(f"Part {number}")
        tab.locator(f"[name=lines-{number}-quantity]").fill("1")
        tab.locator(f"[name=lines-{number}-unit_price]").fill("10")
    tab.context.clear_cookies(name="textpay")
    tab.get_by_role("button", name="Create invoice").click()
    sign_in_on(tab, clerk)
    expect(tab.locator("[name=lines-4-description]")).to_have_value("Part 4")
    expect(tab.locator("[data-total]").first).to_have_text("$50.00")
    expect(tab.get_by_text(BACK)).to_be_visible()
    assert complaints(tab) == []
    assert not Invoice.objects.exists()
    tab.get_by_role("button", name="Create invoice").click()
    tab.get_by_text("created").first.wait_for()
    assert Invoice.objects.get().lines.count() == 5


def test_a_dialog_opens_again_with_what_was_typed(tab: Page, tenant: Tenant, clerk: User) -> None:
    invoice = make_invoice(tenant)
    tab.goto(reverse("invoices:detail", args=[invoice.public_id]))
    tab.get_by_label("More").click()
    tab.locator("a[href$='/void/']").click()
    tab.get_by_label("Reason").fill("Made for the wrong customer")
    tab.context.clear_cookies(name="textpay")
    tab.get_by_role("dialog").get_by_role("button", name="Void invoice").click()
    sign_in_on(tab, clerk)
    expect(tab.get_by_role("dialog").get_by_label("Reason")).to_have_value(
        "Made for the wrong customer"
    )
    assert Invoice.objects.get().status == "open"
