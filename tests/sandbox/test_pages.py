"""The pages people look at: phone, ledger, mailbox and the hosted frame."""

from __future__ import annotations

import re
import shutil
import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from twilio.rest import Client

from tests.sandbox.conftest import ACH_MID, SECOND, SENDER, Gateway
from tests.sandbox_process import Sandbox

TO = "+19785550142"
CARD = {
    "useexpiry": "true", "usecvv": "true", "formatinput": "true", "tokenizewheninactive": "true",
    "inactivityto": "100", "invalidcreditcardevent": "true", "enhancedresponse": "true",
}  # fmt: skip
BANK = {
    "fullmobilekeyboard": "true", "tokenizewheninactive": "true", "inactivityto": "100",
    "invalidinputevent": "true", "cardlabel": "Routing number / account number",
}  # fmt: skip
COLLECT = "window.got = []; addEventListener('message', (e) => got.push(JSON.parse(e.data)))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    yield tab
    tab.close()


def send(twilio: Client, sandbox: Sandbox, body: str, sender: str = SENDER) -> None:
    sid = twilio.messages.create(to=TO, from_=sender, body=body).sid
    sandbox.wait_for_status(sid, "delivered")


def clean(page: Page) -> None:
    """Fail when axe finds anything, or when the page scrolls sideways."""
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_front_door(sandbox: Sandbox):
    assert requests.get(sandbox.url + "/", timeout=5).url == sandbox.url + "/phone"
    assert requests.get(sandbox.url + "/healthz", timeout=5).json()["ok"] is True


def test_only_the_frame_may_be_framed_by_others(sandbox: Sandbox):
    for path in ("/phone", "/ledger", "/mail"):
        policy = requests.get(sandbox.url + path, timeout=5).headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in policy
    frame = requests.get(sandbox.url + "/itoke/ajax-tokenizer.html", timeout=5)
    assert "frame-ancestors" not in frame.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in frame.headers


def test_another_site_cannot_answer_for_the_phone(sandbox: Sandbox):
    form = {"phone": TO, "with": SENDER, "body": "STOP"}
    headers = {"Sec-Fetch-Site": "cross-site"}
    url = sandbox.url + "/phone/reply"
    assert requests.post(url, data=form, headers=headers, timeout=5).status_code == 403


def test_an_empty_phone_fills_by_itself(page: Page, sandbox: Sandbox, twilio: Client):
    page.goto(sandbox.url + "/phone")
    expect(page.get_by_text("No texts yet.")).to_be_visible()
    clean(page)
    send(twilio, sandbox, "Harbor: $5.00 due. Pay here: https://pay.example/p/abc.")
    link = page.get_by_role("link", name="https://pay.example/p/abc")
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", "https://pay.example/p/abc")
    send(twilio, sandbox, "<b>Second</b> & last")
    expect(page.get_by_text("<b>Second</b> & last")).to_be_visible()
    expect(page.get_by_label("Phone", exact=True)).to_contain_text("(978) 555-0142, 2 texts")
    clean(page)


def test_answering_from_the_phone(page: Page, sandbox: Sandbox, twilio: Client):
    send(twilio, sandbox, "Harbor: hello")
    page.goto(sandbox.url + "/phone")
    page.get_by_role("textbox", name="Reply").fill("Is Tuesday ok?")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".bubble.mine")).to_have_text("Is Tuesday ok?")
    page.get_by_role("button", name="STOP").click()
    expect(page.get_by_text("You have successfully been unsubscribed")).to_be_visible()
    optouts = {(row["sender"], row["phone"]) for row in sandbox.ledger()["optouts"]}
    assert (SENDER, TO) in optouts


def test_two_firms_are_two_conversations(page: Page, sandbox: Sandbox, twilio: Client):
    send(twilio, sandbox, "Harbor Plumbing: one")
    send(twilio, sandbox, "Cedar Dental: two", SECOND)
    page.goto(f"{sandbox.url}/phone?{urlencode({'phone': TO})}")
    expect(page.get_by_role("heading", name="(617) 555-0123")).to_be_visible()
    expect(page.get_by_text("Harbor Plumbing: one")).to_have_count(0)
    page.get_by_role("link", name="Harbor Plumbing").click()
    expect(page.get_by_text("Harbor Plumbing: one")).to_be_visible()


def test_ledger_page_closes_the_batch(page: Page, gateway: Gateway, sandbox: Sandbox):
    page.goto(sandbox.url + "/ledger")
    expect(page.get_by_role("button", name="Close batch")).to_be_disabled()
    gateway.auth(orderid="INV-7", amount="12.34")
    gateway.auth("4387751111111053", orderid="INV-8")
    page.goto(sandbox.url + "/ledger")
    expect(page.get_by_text("Insufficient funds")).to_be_visible()
    expect(page.get_by_text("41XXXXXXXXXX1111")).to_be_visible()
    clean(page)
    page.get_by_role("button", name="Close batch (1)").click()
    expect(page.get_by_role("status")).to_have_text("1 charge settled.")
    expect(page.get_by_text("Accepted", exact=True)).to_be_visible()
    clean(page)


@pytest.mark.parametrize("funded", [False, True], ids=["not funded", "funded"])
def test_ledger_page_returns_a_bank_payment(
    page: Page, gateway: Gateway, sandbox: Sandbox, funded: bool
):
    paid = gateway.auth("036001808/123456789", merchid=ACH_MID, accttype="ECHK", orderid="ACH-1")
    gateway.auth(orderid="CARD-1")
    page.goto(sandbox.url + "/ledger")
    page.get_by_role("button", name="Close batch (2)").click()
    if funded:
        page.get_by_role("button", name="Fund (2)").click()
        expect(page.get_by_role("status")).to_have_text("2 charges paid out.")
    button = page.get_by_role("button", name=f"Return bank payment {paid['retref']}")
    expect(page.get_by_role("button", name="Return bank payment")).to_have_count(1)
    page.get_by_label(f"Reason to return {paid['retref']}").select_option("R10")
    clean(page)
    button.click()
    expect(page.get_by_role("status")).to_have_text(f"{paid['retref']} was returned with R10.")
    expect(page.get_by_text("Returned R10")).to_be_visible()
    expect(button).to_have_count(0)
    rows = {row["orderid"]: row for row in sandbox.ledger()["charges"]}
    assert rows["ACH-1"]["setlstat"] == ("Accepted" if funded else "Rejected")
    assert rows["CARD-1"]["setlstat"] == "Accepted"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_ledger_page_is_accessible_and_fits(
    page: Page, gateway: Gateway, sandbox: Sandbox, width: int, scheme: Any
):
    gateway.auth("036001808/123456789", merchid=ACH_MID, accttype="ECHK", orderid="INV-0000000001")
    gateway.auth("4387751111111053", orderid="INV-0000000002", amount="1234567.89")
    sandbox.control("close-batch")
    sandbox.control("fund")
    sandbox.control("clock", advance=86400)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(sandbox.url + "/ledger")
    expect(page.get_by_text("The gateway’s clock reads")).to_be_visible()
    table = page.get_by_role("group", name="Charges")
    assert table.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    clean(page)


def test_mail_arrives(page: Page, sandbox: Sandbox, smtp_port: int):
    page.goto(sandbox.url + "/mail")
    expect(page.get_by_text("No mail yet.")).to_be_visible()
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = "Invoice 7", "a@b.example", "c@d.example"
    letter.set_content("Pay: https://pay.example/p/1")
    letter.add_alternative(
        '<p>Hi <a href="https://pay.example/p/1">Pay</a></p><script>alert(1)</script>',
        subtype="html",
    )
    with smtplib.SMTP("127.0.0.1", smtp_port) as server:
        server.send_message(letter)
    mail = sandbox.ledger()["mails"][0]
    assert (mail["subject"], mail["recipients"]) == ("Invoice 7", ["c@d.example"])
    page.goto(sandbox.url + "/mail")
    expect(page.get_by_role("heading", name="Invoice 7")).to_be_visible()
    inside = page.frame_locator("iframe").get_by_role("link", name="Pay")
    expect(inside).to_have_attribute("href", "https://pay.example/p/1")
    page.get_by_text("Plain text").click()
    expect(page.get_by_role("link", name="https://pay.example/p/1")).to_be_visible()
    clean(page)


def embed(page: Page, sandbox: Sandbox, options: dict[str, str]) -> Any:
    """Show the hosted frame inside another page and return it."""
    page.goto(sandbox.url + "/healthz")
    page.set_content(
        "<html lang=en><title>Pay</title><main><h1>Pay</h1><iframe title=Card id=f></iframe>"
        "</main></html>"
    )
    page.evaluate(COLLECT)
    source = f"{sandbox.url}/itoke/ajax-tokenizer.html?{urlencode(options)}"
    page.evaluate(
        """(source) => {
            const frame = document.getElementById("f");
            Object.assign(frame.style, { border: 0, width: "100%", height: "168px" });
            frame.src = source;
        }""",
        source,
    )
    frame = page.frame_locator("#f")
    frame.locator("#ccnumfield").wait_for()
    return frame


def last_message(page: Page, count: int = 1) -> dict[str, str]:
    """Return the newest message once there are `count` of them."""
    end = time.monotonic() + 5
    while page.evaluate("got.length") < count:
        assert time.monotonic() < end, page.evaluate("got")
        page.wait_for_timeout(20)
    return dict(page.evaluate("got.at(-1)"))


def test_frame_tokenizes_a_card(page: Page, sandbox: Sandbox):
    frame = embed(page, sandbox, CARD)
    number = frame.locator("#ccnumfield")
    number.press_sequentially("4111111111111111")
    expect(number).to_have_value("4111 1111 1111 1111")
    frame.locator("#ccexpirymonth").select_option("12")
    frame.locator("#ccexpiryyear").select_option("2030")
    frame.locator("#cccvvfield").fill("123")
    assert last_message(page) == {
        "message": "9418594164541111",
        "token": "9418594164541111",
        "expiry": "203012",
        "errorCode": "0",
        "errorMessage": "",
    }
    expect(number).to_have_value(re.compile(r"^41X.*1111$"))


def test_frame_takes_the_token_back_on_a_change(page: Page, sandbox: Sandbox):
    frame = embed(page, sandbox, CARD)
    frame.locator("#ccnumfield").fill("4111111111111111")
    frame.locator("#ccexpirymonth").select_option("12")
    frame.locator("#ccexpiryyear").select_option("2030")
    frame.locator("#cccvvfield").fill("123")
    last_message(page)
    frame.locator("#cccvvfield").press_sequentially("9")
    assert last_message(page, 2)["message"] == ""
    expect(frame.locator("#ccnumfield")).to_have_value("")
    expect(frame.locator("#cccvvfield")).to_have_value("9")


def test_frame_reports_a_wrong_number(page: Page, sandbox: Sandbox):
    frame = embed(page, sandbox, CARD)
    frame.locator("#ccnumfield").press_sequentially("4111111111111112")
    told = last_message(page)
    assert told["message"] == ""
    assert told["validationError"]
    assert told["errorCode"] != "0"
    expect(frame.locator("#ccnumfield")).to_have_class(re.compile("error"))


def test_frame_tokenizes_a_bank_account(page: Page, sandbox: Sandbox):
    frame = embed(page, sandbox, BANK)
    frame.get_by_label("Routing number / account number").fill("124001545/123123123123")
    assert last_message(page) == {"message": "9124468384113123"}


def test_frame_takes_plain_styles_only(page: Page, sandbox: Sandbox):
    css = (
        "input{color:#eef1f5;background-image:url(https://evil.example/x);position:fixed}"
        "@import url(https://evil.example/y); body{background:#151920}"
        "@media (prefers-color-scheme: dark){label{color:#fff;content:'x'}}"
    )
    frame = embed(page, sandbox, {**CARD, "css": css})
    color = "(node) => getComputedStyle(node).color"
    assert frame.locator("#ccnumfield").evaluate(color) == "rgb(238, 241, 245)"
    served = requests.get(sandbox.url + "/itoke/frame.css", params={"css": css}, timeout=5).text
    assert "evil" not in served
    assert "position" not in served
    assert "content" not in served
    assert "prefers-color-scheme: dark" in served


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("options", [CARD, BANK, {**CARD, "useexpiryfield": "true"}, {}])
def test_frame_is_accessible_and_fits(
    page: Page, sandbox: Sandbox, options: dict[str, str], width: int
):
    page.set_viewport_size({"width": width, "height": 800})
    embed(page, sandbox, options)
    inner = page.frames[1]
    inner.wait_for_load_state()  # its style sheet comes after its fields
    assert inner.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert inner.evaluate("document.documentElement.scrollWidth <= innerWidth")
    clean(page)


def test_frame_sees_what_was_typed_before_its_script_came(page: Page, sandbox: Sandbox):
    page.route("**/tokenizer.js", lambda route: (time.sleep(0.5), route.continue_()))
    frame = embed(page, sandbox, BANK)
    frame.locator("#ccnumfield").fill("124001545/123123123123")
    assert last_message(page) == {"message": "9124468384113123"}
