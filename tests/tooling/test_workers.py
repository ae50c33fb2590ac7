"""What the workers of a parallel test run have of their own."""

import socket

import pytest

from tests.workers import free_port, redis_url


@pytest.mark.parametrize(
    ("given", "second"),
    [
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1"),
        ("redis://127.0.0.1:6379/4", "redis://127.0.0.1:6379/5"),
        ("unix:///tmp/redis.sock", "unix:///tmp/redis.sock?db=1"),
        ("unix:///tmp/redis.sock?db=4", "unix:///tmp/redis.sock?db=5"),
    ],
)
def test_each_worker_has_a_redis_number(
    monkeypatch: pytest.MonkeyPatch, given: str, second: str
) -> None:
    monkeypatch.setenv("REDIS_URL", given)
    assert redis_url(1) == second


def test_no_port_is_given_twice_or_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        ports = [free_port() for _ in range(50)]
        assert len(set(ports)) == 50
        assert taken.getsockname()[1] not in ports
