"""Writes the ledger: one writer at a time, and an event trail that only grows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

# SQLite's own queue for its write lock sleeps and polls; threads of one process can do better.
_turn = threading.RLock()

FREEZE = (
    "CREATE TRIGGER event_never_changes BEFORE UPDATE ON sandbox_event "
    "BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
    "CREATE TRIGGER event_never_goes BEFORE DELETE ON sandbox_event "
    "BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
)
THAW = (
    "DROP TRIGGER IF EXISTS event_never_changes",
    "DROP TRIGGER IF EXISTS event_never_goes",
)


@contextmanager
def writing() -> Iterator[None]:
    """Take the write lock: everything inside is one transaction, and no other thread writes."""
    with _turn, transaction.atomic():
        yield


@contextmanager
def new_ledger() -> Iterator[None]:
    """Let a reset empty the trail; the only way, closed again in the same transaction."""
    with writing(), connection.cursor() as cursor:
        for statement in THAW:
            cursor.execute(statement)
        yield
        for statement in FREEZE:
            cursor.execute(statement)
