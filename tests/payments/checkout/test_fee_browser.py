"""A surcharge in a real browser: shown before the tick, and the same in every place."""

import pytest

from payments.models import Authorization, Payment
from tests.browser import DESKTOP, NARROW, PHONE, axe_violations, complaints
from tests.payments.checkout.test_browser import SENTENCE, card_frame, tick, type_card
from tests.payments.conftest import BANK, address

pytestmark = pytest.mark.django_db(transaction=True)
DEBIT = "4222222222222204"
CREDIT = "5454545454545454"
RESTRICTED = "06101"


@pytest.fixture
def open_page(browser, live_server, link, surcharged):
    opened = []

    def open_(**more):
        context = browser.new_context(**{"viewport": PHONE, **more})
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(live_server.url + address(link))
        return page

    yield open_
    for context in opened:
        context.close()


@pytest.fixture
def page(open_page):
    return open_page()


def type_zip(page, zip_code="85003"):
    page.get_by_label("Card billing ZIP code").fill(zip_code)


def button(page):
    return page.locator("#form button[type=submit]")


def wait_for_total(page, total):
    page.locator("[data-total]", has_text=total).wait_for()


def lines(page):
    return page.locator("#total td").all_inner_texts()


def height(page):
    return page.locator("#total").bounding_box()["height"]


def test_the_surcharge_from_zip_to_receipt(page, gateway):
    assert button(page).inner_text().strip() == "Pay"
    assert "to charge the total shown above once" in page.locator(SENTENCE).inner_text()
    assert lines(page) == ["$182.50", "after card and ZIP", "–"]
    card_frame(page).locator("#ccnumfield").wait_for()
    page.get_by_role("checkbox").press("Space")
    page.locator("#agree-error").wait_for()
    assert not page.get_by_role("checkbox").is_checked()
    assert "you need to see the total before" in page.locator("#agree-error").inner_text()
    type_card(page)
    type_zip(page)
    wait_for_total(page, "$187.98")
    assert lines(page) == ["$182.50", "$5.48", "$187.98"]
    assert button(page).inner_text() == "Pay $187.98"
    assert button(page).get_attribute("aria-disabled") == "true"
    tick(page)
    assert axe_violations(page) == []
    shown = page.locator(SENTENCE).inner_text()
    assert "$187.98 USD (including a surcharge of $5.48) once to the Visa card" in shown
    button(page).click()
    page.get_by_role("heading", name="Paid. Thank you, Dana.").wait_for()
    assert Authorization.objects.get().text == shown
    assert [charge["amount"] for charge in gateway.taken()] == ["187.98"]
    receipt = page.locator(".receipt").inner_text()
    assert all(words in receipt for words in ("$182.50", "$5.48", "$187.98 USD"))
    assert axe_violations(page) == []


def test_another_card_or_zip_clears_the_tick_and_asks_again(page):
    type_card(page)
    type_zip(page)
    wait_for_total(page, "$187.98")
    tick(page)
    type_zip(page, RESTRICTED)
    assert not page.get_by_role("checkbox").is_checked()
    wait_for_total(page, "$182.50")
    assert page.get_by_text("No surcharge in this ZIP code.").is_visible()
    assert "surcharge of" not in page.locator(SENTENCE).inner_text()
    tick(page)
    type_zip(page)
    wait_for_total(page, "$187.98")
    assert not page.get_by_role("checkbox").is_checked()
    tick(page)
    type_card(page, DEBIT)
    page.get_by_text("No surcharge on debit cards.").wait_for()
    assert not page.get_by_role("checkbox").is_checked()
    assert button(page).inner_text() == "Pay $182.50"
    assert axe_violations(page) == []


def test_a_bank_payment_has_no_surcharge(page, gateway):
    page.get_by_role("radio", name="Bank account (ACH)").check()
    assert not page.get_by_label("Card billing ZIP code").is_visible()
    assert button(page).inner_text() == "Pay $182.50"
    page.get_by_label("Account holder's name").fill("Dana Whitfield")
    page.frame_locator('iframe[data-frame="ach"]').locator("#ccnumfield").fill(BANK)
    page.locator('[data-sentence="ach"]', has_text="ending 4412").wait_for()
    tick(page)
    assert (
        "one electronic debit of $182.50 USD" in page.locator('[data-sentence="ach"]').inner_text()
    )
    button(page).click()
    page.get_by_role("heading", name="Bank payment started").wait_for()
    assert Payment.objects.get().fee == 0


def test_a_part_has_its_own_surcharge(open_page, tenant, gateway):
    tenant.partial_payments = True
    tenant.save()
    page = open_page()
    type_card(page)
    type_zip(page)
    wait_for_total(page, "$187.98")
    page.get_by_role("radio", name="Pay another amount").check()
    page.get_by_label("Amount to pay now").fill("50")
    wait_for_total(page, "$51.50")
    assert page.get_by_text("You pay $50.00 now, not counting a surcharge.").is_visible()
    tick(page)
    button(page).click()
    page.get_by_text("$132.50 is left to pay on invoice").wait_for()
    assert [charge["amount"] for charge in gateway.taken()] == ["51.50"]


def test_nobody_pays_while_the_surcharge_is_not_known(page, gateway):
    gateway.fault("surcharge", "http_500")
    type_card(page)
    type_zip(page)
    again = page.get_by_role("button", name="Look up the surcharge again")
    again.wait_for()
    assert (
        "could not be reached to look up the surcharge" in page.locator("#total-error").inner_text()
    )
    assert axe_violations(page) == []
    button(page).click(force=True)
    assert page.get_by_role("heading", name="Two things to fix").is_visible()
    again.click()
    wait_for_total(page, "$187.98")
    assert not page.locator("#total-error").is_visible()
    assert not Payment.objects.exists()


@pytest.mark.parametrize("size", [PHONE, DESKTOP, NARROW], ids=["phone", "desktop", "narrow"])
def test_every_width_and_scheme(open_page, size):
    page = open_page(viewport=size)
    type_card(page, CREDIT)
    before = height(page)
    type_zip(page)
    wait_for_total(page, "$187.98")
    assert height(page) == before  # nothing jumps
    assert complaints(page) == []


def test_without_scripts_it_says_what_is_added(open_page):
    page = open_page(java_script_enabled=False)
    assert "adds a surcharge of 3% on credit cards. Debit cards have none." in (
        page.locator("#total").inner_text()
    )
