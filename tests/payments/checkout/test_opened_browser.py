"""Opened in real browsers: a person's touch is seen in the office, a colleague's is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sms.models import TextMessage
from tests.browser import DESKTOP, PHONE, axe_violations, scrolls_sideways, sign_in
from tests.factories import make_text
from tests.payments.conftest import address
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def text(invoice: Any, clerk: Any) -> TextMessage:
    """A delivered text of the invoice."""
    message = make_text(invoice, clerk)
    message.claim()
    message.mark_delivered("SM" + "a" * 32)
    return message


@pytest.fixture
def phone(browser: Browser, live_server: Any, gateway: Any) -> Iterator[Page]:
    """The customer's phone."""
    context = browser.new_context(viewport=PHONE, base_url=live_server.url, has_touch=True)
    refused: list[str] = []
    page = context.new_page()
    page.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    yield page
    context.close()
    assert refused == []


@pytest.fixture
def office(browser: Browser, live_server: Any, clerk: Any) -> Iterator[BrowserContext]:
    """The clerk's browser, signed in."""
    context = browser.new_context(viewport=DESKTOP, base_url=live_server.url)
    sign_in(context, live_server, clerk).close()
    yield context
    context.close()


def is_opened(text: TextMessage) -> bool:
    text.link.refresh_from_db()
    return text.link.opened_at is not None


def test_a_touch_is_seen_in_the_office(phone: Page, office: BrowserContext, text: TextMessage):
    staff = office.new_page()
    staff.goto(f"/invoices/{text.invoice.public_id}/")
    step = staff.locator(".rail li").nth(3)
    expect(step).to_contain_text("Opened (not yet)")
    phone.goto(address(text.link))
    phone.touchscreen.tap(200, 200)
    expect(step).to_have_class("done", timeout=15_000)
    expect(step).to_have_attribute("aria-current", "step")
    assert axe_violations(staff) == []
    staff.set_viewport_size(PHONE)
    assert not scrolls_sideways(staff)


def test_reading_for_two_seconds_is_enough(phone: Page, text: TextMessage):
    phone.clock.install()
    phone.goto(address(text.link))
    phone.clock.run_for(1500)
    assert not is_opened(text)
    with phone.expect_response("**/opened/") as told:
        phone.clock.run_for(1000)
    assert told.value.status == 204
    assert is_opened(text)


def test_it_is_told_once(phone: Page, text: TextMessage):
    told: list[str] = []
    phone.on("request", lambda r: told.append(r.url) if r.url.endswith("/opened/") else None)
    phone.goto(address(text.link))
    for key in ("Tab", "Tab", "Tab"):
        phone.keyboard.press(key)
    eventually(lambda: is_opened(text), "the link is opened")
    phone.reload()
    phone.keyboard.press("Tab")
    assert len(told) == 1


def test_a_colleague_looking_at_the_page_is_not_the_customer(
    office: BrowserContext, text: TextMessage, gateway: Any
):
    page = office.new_page()
    told: list[str] = []
    page.on("request", lambda r: told.append(r.url) if r.url.endswith("/opened/") else None)
    page.goto(address(text.link))
    page.get_by_role("heading", name="Pay Now").wait_for()
    page.keyboard.press("Tab")
    page.mouse.wheel(0, 300)
    assert told == []
    assert not is_opened(text)
