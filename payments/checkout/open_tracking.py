"""Records that a person opened the Pay Now page; a GET alone does not count.

Phones, chat services and scanners fetch every link they meet. The page's script reports when
somebody touches, scrolls, types or stays, with a nonce from that page.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest

from invoices.models import PaymentLink

SALT = "payments.opening"
LASTS = 24 * 60 * 60  # seconds a page may stay in a tab before it is used
# User agents that fetch links for others and may run scripts. Used for this one mark only, never as
# a permission.
ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|preview|facebookexternalhit|facebot|whatsapp/|pagerenderer|scanner"
    r"|python-requests|curl/|wget/",
    re.IGNORECASE,
)


def nonce_for(request: HttpRequest, link: PaymentLink) -> str:
    """The nonce with which this page may report once that it was opened; "" when not needed."""
    if link.opened_at or is_staff_of(request, link):
        return ""
    return signing.dumps([link.pk, secrets.token_hex(8)], salt=SALT)


def note(request: HttpRequest, link: PaymentLink, nonce: str) -> bool:
    """Record that a person opened the link; False, with nothing changed, for any other report."""
    try:
        of, once = signing.loads(nonce, salt=SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    if of != link.pk or not is_person(request, link) or not _first_use(once):
        return False
    return link.mark_opened()


def note_payment(request: HttpRequest, link: PaymentLink) -> None:
    """A payment proves that the link was opened, even where scripts are blocked."""
    if not link.opened_at and is_person(request, link):
        link.mark_opened()


def is_person(request: HttpRequest, link: PaymentLink) -> bool:
    """Whether this looks like the customer: no link fetcher, no prefetch, no staff."""
    agent = request.headers.get("User-Agent", "")
    early = "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    return not (early or ROBOTS.search(agent) or is_staff_of(request, link))


def is_staff_of(request: HttpRequest, link: PaymentLink) -> bool:
    """Whether staff of the tenant, or Support, look at the customer's page."""
    user: Any = request.user
    if not user.is_authenticated:
        return False
    return user.is_superuser or user.memberships.filter(tenant=link.tenant).exists()


def _first_use(once: str) -> bool:
    """Whether this nonce is new. Without the cache it counts as new: the mark is set only once
    anyway.
    """
    try:
        return bool(cache.add(f"opened:{once}", 1, timeout=LASTS))
    except Exception:  # every cache backend raises errors of its own
        return True
