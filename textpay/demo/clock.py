"""Lets the demo's history happen on the days it speaks of. For `seed_demo` only.

The history is append-only, so its entries cannot be given their dates afterwards: they must be
written as if it were that day.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from audit import clock
from audit.clock import DbNow

# A story yields the moment at which it goes on.
Story = Iterator[dt.datetime]


@contextmanager
def on(moment: dt.datetime) -> Iterator[None]:
    """Make it `moment` for every clock that the verbs read."""

    class Stopped(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return moment.astimezone(tz)

    def in_sql(self: DbNow, compiler: Any, connection: Any, **context: Any) -> Any:
        return "%s", (connection.ops.adapt_datetimefield_value(moment),)

    with (
        patch("django.utils.timezone.datetime", Stopped),
        patch.object(clock, "_ask_database", lambda: moment),
        patch.object(DbNow, "as_sql", in_sql),
        patch.object(DbNow, "as_sqlite", in_sql),
    ):
        yield


def tell(stories: Iterable[Story], *, until: dt.datetime) -> None:
    """Let all stories happen at once, each event in its turn; what lies after `until` does not."""
    waiting = [(next(story), number, story) for number, story in enumerate(stories)]
    heapq.heapify(waiting)
    while waiting:
        moment, number, story = heapq.heappop(waiting)
        if moment > until:
            continue
        with on(moment):
            following = next(story, None)
        if following is not None:
            heapq.heappush(waiting, (following, number, story))
