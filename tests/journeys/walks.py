"""Parts of the walk that several journeys share."""

from __future__ import annotations

import re
from typing import Any

import requests

from tests.journeys.stack import Stack
from tests.pages import Person
from tests.waiting import eventually

VISA = "4111111111111111"
NO_FUNDS = "4387751111111053"
MONEY = re.compile(r"\$([\d,]+\.\d\d)")


def office(house: Stack, role: str = "Office") -> Person:
    """Somebody of Harbor Plumbing, signed in."""
    login = house.logins("Harbor")[role]
    return Person(house.url).sign_in(login["email"], login["password"])


def open_untexted_invoice(person: Person) -> str:
    """Go to an open invoice that was never texted; returns its address."""
    person.open("/invoices/?status=not-sent")
    rows = [a["href"] for a in person.page.select("main a[href*='/invoices/']")]
    for address in dict.fromkeys(str(r) for r in rows if re.search(r"[0-9a-f-]{36}/$", str(r))):
        person.open(address)
        if any("Send SMS" in a.get_text() and a.get("href") for a in person.page.find_all("a")):
            return address
    raise AssertionError(f"No open invoice that was never texted: {person.text[:800]}")


def texts(house: Stack, words: str) -> list[dict[str, Any]]:
    """The texts in the outside world's own ledger whose body holds `words`."""
    return [m for m in house.sandbox.ledger()["messages"] if words in m["body"]]


def link_in(text: dict[str, Any]) -> str:
    """The address after "Pay here:", in the customer's language."""
    found = re.search(r"(?:Pay here|Pague en): (\S+)", text["body"])
    assert found, text["body"]
    return found[1]


def tokenize(house: Stack, account: str) -> str:
    """What the hosted frame does for the payer: a CardSecure token for an account."""
    answer = requests.post(
        f"{house.sandbox.url}/cardsecure/api/v1/ccn/tokenize",
        json={"account": account, "expiry": "1230", "cvv": "123"},
        timeout=30,
    )
    return str(answer.json()["token"])


def approved_charges(house: Stack) -> list[dict[str, Any]]:
    """Every charge that took money, in the gateway's own ledger."""
    return [c for c in house.sandbox.ledger()["charges"] if c["respstat"] == "A"]


def send_text(house: Stack, person: Person) -> tuple[str, str]:
    """Text an invoice by clicks; returns its number and the link that arrived on the phone."""
    open_untexted_invoice(person)
    number = re.search(r"INV-\d+", person.text)
    assert number
    person.follow("Send SMS").press("Send")
    assert person.sees("Invoice SMS sent successfully"), person.text
    arrived = eventually(lambda: texts(house, number[0]), "the text arrives")
    return number[0], link_in(arrived[-1])
