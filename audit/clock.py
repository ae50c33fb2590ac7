"""Which time it is: the database's for money and history, and the calendar's for what waits on it.

In practice mode the calendar can be set ahead, so that reminders, quiet hours and the end of a link
can be watched. Payments and the history keep the real time, as the gateway does.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, ExpressionWrapper, Func
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

log = logging.getLogger(__name__)

AHEAD = "calendar-ahead"
NO_TIME = dt.timedelta(0)
FURTHEST = dt.timedelta(days=400)


class NotInPractice(Exception):
    """Somebody tried to move the calendar of an installation that moves real money."""


class DbNow(Func):
    """The database's wall clock at the moment the row is read.

    PostgreSQL's NOW() is the start of the transaction, which may have waited for a lock;
    CLOCK_TIMESTAMP() is not. SQLite has no server, so the process's clock is its clock.
    """

    template = "CLOCK_TIMESTAMP()"
    output_field = DateTimeField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: object
    ) -> tuple[str, tuple[str]]:
        """SQLite compares times as text, so give it the text that Django stores."""
        return "%s", (str(connection.ops.adapt_datetimefield_value(timezone.now())),)


def db_now() -> dt.datetime:
    """The database's time now, aware, in UTC."""
    return _ask_database()


def _ask_database() -> dt.datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment.astimezone(dt.UTC)


def now() -> dt.datetime:
    """The calendar's time by this server's clock: for texts, quiet hours, due dates."""
    return timezone.now() + ahead()


def today(zone: dt.tzinfo) -> dt.date:
    """The calendar's day in a company's time zone: what due dates are compared with."""
    return now().astimezone(zone).date()


def link_now() -> dt.datetime:
    """The calendar's time by the database's clock, which decides when a link lapses."""
    return db_now() + ahead()


def link_now_in_sql() -> Combinable:
    """The same, read together with the row it is compared with."""
    shift = ahead()
    return ExpressionWrapper(DbNow() + shift, DateTimeField()) if shift else DbNow()


def on_the_wall(moment: dt.datetime) -> dt.datetime:
    """When the wall's clock will read what the calendar calls `moment`."""
    return moment - ahead()


def ahead() -> dt.timedelta:
    """How far the calendar is set ahead; never anything outside practice mode."""
    return stored() if settings.PRACTICE_MODE else NO_TIME


def stored() -> dt.timedelta:
    """What the cache says of it, which counts in practice mode only: see `ahead`."""
    try:
        return dt.timedelta(seconds=cache.get(AHEAD, 0))
    except Exception:  # whatever kind of cache it is: without it, the real time goes on
        log.warning("The cache is out of reach; the calendar shows the real time")
        return NO_TIME


def move(moment: dt.datetime | None) -> None:
    """Set the calendar to `moment`; None, or a moment that has passed, is the real time.

    Raises NotInPractice outside practice mode and ValueError for more than 400 days ahead.
    """
    if not settings.PRACTICE_MODE:
        raise NotInPractice
    shift = max(moment - timezone.now(), NO_TIME) if moment else NO_TIME
    if shift > FURTHEST:
        raise ValueError("The calendar can be set at most 400 days ahead.")
    cache.set(AHEAD, shift.total_seconds(), timeout=None)
