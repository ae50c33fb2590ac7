"""The product's own settings for the bench: shorter waits, sweeps more often, nothing else."""

import os

from textpay.settings import *  # noqa: F403
from textpay.settings import INSTALLED_APPS, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "bench.apps.BenchConfig"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ACCOUNT_RATE_LIMITS = False
BANK_LOOK_SECONDS = BANK_INQUIRE_SECONDS = int(os.environ.get("BENCH_LOOK_SECONDS", "2"))
CELERY_BEAT_SCHEDULE = {
    "settle unknown charges": {
        "task": "payments.tasks.settle_unknown",
        "schedule": 0.5,
        "options": {"expires": 5},
    },
    "settle refunds": {
        "task": "payments.tasks.settle_refunds",
        "schedule": 0.5,
        "options": {"expires": 5},
    },
    "see what settled and what came back": {
        "task": "payments.tasks.settle_bank_payments",
        "schedule": 1,
        "options": {"expires": 5},
    },
    "expire payment links": {
        "task": "invoices.tasks.expire_links",
        "schedule": 5,
        "options": {"expires": 5},
    },
}
