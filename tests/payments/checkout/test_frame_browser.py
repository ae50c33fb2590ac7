"""CardPointe's own frame on the Pay Now page: what it tells, and what the page makes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.payments.checkout.test_browser import SENTENCE, button, card_frame, tick, type_card
from tests.payments.conftest import VISA, address

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_frames_complaints_are_said_in_words(pay_page):
    page = pay_page
    card_frame(page).locator("#ccnumfield").fill("4111111111111112")
    page.get_by_text("Check the card number.").wait_for()
    assert page.locator("#frame-error").get_attribute("role") == "alert"


def test_a_number_is_not_called_wrong_while_its_payer_looks_at_the_card(
    page, live_server, link, gateway
):
    page.clock.install()
    page.goto(live_server.url + address(link))
    field = card_frame(page).locator("#ccnumfield")
    field.wait_for()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    warned = page.locator("#frame-error")
    field.press_sequentially("41111111")
    page.clock.run_for(600)
    card_frame(page).locator("#ccnumfield.error").wait_for()
    page.clock.run_for(800)
    assert warned.is_hidden()
    field.press_sequentially("11111111")
    page.clock.run_for(600)
    card_frame(page).locator("#ccnumfield:not(.error)").wait_for()
    page.clock.run_for(5_000)
    assert warned.is_hidden()

    # the same pause, and nothing more comes
    field.press("Backspace")
    page.clock.run_for(600)
    card_frame(page).locator("#ccnumfield.error").wait_for()
    page.clock.resume()
    page.get_by_text("Check the card number.").wait_for()


def test_a_frame_that_gets_no_answer_does_not_blame_the_card(pay_page):
    page = pay_page
    page.route("**/ccn/tokenize", lambda route: route.abort())
    frame = card_frame(page)
    frame.locator("#ccnumfield").fill(VISA)
    frame.locator("#ccexpirymonth").select_option("12")
    frame.locator("#ccexpiryyear").select_option("2030")
    frame.locator("#cccvvfield").fill("123")
    page.get_by_text("CardPointe did not answer. Nothing was charged.").wait_for()
    page.unroute("**/ccn/tokenize")
    type_card(page)
    assert page.locator("#frame-error").is_hidden()


def test_only_cardpointes_frame_may_hand_over_a_token(pay_page, page):
    forged = '{"message":"9418594164541111","token":"9418594164541111","expiry":"203012"}'
    page.evaluate("data => window.postMessage(data, '*')", forged)
    page.evaluate(
        """data => {
          const other = document.createElement('iframe');
          document.body.append(other);
          other.contentWindow.parent.postMessage(data, '*');
          window.dispatchEvent(new MessageEvent('message', {
            data, origin: document.getElementById('form').dataset.origin, source: window }));
        }""",
        forged,
    )
    assert page.locator("[name=token]").input_value() == ""
    inner = next(frame for frame in page.frames if "itoke" in frame.url)
    for nonsense in ('{"message":"4111111111111111"}', "not json", '{"message":7}', "[]"):
        inner.evaluate("data => parent.postMessage(data, '*')", nonsense)
    inner.evaluate("data => parent.postMessage(data, '*')", forged)
    page.locator(SENTENCE, has_text="Visa card ending 1111").wait_for()
    assert page.locator("[name=token]").input_value() == "9418594164541111"


def test_after_two_minutes_the_card_is_asked_for_again(page, live_server, link, gateway):
    page.clock.install()
    page.goto(live_server.url + address(link))
    inner = next(frame for frame in page.frames if "itoke" in frame.url)
    token = '{"message":"9418594164541111","expiry":"203012"}'
    inner.evaluate("data => parent.postMessage(data, '*')", token)
    page.locator(SENTENCE, has_text="Visa card ending 1111").wait_for()
    tick(page)
    page.clock.fast_forward("01:30")
    assert button(page).get_attribute("aria-disabled") == "false"
    page.clock.fast_forward("00:30")
    assert page.get_by_text("Two minutes have passed.").is_visible()
    assert page.locator("[name=token]").input_value() == ""
    assert button(page).get_attribute("aria-disabled") == "true"
