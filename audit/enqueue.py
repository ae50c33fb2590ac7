"""Sends tasks to Celery after the commit; no work is lost when the broker is down."""

from __future__ import annotations

import logging

from celery import Task
from django.db import transaction

# Redis hands a message that waits longer than its visibility timeout (300 seconds) to a second
# worker, and again every 300 seconds. What is due later is a column that a sweep reads.
LONGEST_WAIT = 60

log = logging.getLogger(__name__)


def enqueue(task: Task, *args: object, wait: float = 0) -> None:
    """Send `task(*args)` to a worker after the current transaction commits, with a delay of `wait`
    seconds.

    The database row is the order to do the work; the broker only makes it prompt. When the broker
    is down, the failure is logged and the task's periodic sweep finds the row. Raises ValueError
    for a delay of more than a minute.
    """
    if wait > LONGEST_WAIT:
        raise ValueError(f"{task.name} would wait {wait} s: keep a due moment and sweep instead.")

    def send() -> None:
        try:
            if wait:
                task.apply_async(args=args, retry=False, countdown=wait)
            else:
                task.apply_async(args=args, retry=False)
        except Exception:
            log.warning("Broker unreachable; the sweep will run %s%s", task.name, args)

    transaction.on_commit(send)
