"""Messages in a real browser: phone and desktop, light and dark, keyboard, and live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from customers.models import Customer
from sms.models import InboundText, OptOut, TextMessage
from sms.models.opt_out import opt_out
from tests.browser import DESKTOP, PHONE, chromium, complaints, sign_in
from tests.factories import MOBILE, make_customer, make_invoice, make_text

pytestmark = pytest.mark.django_db(transaction=True)
STRANGER = "+16175550100"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def customer(tenant: Any, clerk: Any, take: Any) -> Customer:
    """Dana, who was texted an invoice and has asked about it; a stranger; one who opted out."""
    found = make_customer(tenant)
    text = make_text(make_invoice(customer=found), clerk)
    text.claim()
    text.mark_sent("SM" + "a" * 32, segments=1)
    text.mark_delivered()
    take("Hi, why is it so much this time?", media=1)
    take("I'll stop by tomorrow and have a look at it with you")
    take("Do you fix boilers?", STRANGER)
    opt_out(tenant, "+19785550177", source="staff", wording="Called us", actor=clerk)
    return found


@pytest.fixture
def open_home(
    browser: Browser, live_server: Any, clerk: Any, customer: Customer
) -> Iterator[Callable[..., Page]]:
    refused: list[str] = []

    def enter(viewport: Any = DESKTOP) -> Page:
        context = browser.new_context(viewport=viewport, base_url=live_server.url)
        tab = sign_in(context, live_server, clerk)
        tab.on("pageerror", lambda error: refused.append(str(error)))
        tab.on("console", lambda m: refused.append(m.text) if "Content Sec" in m.text else None)
        tab.goto("/")
        return tab

    yield enter
    for context in browser.contexts:
        context.close()
    assert refused == []


def test_every_page_is_well(open_home: Any, customer: Customer, tenant: Any) -> None:
    page = open_home()
    first = InboundText.objects.filter(number=MOBILE).first()
    out = OptOut.objects.get()
    for address in (
        "/",
        "/messages/",
        "/messages/review/",
        "/messages/opt-outs/",
        "/messages/opt-outs/new/",
        f"/messages/opt-outs/{out.pk}/resume/",
        f"/messages/{first.public_id}/",
        f"/customers/{customer.public_id}/",
    ):
        page.goto(address)
        assert complaints(page, PHONE, DESKTOP) == []


def test_an_answer_by_keyboard(open_home: Any, take: Any) -> None:
    page = open_home()
    page.get_by_role("link", name="Messages").click()
    page.get_by_role("link", name="Dana Whitfield").click()
    expect(page.get_by_text("1 picture, not shown")).to_be_visible()
    page.get_by_label("Your reply").focus()
    page.keyboard.type("It includes the new valve.")
    expect(page.get_by_text("26 of 480 characters, 1 segment")).to_be_visible()
    take("Ah, I see!")
    expect(page.get_by_text("Ah, I see!")).to_be_visible()  # without a reload
    expect(page.get_by_label("Your reply")).to_have_value("It includes the new valve.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log").get_by_text("It includes the new valve.")).to_be_visible()
    assert TextMessage.objects.get(kind="answer").to == MOBILE


def test_the_newest_text_is_in_view(open_home: Any, take: Any) -> None:
    for number in range(20):
        take(f"text number {number}")
    page = open_home(PHONE)
    page.goto("/messages/")
    page.get_by_role("link", name="Dana Whitfield").click()
    expect(page.get_by_text("text number 19")).to_be_in_viewport()
    take("and one more")
    expect(page.get_by_text("and one more")).to_be_in_viewport()


def test_one_click_decides(open_home: Any, tenant: Any) -> None:
    page = open_home(PHONE)
    page.goto("/messages/review/")
    page.get_by_role("button", name="Opted out").click()
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    assert OptOut.objects.of(tenant, MOBILE)


def test_two_clicks_on_the_customers_page_opt_out(
    open_home: Any, customer: Customer, tenant: Any
) -> None:
    page = open_home()
    page.goto(f"/customers/{customer.public_id}/")
    page.get_by_text("Record an opt-out").click()
    page.get_by_role("button", name="Opt out ending in 42").click()
    expect(page.get_by_role("region", name="Texts").get_by_text("Opted out")).to_be_visible()
    assert OptOut.objects.of(tenant, MOBILE).source == "staff"


def test_stop_greys_send_sms_on_the_open_page(
    open_home: Any, customer: Customer, take: Any
) -> None:
    page = open_home()
    page.goto(f"/invoices/{customer.invoices.get().public_id}/")
    page.locator("#more-ways-button").click()
    expect(page.locator("#send-sms")).to_be_visible()
    take("STOP")
    expect(page.get_by_text("Dana replied STOP")).to_be_visible()
    expect(page.locator("#send-sms")).to_have_count(0)
