"""Hands work to Celery after the commit, without letting a dead broker lose it."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction

log = logging.getLogger(__name__)


def enqueue(task: Any, *args: Any, wait: float = 0) -> None:
    """Run `task(*args)` on a worker once the present transaction has committed, `wait` seconds on.

    The database row is the order to do the work; the broker only makes it prompt. When the broker
    is down this logs and goes on, and the task's periodic sweep picks the row up.
    """

    def send() -> None:
        try:
            task.apply_async(args=args, retry=False, countdown=wait or None)
        except Exception:
            log.warning("Broker unreachable; the sweep will run %s%s", task.name, args)

    transaction.on_commit(send)
