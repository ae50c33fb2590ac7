"""Every setting of Textpay, read from the environment or from `.env` beside manage.py.

`.env.example` lists each name with a comment; textpay/checks.py refuses an unsafe production.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from celery.schedules import crontab

from textpay import logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(exist_ok=True)

env = environ.Env()
_env_file = Path(os.environ.get("ENV_FILE", BASE_DIR / ".env"))
if _env_file.is_file():
    env.read_env(_env_file)

# --- Who and where we are ------------------------------------------------------------------
SECURE = env.bool("SECURE", default=True)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://localhost:8000").rstrip("/")
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# --- Keys, newest first --------------------------------------------------------------------
FIELD_KEYS = env.list("FIELD_KEYS", default=[])
LINK_KEYS = env.list("LINK_KEYS", default=[])
NUMBER_KEYS = env.list("NUMBER_KEYS", default=[])

# --- The outside world ---------------------------------------------------------------------
CARDCONNECT_URL = env.str("CARDCONNECT_URL", default="https://{site}.cardconnect.com").rstrip("/")
TWILIO_URL = env.str("TWILIO_URL", default="https://api.twilio.com").rstrip("/")
# Twilio Lookup has a host of its own; a simulated Twilio serves both.
LOOKUPS_URL = env.str(
    "LOOKUPS_URL",
    default=TWILIO_URL if "twilio.com" not in TWILIO_URL else "https://lookups.twilio.com",
).rstrip("/")
INTEGRATED_PAYMENTS_URL = env.str("INTEGRATED_PAYMENTS_URL", default="")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default="support@localhost")
PRACTICE_MODE = env.bool("PRACTICE_MODE", default=False)
# Seconds between two polls of one settlement, or of one account's bank returns.
BANK_LOOK_SECONDS = env.int("BANK_LOOK_SECONDS", default=30 if PRACTICE_MODE else 900)
# The same for a bank payment that is under way: its return is in the reports.
BANK_INQUIRE_SECONDS = env.int("BANK_INQUIRE_SECONDS", default=86_400)
PRACTICE_PHONE_URL = env.str("PRACTICE_PHONE_URL", default="")

# --- The house -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "textpay",
    "payments",
    "sms",
    "invoices",
    "customers",
    "audit",
    "tenants",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "textpay.headers.PermissionsPolicyMiddleware",  # also of static files
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.plain_text.PlainTextMiddleware",
    "tenants.addresses.CompanyAddressMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "textpay.headers.NotCachedMiddleware",
    "tenants.idle.IdleMiddleware",
    "tenants.middleware.TenantMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "textpay.urls"
COMPANY_URLCONF = "textpay.company_urls"  # below a company's short name
WSGI_APPLICATION = "textpay.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context.shell",
                "audit.context.calendar",
            ],
        },
    },
]

# --- Database ------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR}/textpay.sqlite3")}
DATABASES["default"].setdefault("ATOMIC_REQUESTS", False)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Three processes share the file: write-ahead log, and the write lock is taken at once.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache: sign-in limits and throttles must be shared by every process -------------------
CACHE_URL = env.str("CACHE_URL", default=env.str("REDIS_URL", default=""))
if CACHE_URL.startswith(("redis://", "rediss://", "unix://")):
    _cache = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
else:  # refused in production
    _cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
CACHES = {"default": {**_cache, "KEY_PREFIX": "textpay"}}

# --- Staff sign-in -------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {},
        "MinimumLengthValidator": {"min_length": 12},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "front_door"
ACCOUNT_ADAPTER = "tenants.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by an administrator, never by signing up
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no letters to addresses that strangers type
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Textpay: "  # not the Host header
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False  # a sign-in ends with the browser, or earlier: see tenants/idle.py
ACCOUNT_FORMS = {
    "login": "tenants.account_forms.LoginForm",
    "change_password": "tenants.account_forms.ChangePasswordForm",
    "set_password": "tenants.account_forms.SetPasswordForm",
    "reset_password": "tenants.account_forms.ResetPasswordForm",
    "reset_password_from_key": "tenants.account_forms.ResetPasswordKeyForm",
    "reauthenticate": "tenants.account_forms.ReauthenticateForm",
}
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": None,  # tenants/adapter.py counts wrong passwords
    "reset_password": "20/m/ip,5/m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# --- Cookies and headers -------------------------------------------------------------------
SESSION_COOKIE_NAME = "__Host-textpay" if SECURE else "textpay"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 12  # tenants/idle.py ends a sign-in then, used or not
# Minutes without typing or clicking until the password is required again.
IDLE_MINUTES = env.int("IDLE_MINUTES", default=720 if PRACTICE_MODE else 15)
CSRF_COOKIE_NAME = "__Host-textpay-csrf" if SECURE else "textpay-csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "tenants.kept_forms.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # requested by the container, over plain HTTP
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = [
    "security.W021"
]  # preloading is a promise that only the domain's owner can make
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"


def _frame_source(url: str) -> str:
    """The origin of the payment frame; `{site}` becomes a wildcard, narrowed per page."""
    parts = urlsplit(url.replace("{site}", "site-of-the-tenant"))
    return f"{parts.scheme}://{parts.netloc}".replace("site-of-the-tenant", "*")


CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-src": [_frame_source(CARDCONNECT_URL)],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# --- What a request may weigh --------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Words, times, files -------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = VAR_DIR / "media"

# --- Email --------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Textpay <textpay@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- API -----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["textpay.json_parser.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "600/min"},
    "NUM_PROXIES": TRUSTED_PROXIES,
    "COERCE_DECIMAL_TO_STRING": True,
    "EXCEPTION_HANDLER": "textpay.api.error_with_words",
}

# --- Celery: the database is the queue of record, the broker only makes work prompt --------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="memory://")  # refused in production
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 3
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300}
if "redis" in CELERY_BROKER_URL.split(":")[0]:
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 3,
        "retry_on_timeout": True,
    }
CELERY_TASK_PUBLISH_RETRY = (
    False  # a broker that is down must not delay a page: the sweep sends the work
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 240
CELERY_DB_REUSE_MAX = 10**9  # tasks before Celery itself closes a connection, see celery.py
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
CELERY_IMPORTS = ["sms.reminders.run"]  # beside every app's tasks.py
CELERY_BEAT_SCHEDULE = {
    "send what a crash left": {
        "task": "sms.tasks.sweep",
        "schedule": 15,
        "options": {"expires": 15},
    },
    "go on with bulk sends": {
        "task": "sms.tasks.run_bulk_sends",
        "schedule": 3,
        "options": {"expires": 3},
    },
    "send the reminders that are due": {
        "task": "sms.reminding.remind_everybody",
        "schedule": 120,
        "options": {"expires": 120},
    },
    "settle unknown charges": {
        "task": "payments.tasks.settle_unknown",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "settle refunds": {
        "task": "payments.tasks.settle_refunds",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "see what settled and what came back": {
        "task": "payments.tasks.settle_bank_payments",
        "schedule": 20,
        "options": {"expires": 20},
    },
    # What is due at night, and from when, is in payments/reconciliation/nightly.py.
    "match the money with CardConnect": {
        "task": "payments.tasks.match_everybody",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "verify the money": {
        "task": "payments.tasks.verify_money",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "send emails that were left behind": {
        "task": "invoices.tasks.sweep_emails",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "expire payment links": {
        "task": "invoices.tasks.expire_links",
        "schedule": 60,
        "options": {"expires": 60},
    },
    # The rules are in textpay/housekeeping.py. In UTC, at night in the United States.
    "remove what nobody needs any more": {
        "task": "textpay.tasks.housekeep",
        "schedule": crontab(hour=7, minute=40),
        "options": {"expires": 3600},
    },
}

# --- Logs ----------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logs.configuration(LOG_LEVEL)
