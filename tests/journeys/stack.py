"""The whole house, running: web, worker, beat and the outside world, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests.sandbox_process import start_sandbox
from tests.waiting import eventually
from tests.workers import free_port, redis_url

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Stack:
    """Where to reach the running house, and how to end it."""

    folder: Path
    url: str
    sandbox: Any
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    database: str = ""

    def manage(self, *words: str) -> None:
        """Run one of Django's commands in this house's environment."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.env,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, name: str, *command: str) -> None:
        """Start one process; what it prints goes to a file in the folder."""
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self.env,
            stdout=log,
            stderr=log,
        )

    def start_worker(self) -> None:
        """The Celery worker, with the pool that bin/run uses."""
        self.start("worker", "celery", "-A", "textpay", "worker", "-P", "threads", "-c", "4")

    def kill(self, name: str) -> None:
        """kill -9, the way a machine dies."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def logins(self, company: str) -> dict[str, dict[str, str]]:
        """The demo's people of one company by role: {"Office": {"email":, "password":}}."""
        rows = json.loads((self.folder / "demo_logins.json").read_text())
        return {row["role"]: row for row in rows if row["company"].startswith(company)}

    def log(self, name: str) -> str:
        """What a process has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        """End every process and drop the database."""
        for name in list(self.processes):
            self.kill(name)
        self.sandbox.stop()
        if self.database:
            with psycopg.connect(
                self.database.rsplit("/", 1)[0] + "/postgres", autocommit=True
            ) as c:
                c.execute(f"DROP DATABASE {self.database.rsplit('/', 1)[1]} WITH (FORCE)")


def start_stack(folder: Path, topology: str) -> Stack:
    """Start everything on "services" (PostgreSQL) or "embedded" (SQLite), each with Redis."""
    folder.mkdir(parents=True, exist_ok=True)
    sandbox = start_sandbox(folder / "sandbox")
    port = free_port()
    database = _new_database() if topology == "services" else ""
    env = {
        **{k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "CACHE_URL")},
        "DJANGO_SETTINGS_MODULE": "tests.journeys.settings",
        "JOURNEY_FOLDER": str(folder),
        "ENV_FILE": os.devnull,
        "SECURE": "False",
        "PRACTICE_MODE": "True",
        "PUBLIC_BASE_URL": f"http://localhost:{port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "CARDCONNECT_URL": sandbox.url,
        "TWILIO_URL": sandbox.url,
        "PRACTICE_PHONE_URL": f"{sandbox.url}/phone",
        "EMAIL_URL": "consolemail://",
        "LOG_LEVEL": "INFO",
        **_places(folder, topology, database),
    }
    stack = Stack(folder, env["PUBLIC_BASE_URL"], sandbox, env, database=database)
    try:
        _furnish(stack, port)
    except BaseException:
        stack.stop()
        raise
    return stack


def _furnish(stack: Stack, port: int) -> None:
    """Tables, demo data and the processes, until they answer."""
    stack.manage("migrate", "--verbosity", "0")
    stack.manage("collectstatic", "--noinput", "--verbosity", "0")
    stack.manage("seed_demo")
    stack.start(
        "web",
        "gunicorn",
        "textpay.wsgi",
        "-w",
        "2",
        "-k",
        "gthread",
        "--threads",
        "8",
        "-b",
        f"127.0.0.1:{port}",
        "--no-control-socket",
    )
    stack.start_worker()
    stack.start("beat", "celery", "-A", "textpay", "beat", "-s", str(stack.folder / "beat"))
    eventually(lambda: _answers(f"{stack.url}/healthz"), "the web server answers")
    eventually(lambda: "ready." in stack.log("worker"), "the worker is ready")


def _places(folder: Path, topology: str, database: str) -> dict[str, str]:
    redis = redis_url()
    # Celery's words for the same socket and number.
    broker = redis.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    if topology == "embedded":
        database = f"sqlite:///{folder}/textpay.sqlite3"
    return {"DATABASE_URL": database, "CELERY_BROKER_URL": broker, "CACHE_URL": redis}


def _new_database() -> str:
    """An empty database beside the test run's own; the address to use it by."""
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    name = f"textpay_journey_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
