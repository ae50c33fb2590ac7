"""The product's own settings, with what a test run needs to be independent of `.env`."""

import os
from pathlib import Path

from tests.workers import WORKER

os.environ["ENV_FILE"] = os.devnull
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs a loop of its own
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
os.environ.update(
    SECURE="False",
    DEBUG="False",
    SECRET_KEY="only-for-tests-" + "x1y2z3" * 10,
    FIELD_KEYS="dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LTMyLWI=",
    LINK_KEYS="only-for-tests-link-key-0123456789abcdef",
    NUMBER_KEYS="only-for-tests-number-key-0123456789abcdef",
    PUBLIC_BASE_URL="http://localhost:8000",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    INTEGRATED_PAYMENTS_URL="https://integrated-payments.example/apply",
    SUPPORT_EMAIL="support@textpay.example",
    CONN_MAX_AGE="0",
)
os.environ.setdefault("LOG_LEVEL", "WARNING")

from textpay.settings import *  # noqa: F403
from textpay.settings import STORAGES, VAR_DIR

STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = Path(VAR_DIR) / "test-media" / WORKER
WHITENOISE_AUTOREFRESH = True
