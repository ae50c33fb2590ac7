"""A small Celery application for the broker's test: run as a real worker in a process of its own.

`python -m celery -A tests.tooling.worker_app worker`, with FOLDER naming where it works.
"""

import os
import time
from pathlib import Path

from celery import Celery

from textpay.broker import register

register()
FOLDER = Path(os.environ.get("FOLDER", "/nonexistent"))
os.environ["CELERY_BROKER_URL"] = f"safefs://{FOLDER}/broker"  # wins over any other address

app = Celery("broker-test")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
)


@app.task
def note(number: int) -> None:
    """Leave a mark that the task ran."""
    (FOLDER / "done" / str(number)).touch()


@app.task
def hold(number: int) -> None:
    """Say that the task began, then wait to be released; run anew, it ends at once."""
    (FOLDER / "begun" / str(number)).touch()
    while not (FOLDER / "release").exists():
        time.sleep(0.02)
    note(number)
