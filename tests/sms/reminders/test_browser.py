"""The schedule and the look at tomorrow in a real browser: typed words, a moved clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scope
from playwright.sync_api import Browser, Page, expect

from sms.models import ReminderStep, TextMessage
from sms.reminders.run import remind
from tests.browser import NARROW, axe_violations, chromium, scrolls_sideways, sign_in
from tests.factories import make_customer, make_invoice
from tests.sms.reminders.reminded import add_step, texted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, live_server: Any, admin_user: Any, settings: Any) -> Iterator[Page]:
    """A narrow phone of Alma's, in practice mode."""
    settings.PRACTICE_MODE = True
    context = browser.new_context(viewport=NARROW, base_url=live_server.url)
    tab = sign_in(context, live_server, admin_user)
    refused: list[str] = []
    tab.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    tab.on("pageerror", lambda error: refused.append(str(error)))
    tab.goto("/")
    yield tab
    context.close()
    assert refused == []


def all_is_well(page: Page) -> None:
    assert axe_violations(page) == []
    assert not scrolls_sideways(page)


def test_the_preview_follows_the_typing_and_the_step_is_saved(page: Page, tenant: Any) -> None:
    page.goto("/settings/reminders/")
    page.get_by_label("Send reminders").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="3 days after the invoice was texted")).to_be_visible()
    all_is_well(page)
    page.get_by_role("link", name="Add a step").click()
    preview = page.locator("#step-preview")
    page.get_by_label("Days").fill("10")
    page.get_by_label("When").select_option(label="days after it was due")
    page.get_by_label("Text in English").fill("Still open: {amount}, {invoice}.")
    expect(preview).to_contain_text("Still open: $182.50, INV-1042.")
    page.get_by_label("Text in Spanish").fill("Aún pendiente: {amount}, {invoice}.")
    expect(preview).to_contain_text("because of “ú”")
    page.get_by_label("Text in Spanish").fill("Pendiente: {amount}.")
    expect(preview).to_contain_text("Write {invoice} once")
    all_is_well(page)
    page.get_by_label("Text in Spanish").fill("Pendiente: {amount}, {invoice}.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="10 days after it was due")).to_be_visible()
    step = ReminderStep.objects.get(days=10)
    assert (step.words_en, step.words_es) == (
        "Still open: {amount}, {invoice}.",
        "Pendiente: {amount}, {invoice}.",
    )


def test_tomorrow_is_watched_by_moving_the_clock(page: Page, tenant: Any, clerk: Any) -> None:
    add_step(tenant, "after_sending", 1, words_en="Please: {amount}, {invoice}.")
    invoice = texted(make_invoice(customer=make_customer(tenant)), clerk, at=timezone.now())
    page.goto("/reminders/")
    expect(page.locator("#live-tomorrow")).to_contain_text(f"Please: $182.50, {invoice.number}.")
    expect(page.locator("#live-today")).to_contain_text("No reminder is due today")
    all_is_well(page)
    page.get_by_role("button", name="Next day, 10 AM").click()
    expect(page.get_by_text("The demo clock shows")).to_be_visible()
    expect(page.locator("#live-today")).to_contain_text("Scheduled")
    with scope():
        assert remind(tenant.pk) == 1
    expect(page.locator("#live-today")).to_contain_text("Queued")  # without a reload
    expect(page.locator("#live-tomorrow")).to_contain_text("No reminder is due tomorrow")
    all_is_well(page)
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("The demo clock shows")).to_have_count(0)
    assert TextMessage.objects.filter(kind="reminder").count() == 1
