"""Invoice Details in a real browser: it keeps itself up to date and leaves people's hands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, Page, expect

from invoices.models import Invoice
from tests.browser import DESKTOP, NARROW, PHONE, axe_violations, chromium, complaints, sign_in
from tests.factories import PASSWORD, make_customer, make_invoice, make_text
from tests.invoices.test_pages import pay, url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, live_server: Any, clerk: Any) -> Iterator[Page]:
    """A desktop window in which Maya has signed in."""
    context = browser.new_context(viewport=DESKTOP, base_url=live_server.url)
    tab = sign_in(context, live_server, clerk)
    refused: list[str] = []
    tab.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    tab.on("pageerror", lambda error: refused.append(str(error)))
    yield tab
    context.close()
    assert refused == []


@pytest.fixture
def invoice(tenant: Any, clerk: Any) -> Invoice:
    made = make_invoice(customer=make_customer(tenant))
    make_text(made, clerk)
    return made


def test_a_payment_shows_within_three_seconds_without_reload(page: Page, invoice: Invoice) -> None:
    page.goto(url("detail", invoice))
    page.evaluate("window.same = true")
    more = page.locator("details.more").first
    more.locator("summary").click()
    expect(page.locator(".balance")).to_have_text("$182.50")
    pay(invoice, "100.00")
    expect(page.locator(".balance")).to_have_text("$82.50", timeout=3000)
    opened = page.locator("details.more[open]")
    expect(opened).to_have_count(1)  # what was opened stays open, though a newer entry came above
    expect(opened.locator("summary")).to_be_focused()
    assert page.evaluate("window.same") is True


def test_the_countdown_runs_and_is_no_change(page: Page, invoice: Invoice) -> None:
    polls: list[int] = []
    page.on("response", lambda r: polls.append(r.status) if "/live/" in r.url else None)
    page.goto(url("detail", invoice))
    seconds = page.locator(".timer b").last
    before = seconds.inner_text()
    expect(seconds).not_to_have_text(before, timeout=3000)
    with page.expect_response(re.compile("/live/")):
        pass
    assert set(polls) == {204}


def test_the_dialog_opens_closes_with_escape_and_gives_focus_back(
    page: Page, invoice: Invoice
) -> None:
    page.goto(url("detail", invoice))
    opener = page.get_by_role("link", name="Void")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    assert axe_violations(page) == []
    dialog.get_by_role("button", name="Void invoice").click()
    expect(dialog.get_by_text("Enter a reason for the Audit History.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_void_from_the_dialog(page: Page, invoice: Invoice) -> None:
    page.goto(url("detail", invoice))
    type(invoice.text_messages.get()).objects.update(status="delivered")
    page.get_by_role("link", name="Void").click()
    page.get_by_label("Reason").fill("Sent twice")
    page.get_by_role("button", name="Void invoice").click()
    expect(page.get_by_role("status").filter(has_text="is void")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("Void")


def test_a_new_invoice_adds_up_while_typing(page: Page, invoice: Invoice) -> None:
    page.goto("/invoices/new/")
    page.get_by_label("Customer", exact=True).select_option(label="Dana Whitfield")
    for number, (item, quantity, price) in enumerate(
        [("Visit", "1", "79"), ("Element", "2", "24"), ("Labor", "0.75", "70"), ("Trip", "1", "3")]
    ):
        if number == 3:
            page.get_by_role("button", name="Add line").click()
        row = page.locator(".line").nth(number)
        row.get_by_label("Item").fill(item)
        row.get_by_label("Qty").fill(quantity)
        row.get_by_label("Price").fill(price)
    expect(page.locator("[data-total]")).to_have_text("$182.50")
    page.get_by_role("button", name="Create invoice").click()
    # The fixture's invoice is over the same amount: that is said before this one is saved.
    page.get_by_text("save again to add another one").wait_for()
    page.get_by_role("button", name="Create invoice").click()
    expect(page.locator(".balance")).to_have_text("$182.50")


def test_the_menu_is_a_drawer_on_a_phone(page: Page, invoice: Invoice) -> None:
    page.set_viewport_size(PHONE)
    page.goto(url("detail", invoice))
    menu = page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(menu.get_by_role("link", name="Customers")).to_be_visible()
    assert axe_violations(page) == []
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_pages_are_clean_and_fit_320_pixels(page: Page, invoice: Invoice) -> None:
    customer = invoice.customer
    for address in (
        "/",
        "/invoices/",
        "/invoices/new/",
        url("detail", invoice),
        url("edit", invoice),
        url("send_email", invoice),
        "/customers/",
        "/customers/new/",
        f"/customers/{customer.public_id}/",
        f"/customers/{customer.public_id}/contacts/",
        f"/contacts/{customer.billing_contact.public_id}/edit/",
    ):
        page.goto(address)
        assert complaints(page, NARROW) == []


def test_an_open_page_nobody_uses_goes_to_the_sign_in_page_and_comes_back(
    page: Page, invoice: Invoice, clerk: Any, live_server: Any
) -> None:
    page.goto(url("detail", invoice))
    page.locator(".balance").wait_for()
    rest(page)
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.get_by_text("You were signed out to keep your account safe").is_visible()
    assert axe_violations(page) == []
    page.get_by_label("Email").fill(clerk.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{live_server.url}/{invoice.tenant.slug}{url('detail', invoice)}")
    expect(page.locator(".balance")).to_have_text("$182.50")


def test_typing_in_an_open_page_keeps_the_sign_in(page: Page, tenant: Any) -> None:
    page.clock.install()
    page.goto("/invoices/new/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.keyboard.press("Tab")
    page.clock.fast_forward("02:00")
    assert "/here/" not in asked
    with page.expect_response("**/here/") as answer:
        page.keyboard.press("Tab")
    assert answer.value.status == 204
    page.keyboard.press("Tab")
    assert asked.count("/here/") == 1


def rest(page: Page) -> None:
    """Let nobody have used the window for an hour."""
    [cookie] = [one for one in page.context.cookies() if one["name"] == "textpay"]
    session = SessionStore(session_key=cookie["value"])
    session["seen"] -= 3600
    session.save()
