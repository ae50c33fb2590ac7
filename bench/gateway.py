"""The sandbox's gateway with faults by seed: gunicorn bench.gateway:application.

Its ledger stays the sandbox's own. GET /bench/quiet stops the faults; /bench/faults returns how
often each occurred, /bench/late how many calls are not committed yet. Times are the real ones
divided by BENCH_SCALE.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.wsgi import application as sandbox

SCALE = float(os.environ.get("BENCH_SCALE", "10"))
dice = random.Random(int(os.environ.get("BENCH_SEED", "1")))
struck: defaultdict[str, Counter[str]] = defaultdict(Counter)
state = {"quiet": False}
late: list[threading.Timer] = []
LATE_COMMIT, GIVES_UP = 32.0 / SCALE, 32.0 / SCALE

Environ = dict[str, Any]
Start = Callable[..., Any]

# Percent of calls. Faults of calls that move money matter most; other calls are repeated anyway.
MONEY = {
    "refuse": 2, "drop_before": 3, "drop_after": 5, "http_401": 0.5, "http_403": 0.5,
    "http_429": 1, "http_500": 2, "http_503": 1, "http_500_after": 2, "html": 1.5, "empty": 1.5,
    "truncated": 2, "wrong_types": 1.5, "late_commit": 3, "late_commit_62": 2, "timeout_62": 2,
    "timeout_62_authorized": 2, "slow": 1, "drip": 1,
}  # fmt: skip
OTHER = {
    "refuse": 2, "drop_before": 2, "drop_after": 2, "http_401": 1, "http_429": 2, "http_500": 4,
    "html": 2, "empty": 2, "truncated": 2, "wrong_types": 2, "timeout_62": 2, "slow": 1, "drip": 1,
}  # fmt: skip
MOVES_MONEY = frozenset({"auth", "void", "refund"})
HTML = b"<html><body>Please try later</body></html>"


def application(environ: Environ, start: Start) -> Iterable[bytes]:
    """One call, faulty or not."""
    path = environ["PATH_INFO"]
    if path == "/bench/quiet":
        state["quiet"] = True
        return answer(start, b"{}")
    if path == "/bench/faults":
        return answer(start, json.dumps(struck).encode())
    if path == "/bench/late":
        return answer(start, json.dumps(sum(timer.is_alive() for timer in late)).encode())
    if not path.startswith("/cardconnect/rest/") or state["quiet"]:
        return sandbox(environ, start)
    endpoint = path.removeprefix("/cardconnect/rest/").split("/")[0]
    fault = draw(MONEY if endpoint in MOVES_MONEY else OTHER)
    if not fault:
        return sandbox(environ, start)
    struck[endpoint][fault] += 1
    return spoil(fault, environ, start)


def draw(mix: dict[str, float]) -> str:
    """The fault of this call, if any."""
    left = dice.random() * 100
    for name, percent in mix.items():
        left -= percent
        if left < 0:
            return name
    return ""


def spoil(fault: str, environ: Environ, start: Start) -> Iterable[bytes]:
    """Do the call, or not, now or later; and answer something else."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if fault.startswith("late_commit"):
        timer = threading.Timer(LATE_COMMIT, perform, [copied(environ, body)])
        late.append(timer)
        timer.start()
        return timed_out(start) if fault.endswith("62") else hang_up(environ, start, reset=False)
    done = fault not in ("refuse", "drop_before", "timeout_62") and not is_refusal(fault)
    real = perform(copied(environ, body)) if done else b""
    if fault in ("refuse", "drop_before", "drop_after"):
        return hang_up(environ, start, reset=fault == "refuse")
    if fault.startswith("http_"):
        return answer(start, HTML, f"{fault[5:8]} Trouble", "text/html")
    if fault.startswith("timeout_62"):
        return timed_out(start)
    if fault == "slow":
        time.sleep(GIVES_UP * 1.5)
    if fault == "drip":
        return drip(start, real)
    wrong = b'{"respstat": ["A"], "amount": {}, "retref": null}'
    spoilt = {"html": HTML, "empty": b"", "truncated": real[: len(real) // 2], "wrong_types": wrong}
    return answer(start, spoilt.get(fault, real))


def is_refusal(fault: str) -> bool:
    """An HTTP error that comes before the call had any effect."""
    return fault.startswith("http_") and not fault.endswith("_after")


def perform(environ: Environ) -> bytes:
    """Let the sandbox do it, and return its response."""
    return b"".join(sandbox(environ, lambda *_, **__: None))


def copied(environ: Environ, body: bytes) -> Environ:
    """The same call with its body readable again and no client."""
    return {**environ, "wsgi.input": io.BytesIO(body), "gunicorn.socket": None}


def timed_out(start: Start) -> Iterable[bytes]:
    """PPS 62: the response that proves nothing."""
    told = {"respproc": "PPS", "respcode": "62", "respstat": "B", "resptext": "Timed out"}
    return answer(start, json.dumps(told).encode())


def drip(start: Start, body: bytes) -> Iterable[bytes]:
    """One byte at a time, for longer than a client should wait."""
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    pause = 2 * GIVES_UP / max(len(body), 1)
    for at in range(len(body)):
        time.sleep(pause)
        yield body[at : at + 1]


def answer(
    start: Start, body: bytes, status: str = "200 OK", kind: str = "application/json"
) -> Iterable[bytes]:
    """A complete response."""
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def hang_up(environ: Environ, start: Start, *, reset: bool) -> Iterable[bytes]:
    """Close the connection without a response; by a reset when asked."""
    line = environ["gunicorn.socket"]
    with contextlib.suppress(OSError):
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()
        else:
            line.shutdown(socket.SHUT_RDWR)
    start("204 No Content", [("Connection", "close")])
    return []
