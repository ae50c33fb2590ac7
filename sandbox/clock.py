"""The gateway's clock: real time, plus the offset that tests have set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta

from django.utils import timezone

_ahead = timedelta(0)
_then: ContextVar[datetime | None] = ContextVar("then", default=None)


def now() -> datetime:
    """Return the gateway's time."""
    return _then.get() or timezone.now() + _ahead


@contextmanager
def then(moment: datetime) -> Iterator[None]:
    """Let this thread, and no other, write with a time of the past."""
    token = _then.set(moment)
    try:
        yield
    finally:
        _then.reset(token)


def today() -> date:
    """Return the gateway's date in its time zone."""
    return timezone.localtime(now()).date()


def ahead() -> float:
    """Return how many seconds the gateway is ahead of real time."""
    return _ahead.total_seconds()


def set_ahead(seconds: float) -> None:
    """Put the clock this far ahead of real time; nothing at the gateway runs backwards."""
    global _ahead
    if not 0 <= seconds <= 10 * 365 * 86400:
        raise ValueError("the clock goes forward, ten years at most")
    _ahead = timedelta(seconds=seconds)
