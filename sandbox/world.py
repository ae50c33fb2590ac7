"""The present behavior of the gateway: its switches, its rate limit and its fault plan."""

from __future__ import annotations

import math
import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings

from sandbox import clock
from sandbox.models import Event, note

LIMITED = ("funding", "inquire", "profile", "settlestat")
WINDOW_SECONDS = 60


@dataclass
class Switches:
    """What the vendor's test system does to responses, and how many calls a minute it accepts."""

    shuffle: bool = field(default_factory=lambda: settings.NOISE)
    inject: bool = field(default_factory=lambda: settings.NOISE)
    per_minute: int = 0  # 0 is no limit; the vendor's test system takes 20


@dataclass
class Plan:
    """Random faults: each call of a target draws from the seed and its own number."""

    seed: int = 0
    mix: dict[str, float] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    calls: int = 0

    def draw(self, number: int) -> str:
        """Return the fault of call `number`, or "". Weights below a sum of 1 leave the rest be."""
        point = random.Random(f"{self.seed}:{number}").random()  # noqa: S311 - replayable
        point *= max(1.0, sum(self.mix.values()))
        for name, weight in sorted(self.mix.items()):
            point -= weight
            if point < 0:
                return "" if name == "none" else name
        return ""


class Limiter:
    """Counts the calls of each caller over the last minute."""

    def __init__(self) -> None:
        self.calls: dict[str, deque[float]] = {}
        self.lock = threading.Lock()

    def left(self, caller: str, most: int) -> tuple[int, int]:
        """Count this call; return (calls left, seconds to wait), the wait 0 when it may pass."""
        moment = clock.now().timestamp()
        with self.lock:
            calls = self.calls.setdefault(caller, deque())
            while calls and calls[0] <= moment - WINDOW_SECONDS:
                calls.popleft()
            if len(calls) >= most:
                return 0, max(1, math.ceil(calls[0] + WINDOW_SECONDS - moment))
            calls.append(moment)
            return most - len(calls), 0


_lock = threading.Lock()
switches = Switches()
limiter = Limiter()
_plan = Plan()


def reset() -> None:
    """Reset to the initial state: real time, no plan, no limit."""
    global _plan, limiter
    clock.set_ahead(0)
    limiter = Limiter()
    _plan = Plan()
    for name, value in asdict(Switches()).items():
        setattr(switches, name, value)


def restore() -> None:
    """Put the clock where the trail says it was before a restart."""
    clock.set_ahead(sum(e.data["seconds"] for e in Event.objects.filter(kind="clock")))


def advance(seconds: float) -> None:
    """Move the clock on and remember it."""
    if seconds < 0:
        raise ValueError("the clock goes forward")
    with _lock:
        clock.set_ahead(clock.ahead() + seconds)
    note("clock", "advance", seconds=seconds)


def switch(data: Mapping[str, Any]) -> dict[str, Any]:
    """Change the switches named and return all of them."""
    unknown = set(data) - set(asdict(switches))
    if unknown:
        raise ValueError(f"unknown switches: {sorted(unknown)}")
    for name in ("shuffle", "inject"):
        setattr(switches, name, bool(data.get(name, getattr(switches, name))))
    switches.per_minute = int(data.get("per_minute", switches.per_minute))
    return asdict(switches)


def make_plan(data: Mapping[str, Any]) -> dict[str, Any]:
    """Begin a fault plan, its calls counted from 1; an empty object ends it."""
    global _plan
    mix = {str(name): float(weight) for name, weight in dict(data.get("mix") or {}).items()}
    if any(not 0 <= weight < math.inf for weight in mix.values()):
        raise ValueError("a weight is a number from 0 up")
    seconds = {str(name): float(wait) for name, wait in dict(data.get("seconds") or {}).items()}
    targets = [str(name) for name in data.get("targets") or ["gateway"]]
    with _lock:
        _plan = Plan(int(data.get("seed", 0)), mix, targets if mix else [], seconds)
        return asdict(_plan)


def plan() -> dict[str, Any]:
    """Return the plan and how many calls it has counted."""
    return asdict(_plan)


def planned(names: list[str]) -> tuple[int, str, float]:
    """Count a call known by these names; return (its number, its fault or "", seconds)."""
    with _lock:
        current = _plan
        if not current.mix or not set(current.targets) & set(names):
            return 0, "", 0.0
        current.calls += 1
        number = current.calls
    name = current.draw(number)
    return number, name, current.seconds.get(name, 0.0)
