"""Short names of companies, the first part of their pages' addresses.

A short name is never given to another company, also after its company was renamed: old links
would open somebody else's pages.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

PATTERN = r"[a-z0-9][a-z0-9_-]{0,49}"
# First parts of addresses that belong to no company, of the addresses that companies' pages had
# before 0.2, and words that would mislead people. tests/tenants/test_addresses.py compares them
# with the URLs.
RESERVED = frozenset(
    [
        "accounts",
        "admin",
        "api",
        "brand",
        "healthz",
        "here",
        "p",
        "readyz",
        "static",
        "webhooks",
        "bulk-sends",
        "contacts",
        "customers",
        "invoices",
        "messages",
        "payments",
        "refunds",
        "reminders",
        "settings",
        "switch",
        "texts",
        "about",
        "app",
        "assets",
        "billing",
        "blog",
        "contact",
        "docs",
        "favicon",
        "help",
        "home",
        "legal",
        "login",
        "logout",
        "mail",
        "media",
        "new",
        "pay",
        "pricing",
        "privacy",
        "register",
        "robots",
        "search",
        "security",
        "signin",
        "signup",
        "sms",
        "status",
        "support",
        "terms",
        "textpay",
        "well-known",
        "www",
    ]
)


def validate_short_name(value: str) -> None:
    """Raise ValidationError for a name that cannot begin an address."""
    if not re.fullmatch(PATTERN, value):
        raise ValidationError(
            "Use lower-case letters, digits and hyphens, and begin with a letter or digit."
        )
    if value in RESERVED:
        raise ValidationError(f'"{value}" is part of other addresses. Choose another short name.')
