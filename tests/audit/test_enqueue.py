"""What is handed to the broker."""

from __future__ import annotations

import pytest

from audit.enqueue import enqueue


class Task:
    name = "some.task"

    def __init__(self):
        self.sent = []

    def apply_async(self, **options):
        self.sent.append(options)


@pytest.mark.django_db(transaction=True)
def test_no_message_waits_at_the_broker_for_longer_than_a_minute():
    """Redis would hand it to a second worker after its visibility timeout."""
    task = Task()
    enqueue(task, 1, wait=60)
    with pytest.raises(ValueError, match="due moment"):
        enqueue(task, 2, wait=61)
    assert [options["args"] for options in task.sent] == [(1,)]
