"""The main job in a real Chromium, by the words on the screen and by the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, NARROW, PHONE, chromium, complaints
from tests.journeys.stack import Stack
from tests.journeys.walks import approved_charges, link_in, texts
from tests.waiting import eventually


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def staff_page(browser: Browser, house: Stack) -> Iterator[Page]:
    """Harbor's office on a desktop, signed in through the page."""
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    login = house.logins("Harbor")["Office"]
    page.goto(house.url)
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Invoices", exact=True)).to_be_visible()
    yield page
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """The customer's phone."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    yield page
    context.close()


def open_untexted(page: Page, house: Stack) -> str:
    """Open an invoice that was never texted and may be; returns its number."""
    page.get_by_role("link", name="Invoices", exact=True).click()
    page.goto(f"{house.url}/invoices/?status=not-sent")
    rows = page.locator("table tbody th a").all()
    for address in [row.get_attribute("href") for row in rows]:
        page.goto(f"{house.url}{address}")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_contain_text("INV-")
        if page.locator("#send-sms").count():
            return re.search(r"INV-\d+", heading.inner_text())[0]
    raise AssertionError("Every invoice was texted, or its customer opted out.")


def type_card(page: Page) -> None:
    """Type a card into the hosted frame, going from field to field with Tab."""
    fields = page.frame_locator("iframe.frame:not([hidden])")
    expect(fields.locator("#ccnumfield")).to_be_visible()
    page.locator("[name=method]:checked").focus()
    typed = {
        "#ccnumfield": "4111111111111111",
        "#ccexpirymonth": "12",
        "#ccexpiryyear": "2030",
        "#cccvvfield": "123",
    }
    for field, keys in typed.items():
        page.keyboard.press("Tab")
        # The keyboard moves into another site's frame a moment after the key was let go; what is
        # typed before goes to the page around it.
        expect(fields.locator(field)).to_be_focused()
        page.keyboard.type(keys)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Visa card ending 1111", exact=True)).to_be_visible()


def test_staff_sends_phone_taps_customer_pays_balance_drops(
    house: Stack, staff_page: Page, phone: Page
):
    number = open_untexted(staff_page, house)
    amount = re.search(r"\$[\d,]+\.\d\d", staff_page.locator(".balance").inner_text())[0]
    staff_page.locator(".split summary").click()
    staff_page.get_by_role("link", name="Send SMS").click()
    dialog = staff_page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Send Text")).to_be_visible()
    # In the customer's language.
    expect(dialog).to_contain_text(re.compile("Pay here:|Pague en:"))
    expect(dialog).to_contain_text("Sender")
    dialog.get_by_role("button", name="Send", exact=True).dblclick()
    expect(staff_page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    arrived = eventually(lambda: texts(house, number), "the text arrives")
    assert len(texts(house, number)) == 1

    phone.goto(f"{house.sandbox.url}/phone?phone={quote(arrived[0]['to'])}")
    with phone.context.expect_page() as opened:
        phone.locator(f"a[href='{link_in(arrived[0])}']").click()
    pay = opened.value
    expect(pay.get_by_role("heading", name="Pay Now")).to_be_visible()
    expect(pay.get_by_text("Select Payment Method")).to_be_visible()
    type_card(pay)
    # Scroll first: Chromium sends a click made during a scroll to the frame that was there before.
    pay.get_by_role("link", name="office@harbor.example").scroll_into_view_if_needed()
    pay.get_by_role("checkbox").check()
    before = len(approved_charges(house))
    pay.get_by_role("button", name=f"Pay {amount}").click()
    expect(pay.get_by_role("heading", name="Paid")).to_be_visible(timeout=15_000)
    assert len(approved_charges(house)) == before + 1

    # the open page in the office shows it within three seconds, without a reload
    expect(staff_page.locator(".balance")).to_have_text("$0.00", timeout=3_000)
    expect(staff_page.get_by_role("main")).to_contain_text("Paid by card")


def test_send_by_keyboard_alone(house: Stack, staff_page: Page):
    number = open_untexted(staff_page, house)
    staff_page.locator(".split summary").focus()
    staff_page.keyboard.press("Enter")
    staff_page.keyboard.press("Tab")
    expect(staff_page.locator(":focus")).to_contain_text("Send SMS")
    staff_page.keyboard.press("Enter")
    dialog = staff_page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Send Text")).to_be_visible()
    staff_page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    staff_page.locator(".split summary").focus()
    if not staff_page.get_by_role("link", name="Send SMS").is_visible():
        staff_page.keyboard.press("Enter")
    staff_page.keyboard.press("Tab")
    staff_page.keyboard.press("Enter")
    send = dialog.get_by_role("button", name="Send", exact=True)
    expect(send).to_be_visible()
    for _ in range(15):
        if send.evaluate("el => el === document.activeElement"):
            break
        staff_page.keyboard.press("Tab")
    expect(send).to_be_focused()
    staff_page.keyboard.press("Enter")
    expect(staff_page.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    eventually(lambda: texts(house, number), "the text arrives")


def test_pay_by_keyboard_alone(house: Stack, staff_page: Page, phone: Page):
    number = open_untexted(staff_page, house)
    staff_page.goto(staff_page.url + "text/")
    staff_page.get_by_role("button", name="Send", exact=True).click()
    text = eventually(lambda: texts(house, number), "the text arrives")[0]
    phone.goto(link_in(text))
    keys = phone.keyboard
    type_card(phone)
    agree = phone.get_by_role("checkbox")
    for _ in range(4):
        if agree.evaluate("el => el === document.activeElement"):
            break
        keys.press("Tab")
    expect(agree).to_be_focused()
    keys.press("Space")
    button = phone.get_by_role("button", name="Pay $")
    for _ in range(4):
        keys.press("Tab")
        if button.evaluate("el => el === document.activeElement"):
            break
    expect(button).to_be_focused()
    keys.press("Enter")
    expect(phone.get_by_role("heading", name="Paid")).to_be_visible(timeout=15_000)


STAFF_PAGES = [
    "/",
    "/invoices/",
    "/invoices/?q=nothing-like-this",
    "/invoices/new/",
    "/customers/",
    "/customers/new/",
    "/settings/company/",
    "/settings/texts/",
    "/settings/payments/",
    "/settings/people/",
]


@pytest.fixture(scope="module")
def linked_pages(house: Stack, browser: Browser) -> list[str]:
    """One of each page that needs an invoice or a customer."""
    context = browser.new_context()
    page = sign_in(context.new_page(), house)
    page.goto(f"{house.url}/invoices/")
    invoice = page.locator("table tbody th a").first.get_attribute("href")
    page.goto(f"{house.url}/invoices/?status=not-sent")
    unsent = page.locator("table tbody th a").first.get_attribute("href")
    page.goto(f"{house.url}/customers/")
    customer = page.locator("table tbody th a").first.get_attribute("href")
    page.goto(f"{house.url}{customer}contacts/")
    contact = page.locator("a[href*='/contacts/'][href$='/edit/']").first.get_attribute("href")
    context.close()
    parts = ["", "edit/", "text/", "send-email/", "void/"]
    return [
        *[f"{unsent}{part}" for part in parts],
        f"{invoice}",
        *[f"{customer}{part}" for part in ("", "edit/", "contacts/", "contacts/new/")],
        f"{contact}",
    ]


def sign_in(page: Page, house: Stack) -> Page:
    login = house.logins("Harbor")["Administrator"]
    page.goto(f"{house.url}/accounts/login/")
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{house.url}/harbor/")
    return page


@pytest.mark.timeout(600)
@pytest.mark.parametrize("house", ["services"], indirect=True)
def test_every_staff_page_is_accessible_and_fits(
    house: Stack, browser: Browser, linked_pages: list[str]
):
    context = browser.new_context(bypass_csp=True)
    page = sign_in(context.new_page(), house)
    wrong = []
    for address in [*STAFF_PAGES, *linked_pages]:
        answer = page.goto(house.url + address)
        assert answer is not None
        assert answer.ok, f"{address}: HTTP {answer.status}"
        wrong += complaints(page, DESKTOP, PHONE, NARROW)
    context.close()
    assert not wrong, "\n".join(wrong)
