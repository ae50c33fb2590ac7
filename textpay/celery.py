"""The Celery application. Tasks live in each app's tasks.py; the timetable is in settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

from textpay import checks
from textpay.broker import register

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textpay.settings")

register()
app = Celery("textpay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_unsafe_settings(**_: Any) -> None:
    """A worker obeys the same start-up checks as the web server."""
    checks.refuse_unsafe_settings()
