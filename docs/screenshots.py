"""Take the screenshots of the README: start the demo, text an invoice, pay it on a phone.

Run it with `bin/screenshots` after a change to these pages, and commit the images.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect

import tests.settings  # noqa: F401  puts the keys of a test run into the environment
from tests.browser import chromium
from tests.journeys.stack import Stack, start_stack
from tests.journeys.test_browser import open_untexted, type_card
from tests.journeys.walks import link_in, texts
from tests.waiting import eventually

FOLDER = Path(__file__).parent / "screenshots"
DESKTOP = {"width": 1200, "height": 750}
PHONE = {"width": 390, "height": 844}
QUALITY = 80


def main() -> None:
    """Start the demo's data and processes and take the four pictures."""
    FOLDER.mkdir(exist_ok=True)
    has_servers = {"DATABASE_URL", "REDIS_URL"} <= set(os.environ)
    with tempfile.TemporaryDirectory(prefix="textpay-") as scratch:
        stack = start_stack(Path(scratch), "services" if has_servers else "embedded")
        try:
            with chromium() as browser:
                walk(stack, browser)
        finally:
            stack.stop()


def walk(stack: Stack, browser: Browser) -> None:
    """The main workflow, with a picture of each page."""
    office = window(browser, DESKTOP)
    sign_in(office, stack)
    number = open_untexted(office, stack)
    save(office, "invoice-details")
    office.locator(".split summary").click()
    office.get_by_role("link", name="Send SMS").click()
    dialog = office.get_by_role("dialog")
    expect(dialog).to_contain_text("Pay here:")
    save(office, "send-text")
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(office.get_by_text("Invoice SMS sent successfully")).to_be_visible()
    text = eventually(lambda: texts(stack, number), "the text arrives")[0]
    phone = window(browser, PHONE, scale=2)
    phone.goto(f"{stack.sandbox.url}/phone?phone={quote(text['to'])}")
    phone.goto(link_in(text))
    expect(phone.get_by_role("heading", name="Pay Now")).to_be_visible()
    type_card(phone)
    phone.get_by_role("checkbox").check()
    phone.evaluate("window.scrollTo(0, 0)")
    save(phone, "pay-now")
    phone.get_by_role("button", name="Pay $").click()
    expect(phone.get_by_role("heading", name="Paid")).to_be_visible(timeout=15_000)
    expect(office.locator(".balance")).to_have_text("$0.00", timeout=5_000)
    office.evaluate("window.scrollTo(0, 0)")
    save(office, "payment-received")


def window(browser: Browser, size: dict[str, int], scale: int = 1) -> Page:
    """A new window of this size, in the light theme and without animations."""
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        device_scale_factor=scale,
        color_scheme="light",
        reduced_motion="reduce",
    )
    return context.new_page()


def sign_in(page: Page, stack: Stack) -> None:
    """As the office of Harbor Plumbing."""
    login = stack.logins("Harbor")["Office"]
    page.goto(stack.url)
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Invoices", exact=True)).to_be_visible()


def save(page: Page, name: str) -> None:
    """The visible part of the page as WebP, which Playwright itself does not write."""
    session = page.context.new_cdp_session(page)
    options: dict[str, Any] = {"format": "webp", "quality": QUALITY}
    picture = session.send("Page.captureScreenshot", options)
    path = FOLDER / f"{name}.webp"
    path.write_bytes(base64.b64decode(picture["data"]))
    print(f"{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
