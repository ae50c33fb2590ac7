"""What each worker of a parallel run has of its own: a number of the Redis, and ports.

pytest-django gives it a database, pytest a folder for temporary files.
"""

from __future__ import annotations

import itertools
import os
import re
import socket

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
NUMBER = int(WORKER.removeprefix("gw"))
# Below the ports that systems give to outgoing connections.
FIRST_PORT, PORTS_PER_WORKER, RANGES = 10_000, 600, 32
_next_port = itertools.count(os.getpid())


def redis_url(number: int = NUMBER) -> str:
    """REDIS_URL, a worker's number added: redis://host/4 or unix://path?db=4."""
    url = os.environ["REDIS_URL"]
    pattern, joint = (r"\?db=(\d+)$", "?db=") if url.startswith("unix:") else (r"/(\d+)/?$", "/")
    given = re.search(pattern, url)
    server = re.sub(pattern, "", url).rstrip("/")
    return f"{server}{joint}{(int(given[1]) if given else 0) + number}"


def free_port() -> int:
    """A port that nobody listens on, out of those that only this worker gives away."""
    first = FIRST_PORT + NUMBER % RANGES * PORTS_PER_WORKER
    for _ in range(PORTS_PER_WORKER):
        port = first + next(_next_port) % PORTS_PER_WORKER
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError(f"No port is free from {first} on")
