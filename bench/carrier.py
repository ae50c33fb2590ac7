"""The sandbox's Twilio with the latency of the real one: gunicorn bench.carrier:application.

Each text takes BENCH_TWILIO_MS. After GET /bench/fire some calls fail, by seed; /bench/quiet ends
that, and /bench/faults returns how often each fault occurred.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bench.gateway import HTML, answer, copied, draw, hang_up, perform
from sandbox.wsgi import application as sandbox

SECONDS = float(os.environ.get("BENCH_TWILIO_MS", "50")) / 1000
struck: Counter[str] = Counter()
state = {"fire": False}

Environ = dict[str, Any]
Start = Callable[..., Any]

# Percent of calls that create a text.
MIX = {
    "refuse": 0.5, "drop_before": 0.5, "drop_after": 1, "http_429": 1, "http_500": 0.5,
    "http_500_after": 0.5, "html_after": 0.5, "slow": 0.2,
}  # fmt: skip
BUSY = b'{"code": 20429, "message": "Too Many Requests", "status": 429}'


def application(environ: Environ, start: Start) -> Iterable[bytes]:
    """One call, with the latency of the real service, faulty or not."""
    path = environ["PATH_INFO"]
    if path.startswith("/bench/"):
        state["fire"] = {"/bench/fire": True, "/bench/quiet": False}.get(path, state["fire"])
        return answer(start, json.dumps(struck).encode())
    if environ["REQUEST_METHOD"] != "POST" or not path.endswith("/Messages.json"):
        return sandbox(environ, start)
    time.sleep(SECONDS)
    fault = draw(MIX) if state["fire"] else ""
    if not fault:
        return sandbox(environ, start)
    struck[fault] += 1
    return spoil(fault, environ, start)


def spoil(fault: str, environ: Environ, start: Start) -> Iterable[bytes]:
    """Create the text, or not, and answer something else."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    taken = fault in ("drop_after", "http_500_after", "html_after", "slow")
    real = perform(copied(environ, body)) if taken else b""
    if fault in ("refuse", "drop_before", "drop_after"):
        return hang_up(environ, start, reset=fault == "refuse")
    if fault == "http_429":
        return answer(start, BUSY, "429 Too Many Requests")
    if fault == "slow":
        time.sleep(2)
        return answer(start, real, "201 Created")
    status = "201 Created" if fault == "html_after" else "500 Trouble"
    return answer(start, HTML, status, "text/html")
