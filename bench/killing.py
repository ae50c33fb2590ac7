"""kill -9 at a chosen place: before or after a statement, or around the call to the gateway.

Installed from outside, by tests and by the bench's own processes; the product has no part in it.
"""

from __future__ import annotations

import http.client
import os
import random
import select
import signal
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

Execute = Callable[..., Any]
REFUND_DANGER = 10


def die(*_: Any, **__: Any) -> Any:
    """End as in a power failure: no handler runs."""
    tally = os.environ.get("BENCH_DEATHS")
    if tally:
        with open(tally, "ab") as book:
            book.write(b".")
    os.kill(os.getpid(), signal.SIGKILL)


def before_reading(*, sent: Callable[[], bool] = lambda: True) -> None:
    """Die after the gateway has acted and its response, or its timeout, has arrived."""

    def getresponse(self: http.client.HTTPConnection, *_: Any, **__: Any) -> Any:
        select.select([self.sock], [], [], 20)
        die()

    http.client.HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]


def at_statement(number: int) -> None:
    """Die right before this connection's statement with that number, counted from 0."""
    seen = iter(range(1_000_000))

    def counted(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:
        if next(seen) == number:
            die()
        return execute(sql, params, many, context)

    connection.execute_wrappers.append(counted)


def inside_the_outcome() -> None:
    """Die when the payment's new status is written and not committed."""

    def watched(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith('UPDATE "payments_payment"') and '"status" =' in sql.split("WHERE")[0]:
            die()
        return result

    connection.execute_wrappers.append(watched)


def at_random(chance: float, dice: random.Random) -> None:
    """Die before or after any statement of any connection of this process, at random.

    Refunds are few, so the chance is higher for their own statements.
    """

    def thrown(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:
        doomed = dice.random() < chance * (REFUND_DANGER if "payments_refund" in sql else 1)
        if doomed and dice.random() < 0.5:
            die()
        result = execute(sql, params, many, context)
        if doomed:
            die()
        return result

    def connected(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(thrown)

    connection_created.connect(connected, weak=False, dispatch_uid="bench.killing")
