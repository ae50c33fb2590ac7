"""Starts the sandbox as a real process on a free port, with a ledger of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import requests

from tests.workers import free_port

ROOT = Path(__file__).resolve().parent.parent


class Sandbox:
    """A running sandbox; `url` is where it listens. Call `stop()` when done."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.url = url
        self.process = process
        self.log = log

    def stop(self) -> None:
        """End the process and its worker."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def control(self, path: str, **data: Any) -> dict[str, Any]:
        """POST to a control endpoint below /sandbox/ and return its answer."""
        response = requests.post(f"{self.url}/sandbox/{path}", json=data, timeout=30)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def ledger(self) -> dict[str, Any]:
        """Return everything the sandbox saw: charges, messages, callbacks, tokens, mails."""
        response = requests.get(f"{self.url}/sandbox/ledger.json", timeout=30)
        answer: dict[str, Any] = response.json()
        return answer

    def reset(self) -> None:
        """Forget everything but the accounts."""
        self.control("reset")

    def fault(self, target: str, fault: str, times: int = 1, seconds: float = 0) -> None:
        """Order trouble for the next calls of `target`."""
        self.control("faults", target=target, fault=fault, times=times, seconds=seconds)

    def wait_for_status(self, sid: str, status: str, seconds: float = 10) -> dict[str, Any]:
        """Return the text's ledger row once it has this status; fail after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            row = next(row for row in self.ledger()["messages"] if row["sid"] == sid)
            if row["status"] == status:
                return dict(row)
            if time.monotonic() > end:
                raise AssertionError(f"text {sid} is {row['status']}, not {status}")
            time.sleep(0.05)


def start_sandbox(tmp_path: Path, **env: str) -> Sandbox:
    """Migrate a fresh ledger below `tmp_path` and serve it; `env` overrides SANDBOX_ settings."""
    port = free_port()
    settings = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "sandbox.settings",
        "SANDBOX_DATABASE": str(tmp_path / "sandbox.sqlite3"),
        "SANDBOX_DELIVERY_SECONDS": "0.05",
        "PYTHONPATH": str(ROOT),
        **env,
    }
    run = [sys.executable, "-m"]
    subprocess.run(
        [*run, "django", "migrate", "-v0"],
        env=settings,
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    serve = ["gunicorn", "sandbox.wsgi", "-w", "1", "--threads", "16", "-k", "gthread"]
    log = (tmp_path / "sandbox.log").open("ab")
    process = subprocess.Popen(
        [*run, *serve, "-b", f"127.0.0.1:{port}", "--no-control-socket"],
        env=settings,
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    sandbox = Sandbox(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_up(sandbox, tmp_path / "sandbox.log")
    except BaseException:
        sandbox.stop()
        raise
    return sandbox


def wait_until_up(sandbox: Sandbox, log: Path) -> None:
    """Return once /healthz answers; fail with the log when the process ends or is too slow."""
    end = time.monotonic() + 30
    while time.monotonic() < end and sandbox.process.poll() is None:
        try:
            if requests.get(f"{sandbox.url}/healthz", timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):  # not there yet, or a busy machine
            time.sleep(0.05)
    raise AssertionError("the sandbox did not start:\n" + log.read_text())
