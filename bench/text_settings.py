"""The product's own settings for the bench of texts; its sweeps run as often as in production."""

from textpay.settings import *  # noqa: F403
from textpay.settings import CELERY_BEAT_SCHEDULE, INSTALLED_APPS, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "bench.text_apps.TextBenchConfig"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_BEAT_SCHEDULE = {
    name: entry for name, entry in CELERY_BEAT_SCHEDULE.items() if entry["task"].startswith("sms.")
}
