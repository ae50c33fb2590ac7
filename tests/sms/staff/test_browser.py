"""**Send Text** in a real browser: as a dialog, by keyboard, on a narrow phone, without script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from invoices.models import Invoice
from sms.models import TextMessage
from tests.browser import NARROW, axe_violations, chromium, scrolls_sideways, sign_in
from tests.factories import PASSWORD, long_ago, make_customer, make_invoice, make_text
from tests.pages import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def invoice(tenant: Any) -> Invoice:
    return make_invoice(customer=make_customer(tenant))


@pytest.fixture
def page(browser: Browser, live_server: Any, clerk: Any, invoice: Invoice) -> Iterator[Page]:
    """A narrow phone on Invoice Details, with Maya signed in."""
    context = browser.new_context(viewport=NARROW, base_url=live_server.url)
    tab = sign_in(context, live_server, clerk)
    refused: list[str] = []
    tab.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    tab.on("pageerror", lambda error: refused.append(str(error)))
    tab.goto(f"/invoices/{invoice.public_id}/")
    yield tab
    context.close()
    assert refused == []


def test_by_keyboard_alone(page: Page) -> None:
    page.locator("#more-ways-button").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Send Text")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#more-ways-button")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("To", exact=True)).to_be_visible()
    # htmx listens to what it has just put in once it has settled, 20 ms later.
    expect(dialog).not_to_have_class(re.compile("htmx-"))
    dialog.get_by_label("To", exact=True).focus()
    page.keyboard.press("End")  # "Enter another number": the field for it appears
    number = dialog.get_by_role("textbox", name="Enter another number")
    expect(number).to_be_visible()
    expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_label("Country code")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("978 555")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Not checked yet. Correct the number first.")).to_be_visible()
    expect(number).to_be_focused()
    expect(dialog.get_by_text("digits are missing")).to_be_visible()
    number.fill("(978) 555-0177")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    assert TextMessage.objects.get().to == "+19785550177"


def test_a_double_click_sends_once(page: Page) -> None:
    page.get_by_label("More ways to send").click()
    page.get_by_role("link", name="Send SMS").click()
    page.get_by_role("button", name="Send", exact=True).dblclick()
    expect(page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    assert TextMessage.objects.count() == 1


def test_a_resend_asks_in_the_same_dialog(page: Page, invoice: Invoice, clerk: Any) -> None:
    first = make_text(invoice, clerk)
    first.claim()
    first.mark_sent("SM" + "a" * 32)
    long_ago(first)
    page.reload()
    page.get_by_label("More ways to send").click()
    page.get_by_role("link", name="Resend Invoice via SMS").click()
    page.get_by_role("button", name="Send", exact=True).click()
    question = page.get_by_role("dialog", name="This invoice was already sent")
    expect(question).to_be_visible()
    assert axe_violations(page) == []
    question.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    assert TextMessage.objects.count() == 2


def test_the_dialog_fits_and_has_no_violations(page: Page) -> None:
    page.get_by_label("More ways to send").click()
    page.get_by_role("link", name="Send SMS").click()
    expect(page.get_by_role("dialog", name="Send Text")).to_be_visible()
    assert axe_violations(page) == []
    assert not scrolls_sideways(page)


def test_without_script_it_is_a_page(live_server: Any, clerk: Any, invoice: Invoice) -> None:
    person = Person(live_server.url).sign_in(clerk.email, PASSWORD)
    person.open(f"/invoices/{invoice.public_id}/").follow("Send SMS")
    assert person.sees("1 segment")
    person.press("Send", to="other", number="(978) 555-0177")
    assert person.sees("Invoice SMS sent successfully")
    text = TextMessage.objects.get()
    text.claim()
    text.mark_delivered("SM" + "a" * 32)
    long_ago(text)
    person.follow("Resend Invoice via SMS").press("Send")
    assert person.sees("This invoice was already sent")
    person.press("Continue")
    assert person.sees("Invoice SMS sent successfully")
    assert TextMessage.objects.count() == 2
