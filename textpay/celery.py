"""The Celery application. Tasks are in each app's tasks.py; the schedule is in settings."""

import os

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
def refuse_unsafe_settings(**_: object) -> None:
    """Apply the start-up checks of the web server to workers."""
    checks.refuse_unsafe_settings()


@task_prerun.connect
@task_postrun.connect
def keep_connection(sender: Task, **_: object) -> None:
    """Keep a thread's database connection for up to CONN_MAX_AGE seconds, as a request does.

    Checked before it is used. CELERY_DB_REUSE_MAX keeps Celery from closing it each time.
    """
    if not sender.request.is_eager:  # one that runs eagerly shares its caller's transaction
        close_old_connections()
