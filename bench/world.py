"""All processes of a bench: PostgreSQL, Redis, the gateway, web and workers."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))

import _bootstrap as house_rules  # noqa: E402
from _servers import start_redis  # noqa: E402

MERCHIDS = ["496160873801", "496160873802", "496160873803"]
KILL_CHANCE = "0.0002"  # of dying before or after any one statement


def program(name: str) -> ModuleType:
    """A program of bin/ as a module: bin/test can start private servers."""
    loader = importlib.machinery.SourceFileLoader(f"bin_{name}", str(ROOT / "bin" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class World:
    """Starts everything, kills parts of it, and knows where the two ledgers are."""

    def __init__(self, house: Any, seed: int, scale: float, payments: int = 0) -> None:
        self.house, self.seed, self.scale = house, seed, scale
        self.look_seconds = 2 + payments // 1000  # a funding report grows with the run
        self.folder = house.scratch_folder()
        self.ledger = self.folder / "sandbox.sqlite3"
        self.deaths = self.folder / "deaths"
        self.deaths.touch()
        self.web_url = f"http://127.0.0.1:{house_rules.free_port()}"
        self.gateway_url = f"http://127.0.0.1:{house_rules.free_port()}"
        self.database = os.environ.get("BENCH_DATABASE_URL") or self._new_database()
        redis = os.environ.get("REDIS_URL") or f"unix://{self._new_redis()}"
        self.env = self._environment(redis)
        self.children: dict[str, Any] = {}
        self.quiet = False

    def _new_database(self) -> str:
        """An empty database on DATABASE_URL's server, else on a private one."""
        server = os.environ.get("DATABASE_URL")
        if not server:
            server = program("test").start_postgres(self.house)
        server = server.rsplit("/", 1)[0]
        name = f"textpay_bench_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{server}/{name}"

    def _new_redis(self) -> Path:
        folder = self.house.scratch_folder()
        return start_redis(self.house, folder, folder / "redis.log", None)

    def _environment(self, redis: str) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "PYTHONPATH": str(ROOT),
            "ENV_FILE": os.devnull,
            "SECURE": "False",
            "DEBUG": "False",
            "SECRET_KEY": "only-for-the-bench-" + "x1y2z3" * 10,
            "FIELD_KEYS": "dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LTMyLWI=",
            "LINK_KEYS": "only-for-the-bench-link-key-0123456789",
            "NUMBER_KEYS": "only-for-the-bench-number-key-0123456789",
            "PUBLIC_BASE_URL": self.web_url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": self.database,
            "CACHE_URL": redis,
            "CELERY_BROKER_URL": redis.replace("unix://", "redis+socket://"),
            "CARDCONNECT_URL": self.gateway_url,
            "TWILIO_URL": self.gateway_url,
            "INTEGRATED_PAYMENTS_URL": "https://integrated-payments.example/apply",
            "EMAIL_URL": "dummymail://",
            "LOG_LEVEL": "CRITICAL",
            "SANDBOX_DATABASE": str(self.ledger),
            "SANDBOX_CARDCONNECT_MERCHANTS": ",".join(f"{m}:testing:testing123:ach"
                                                      for m in MERCHIDS),
            "BENCH_SCALE": str(self.scale),
            "BENCH_SEED": str(self.seed),
            "BENCH_LOOK_SECONDS": str(self.look_seconds),
            "BENCH_DEATHS": str(self.deaths),
        }  # fmt: skip

    def prepare(self) -> None:
        """Tables on both sides."""
        for settings in ("bench.settings", "sandbox.settings"):
            self._run(settings, "migrate", "-v0")

    def _run(self, settings: str, *words: str) -> None:
        env = {**self.env, "DJANGO_SETTINGS_MODULE": settings}
        self.house.run(words[0], [sys.executable, "-m", "django", *words], env)

    def start(self) -> None:
        """All processes, until they answer."""
        gunicorn = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        self._start(
            "gateway",
            [*gunicorn, "-w", "1", "-k", "gthread", "--threads", "32", "--timeout", "120"]
            + ["--log-level", "critical", "-b", self.gateway_url.removeprefix("http://")]
            + ["bench.gateway:application"],
            {**self.env, "DJANGO_SETTINGS_MODULE": "sandbox.settings"},
        )
        self.start_web()
        self.start_worker()
        beat = ["beat", "-l", "CRITICAL", "--pidfile=", "-s", str(self.folder / "beat")]
        self._start("beat", [sys.executable, "-m", "celery", "-A", "textpay", *beat], self.env)
        self.wait_for_web()

    def start_web(self) -> None:
        """gunicorn with several processes of several threads."""
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        command += ["-c", "bench/server.py", "-b", self.web_url.removeprefix("http://")]
        self._start("web", [*command, "textpay.wsgi"], self._doomed)

    @property
    def _doomed(self) -> dict[str, str]:
        """The environment of a process that may die at any statement, until the quiet period."""
        return self.env if self.quiet else {**self.env, "BENCH_KILL_CHANCE": KILL_CHANCE}

    def calm(self) -> None:
        """Stop the faults: kill once more, and start processes without them."""
        self.quiet = True
        self.tell_gateway("/bench/quiet")
        self.kill("worker")
        self.kill("web")
        self.start_web()
        self.start_worker()
        self.wait_for_web()

    def wait_for_web(self) -> None:
        """Until both servers answer."""
        for url in (f"{self.web_url}/healthz", f"{self.gateway_url}/healthz"):
            house_rules.wait_until(self.house, url, lambda url=url: answers(url), 60)

    def start_worker(self) -> None:
        """The Celery worker with a pool of processes, as a machine would run it."""
        command = [sys.executable, "-m", "celery", "-A", "textpay", "worker", "-l", "CRITICAL"]
        command += ["-P", "prefork", "-c", "3", "--without-gossip", "--without-mingle"]
        self._start("worker", command, self._doomed)

    def _start(self, name: str, command: list[str], env: dict[str, str]) -> None:
        log = self.folder / f"{name}.log"
        self.children[name] = self.house.start(name, command, env, log=log, cwd=ROOT)

    def kill_one_of(self, name: str, pick: Any) -> bool:
        """kill -9 one process of a pool; its parent starts another."""
        pids = offspring(self.children[name].pid)
        if not pids:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pick(pids), signal.SIGKILL)
        return True

    def kill(self, name: str) -> None:
        """kill -9 a process and all of its pool."""
        child = self.children[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self.house.forget(child)

    def supervise(self) -> None:
        """Restart a worker that has given up, as any host does."""
        if self.children["worker"].poll() is not None:
            self.kill("worker")
            self.start_worker()

    def tell_gateway(self, path: str) -> bytes:
        """Call the gateway's wrapper."""
        with urllib.request.urlopen(f"{self.gateway_url}{path}", timeout=60) as response:
            return bytes(response.read())

    def control(self, what: str, body: dict[str, Any]) -> bool:
        """Make the sandbox do something; False when nothing there would ever do it."""
        data = json.dumps(body).encode()
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.gateway_url}/sandbox/{what}", data, timeout=60).close()
            return True
        return False

    def close(self) -> None:
        """End every process and drop the database, if it was ours."""
        for name in list(self.children):
            self.kill(name)
        if not os.environ.get("BENCH_DATABASE_URL"):
            server, name = self.database.rsplit("/", 1)
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def keep_logs(self, where: Path) -> None:
        """Copy the processes' logs for whoever looks for the cause."""
        where.mkdir(parents=True, exist_ok=True)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, where)


def offspring(pid: int) -> list[int]:
    """The children of a process."""
    told = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in told.stdout.split()]


def answers(url: str) -> bool:
    """Whether a server answers there."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bool(response.status == 200)
    return False
