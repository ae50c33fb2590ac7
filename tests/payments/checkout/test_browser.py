"""Pay Now in a real browser: the frame, the tick, the button, the keyboard, and every state."""

import uuid
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from payments.models import Authorization, Payment, payment_state
from payments.tasks import settle_unknown
from tests.browser import DESKTOP, NARROW, PHONE, axe_violations, complaints, scrolls_sideways
from tests.factories import make_invoice, make_link
from tests.payments.conftest import BANK, PARTIAL, VISA, address, backdate
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
SENTENCE = '[data-sentence="card"]'
DECLINED = "4387751111111053"
TIMED_OUT = "4999006200620062"


def card_frame(page):
    return page.frame_locator('iframe[data-frame="card"]')


def type_card(page, number=VISA):
    frame = card_frame(page)
    frame.locator("#ccnumfield").fill(number)
    frame.locator("#ccexpirymonth").select_option("12")
    frame.locator("#ccexpiryyear").select_option("2030")
    frame.locator("#cccvvfield").fill("123")
    page.locator(SENTENCE, has_text=f"card ending {number[-4:]}").wait_for()


def tick(page):
    """Agree. The frame sends a token for each field that was typed in; one that comes late clears
    the tick, and the person ticks again."""
    box = page.get_by_role("checkbox")

    def ticked():
        if not box.is_checked():
            box.press("Space")
        return box.is_checked()

    eventually(ticked, "the tick stays")


def button(page):
    return page.get_by_role("button", name="Pay $182.50")


def test_a_card_from_first_digit_to_receipt(pay_page, link, gateway):
    page = pay_page
    seen = []
    page.on("request", lambda request: seen.append((request.url, request.post_data or "")))
    assert button(page).get_attribute("aria-disabled") == "true"
    type_card(page)
    assert button(page).get_attribute("aria-disabled") == "true"
    tick(page)
    shown = page.locator(SENTENCE).inner_text()
    button(page).click()
    page.get_by_role("heading", name="Paid. Thank you, Dana.").wait_for()
    assert Authorization.objects.get().text == shown
    assert len(gateway.taken()) == 1
    ours = [both for both in seen if not both[0].startswith(gateway.sandbox.url)]
    assert not [both for both in ours if VISA in str(both) or both[1] == "123"]
    assert page.get_by_text("Visa ending 1111", exact=True).is_visible()


def test_a_bank_account_without_leaving_the_page(pay_page, gateway):
    page = pay_page
    page.get_by_role("radio", name="Bank account (ACH)").check()
    page.get_by_role("radio", name="Savings").check()
    page.get_by_label("Account holder's name").fill("Dana Whitfield")
    frame = page.frame_locator('iframe[data-frame="ach"]')
    frame.locator("#ccnumfield").fill(BANK)
    page.locator('[data-sentence="ach"]', has_text="ending 4412").wait_for()
    tick(page)
    shown = page.locator('[data-sentence="ach"]').inner_text()
    button(page).click()
    page.get_by_role("heading", name="Bank payment started").wait_for()
    assert Authorization.objects.get().text == shown
    assert "I, Dana Whitfield," in shown
    assert "my savings account ending 4412" in shown
    [charge] = gateway.taken()
    assert charge["account_kind"] == "ach"


def test_another_card_clears_the_tick(pay_page):
    page = pay_page
    type_card(page)
    tick(page)
    type_card(page, "5454545454545454")
    assert not page.get_by_role("checkbox").is_checked()
    assert button(page).get_attribute("aria-disabled") == "true"
    assert page.get_by_text("Read the authorization and check the box again").is_visible()


def test_nothing_goes_without_card_and_tick_and_it_says_why(pay_page):
    page = pay_page
    button(page).click(force=True)
    assert page.get_by_role("heading", name="Two things to fix").is_visible()
    assert page.evaluate("document.activeElement.id") == "fixes"
    assert not Payment.objects.exists()
    assert axe_violations(page) == []
    page.get_by_role("link", name="Check the box to authorize this payment").click()
    assert page.evaluate("location.hash") == "#agree"


def test_with_the_keyboard_alone(pay_page, gateway):
    page = pay_page
    page.locator('[name="method"][value="card"]').focus()
    page.keyboard.press("Tab")
    for text in (VISA, "12", "2030", "123"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.locator(SENTENCE, has_text="Visa card ending 1111").wait_for()
    assert page.evaluate("document.activeElement.id") == "agree"
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # past the link to the refund policy
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Paid. Thank you, Dana.").wait_for()
    assert len(gateway.taken()) == 1


def test_a_declined_card_may_be_followed_by_a_good_one(pay_page, gateway):
    page = pay_page
    type_card(page, DECLINED)
    tick(page)
    button(page).click()
    page.get_by_role("heading", name="Your card was declined").wait_for()
    assert not page.get_by_role("checkbox").is_checked()
    type_card(page)
    tick(page)
    button(page).click()
    page.get_by_role("heading", name="Paid. Thank you, Dana.").wait_for()
    assert len(gateway.taken()) == 1


def test_an_unknown_outcome_settles_under_the_payers_eyes(pay_page, gateway):
    page = pay_page
    gateway.fault("auth", "drop_after")
    type_card(page)
    tick(page)
    button(page).click()
    page.get_by_role("heading", name="We are checking with the bank.").wait_for()
    assert axe_violations(page) == []
    backdate(Payment.objects.get(), 60)
    settle_unknown()
    page.get_by_role("heading", name="Paid. Thank you, Dana.").wait_for()
    assert len(gateway.taken()) == 1


def test_the_button_locks_while_paying(pay_page, gateway):
    page, sent = pay_page, []

    def hold(route):
        if route.request.method == "POST":
            sent.append(route.request.url)
            route.abort("aborted")  # the page stays as the payer sees it while waiting
        else:
            route.continue_()

    page.route(lambda address: address.endswith(urlsplit(page.url).path), hold)
    type_card(page)
    tick(page)
    button(page).click()
    page.get_by_role("heading", name="Paying $182.50…").wait_for()
    assert page.get_by_text("Do not close this page").is_visible()
    assert not button(page).is_visible()
    assert page.title().startswith("Paying")
    page.evaluate("document.getElementById('form').requestSubmit()")
    assert len(sent) == 1
    assert axe_violations(page) == []


@pytest.mark.parametrize("arrives", [False, True], ids=["never sent", "paid, unheard"])
def test_a_payer_who_hears_nothing_is_told_and_sees_where_the_payment_stands(
    page, live_server, link, gateway, arrives
):
    def lose(route):
        if route.request.method != "POST":
            return route.continue_()
        if arrives:
            route.fetch(max_redirects=0)
        return route.abort("aborted")  # the load has stopped, as with Stop or a lost network

    page.clock.install()
    page.route("**" + address(link), lose)
    page.goto(live_server.url + address(link))
    type_card(page)
    tick(page)
    button(page).click()
    page.get_by_role("heading", name="Paying $182.50…").wait_for()
    page.clock.fast_forward("00:45")
    assert page.get_by_text("Do not close this page").is_visible()
    page.clock.fast_forward("00:08")
    assert page.get_by_text("You will not be charged twice.").is_visible()
    assert page.get_by_text("Do not close this page").is_hidden()
    assert axe_violations(page) == []
    page.clock.fast_forward("00:10")
    if arrives:
        page.get_by_role("heading", name="Already paid").wait_for()
    else:
        page.get_by_role("heading", name="Pay Now").wait_for()
        assert button(page).is_visible()
    assert len(gateway.taken()) == int(arrives)


def test_after_a_decline_that_minute_asks_about_the_link_not_the_declined_card(
    page, live_server, link, gateway
):
    page.clock.install()
    page.goto(live_server.url + address(link))
    type_card(page, DECLINED)
    tick(page)
    button(page).click()
    page.get_by_role("heading", name="Your card was declined").wait_for()

    def unheard(route):
        route.fetch(max_redirects=0)
        route.abort("aborted")

    type_card(page)
    tick(page)
    page.route("**" + address(link), unheard, times=1)
    button(page).click()
    page.get_by_role("heading", name="Paying $182.50…").wait_for()
    page.clock.fast_forward("01:05")
    page.get_by_role("heading", name="Already paid").wait_for()
    assert len(gateway.taken()) == 1


def test_a_page_left_open_learns_of_a_new_amount(pay_page, link, gateway):
    page = pay_page
    type_card(page)
    tick(page)
    line = {"description": "Valve", "quantity": Decimal(1), "unit_price": Decimal("214.00")}
    link.invoice.revise(lines=[line], tax=Decimal("0.00"), actor=None, read_payments=payment_state)
    button(page).click()
    page.get_by_role("heading", name="The amount changed while you were here").wait_for()
    assert not page.get_by_role("checkbox").is_checked()
    assert page.get_by_role("button", name="Pay $214.00").is_visible()
    assert axe_violations(page) == []
    assert gateway.charges() == []


@pytest.fixture
def states(payer, tenant, form, bank_form, gateway, clerk, settings):
    """The address of every page a payer can meet, by name."""

    def fresh():
        return make_link(make_invoice(tenant))

    def paid(link, **entered):
        return payer.post(address(link), form | entered | {"key": str(uuid.uuid4())}).url

    ready, card, expired, replaced, void, waiting = (fresh() for _ in range(6))
    expired.expire(actor=clerk)
    make_link(replaced.invoice)
    void.invoice.void(actor=None, reason="Typed twice", read_payments=payment_state)
    bank, declined, stuck = fresh(), fresh(), fresh()
    found = {
        "ready": address(ready),
        "bank": f"{address(ready)}?method=ach",
        "paid": paid(card),
        "already paid": address(card),
        "bank payment started": paid(bank, **bank_form),
        "bank payment under way": address(bank),
        "declined": paid(declined, token=gateway.token(DECLINED)),
        "checking": paid(waiting, token=gateway.token(TIMED_OUT)),
        "somebody is paying": address(waiting),
        "expired": address(expired),
        "replaced": address(replaced),
        "void": address(void),
        "unknown": "/p/unknown/",
    }
    gateway.fault("void", "http_500")
    found["needs a person"] = paid(stuck, token=gateway.token(PARTIAL))
    return found


def test_every_state_is_accessible(browser, live_server, states):
    context = browser.new_context(viewport=PHONE)
    page, errors = context.new_page(), []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    for name, path in states.items():
        page.goto(live_server.url + path)
        assert complaints(page, PHONE, DESKTOP) == [], name
    assert [text for text in errors if "Content Security Policy" in text] == []
    context.close()


def test_every_state_fits_the_narrowest_phone(browser, live_server, states):
    context = browser.new_context(viewport=NARROW)
    page = context.new_page()
    for name, path in states.items():
        page.goto(live_server.url + path)
        assert not scrolls_sideways(page), name
        small = page.evaluate(
            """() => [...document.querySelectorAll('button, .btn, .tile, .link, summary')]
              .filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5)
              .map(e => e.outerHTML)"""
        )
        assert small == [], name
    context.close()


def test_the_page_talks_to_nobody_but_us_and_the_gateway(browser, live_server, link, gateway):
    context = browser.new_context()
    page, hosts = context.new_page(), set()
    page.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
    referers = []
    page.on(
        "request",
        lambda request: (
            referers.append(request.headers.get("referer", ""))
            if "itoke/ajax" in request.url
            else None
        ),
    )
    page.goto(live_server.url + address(link))
    page.wait_for_load_state("networkidle")
    assert hosts == {live_server.url, gateway.sandbox.url}
    assert set(referers) == {""}
    context.close()
