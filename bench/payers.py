"""Payers with phones, and an office that interferes: real forms over real HTTP."""

from __future__ import annotations

import json
import random
import re
import threading
import time
import uuid
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import urllib3

from bench.bills import Bill
from bench.world import World

VERSION = re.compile(r'name="version" value="([^"]+)"')
SECRET = "benchbenchbenchbenchbenchbench12"  # a browser's CSRF cookie and the form's field
CARDS = {
    "4111111111111111": 70, "5454545454545454": 12, "036001808/1234567894412": 8,
    "4387751111111038": 3, "4387751111111053": 3, "4387750101010101": 2, "4999006200620062": 2,
}  # fmt: skip
FINAL = {
    "captured", "settled", "started", "cleared", "declined", "not_charged",
    "voided", "refunded", "rejected", "returned",
}  # fmt: skip
HEARD = {
    "Paid. Thank you": "captured", "<h1>Bank payment started</h1>": "started",
    "This payment was canceled": "voided", "This payment was refunded": "refunded",
    "Your bank did not complete this payment": "returned", "Only part of it was taken.": "captured",
}  # fmt: skip
FORM = "application/x-www-form-urlencoded"
TRIES = 5
LARGEST_EDIT = Decimal("5.00")
LOST = urllib3.exceptions.HTTPError


class Payers:
    """Pays every bill, with mistakes, and remembers what each payer was told."""

    def __init__(self, world: World, bills: list[Bill], seed: int) -> None:
        self.world, self.bills, self.seed = world, bills, seed
        self.http = urllib3.PoolManager(maxsize=80, retries=False, timeout=30)
        self.more = ThreadPoolExecutor(24)
        self.told: defaultdict[str, set[str]] = defaultdict(set)
        self.watched: set[tuple[str, str]] = set()
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.tokens = {account: self._tokenize(account) for account in CARDS}
        self.done = 0

    def _tokenize(self, account: str) -> str:
        """Tokenize as the hosted frame does."""
        told = self.http.request(
            "POST",
            f"{self.world.gateway_url}/cardsecure/api/v1/ccn/tokenize",
            body=json.dumps({"account": account}),
            headers={"Content-Type": "application/json"},
        )
        return str(told.json()["token"])

    def pay(self, bill: Bill) -> None:
        """One payer's whole visit."""
        try:
            self._visit(bill, random.Random(f"{self.seed}:{bill.number}"))
        finally:
            self.done += 1

    def _visit(self, bill: Bill, dice: random.Random) -> None:
        account = dice.choices(list(CARDS), list(CARDS.values()))[0]
        key, amounts = new_key(dice), [bill.amount]
        if dice.random() < 0.1:
            self.ask(f"/p/{bill.token}/")
        crowd = self._crowd(bill, dice, account, key, amounts)
        for _ in range(TRIES):
            told = self._post(bill, account, key, amounts[-1])
            if told == "lost":  # the web process was killed meanwhile
                time.sleep(0.3 * dice.random())
                key = key if dice.random() < 0.7 else new_key(dice)
            elif told in ("declined", "not_charged") and dice.random() < 0.8:
                account, key = "4111111111111111", new_key(dice)
            elif told == "refused" and dice.random() < 0.5:
                key = new_key(dice)
                amounts.append(amounts[0])
                amounts.pop(0)
            else:
                break
        for call in crowd:
            call.result()

    def _crowd(
        self, bill: Bill, dice: random.Random, account: str, key: str, amounts: list[Decimal]
    ) -> list[Any]:
        """Double clicks, second tabs, and the office, all at the same time."""
        crowd = []
        if dice.random() < 0.12:
            self.counts["double_click"] += 1
            crowd.append(self.more.submit(self._post, bill, account, key, amounts[0]))
        if dice.random() < 0.12:
            self.counts["second_tab"] += 1
            other = new_key(dice)
            crowd.append(self.more.submit(self._post, bill, account, other, amounts[0]))
        if dice.random() < 0.12:
            act = dice.choice([self._expire, self._void, self._edit])
            self.counts[f"race{act.__name__}"] += 1
            if act == self._edit:
                amounts.append(bill.amount + LARGEST_EDIT * dice.randrange(1, 500) / 500)
            crowd.append(self.more.submit(act, bill, amounts[-1]))
        return crowd

    def _post(self, bill: Bill, account: str, key: str, amount: Decimal) -> str:
        """Tap Pay; returns what the payer is told, "refused", or "lost"."""
        self.counts["posts"] += 1
        is_bank = "/" in account
        form = {
            "key": key, "amount": f"{amount:.2f}", "authorized": "yes",
            "method": "ach" if is_bank else "card", "token": self.tokens[account],
            "account": "ECHK" if is_bank else "", "name": "Dana Whitfield" if is_bank else "",
            "expiry": "" if is_bank else "203012",
        }  # fmt: skip
        answer = self.send(f"/p/{bill.token}/", form)
        if answer is None or answer.status >= 500:
            self.counts["lost"] += 1
            return "lost"
        if answer.status != 302:
            self.counts[f"http_{answer.status}"] += 1
            return "refused"
        place = answer.headers["Location"]
        with self.lock:
            self.watched.add((place, place.rstrip("/").rsplit("/", 1)[1]))
        return self.look(place)

    def look(self, place: str, *, page: bool = True) -> str:
        """Read the status page, as a person or its script does; remember what it says."""
        payment = place.rstrip("/").rsplit("/", 1)[1]
        answer = self.ask(place if page else f"{place}?format=json")
        if answer is None or answer.status != 200:
            return "lost"
        text = answer.data.decode()
        state = heard(text) if page else str(json.loads(text)["state"])
        if state in FINAL and not page:
            return self.look(place)  # its script loads the page again
        with self.lock:
            self.told[payment].add(state)
            if state in FINAL:
                self.watched.discard((place, payment))
        return state

    def poll(self, stop: threading.Event) -> None:
        """Poll as the pages of waiting payers do."""
        while not stop.wait(0.5):
            with self.lock:
                waiting = list(self.watched)
            for place, _ in waiting:
                if stop.is_set():
                    return
                self.look(place, page=False)

    def _expire(self, bill: Bill, _: Decimal) -> None:
        self.send(f"/{bill.company}/invoices/{bill.public_id}/expire-link/", {}, bill.staff[0])

    def _void(self, bill: Bill, _: Decimal) -> None:
        self.send(
            f"/{bill.company}/invoices/{bill.public_id}/void/", {"reason": "Wrong"}, bill.staff[0]
        )

    def _edit(self, bill: Bill, amount: Decimal) -> None:
        form = {
            "description": "Changed", "issued_on": "2026-11-02", "due_on": "2026-11-30", "tax": "0",
            "lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "1", "lines-MIN_NUM_FORMS": "0",
            "lines-MAX_NUM_FORMS": "50", "lines-0-description": "Labor", "lines-0-quantity": "1",
            "lines-0-unit_price": f"{amount:.2f}",
        }  # fmt: skip
        address = f"/{bill.company}/invoices/{bill.public_id}/edit/"
        page = self.ask(address, bill.staff[0])
        version = VERSION.search(page.data.decode()) if page else None
        self.send(address, form | ({"version": version[1]} if version else {}), bill.staff[0])

    def send(self, path: str, form: dict[str, str], session: str = "", **headers: str) -> Any:
        """Send a form as the signed-in person; None after a lost connection."""
        cookies = f"textpay-csrf={SECRET}" + (f"; textpay={session}" if session else "")
        return self._call(
            "POST",
            path,
            body=urlencode(form | {"csrfmiddlewaretoken": SECRET}),
            headers={"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
            | headers,
        )

    def ask(self, path: str, session: str = "", **headers: str) -> Any:
        """Open a page as the signed-in person; None after a lost connection."""
        cookies = f"textpay-csrf={SECRET}" + (f"; textpay={session}" if session else "")
        return self._call("GET", path, headers={"Cookie": cookies} | headers)

    def _call(self, verb: str, path: str, **more: Any) -> Any:
        """One request; None after a lost connection."""
        try:
            return self.http.request(verb, self.world.web_url + path, redirect=False, **more)
        except LOST:
            return None


def heard(page: str) -> str:
    """What a person understands from the page."""
    for words, state in HEARD.items():
        if words in page:
            return state
    if "No money has been taken." in page:
        return "not_charged" if "did not go through" in page else "declined"
    return "waiting"


def new_key(dice: random.Random) -> str:
    """A key as the form carries it."""
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))
