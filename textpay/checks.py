"""Start-up checks: in production, unsafe or missing settings stop the process with a list.

"Production" is SECURE=True, which is the default.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from audit import clock
from sms.compliance.quiet_hours import overdue

Problem = tuple[str, str]


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def _fernet_keys_valid(keys: Sequence[str]) -> bool:
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        return False
    return True


def keys() -> Iterable[Problem]:
    """Rules for every installation, the demo included."""
    if not settings.FIELD_KEYS:
        yield "FIELD_KEYS", "FIELD_KEYS is missing: credentials cannot be stored encrypted."
    elif not _fernet_keys_valid(settings.FIELD_KEYS):
        yield "FIELD_KEYS", "FIELD_KEYS holds something that is not a Fernet key."
    if not settings.LINK_KEYS:
        yield "LINK_KEYS", "LINK_KEYS is missing: payment links cannot be made."
    elif min(len(key) for key in settings.LINK_KEYS) < 32:
        yield "LINK_KEYS", "LINK_KEYS holds a key of fewer than 32 characters."
    if not settings.NUMBER_KEYS:
        yield "NUMBER_KEYS", "NUMBER_KEYS is missing: opt-outs cannot be kept."
    elif min(len(key) for key in settings.NUMBER_KEYS) < 32:
        yield "NUMBER_KEYS", "NUMBER_KEYS holds a key of fewer than 32 characters."
    if not _secret_key():
        yield "SECRET_KEY", "SECRET_KEY is missing."


def _is_own_computer(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local")) or "." not in host:
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def insecure_only_at_home() -> Iterable[Problem]:
    """SECURE=False is for a demo on one's own computer or network."""
    if not _is_own_computer(settings.PUBLIC_BASE_URL):
        yield (
            "SECURE",
            "SECURE is off, but PUBLIC_BASE_URL is a public address. Set SECURE=True.",
        )


def secrets_and_switches() -> Iterable[Problem]:
    key = _secret_key()
    if len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure-"):
        yield "SECRET_KEY", "SECRET_KEY is weak: use at least 50 random characters."
    if settings.DEBUG:
        yield "DEBUG", "DEBUG is on: error pages would show secrets to strangers."
    if key and key in [*settings.FIELD_KEYS, *settings.LINK_KEYS, *settings.NUMBER_KEYS]:
        yield (
            "SECRET_KEY",
            "SECRET_KEY is also used in FIELD_KEYS, LINK_KEYS or NUMBER_KEYS: use different keys.",
        )


def addresses() -> Iterable[Problem]:
    public = urlsplit(settings.PUBLIC_BASE_URL)
    if public.scheme != "https" or not public.hostname:
        yield "PUBLIC_BASE_URL", "PUBLIC_BASE_URL must be the https:// address customers open."
    elif _is_own_computer(settings.PUBLIC_BASE_URL):
        yield "PUBLIC_BASE_URL", "PUBLIC_BASE_URL is not reachable from a customer's phone."
    if not settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS", "ALLOWED_HOSTS is empty: name the host people type."
    elif any(host in ("*", ".") for host in settings.ALLOWED_HOSTS):
        yield "ALLOWED_HOSTS", "ALLOWED_HOSTS allows every host: name the ones people type."
    for name in ("CARDCONNECT_URL", "TWILIO_URL", "LOOKUPS_URL"):
        if not getattr(settings, name).startswith("https://"):
            yield name, f"{name} must be an https:// address."
    if not settings.INTEGRATED_PAYMENTS_URL.startswith("https://"):
        yield (
            "INTEGRATED_PAYMENTS_URL",
            "INTEGRATED_PAYMENTS_URL must be the https:// address of the application form.",
        )


def machinery() -> Iterable[Problem]:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield "DATABASE_URL", "DATABASE_URL is SQLite: production needs PostgreSQL."
    if settings.CELERY_BROKER_URL.split(":")[0] in ("filesystem", "memory"):
        yield "CELERY_BROKER_URL", "CELERY_BROKER_URL must be a real broker, such as Redis."
    if not settings.CACHES["default"]["BACKEND"].endswith("RedisCache"):
        yield (
            "CACHE_URL",
            "CACHE_URL (or REDIS_URL) must be Redis: sign-in limits need a shared cache.",
        )


def mail() -> Iterable[Problem]:
    if "smtp" not in settings.EMAIL_BACKEND:
        yield "EMAIL_URL", "EMAIL_URL must be a mail server: nothing would be delivered."
    for name in ("SUPPORT_EMAIL", "DEFAULT_FROM_EMAIL"):
        if "@" not in getattr(settings, name) or getattr(settings, name).rstrip(">").endswith(
            "@localhost"
        ):
            yield name, f"{name} is missing: set a real address."


PRODUCTION: tuple[Callable[[], Iterable[Problem]], ...] = (
    secrets_and_switches,
    addresses,
    machinery,
    mail,
)


def settings_check(
    app_configs: Sequence[AppConfig] | None = None, **_: object
) -> list[CheckMessage]:
    """Every problem with the settings, each a sentence that names the setting."""
    rules = (keys, *(PRODUCTION if settings.SECURE else (insecure_only_at_home,)))
    found: list[CheckMessage] = [
        Error(sentence, id=f"textpay.{name}") for rule in rules for name, sentence in rule()
    ]
    if settings.SECURE and settings.PRACTICE_MODE:
        found.append(
            Warning(
                "PRACTICE_MODE is on: every page says that no real money moves.",
                id="textpay.PRACTICE_MODE",
            )
        )
    return found


def tables_check(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """A warning for each table of texting hours that was not reviewed for half a year."""
    today = timezone.now().date()
    return [Warning(sentence, id="textpay.TEXTING_HOURS") for sentence in overdue(today)]


def clock_check(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """A warning when a demo's calendar offset was left in the cache of a real installation."""
    if settings.PRACTICE_MODE or not clock.stored():
        return []
    sentence = (
        "The cache holds a demo's clock that was set ahead. It has no effect without "
        "PRACTICE_MODE, but a demo has used this cache: empty it."
    )
    return [Warning(sentence, id="textpay.CLOCK")]


def register_all() -> None:
    register(settings_check)
    register(clock_check)
    register(tables_check)


def refuse_unsafe_settings() -> None:
    """Stop the process with one sentence for each problem. For servers, which run no system
    checks.
    """
    errors = [message for message in run_checks() if message.is_serious()]
    if errors:
        lines = "\n".join(f"  - {message.msg}" for message in errors)
        raise SystemExit(f"Textpay does not start:\n{lines}")
