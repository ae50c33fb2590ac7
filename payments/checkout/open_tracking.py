"""Whether a person has seen the Pay Now page: told by the page itself, never by its being fetched.

Phones, chat services and scanners fetch every link they meet, so a GET proves nothing. The page's
script reports once somebody touches, scrolls, types or stays, with a nonce from that very page.
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
LASTS = 24 * 60 * 60  # seconds a page may lie in a tab before somebody looks at it
# What fetches links for others and may run scripts. A hint for this one mark, never a permission.
ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|preview|facebookexternalhit|facebot|whatsapp/|pagerenderer|scanner"
    r"|python-requests|curl/|wget/",
    re.IGNORECASE,
)


def nonce_for(request: HttpRequest, link: PaymentLink) -> str:
    """What this page may report its opening with, once; "" when there is nothing to report."""
    if link.opened_at or is_staff_of(request, link):
        return ""
    return signing.dumps([link.pk, secrets.token_hex(8)], salt=SALT)


def note(request: HttpRequest, link: PaymentLink, nonce: str) -> bool:
    """Note that a person opened the link; False, with nothing changed, for any other report."""
    try:
        of, once = signing.loads(nonce, salt=SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    if of != link.pk or not is_person(request, link) or not _first_use(once):
        return False
    return link.mark_opened()


def note_payment(request: HttpRequest, link: PaymentLink) -> None:
    """Somebody pays: they have opened it, even where scripts are blocked."""
    if not link.opened_at and is_person(request, link):
        link.mark_opened()


def is_person(request: HttpRequest, link: PaymentLink) -> bool:
    """Whether this looks like the customer: no fetcher of links, no prefetch, no colleague."""
    agent = request.headers.get("User-Agent", "")
    early = "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    return not (early or ROBOTS.search(agent) or is_staff_of(request, link))


def is_staff_of(request: HttpRequest, link: PaymentLink) -> bool:
    """Whether somebody of the company, or Support, looks at the customer's page."""
    user: Any = request.user
    if not user.is_authenticated:
        return False
    return user.is_superuser or user.memberships.filter(tenant=link.tenant).exists()


def _first_use(once: str) -> bool:
    """Whether this nonce is new; without the cache it counts as new, for the mark is set once."""
    try:
        return bool(cache.add(f"opened:{once}", 1, timeout=LASTS))
    except Exception:  # each cache has its own errors
        return True
