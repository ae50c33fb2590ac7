"""The nights: batches settle, deposits arrive, and banks return payments."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import Counter
from typing import Any

from bench.office import Office
from bench.world import World

SHORT, LONG = 8.0, 20.0  # seconds between two nights
A_DAY = 25  # payers, at least
RETURNED, TOLD_TWICE = 0.35, 0.3
CODES = ["R01", "R02", "R03", "R10", "R16", "R29"]
BANK_PAYMENTS = """
    SELECT retref FROM sandbox_charge
    WHERE account_kind = 'ach' AND kind = 'sale' AND respstat = 'A' ORDER BY id
"""


class Banks:
    """Everything that happens to money at night, by the gateway's own ledger."""

    def __init__(self, world: World, office: Office, seed: int) -> None:
        self.world, self.office = world, office
        self.dice = random.Random(f"{seed}:banks")
        self.counts: Counter[str] = Counter()
        self.plans: dict[str, int] = {}  # the night on which a payment is returned
        self.night = 0

    def work(self, stop: threading.Event) -> None:
        """One night after another; on a slow machine the days are longer."""
        until = self.office.crowd.done + A_DAY
        while not stop.wait(self.dice.uniform(SHORT, LONG)):
            if self.office.crowd.done >= until:
                self.one_night()
                until = self.office.crowd.done + A_DAY

    def one_night(self) -> None:
        """Some payments are returned before the batch settles, some after, some when paid out."""
        self.night += 1
        self._send_back()
        self._order("close-batch")
        if self.night % 2:
            self._order("fund")
        self.office.next_night()

    def last_night(self) -> None:
        """Complete all planned returns, at least one, and pay everything out."""
        self.plans = {retref: min(night, 1) for retref, night in self.plans.items()}
        self.one_night()
        for retref in self._bank_payments():
            if self.counts["return"]:
                break
            self._order("return", retref=retref, code="R01")
        self._order("fund")

    def _order(self, what: str, **body: Any) -> bool:
        """Make the sandbox's gateway or bank do something."""
        done = self.world.control(what, body)
        self.counts[what if done else f"{what} refused"] += 1
        return done

    def _send_back(self) -> None:
        for retref in self._bank_payments():
            if retref not in self.plans:
                comes = self.dice.random() < RETURNED
                self.plans[retref] = self.night + self.dice.randint(0, 3) if comes else 0
            if self.plans[retref] and self.plans[retref] <= self.night:
                self.plans[retref] = 0
                code = self.dice.choice(CODES)
                back = self._order("return", retref=retref, code=code)
                if back and self.dice.random() < TOLD_TWICE:
                    self._order("return", retref=retref, code=code, again=True)

    def _bank_payments(self) -> list[str]:
        with sqlite3.connect(f"file:{self.world.ledger}?mode=ro", uri=True) as ledger:
            return [row[0] for row in ledger.execute(BANK_PAYMENTS)]
