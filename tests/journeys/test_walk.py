"""The seven hops of docs/trace.md, over HTTP, by people whose browsers run no scripts."""

from __future__ import annotations

import re

from tests.journeys.stack import Stack
from tests.journeys.walks import (
    MONEY,
    NO_FUNDS,
    VISA,
    approved_charges,
    link_in,
    office,
    open_untexted_invoice,
    send_text,
    texts,
    tokenize,
)
from tests.pages import Person
from tests.waiting import eventually


def test_text_an_invoice_and_get_paid(house: Stack):
    maya = office(house)
    # 1-2: Send SMS, Send Text, Send
    invoice = open_untexted_invoice(maya)
    number = re.search(r"INV-\d+", maya.text)[0]
    amount = MONEY.search(maya.page.select_one(".balance").get_text())[1]
    maya.follow("Send SMS")
    assert maya.sees("Send Text")
    assert maya.sees("Pay here:") or maya.sees("Pague en:")
    maya.press("Send")
    assert maya.sees("Invoice SMS sent successfully")
    assert maya.sees("Resend Invoice via SMS")
    # 3-4: the worker hands it to Twilio, Twilio reports back
    text = eventually(lambda: texts(house, number), "the text arrives")[0]
    assert text["body"].startswith("Harbor Plumbing")
    assert f"${amount}" in text["body"]
    assert number in text["body"]
    eventually(lambda: maya.open(invoice).sees("Invoice SMS delivered"), "delivered is shown")
    assert maya.sees("SMS Link Expires On")
    token = link_in(text).rstrip("/").rsplit("/", 1)[1]
    assert token not in maya.response.text  # nobody in the office can read the live link
    # 5-6: the customer taps Pay here and pays
    dana = Person(house.url).open(link_in(text))
    assert dana.sees("Pay Now")
    assert dana.sees("Select Payment Method")
    before = len(approved_charges(house))
    card = tokenize(house, VISA)
    dana.press(f"Pay ${amount}", token=card, expiry="203012", authorized="yes")
    assert dana.sees("Paid"), dana.text
    charges = approved_charges(house)[before:]
    assert [c["amount"] for c in charges] == [amount.replace(",", "")]
    # 7: the balance has dropped in the office, at once
    maya.open(invoice)
    assert "$0.00" in maya.page.select_one(".balance").get_text()
    assert maya.sees("Paid by card")
    # and the link does not pay twice
    dana.open(link_in(text))
    assert dana.sees("Already paid")
    assert "1111" not in dana.text
    assert len(approved_charges(house)) == before + 1


def test_a_bank_payment_is_started_and_never_called_paid(house: Stack):
    maya = office(house)
    _, link = send_text(house, maya)
    dana = Person(house.url).open(link).follow("Pay from a bank account")
    bank = tokenize(house, "036001808/12345678")
    dana.press("Pay $", token=bank, name="Dana Whitfield", authorized="yes")
    assert dana.sees("Bank payment started"), dana.text
    maya.open(maya.response.url)
    assert maya.sees("Bank payment started")
    assert not maya.sees("Paid by card")


def test_a_declined_card_can_be_followed_by_a_good_one(house: Stack):
    maya = office(house)
    number, link = send_text(house, maya)
    before = len(approved_charges(house))
    dana = Person(house.url).open(link)
    bad, good = tokenize(house, NO_FUNDS), tokenize(house, VISA)
    dana.press("Pay $", token=bad, expiry="203012", authorized="yes")
    assert dana.sees("No money has been taken"), dana.text
    dana.open(link).press("Pay $", token=good, expiry="203012", authorized="yes")
    assert dana.sees("Paid"), dana.text
    assert len(approved_charges(house)) == before + 1, number


def test_a_killed_worker_loses_no_text(house: Stack):
    maya = office(house)
    open_untexted_invoice(maya)
    number = re.search(r"INV-\d+", maya.text)[0]
    house.kill("worker")
    maya.follow("Send SMS").press("Send")
    assert maya.sees("Invoice SMS sent successfully")
    assert texts(house, number) == []
    house.start_worker()
    arrived = eventually(lambda: texts(house, number), "the text goes out after all", seconds=90)
    assert len(arrived) == 1


def test_a_viewer_may_look_but_not_send(house: Stack):
    victor = office(house, "Viewer")
    victor.open("/invoices/?status=open")
    assert victor.response.ok
    rows = [str(a["href"]) for a in victor.page.select("main a[href*='/invoices/']")]
    address = next(r for r in rows if re.search(r"[0-9a-f-]{36}/$", r))
    victor.open(address)
    assert victor.response.ok
    assert victor.open(f"{address}text/").response.status_code == 403
