"""Choosing another amount in a real browser: sentence, button and charge stay one amount."""

import pytest

from payments.models import Authorization, Payment
from tests.browser import DESKTOP, NARROW, PHONE, axe_violations, complaints
from tests.payments.checkout.test_browser import SENTENCE, tick, type_card
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(browser, live_server, link, gateway, tenant):
    tenant.partial_payments = True
    tenant.save()
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(live_server.url + address(link))
    yield page
    context.close()


def button(page):
    return page.locator("#form button")


def test_another_amount_from_choice_to_receipt_and_the_rest(page, gateway, link, live_server):
    assert not page.get_by_label("Amount to pay now").is_visible()
    assert not page.get_by_role("button", name="Use this amount").is_visible()
    type_card(page)
    tick(page)
    page.get_by_role("radio", name="Pay another amount").check()
    assert page.evaluate("document.activeElement.id") == "other"
    assert not page.get_by_role("checkbox").is_checked()
    assert "The amount has changed." in page.locator("#agree-error").inner_text()
    page.keyboard.type("50")
    assert "to charge $50.00 USD once" in page.locator(SENTENCE).inner_text()
    assert button(page).inner_text() == "Pay $50.00"
    assert page.get_by_text("You pay $50.00 now. $132.50 is left to pay.").is_visible()
    tick(page)
    page.get_by_label("Amount to pay now").fill("1")
    assert not page.get_by_role("checkbox").is_checked()
    page.get_by_label("Amount to pay now").fill("100.5")
    tick(page)
    shown = page.locator(SENTENCE).inner_text()
    assert axe_violations(page) == []
    button(page).click()
    page.get_by_role("heading", name="Paid. Thank you, Dana.").wait_for()
    assert Authorization.objects.get().text == shown
    assert "$100.50 USD" in shown
    assert [charge["amount"] for charge in gateway.taken()] == ["100.50"]
    assert axe_violations(page) == []
    page.get_by_role("link", name="Pay the remaining $82.00").click()
    page.get_by_text("$100.50 of $182.50 is paid.").wait_for()
    type_card(page)
    tick(page)
    assert button(page).inner_text() == "Pay $82.00"
    button(page).click()
    page.get_by_text("is paid in full.").wait_for()
    assert [charge["amount"] for charge in gateway.taken()] == ["100.50", "82.00"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("5", "Enter $20.00 or more"),
        ("182.51", "Enter $182.50 or less"),
        ("50.005", "Enter an amount in dollars and cents"),
        ("-50", "Enter an amount in dollars and cents"),
    ],
)
def test_an_amount_that_may_not_be_stops_before_the_server(page, typed, words):
    type_card(page)
    page.get_by_role("radio", name="Pay another amount").check()
    page.get_by_label("Amount to pay now").fill(typed)
    tick(page)
    assert button(page).get_attribute("aria-disabled") == "true"
    assert "the amount entered above" in page.locator(SENTENCE).inner_text()
    button(page).click(force=True)
    assert page.get_by_role("heading", name="One thing to fix").is_visible()
    assert words in page.locator("#other-error").inner_text()
    assert axe_violations(page) == []
    assert not Payment.objects.exists()
    page.get_by_role("radio", name="Pay in full $182.50").check()
    assert button(page).inner_text() == "Pay $182.50"
    assert not page.locator("#other-error").is_visible()
    assert not page.get_by_role("checkbox").is_checked()


def test_with_the_keyboard_alone(page, gateway):
    page.locator('[name="pay"][value="full"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.type("50")
    page.keyboard.press("Enter")  # changes nothing, and reloads nothing
    assert page.get_by_label("Amount to pay now").input_value() == "50"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "method"
    assert button(page).inner_text() == "Pay $50.00"


@pytest.mark.parametrize("query", ["", "?pay=other&amount=50", "?pay=other&amount=5"])
def test_every_width_and_scheme(live_server, page, link, query):
    page.goto(live_server.url + address(link) + query)
    assert complaints(page, PHONE, DESKTOP, NARROW) == []


def test_without_scripts_the_choice_is_a_page_away(browser, live_server, page, link):
    context = browser.new_context(java_script_enabled=False)
    other = context.new_page()
    other.goto(live_server.url + address(link))
    other.get_by_role("radio", name="Pay another amount").check()
    other.get_by_label("Amount to pay now").fill("50")
    other.get_by_role("button", name="Use this amount").click()
    assert button(other).inner_text() == "Pay $50.00"
    assert other.get_by_text("You pay $50.00 now. $132.50 is left to pay.").is_visible()
    context.close()
