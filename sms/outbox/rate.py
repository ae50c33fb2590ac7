"""How fast a sender may send: one count for all workers, kept in the cache.

Whoever comes too early is given a moment of its own and comes back then, so that ten thousand
waiting texts ask once each and not again and again.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.core.cache import cache

from sms.models.account import TwilioAccount

log = logging.getLogger(__name__)

BURST = 1000  # milliseconds' worth of texts that may go at once after a pause
REMEMBERED = 7 * 24 * 60 * 60  # seconds; longer than any line of waiting texts
# A moment that passed unused longer ago than this (a worker was down, a send was held) counts no
# more: all of a line would go at once.
LAPSES = dt.timedelta(seconds=5)


def turn(account: TwilioAccount, now: dt.datetime, parts: int = 1) -> dt.datetime:
    """The moment at which one more text of this sender may go; `now` when that is at once.

    Each call keeps one moment, as long as the text's `parts`: carriers count segments. Without the
    cache nobody waits: Twilio has a queue of its own.
    """
    if not account.texts_per_second:
        return now
    gap = max(1, round(1000 * parts / account.texts_per_second))
    try:
        free = _reserve(f"texts-turn:{account.pk}", gap, int(now.timestamp() * 1000))
    except Exception:  # each cache has its own errors
        log.warning("Nobody can count the texts of Twilio account %s; not waiting", account.pk)
        return now
    return max(now, dt.datetime.fromtimestamp(free / 1000, dt.UTC))


def _reserve(key: str, gap: int, now: int) -> int:
    """Take the next free moment of the line `key`; all in milliseconds since 1970."""
    earliest = now - max(0, BURST - gap)
    try:
        free = cache.incr(key, gap) - gap
    except ValueError:  # nobody has stood in this line yet
        cache.add(key, earliest, REMEMBERED)
        free = cache.incr(key, gap) - gap
    if free < earliest:
        # Two workers may both see the end of a pause: then two texts share a moment, once.
        cache.set(key, earliest + gap, REMEMBERED)
        free = earliest
    return free
