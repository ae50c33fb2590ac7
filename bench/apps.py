"""Shortens the product's waits in the bench's own processes, and kills them at random."""

from __future__ import annotations

import datetime as dt
import os
import random
import sys
from typing import Any

from django.apps import AppConfig

from bench import killing

WAITS = {"NOT_FOUND_AFTER", "INQUIRE_AFTER", "LEASE"}
PATIENCE = {"DEADLINE_SECONDS", "CONNECT_SECONDS"}
PAUSES = {"PAUSES": (1, 2, 4, 6), "SLOW_PAUSES": (4, 4, 6, 6)}


class BenchConfig(AppConfig):
    """The one app that the bench adds to the product's own."""

    name = "bench"

    def ready(self) -> None:
        """Scale every wait of the payment protocol, in each module that imported it."""
        from payments.settlement import banking_days  # noqa: PLC0415  after Django's own start

        scale = float(os.environ["BENCH_SCALE"])
        banking_days.after = lambda day, count: day  # a banking day passes between two polls
        for name, module in list(sys.modules.items()):
            if name.startswith("payments."):
                compress(module, scale)
        chance = float(os.environ.get("BENCH_KILL_CHANCE", "0"))
        if chance:
            killing.at_random(chance, random.SystemRandom())


def compress(module: Any, scale: float) -> None:
    """Shorten one module's constants."""
    for name, value in list(vars(module).items()):
        if name in WAITS:
            setattr(module, name, value / scale)
        elif name in PATIENCE:
            setattr(module, name, max(value / scale, 2.0))
        elif name in PAUSES:
            setattr(module, name, [dt.timedelta(seconds=seconds) for seconds in PAUSES[name]])
        elif name == "MAX_DECLINES_PER_HOUR":
            setattr(module, name, 50)
