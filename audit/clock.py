"""The clocks: the database's for money and history, the calendar for scheduled work.

In practice mode the calendar can be set ahead, to see reminders, quiet hours and the expiration of
links happen. Payments and history keep the real time, as the gateway does.
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
    """The calendar of a production installation cannot be moved."""


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
        """SQLite compares times as text, so produce the text that Django stores."""
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
    """The calendar's time by this server's clock: for texts, quiet hours and due dates."""
    return timezone.now() + ahead()


def today(zone: dt.tzinfo) -> dt.date:
    """The calendar's date in a tenant's time zone, which due dates are compared with."""
    return now().astimezone(zone).date()


def link_now() -> dt.datetime:
    """The calendar's time by the database's clock, which decides when a link expires."""
    return db_now() + ahead()


def link_now_in_sql() -> Combinable:
    """The same as an SQL expression, read together with the row it is compared with."""
    shift = ahead()
    return ExpressionWrapper(DbNow() + shift, DateTimeField()) if shift else DbNow()


def on_the_wall(moment: dt.datetime) -> dt.datetime:
    """The real time at which the calendar reaches `moment`."""
    return moment - ahead()


def ahead() -> dt.timedelta:
    """How far the calendar is set ahead; zero outside practice mode."""
    return stored() if settings.PRACTICE_MODE else NO_TIME


def stored() -> dt.timedelta:
    """The offset in the cache, which counts in practice mode only: see `ahead`."""
    try:
        return dt.timedelta(seconds=cache.get(AHEAD, 0))
    except Exception:  # any cache backend's error; without it, the real time counts
        log.warning("The cache is out of reach; the calendar shows the real time")
        return NO_TIME


def move(moment: dt.datetime | None) -> None:
    """Set the calendar to `moment`; None, or a past moment, resets it to the real time.

    Raises NotInPractice outside practice mode and ValueError for more than 400 days ahead.
    """
    if not settings.PRACTICE_MODE:
        raise NotInPractice
    shift = max(moment - timezone.now(), NO_TIME) if moment else NO_TIME
    if shift > FURTHEST:
        raise ValueError("The calendar can be set at most 400 days ahead.")
    cache.set(AHEAD, shift.total_seconds(), timeout=None)
