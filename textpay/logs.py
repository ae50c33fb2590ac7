"""Logging that never prints card numbers, payment or password links, phone numbers or credentials.

Everything passes through one formatter, so tracebacks are scrubbed too. Standard library only, as
in tenants/card_numbers.py: gunicorn imports this file before Django is set up.
"""

import logging
import re

from tenants import card_numbers

_GROUP = re.compile(r"\d+")
_LINK = re.compile(r"(/p/|/password/reset/key/)[A-Za-z0-9_\-~.%]{6,}")
_CREDENTIAL = re.compile(
    r"""(?ix) ( ["']? (?:http[_-])? (?:proxy[_-])? (?:authorization|x[_-]twilio[_-]signature) ["']?
        \s*[:=,]\s* ) ["']? (?: (?:basic|bearer)\s+ )? [^\s"',;]+ ["']? """
)
_BARE_BASIC = re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/_\-.]{8,}={0,2}")
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^\s:/@]*:)[^\s/@]+@")
_PHONE = re.compile(r"(\+|%2[bB])\d(?:[ .\-]?\(?\d\)?){6,13}(\d)(?!\d)")
_US_PHONE = re.compile(r"(?<![\w+])\(?\d{3}\)?[ .\-]\d{3}[ .\-](\d{4})(?!\d)")


def scrub(text: str) -> str:
    """The text without anything that must not be logged."""
    text = _LINK.sub(r"\1***", text)
    text = _CREDENTIAL.sub(r"\1***", text)
    text = _BARE_BASIC.sub(r"\1 ***", text)
    text = _URL_PASSWORD.sub(r"\1***@", text)
    text = _PHONE.sub(lambda match: f"+***{_last_four(match.group())}", text)
    text = _US_PHONE.sub(r"***\1", text)
    numbers = card_numbers.find(text, tokens=True)
    return card_numbers.replace(text, numbers, lambda number: f"****{number.last4}")


def _last_four(text: str) -> str:
    return "".join(_GROUP.findall(text))[-4:]


class ScrubbingFormatter(logging.Formatter):
    """Formats as usual (message, traceback, stack), then scrubs the result."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class ScrubbingFilter(logging.Filter):
    """For handlers that do not format with ScrubbingFormatter: scrubs the message itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), None
        return True


def configuration(level: str) -> dict[str, object]:
    """The logging configuration of web server, worker and commands: one handler, scrubbed."""
    own = {"handlers": ["console"], "level": level, "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"scrub": {"()": "textpay.logs.ScrubbingFilter"}},
        "formatters": {
            "scrubbed": {
                "()": "textpay.logs.ScrubbingFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            }
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "scrubbed",
                "filters": ["scrub"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": own,
            "django.server": own,
            "celery": own,
            "gunicorn.error": own,
            "gunicorn.access": own,
            # Twilio's client logs whole requests at INFO: numbers and message text.
            "twilio": {**own, "level": "WARNING"},
            # It logs the called address in warnings, and some addresses hold a card token.
            "urllib3": {**own, "level": "ERROR"},
        },
    }
