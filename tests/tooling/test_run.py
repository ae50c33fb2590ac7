"""bin/run, for real: what it starts, what it says, and that nothing outlives it.

One copy of the checkout is started again and again; the virtual environment is the tests' own.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workers import free_port
from textpay.settings import BASE_DIR

pytestmark = pytest.mark.timeout(300)
WORKER, BEAT = "celery -A textpay worker", "celery -A textpay beat"
LOCAL = ("/.git", "/.venv", "/var", "/.env", "__pycache__")


def eventually(what: str, true: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            pytest.fail(f"never happened: {what}")
        time.sleep(0.05)


def family(pid: int) -> set[int]:
    """A process and everything that descends from it."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents if parent in found} - found
        found, grown = found | more, bool(more)
    return found


def living(pids: set[int]) -> set[int]:
    table = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in table.stdout.splitlines())
    return pids & {int(pid) for pid, state in rows if not state.startswith("Z")}


def children(house: "Run", words: str) -> list[int]:
    """The processes that bin/run itself started with these words in their command."""
    table = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.split(maxsplit=2) for line in table.stdout.splitlines())
    return [
        int(pid)
        for pid, parent, *command in rows
        if int(parent) == house.process.pid and words in "".join(command)
    ]


def fetch(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.status, response.read().decode()


def answers(url: str) -> bool:
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


class Run:
    """One bin/run and all it has said so far."""

    def __init__(self, tree: Path, *arguments: str, **env: str) -> None:
        self.port, self.sandbox_port = free_port(), free_port()
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        ports = {"PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port)}
        self.process = subprocess.Popen(
            [tree / "bin" / "run", *arguments],
            cwd=tree,
            env={**clean, **ports, "TEXTPAY_VENV": sys.prefix, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line.decode()

    def until_ready(self) -> "Run":
        eventually("Ready, or the end", lambda: "Logs in" in self.said or self.ended())
        assert not self.ended(), self.said
        return self

    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> int:
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout as a clone would have it."""
    target = tmp_path_factory.mktemp("clone") / "textpay"
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=BASE_DIR,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listing.stdout.decode().split("\0")):
        source = BASE_DIR / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


@pytest.fixture
def run(tree: Path) -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def start(*arguments: str, **env: str) -> Run:
        started.append(Run(tree, *arguments, **env))
        return started[-1]

    yield start
    for each in started:
        if not each.ended():
            each.process.terminate()
        each.process.wait(60)


@pytest.fixture
def used(tree: Path, run: Callable[..., Run]) -> Path:
    """The same copy after a first run."""
    if not (tree / "var" / "demo_past.json").exists():
        house = run().until_ready()
        house.process.terminate()
        house.end()
    return tree


def gateway_knows_past(tree: Path, house: Run) -> bool:
    """Whether every payment that the demo came with is in the gateway's ledger, and once."""
    told = json.loads((tree / "var" / "demo_past.json").read_text())
    ledger = json.loads(fetch(f"http://localhost:{house.sandbox_port}/sandbox/ledger.json")[1])
    there = [charge["retref"] for charge in ledger["charges"]]
    return len(told) > 20 and sorted(row["retref"] for row in told) == sorted(there)


def test_first_run_is_ready_and_sigterm_leaves_nothing(tree: Path, run: Callable[..., Run]) -> None:
    shutil.rmtree(tree / "var", ignore_errors=True)  # tests come in any order
    (tree / ".env").unlink(missing_ok=True)
    house = run().until_ready()
    assert "Ready\n" in house.said
    assert f"http://localhost:{house.port}\n" in house.said
    assert f"http://localhost:{house.sandbox_port}/phone\n" in house.said
    for login in json.loads((tree / "var" / "demo_logins.json").read_text()):
        assert login["email"] in house.said
    assert stat.S_IMODE((tree / ".env").stat().st_mode) == 0o600
    assert "Sign in" in fetch(f"http://localhost:{house.port}/")[1]
    assert fetch(f"http://localhost:{house.sandbox_port}/phone")[0] == 200
    ready = json.loads(fetch(f"http://localhost:{house.port}/readyz")[1])
    assert ready == {"database": "ok", "broker": "ok", "cache": "ok"}
    assert gateway_knows_past(tree, house)
    everyone = family(house.process.pid)
    assert len(everyone) >= 6
    house.process.terminate()
    assert house.end() == 128 + signal.SIGTERM
    eventually("nothing is left", lambda: not living(everyone))


def test_any_redis_or_valkey_can_read_what_another_one_kept(used: Path) -> None:
    kept = used / "var" / "redis" / "appendonlydir"
    assert list(kept.glob("*.base.aof"))
    assert not list(kept.glob("*.rdb"))


def test_ctrl_c_is_a_clean_end_and_secrets_stay(used: Path, run: Callable[..., Run]) -> None:
    before = (used / ".env").read_text()
    house = run().until_ready()
    assert "Creating the demo data" not in house.said
    everyone = family(house.process.pid)
    house.process.send_signal(signal.SIGINT)
    assert house.end() == 0
    eventually("nothing is left", lambda: not living(everyone))
    assert (used / ".env").read_text() == before


def test_a_gateway_without_its_database_is_told_again(used: Path, run: Callable[..., Run]) -> None:
    for path in (used / "var").glob("sandbox.sqlite3*"):
        path.unlink()
    house = run().until_ready()
    assert "Creating the demo data" not in house.said
    assert gateway_knows_past(used, house)


def test_a_demo_without_its_database_is_made_anew(used: Path, run: Callable[..., Run]) -> None:
    before = json.loads((used / "var" / "demo_past.json").read_text())
    for path in (used / "var").glob("textpay.sqlite3*"):
        path.unlink()
    house = run().until_ready()
    assert "Creating the demo data" in house.said
    told = json.loads((used / "var" / "demo_past.json").read_text())
    ledger = json.loads(fetch(f"http://localhost:{house.sandbox_port}/sandbox/ledger.json")[1])
    there = {charge["retref"] for charge in ledger["charges"]}
    assert {row["retref"] for row in (*before, *told)} == there
    assert len(there) == len(before) + len(told)


def test_kill_9_of_the_parent_leaves_nothing(tree: Path, run: Callable[..., Run]) -> None:
    house = run().until_ready()
    everyone = family(house.process.pid)
    house.process.kill()
    assert house.end() == -signal.SIGKILL
    eventually("nothing is left", lambda: not living(everyone))


def test_a_second_run_in_the_same_folder_says_so(run: Callable[..., Run]) -> None:
    house = run().until_ready()
    second = run()
    assert second.end() == 1
    assert f"already running from this folder (process {house.process.pid})" in second.said
    assert not house.ended()


def test_a_process_that_dies_stops_everything_and_is_named(
    tree: Path, run: Callable[..., Run]
) -> None:
    house = run().until_ready()
    everyone = family(house.process.pid)
    [sandbox] = children(house, "sandbox.wsgi")
    os.kill(sandbox, signal.SIGKILL)
    assert house.end() == 1
    assert "sandbox stopped unexpectedly (exit code -9). Stopping everything" in house.said
    eventually("nothing is left", lambda: not living(everyone))


def test_a_killed_worker_is_replaced_and_tasks_go_on(tree: Path, run: Callable[..., Run]) -> None:
    house = run().until_ready()
    everyone = family(house.process.pid)
    [worker] = children(house, WORKER)
    os.kill(worker, signal.SIGKILL)
    words = "worker stopped unexpectedly (exit code -9); a new one was started."
    eventually("it says so", lambda: words in house.said)
    log = tree / "var" / "logs" / "worker.log"
    eventually("another is ready", lambda: log.read_text().count(" ready.") == 2)
    eventually("it works", lambda: "succeeded" in log.read_text().rpartition(" ready.")[2])
    assert children(house, WORKER) != [worker]
    everyone |= family(house.process.pid)
    house.process.terminate()
    assert house.end() == 128 + signal.SIGTERM
    eventually("nothing is left", lambda: not living(everyone))


def test_a_killed_beat_is_replaced_too(tree: Path, run: Callable[..., Run]) -> None:
    house = run().until_ready()
    log = tree / "var" / "logs" / "beat.log"
    eventually("beat has begun", lambda: "Sending due task" in log.read_text())
    [beat] = children(house, BEAT)
    os.kill(beat, signal.SIGKILL)
    words = "beat stopped unexpectedly (exit code -9); a new one was started."
    eventually("it says so", lambda: words in house.said)
    again = "beat: Starting"
    eventually("another has begun", lambda: log.read_text().count(again) == 2)
    eventually("it works", lambda: "Sending due task" in log.read_text().rpartition(again)[2])


def test_a_worker_that_keeps_dying_stops_everything(tree: Path, run: Callable[..., Run]) -> None:
    house = run().until_ready()
    everyone: set[int] = set()

    def ended_by_killing() -> bool:
        everyone.update(family(house.process.pid))
        for worker in children(house, WORKER):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        return house.ended()

    eventually("it gives up", ended_by_killing)
    assert house.end() == 1
    # The first may have lived long enough not to count.
    assert house.said.count("a new one was started") in (2, 3)
    assert "worker stopped unexpectedly (exit code -9). Stopping everything" in house.said
    eventually("nothing is left", lambda: not living(everyone))


def test_a_reader_that_goes_away_breaks_nothing(tree: Path, run: Callable[..., Run]) -> None:
    ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [tree / "bin" / "run"],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "TEXTPAY_VENV": sys.prefix, **ports},
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    )
    os.close(reader)
    os.close(writer)
    try:
        url = f"http://localhost:{ports['PORT']}/healthz"
        eventually("the web server answers", lambda: answers(url))
        everyone = family(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    eventually("nothing is left", lambda: not living(everyone))


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_said_before_anything_starts(run: Callable[..., Run], name: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        house = run(**{name: str(port)})
        assert house.end() == 1
    assert f"Port {port} is taken by another program" in house.said
    assert "Traceback" not in house.said


@pytest.mark.parametrize("port", ["eight", "0", "70000"])
def test_a_port_that_is_none_is_said(run: Callable[..., Run], port: str) -> None:
    house = run(PORT=port)
    assert house.end() == 1
    assert "PORT must be a number" in house.said


def test_fresh_makes_the_demo_anew(tree: Path, run: Callable[..., Run]) -> None:
    note = tree / "var" / "redis" / "left-behind"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch()
    house = run("--fresh").until_ready()
    assert "Creating the demo data" in house.said
    assert not note.exists()


def test_fresh_never_touches_a_database_of_ones_own(run: Callable[..., Run]) -> None:
    house = run("--fresh", DATABASE_URL="postgres://somebody@db.invalid/books")
    assert house.end() == 1
    assert "never the one in DATABASE_URL" in house.said
