"""Settings of the sandbox: a Django project of its own that shares nothing with the product."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent

# A simulation holds no secret worth protecting; the fixed value spares a newcomer one more setting.
SECRET_KEY = os.environ.get("SANDBOX_SECRET_KEY") or "sandbox-only-and-no-secret-at-all"
DEBUG = False
# Reached as localhost, as a compose service name and from a real phone on the same network.
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = ["django.contrib.staticfiles", "sandbox"]
MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "sandbox.middleware.BrowserGuard",
    "sandbox.middleware.FaultInjector",
]
ROOT_URLCONF = "sandbox.urls"
WSGI_APPLICATION = "sandbox.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASE_FILE = Path(os.environ.get("SANDBOX_DATABASE") or "var/sandbox.sqlite3").absolute()
DATABASE_FILE.parent.mkdir(parents=True, exist_ok=True)
# A bench may trade the safety of a power cut for speed.
FAST = (os.environ.get("SANDBOX_FAST") or "0") == "1"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE_FILE,
        "CONN_MAX_AGE": None,
        # IMMEDIATE makes every transaction queue for the write lock at its start, so two
        # captures or refunds of one charge can never both read the old amount.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous="
            + ("OFF;" if FAST else "NORMAL;"),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = os.environ.get("SANDBOX_TIME_ZONE") or "America/New_York"
LANGUAGE_CODE = "en-us"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {
        # Declines and refusals are normal responses here, not warnings.
        "django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        "sandbox": {"handlers": ["console"], "level": "INFO"},
    },
}

# The accepted merchants. "merchid:username:password[:flags]", or the same as a JSON list of
# objects.
MERCHANTS = os.environ.get("SANDBOX_CARDCONNECT_MERCHANTS") or (
    "496160873888:testing:testing123:ach,800000009033:testing:testing123:rpct+surcharge3"
    ",800000001078:testing:testing123:ach,800000004402:testing:testing123:ach"
)
# "ACsid:authtoken:+1from[|+1from2|MGsid]", or a JSON list of objects.
TWILIO_ACCOUNTS = os.environ.get("SANDBOX_TWILIO_ACCOUNTS") or (
    "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d:sandbox-auth-token:+19785550190"
    "|MG5a4db0c5a4db0c5a4db0c5a4db0c5a4d|+13125550190|+13035550190"
)

DELIVERY_SECONDS = float(os.environ.get("SANDBOX_DELIVERY_SECONDS") or "0.4")
# The real gateway answers "Timed out" after 32 seconds; a shorter wait is enough here.
TIMEOUT_SECONDS = float(os.environ.get("SANDBOX_TIMEOUT_SECONDS") or "0")
# How long the control number for "accepted, but the response is slow" waits.
SLOW_SECONDS = float(os.environ.get("SANDBOX_SLOW_SECONDS") or "20")
# The vendor's test system shuffles fields and adds unknown ones, so that clients learn to cope.
NOISE = (os.environ.get("SANDBOX_NOISE") or "1") == "1"
SMTP_HOST = os.environ.get("SANDBOX_SMTP_HOST") or "127.0.0.1"
SMTP_PORT = int(os.environ.get("SANDBOX_SMTP_PORT") or "0")
PRODUCT_URL = os.environ.get("SANDBOX_PRODUCT_URL") or ""
