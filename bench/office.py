"""The office refunds under faults: voids, refunds, and a second person."""

from __future__ import annotations

import random
import re
import threading
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django_scopes import scopes_disabled

from bench.bills import PASSWORD, TWO_PEOPLE_ABOVE, Bill
from bench.payers import LARGEST_EDIT, Payers, new_key
from payments.models import Payment

CLERKS = 6
VOIDED_AT_ONCE, REFUNDED_LATER = 0.06, 0.08  # of what cards paid; of bank payments three times it
TRIES = 4
FIELD = r'name="{}"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="{}"'
RELEASE = re.compile(r"/[a-z0-9-]+/refunds/[0-9a-f-]{36}/release/")
SCRIPT = {"HX-Request": "true"}  # a dialog, as the page's own script requests it


@dataclass
class Wish:
    """What the office wants to do with one payment."""

    bill: Bill
    payment: str
    dice: random.Random

    @property
    def address(self) -> str:
        """The address of the refund dialog."""
        return f"/{self.bill.company}/payments/{self.payment}/give-back/"


class Office:
    """Learns of payments, and refunds some of them, at once or some nights later."""

    def __init__(self, crowd: Payers, seed: int) -> None:
        self.crowd, self.seed, self.night = crowd, seed, 0
        self.clerks = ThreadPoolExecutor(CLERKS)
        self.later: defaultdict[int, list[Wish]] = defaultdict(list)
        self.begun: list[Future[None]] = []
        self.lock = threading.Lock()
        self.bills = {bill.public_id: bill for bill in crowd.bills}
        self.seen: set[str] = set()

    def work(self, stop: threading.Event) -> None:
        """Look for payments, as the list of invoices shows them."""
        while not stop.wait(0.5):
            self.look_around()
        connection.close()

    def look_around(self) -> None:
        """Decide about each payment once."""
        with scopes_disabled():
            booked = Payment.objects.filter(status__in=["captured", "started"])
            rows = list(booked.values_list("public_id", "status", "invoice__public_id"))
        for payment, state, invoice in rows:
            if str(payment) not in self.seen:
                self.seen.add(str(payment))
                self._decide_about(self.bills[str(invoice)], str(payment), state)

    def _decide_about(self, bill: Bill, payment: str, state: str) -> None:
        dice = random.Random(f"{self.seed}:office:{bill.number}")
        often = 3 if state == "started" else 1
        drawn, wish = dice.random() / often, Wish(bill, payment, dice)
        if drawn < VOIDED_AT_ONCE:
            self._begin(wish)
        elif drawn < VOIDED_AT_ONCE + REFUNDED_LATER:
            with self.lock:
                self.later[self.night + dice.randint(1, 3)].append(wish)

    def next_night(self) -> None:
        """The batch has settled: do what waited for it."""
        with self.lock:
            self.night += 1
            due = self.later.pop(self.night, [])
        for wish in due:
            self._begin(wish)

    def last_night(self) -> None:
        """Do everything that still waits, and wait for the clerks."""
        with self.lock:
            due = [wish for wishes in self.later.values() for wish in wishes]
            self.later.clear()
        for wish in due:
            self._begin(wish)
        self.clerks.shutdown(wait=True)
        for job in self.begun:
            job.result()

    def _begin(self, wish: Wish) -> None:
        self.begun.append(self.clerks.submit(self._give_back, wish))

    def _give_back(self, wish: Wish) -> None:
        """Refund all of it, or one part after the other."""
        parts = wish.dice.choice([1, 1, 2, 3])
        for part in range(parts):
            told = self._ask_for(wish, whole=part == parts - 1)
            if told != "done" or self._release(wish) == "cancelled":
                break

    def _ask_for(self, wish: Wish, *, whole: bool) -> str:
        """Open the dialog, fill it in, press the button; again after a lost connection."""
        form: dict[str, str] = {}
        for _ in range(TRIES):
            if not form or wish.dice.random() < 0.3:
                form = self._filled(wish, whole=whole) or {}
            if form:
                told = self._press(wish, form)
                if told != "lost":
                    return told
        return "lost"

    def _filled(self, wish: Wish, *, whole: bool) -> dict[str, str] | None:
        """The page's form with an amount in it; None when nothing is left."""
        answer = self.crowd.ask(wish.address, wish.bill.staff[0], **SCRIPT)
        if answer is None or answer.status != 200:
            return None
        page = answer.data.decode()
        self._count("seen_unsettled" if "Not settled yet" in page else "seen_settled")
        left = Decimal(value_of(page, "amount") or "0")
        amount = left
        if not whole and "Not settled yet" not in page:
            amount = max(left * wish.dice.randint(10, 70) / 100, Decimal("0.01"))
        elif wish.dice.random() < 0.05:
            amount = left + 1
            self._count("too_much")
        form = {"key": value_of(page, "key"), "amount": f"{amount:.2f}", "reason": "Wrong part"}
        if wish.dice.random() < 0.03:
            self._count("wrong_password")
            return form | {"confirm_password": "guess guess guess"}
        return form | {"confirm_password": PASSWORD}

    def _press(self, wish: Wish, form: dict[str, str]) -> str:
        """One clerk, one clerk twice, or two clerks at the same time."""
        crowd, others = self.crowd, []
        if wish.dice.random() < 0.15:
            self._count("double_click")
            others = [crowd.more.submit(self._send, wish, form, 0)]
        elif wish.dice.random() < 0.15:
            self._count("two_clerks")
            mine = form | {"key": new_key(wish.dice)}
            others = [crowd.more.submit(self._send, wish, mine, 1)]
        told = self._send(wish, form, 0)
        for other in others:
            told = "done" if other.result() == "done" else told
        return told

    def _send(self, wish: Wish, form: dict[str, str], clerk: int) -> str:
        self._count("posts")
        return self._heard(self.crowd.send(wish.address, form, wish.bill.staff[clerk], **SCRIPT))

    def _heard(self, answer: Any) -> str:
        if answer is None or answer.status >= 500:
            self._count("lost")
            return "lost"
        self._count("accepted" if answer.status in (204, 302) else f"http_{answer.status}")
        return "done" if answer.status in (204, 302) else "refused"

    def _release(self, wish: Wish) -> str:
        """The second person, if the refund waits for one; "released", "cancelled" or ""."""
        if wish.bill.amount + LARGEST_EDIT <= TWO_PEOPLE_ABOVE:
            return ""
        for _ in range(TRIES):
            page = self.crowd.ask(
                f"/{wish.bill.company}/invoices/{wish.bill.public_id}/", wish.bill.staff[1]
            )
            if page is None or page.status != 200:
                continue
            waiting = RELEASE.search(page.data.decode())
            if waiting is None:
                return ""
            told = self._decide(wish, waiting.group())
            if told != "lost":
                return told
        return ""

    def _decide(self, wish: Wish, address: str) -> str:
        """A second person releases; sometimes a third one, or the requester, tries at the same
        time.
        """
        crowd, drawn = self.crowd, wish.dice.random()
        if drawn < 0.1:
            self._count("released_by_oneself")
            crowd.send(address, RELEASED, wish.bill.staff[0], **SCRIPT)
        third = None
        if drawn > 0.7:
            against = drawn > 0.85
            self._count("race_release_cancel" if against else "race_two_release")
            form = CANCELLED if against else RELEASED
            third = crowd.more.submit(crowd.send, address, form, wish.bill.staff[2], **SCRIPT)
        self._count("release")
        told = self._heard(crowd.send(address, RELEASED, wish.bill.staff[1], **SCRIPT))
        if third is not None:
            third.result()
            return "cancelled" if told == "refused" else told
        return "released" if told == "done" else told

    def release_at_last(self, company: str, refund: str, session: str) -> None:
        """After the faults: release what nobody has released."""
        self._count("released_at_last")
        self.crowd.send(f"/{company}/refunds/{refund}/release/", RELEASED, session, **SCRIPT)

    def _count(self, what: str) -> None:
        self.crowd.counts[f"office_{what}"] += 1


RELEASED = {"decision": "release", "confirm_password": PASSWORD}
CANCELLED = {"decision": "cancel", "confirm_password": PASSWORD}


def value_of(page: str, name: str) -> str:
    """The value of a field of the page."""
    found = re.search(FIELD.format(name, name), page)
    return (found.group(1) or found.group(2) or "") if found else ""
