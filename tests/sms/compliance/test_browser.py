"""The send check in a real browser: it follows the number, by keyboard, and never jumps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from audit import clock
from customers.models import Contact
from invoices.models import Invoice
from sms.models import OptOut, TextMessage
from sms.models.opt_out import opt_out
from tests.browser import NARROW, chromium, complaints, sign_in, wait_until_heard
from tests.factories import keep_quiet_hours, make_customer, make_invoice, make_text

pytestmark = pytest.mark.django_db(transaction=True)
ROB = "+19785550177"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def invoice(tenant: Any) -> Invoice:
    made = make_invoice(customer=make_customer(tenant))
    Contact.objects.create(tenant=tenant, customer=made.customer, name="Rob Fields", mobile=ROB)
    opt_out(tenant, ROB, source=OptOut.Source.REPLY, wording="STOP")
    return made


@pytest.fixture
def page(browser: Browser, live_server: Any, admin_user: Any, invoice: Invoice) -> Iterator[Page]:
    """Send Text on a narrow phone, with the administrator signed in."""
    context = browser.new_context(viewport=NARROW, base_url=live_server.url)
    tab = sign_in(context, live_server, admin_user)
    refused: list[str] = []
    tab.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    tab.on("pageerror", lambda error: refused.append(str(error)))
    open_pop_up(tab, invoice)
    yield tab
    context.close()
    assert refused == []


def open_pop_up(tab: Page, invoice: Invoice) -> None:
    tab.goto(f"/invoices/{invoice.public_id}/")
    tab.get_by_label("More ways to send").click()
    tab.locator("#send-sms").click()
    expect(tab.get_by_role("dialog", name="Send Text")).to_be_visible()
    wait_until_heard(tab, "#id_to")


def test_the_check_follows_the_chosen_number(page: Page) -> None:
    check = page.locator("#send-check")
    button = page.locator("#send-button button")
    expect(check.get_by_text("Ready to send")).to_be_visible()
    assert complaints(page) == []
    size = page.get_by_role("dialog").bounding_box()
    page.get_by_label("To", exact=True).select_option(index=1)
    expect(check.get_by_text("Rob replied STOP")).to_be_visible()
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("aria-describedby", "send-check")
    expect(check).to_have_attribute("role", "status")
    assert complaints(page) == []
    button.click(force=True)
    expect(check.get_by_text("Rob replied STOP")).to_be_visible()
    assert not TextMessage.objects.exists()
    page.get_by_label("To", exact=True).select_option(index=0)
    expect(button).to_have_attribute("type", "submit")
    assert page.get_by_role("dialog").bounding_box() == size
    wait_until_heard(page, "#id_to")
    page.get_by_label("To", exact=True).select_option(index=1)
    check.get_by_role("link", name="send the email").click()
    expect(page.get_by_role("dialog", name="Send Email")).to_be_visible()


def test_the_check_follows_what_is_typed_and_the_field_keeps_the_focus(page: Page) -> None:
    check = page.locator("#send-check")
    page.get_by_label("To", exact=True).select_option("other")
    number = page.get_by_role("textbox", name="Enter another number")
    wait_until_heard(page, "#send-to .pair[hx-post]")
    number.press_sequentially("978555")
    expect(check.get_by_text("4 digits are missing")).to_be_visible()
    number.press_sequentially("0177")
    expect(check.get_by_text("replied STOP")).to_be_visible()
    expect(number).to_be_focused()
    number.press("Backspace")
    number.press_sequentially("8")
    expect(check.get_by_text("Not on file for this customer")).to_be_visible()
    expect(number).to_be_focused()
    assert complaints(page) == []
    number.press("Enter")
    expect(page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    assert TextMessage.objects.get().to == "+19785550178"


def test_send_anyway_is_ticked_by_keyboard_and_gives_the_button_back(
    page: Page, invoice: Invoice, admin_user: Any
) -> None:
    text = make_text(invoice, admin_user)
    text.claim()
    text.mark_sent("SM" + "a" * 32)
    open_pop_up(page, invoice)
    button = page.locator("#send-button button")
    expect(page.get_by_text("It was texted less than 10 minutes ago")).to_be_visible()
    expect(button).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Send anyway").focus()
    page.keyboard.press("Space")
    expect(button).to_have_attribute("type", "submit")
    expect(page.get_by_label("Send anyway")).to_be_focused()
    assert complaints(page) == []
    button.click()
    expect(page.get_by_role("dialog", name="This invoice was already sent")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    assert TextMessage.objects.filter(sent_by=admin_user).count() == 2


def test_at_night_the_button_names_the_hour(
    page: Page, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_quiet_hours(invoice.tenant)
    night = dt.datetime(2026, 11, 24, 2, 30, tzinfo=dt.UTC)
    monkeypatch.setattr(clock, "now", lambda: night)
    open_pop_up(page, invoice)
    expect(page.get_by_role("button", name="Send at 8:00 AM")).to_be_visible()
    expect(page.get_by_text("It is 9:30 PM where Dana lives")).to_be_visible()
    assert complaints(page) == []
