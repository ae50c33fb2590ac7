"""Empties the tables after a test that really commits; Django's own flush takes a second.

TRUNCATE makes new files for every table and index, and the signal after it makes every content
type and permission anew. The tests leave a few rows in a few tables: DELETE takes milliseconds.
"""

from __future__ import annotations

from django.core.management import CommandError
from django.db import DatabaseError, connection, transaction
from django.test import TransactionTestCase

# Made once by `migrate`, and no test changes them.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
_django_flush = TransactionTestCase._fixture_teardown


def empty_tables(case: TransactionTestCase) -> None:
    """Delete every row, and try again after a deadlock with a page that is still being answered.

    An open page asks for news every second; the server may still be at its last question when the
    test has ended, and PostgreSQL then ends one of the two.
    """
    for _ in range(3):
        try:
            return _empty(case)
        except (CommandError, DatabaseError) as error:
            if "deadlock detected" not in f"{error} {error.__cause__}":
                raise
    return _empty(case)


def _empty(case: TransactionTestCase) -> None:
    if connection.vendor != "postgresql" or not _is_superuser():
        return _django_flush(case)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(";".join(_statements(tables())))
    return None


def tables() -> list[str]:
    """The names of all tables that are emptied, quoted, in the order in which they are locked."""
    names = connection.introspection.django_table_names(include_views=False)
    return [connection.ops.quote_name(name) for name in names if name not in KEPT]


def _statements(tables: list[str]) -> list[str]:
    return [
        # Rows that a transaction has written but not committed would escape DELETE.
        f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE",
        # Without foreign keys, the order is free; without triggers, what is append-only goes too.
        "SET LOCAL session_replication_role = replica",
        *(f"DELETE FROM {table}" for table in tables),
    ]


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
