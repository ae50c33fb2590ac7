"""The Celery application. Tasks live in each app's tasks.py; the timetable is in settings."""

import os
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, task_postrun, task_prerun, worker_init
from django.db import close_old_connections

from textpay import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textpay.settings")

app = Celery("textpay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_unsafe_settings(**_: Any) -> None:
    """A worker obeys the same start-up checks as the web server."""
    checks.refuse_unsafe_settings()


@task_prerun.connect
@task_postrun.connect
def keep_connection(sender: Task, **_: Any) -> None:
    """A task uses its thread's database connection as a request does: up to CONN_MAX_AGE seconds,
    looked after before it is used. CELERY_DB_REUSE_MAX keeps Celery from closing it each time."""
    if not sender.request.is_eager:  # one run in place shares its caller's transaction
        close_old_connections()
