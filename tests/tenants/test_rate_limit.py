"""One counter for everything that may be tried only so often."""

import time

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

from tenants import rate_limit
from tenants.rate_limit import RateLimit, network_of
from tests.race import run_together
from tests.workers import redis_url

THREE = RateLimit("test", limit=3, window=60)


@pytest.fixture(params=["memory", "redis"])
def store(request, monkeypatch):
    """The cache that counts: one process's memory, or the Redis of the test run."""
    store = cache
    if request.param == "redis":
        store = RedisCache(redis_url(), {"KEY_PREFIX": "rate-limit-test"})
        monkeypatch.setattr(rate_limit, "cache", store)
    THREE.clear("key")
    yield store
    THREE.clear("key")


@pytest.mark.usefixtures("store")
def test_the_fourth_try_is_refused_and_another_key_is_not():
    assert [THREE.allows("key") for _ in range(5)] == [True] * 3 + [False] * 2
    assert THREE.allows("other")
    THREE.clear("other")


@pytest.mark.usefixtures("store")
def test_a_right_try_is_given_back():
    for _ in range(5):
        assert THREE.allows("key")
        THREE.give_back("key")
    assert [THREE.allows("key") for _ in range(4)] == [True] * 3 + [False]
    THREE.clear("key")
    assert THREE.allows("key")


@pytest.mark.usefixtures("store")
def test_of_thirty_at_once_exactly_the_limit_is_allowed():
    assert sum(run_together(*[lambda: THREE.allows("key")] * 30)) == 3


def test_a_count_always_ends(store):
    """Also when the key expired during INCR, which makes one without an end."""
    THREE.allows("key")
    name = THREE._cache_key("key")
    store.set(name, 0, timeout=None)
    THREE.allows("key")
    assert 0 < seconds_left(store, name) <= 60


def seconds_left(store, name):
    """Until the key expires."""
    if isinstance(store, RedisCache):
        key = store.make_and_validate_key(name)
        return store._cache.get_client(key).ttl(key)
    ends = caches["default"]._expire_info[cache.make_key(name)]
    assert isinstance(caches["default"], LocMemCache)
    return ends - time.time()


class Dead:
    """A cache that does not answer."""

    def __getattr__(self, name):
        raise ConnectionError


def test_without_a_cache_a_limit_is_closed_unless_it_says_otherwise(monkeypatch):
    monkeypatch.setattr(rate_limit, "cache", Dead())
    assert not THREE.allows("key")
    assert RateLimit("test", limit=3, window=60, fails_open=True).allows("key")
    THREE.give_back("key")
    THREE.clear("key")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"), ("2001:db8::ff", "2001:db8::"),
        ("2001:db8:0:1::ff", "2001:db8:0:1::"), ("nonsense", ""), (None, ""),
    ],
)  # fmt: skip
def test_an_ipv6_address_counts_as_its_network(address, network):
    assert network_of(address) == network
