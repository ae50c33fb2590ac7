"""The rate of a sender: one counter in the cache for all workers.

A text that is too early reserves a moment of its own and comes back then, so ten thousand waiting
texts make ten thousand reservations and do not poll.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.core.cache import cache

from sms.models.account import TwilioAccount

log = logging.getLogger(__name__)

BURST = 1000  # milliseconds' worth of texts that may go at once after a pause
REMEMBERED = 7 * 24 * 60 * 60  # seconds; longer than any queue
# A reservation that passed unused longer ago than this (a worker was down, a bulk send was paused)
# is void: otherwise the whole queue would go at once.
LAPSES = dt.timedelta(seconds=5)


def reserve(account: TwilioAccount, now: dt.datetime, parts: int = 1) -> dt.datetime:
    """Reserve the moment at which one more text of this sender may go; `now` when at once.

    A text of several `parts` reserves as many moments, because carriers count segments. Without the
    cache nobody waits: Twilio has a queue of its own.
    """
    if not account.texts_per_second:
        return now
    gap = max(1, round(1000 * parts / account.texts_per_second))
    try:
        free = _reserve(f"texts-rate:{account.pk}", gap, int(now.timestamp() * 1000))
    except Exception:  # each cache backend has its own errors
        log.warning("No cache: Twilio account %s sends without its rate", account.pk)
        return now
    return max(now, dt.datetime.fromtimestamp(free / 1000, dt.UTC))


def _reserve(key: str, gap: int, now: int) -> int:
    """Reserve the next free moment of counter `key`; all in milliseconds since 1970."""
    earliest = now - max(0, BURST - gap)
    try:
        free = cache.incr(key, gap) - gap
    except ValueError:  # the first text of this sender
        cache.add(key, earliest, REMEMBERED)
        free = cache.incr(key, gap) - gap
    if free < earliest:
        # Two workers may both see the end of a pause. Then two texts share a moment, once.
        cache.set(key, earliest + gap, REMEMBERED)
        free = earliest
    return free
