"""The one clock that decides when a link lapses: the database's, so no server's drift counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func
from django.utils import timezone


class DbNow(Func):
    """The database's wall clock at the moment the row is read.

    PostgreSQL's NOW() is the start of the transaction, which may have waited for a lock;
    CLOCK_TIMESTAMP() is not. SQLite has no server, so the process's clock is its clock.
    """

    template = "CLOCK_TIMESTAMP()"
    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite compares times as text, so give it the text that Django stores."""
        return "%s", (connection.ops.adapt_datetimefield_value(timezone.now()),)


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
