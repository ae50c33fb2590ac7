"""Rate limits: one counter per key, in the cache that all processes share.

Redis and the local-memory cache count atomically: of thirty concurrent tries, exactly `limit` are
allowed.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import logging
from dataclasses import dataclass

from django.core.cache import cache

log = logging.getLogger(__name__)

IPV6_PREFIX = 64  # one household or server has a whole /64 and may use any address of it


@dataclass(frozen=True)
class RateLimit:
    """At most `limit` tries per key in `window` seconds, counted from the first one.

    Without the cache nothing is allowed, unless `fails_open`.
    """

    name: str
    limit: int
    window: int
    fails_open: bool = False

    def allows(self, key: object) -> bool:
        """Count one try; False above the limit."""
        try:
            return self._count(self._cache_key(key)) <= self.limit
        except Exception:  # every cache backend raises errors of its own
            log.exception("The cache cannot count for the limit %s", self.name)
            return self.fails_open

    def give_back(self, key: object) -> None:
        """Take back one counted try."""
        with contextlib.suppress(Exception):  # at worst it counts until the window ends
            cache.decr(self._cache_key(key))

    def clear(self, key: object) -> None:
        """Forget every try."""
        with contextlib.suppress(Exception):  # the same
            cache.delete(self._cache_key(key))

    @property
    def retry_after(self) -> int:
        """Seconds after which a refused try is certainly allowed."""
        return self.window

    def _cache_key(self, key: object) -> str:
        # A key may be an email address of any length; hashed, it is short and unreadable.
        return f"rate:{self.name}:{hashlib.sha256(str(key).encode()).hexdigest()}"

    def _count(self, cache_key: str) -> int:
        """The number of tries in this window, this one included."""
        while True:
            is_first = cache.add(cache_key, 0, timeout=self.window)
            try:
                count = cache.incr(cache_key)
            except ValueError:  # the window ended in between
                continue
            if count <= 1 and not is_first:
                # Redis creates a key without an expiration when it expires during INCR.
                cache.touch(cache_key, self.window)
            return count


def network_of(address: str | None) -> str:
    """The key for a caller's IP address: an IPv6 address counts as its /64 network."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if ip.version == 6:
        return str(ipaddress.ip_network(f"{ip}/{IPV6_PREFIX}", strict=False).network_address)
    return str(ip)
