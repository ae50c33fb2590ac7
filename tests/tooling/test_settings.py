"""Settings: each one explained, and a production that refuses to start when something is wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from textpay.celery import app

ROOT = Path(settings.BASE_DIR)
GOOD = {
    "SECURE": "True",
    "SECRET_KEY": "k3y" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "FIELD_KEYS": Fernet.generate_key().decode(),
    "LINK_KEYS": "link-key-" + "0123456789abcdefghijklmnopqrstuvwxyz",
    "NUMBER_KEYS": "number-key-" + "0123456789abcdefghijklmnopqrstuvwxyz",
    "PUBLIC_BASE_URL": "https://pay.textpay.example",
    "ALLOWED_HOSTS": "pay.textpay.example",
    "DATABASE_URL": "postgres://textpay@db.invalid/textpay",
    "CELERY_BROKER_URL": "redis://redis.invalid:6379/0",
    "CACHE_URL": "redis://redis.invalid:6379/1",
    "EMAIL_URL": "smtp+tls://user:password@mail.textpay.example:587",
    "INTEGRATED_PAYMENTS_URL": "https://textpay.example/apply",
    "SUPPORT_EMAIL": "support@textpay.example",
    "DEFAULT_FROM_EMAIL": "Textpay <pay@textpay.example>",
}


ASK = "from textpay.checks import settings_check as ask\nfor found in ask(): print(found.msg)"


def with_settings(
    changes: dict[str, str | None], *command: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as production would: only these settings, no .env."""
    values = {**GOOD, **changes}
    env = {name: value for name, value in values.items() if value is not None}
    env |= {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_a_production_with_everything_right_passes_the_deploy_check() -> None:
    result = with_settings({}, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", None, "SECRET_KEY is missing"),
        ("SECRET_KEY", "short", "SECRET_KEY is weak"),
        ("SECRET_KEY", "a" * 60, "SECRET_KEY is weak"),
        ("SECRET_KEY", "django-insecure-" + GOOD["SECRET_KEY"], "SECRET_KEY is weak"),
        ("SECRET_KEY", GOOD["LINK_KEYS"] * 2, None),
        ("DEBUG", "True", "DEBUG is on"),
        ("FIELD_KEYS", None, "FIELD_KEYS is missing"),
        ("FIELD_KEYS", "not-a-key", "not a Fernet key"),
        ("LINK_KEYS", None, "LINK_KEYS is missing"),
        ("LINK_KEYS", GOOD["LINK_KEYS"] + ",short", "fewer than 32"),
        ("LINK_KEYS", GOOD["SECRET_KEY"], "also used"),
        ("NUMBER_KEYS", None, "NUMBER_KEYS is missing"),
        ("NUMBER_KEYS", "short", "fewer than 32"),
        ("PUBLIC_BASE_URL", None, "https:// address customers open"),
        ("PUBLIC_BASE_URL", "http://pay.textpay.example", "https:// address customers open"),
        ("PUBLIC_BASE_URL", "https://localhost", "not reachable"),
        ("PUBLIC_BASE_URL", "https://10.0.0.5", "not reachable"),
        ("ALLOWED_HOSTS", None, "ALLOWED_HOSTS is empty"),
        ("ALLOWED_HOSTS", "pay.textpay.example,*", "allows every host"),
        ("CARDCONNECT_URL", "http://gateway.example", "CARDCONNECT_URL must be"),
        ("TWILIO_URL", "http://twilio.example", "TWILIO_URL must be"),
        ("INTEGRATED_PAYMENTS_URL", None, "INTEGRATED_PAYMENTS_URL must be"),
        ("DATABASE_URL", None, "needs PostgreSQL"),
        ("CELERY_BROKER_URL", None, "must be a real broker"),
        ("CELERY_BROKER_URL", "memory://", "must be a real broker"),
        ("CACHE_URL", None, "must be Redis"),
        ("EMAIL_URL", None, "nothing would be delivered"),
        ("SUPPORT_EMAIL", None, "SUPPORT_EMAIL is missing"),
        ("DEFAULT_FROM_EMAIL", None, "DEFAULT_FROM_EMAIL is missing"),
        ("SECURE", "False", "SECURE is off"),
        ("SECURE", None, None),
    ],
)
def test_each_unsafe_setting_is_refused_by_name(
    name: str, value: str | None, words: str | None
) -> None:
    result = with_settings({name: value, "DJANGO_SETTINGS_MODULE": "textpay.settings"}, "-c", ASK)
    assert result.returncode == 0, result.stderr
    if words is None:
        assert result.stdout == ""
    else:
        assert words in result.stdout


def test_practice_mode_in_production_is_a_warning_not_a_refusal() -> None:
    result = with_settings({"PRACTICE_MODE": "True"}, "manage.py", "check")
    assert result.returncode == 0
    assert "no real money moves" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("-c", "import textpay.wsgi"),
        ("manage.py", "migrate"),
        ("-m", "celery", "-A", "textpay", "worker", "-P", "solo"),
        ("-m", "celery", "-A", "textpay", "beat", "--pidfile=", "-s", "SCHEDULE"),
    ],
    ids=["web", "migrate", "worker", "beat"],
)
def test_every_process_refuses_an_unsafe_production(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    schedule = str(tmp_path / "schedule")
    parts = [schedule if part == "SCHEDULE" else part for part in command]
    result = with_settings({"DEBUG": "True"}, *parts)
    assert result.returncode != 0
    assert "DEBUG is on" in result.stdout + result.stderr


def test_secure_switches_the_cookies_and_the_redirect() -> None:
    script = (
        "import django; django.setup()\n"
        "from django.conf import settings as s\n"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS)"
    )
    said = with_settings({"DJANGO_SETTINGS_MODULE": "textpay.settings"}, "-c", script).stdout
    assert said.split() == [
        "__Host-textpay",
        "__Host-textpay-csrf",
        "True",
        "True",
        "True",
        "31536000",
    ]


def test_env_example_explains_every_setting_and_no_other() -> None:
    source = "".join(
        (ROOT / name).read_text() for name in ("textpay/settings.py", "textpay/server.py")
    )
    read = set(re.findall(r"""(?:env\.\w+|environ\.get)\(\s*["']([A-Z_]+)["']""", source))
    read.discard("ENV_FILE")
    lines = (ROOT / ".env.example").read_text().splitlines()
    explained = {
        line.partition("=")[0]: lines[place - 1]
        for place, line in enumerate(lines)
        if re.match(r"[A-Z_]+=", line)
    }
    read |= set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert set(explained) == read
    for name, comment in explained.items():
        assert re.match(r"# \w", comment), f"{name} has no comment above it"


def test_the_content_security_policy_allows_no_inline_and_only_the_gateways_frame() -> None:
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-src"] == ["https://*.cardconnect.com"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    flat = [source for sources in policy.values() for source in sources]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "data:", "*", "https:"} & set(flat)


def test_every_task_on_the_timetable_exists_and_lapses_before_its_next_turn() -> None:
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        turn = entry["schedule"]
        assert entry["options"]["expires"] <= (turn if isinstance(turn, int) else 24 * 3600)
