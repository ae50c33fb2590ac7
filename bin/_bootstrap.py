"""What bin/run, bin/test and bin/check share. Standard library only: nothing is installed yet."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
VENV = Path(os.environ.get("TEXTPAY_VENV", ROOT / ".venv"))
PYTHON = VENV / "bin" / "python"

_WATCHDOG = """
import os, shutil, signal, sys, time
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
groups, folders, done = [], [], False
for line in sys.stdin:
    word, _, rest = line.rstrip("\\n").partition(" ")
    if word == "group":
        groups.append(int(rest))
    elif word == "gone":
        groups = [group for group in groups if group != int(rest)]
    elif word == "folder":
        folders.append(rest)
    done = done or word == "done"
def tell(number):
    alive = []
    for group in groups:
        try:
            os.killpg(group, number)
            alive.append(group)
        except (ProcessLookupError, PermissionError):
            pass
    return alive
if not done:
    tell(signal.SIGTERM)
    for _ in range(30):
        if not tell(0):
            break
        time.sleep(0.1)
    tell(signal.SIGKILL)
for folder in folders:
    shutil.rmtree(folder, ignore_errors=True)
"""


class Stop(BaseException):
    """The script was asked to stop: Ctrl-C, SIGTERM or a closed terminal."""

    def __init__(self, number: int) -> None:
        self.number = number


def say(text: str = "") -> None:
    """Print at once; a closed reader (`bin/run | head`) does not end the script."""
    try:
        print(text, flush=True)
    except (BrokenPipeError, ValueError):
        with contextlib.suppress(Exception):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stop_with(text: str) -> NoReturn:
    """End with one sentence for people."""
    say(text)
    raise SystemExit(1)


def require_python() -> None:
    """Continue with Python 3.11 or newer: this one, or a newer one on the PATH, or stop."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(15, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    stop_with(
        f"Textpay needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is "
        f"{sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})."
    )


# --- Processes -------------------------------------------------------------------------------
SHORT_LIFE = 10.0  # seconds
MOST_SHORT_LIVES = 3  # in a row; one more would most likely be as short


class Child(subprocess.Popen[bytes]):
    """A child process: its name for people, its log and its stop signal."""

    name: str
    log: Path | None
    stop_signal: int
    # How to start a replacement, when this one began, and the short lives right before it.
    again: Callable[[], Child]
    began: float
    short_lives: int


class House:
    """The processes that this script starts. None of them outlives it, even after kill -9."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        reading, self._writing = os.pipe()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-c", _WATCHDOG, str(ROOT)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        os.close(reading)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), self._asked_to_stop)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> NoReturn:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        raise Stop(number)

    def _tell_watchdog(self, line: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self._writing, (line + "\n").encode())

    def start(
        self,
        name: str,
        command: Iterable[object],
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        stop_signal: int = signal.SIGTERM,
        log_mode: str = "wb",
        **options: Any,
    ) -> Child:
        """Start a process in a group of its own, known to the watchdog before it runs."""
        again = partial(self.start, name, command, env, log, stop_signal, log_mode="ab", **options)
        out = log.open(log_mode) if log else options.pop("stdout", None)
        child = Child(
            [str(part) for part in command],
            cwd=options.pop("cwd", ROOT),
            env=env,
            stdin=subprocess.DEVNULL if log else None,
            stdout=out,
            stderr=subprocess.STDOUT if out else None,
            start_new_session=True,
            preexec_fn=lambda: self._tell_watchdog(f"group {os.getpid()}"),
            **options,
        )
        if log and out:
            out.close()
        child.name, child.log, child.stop_signal = name, log, stop_signal
        child.again, child.began, child.short_lives = again, time.monotonic(), 0
        self.children.append(child)
        return child

    def run(
        self,
        name: str,
        command: Iterable[object],
        env: Mapping[str, str] | None = None,
        fatal: bool = True,
        **options: Any,
    ) -> tuple[int, str]:
        """Run a command to its end; when it fails, show its output and stop."""
        child = self.start(name, command, env, stdout=subprocess.PIPE, **options)
        said = child.communicate()[0].decode(errors="replace")
        self.forget(child)
        if child.returncode and fatal:
            stop_with(f"{said.rstrip()}\n\n{name} failed (see above).")
        return child.returncode, said

    def forget(self, child: Child) -> None:
        """Forget a child that ended as expected."""
        self.children.remove(child)
        self._tell_watchdog(f"gone {child.pid}")

    def scratch_folder(self) -> Path:
        """A private folder with a short path, removed at the end."""
        folder = Path(tempfile.mkdtemp(prefix="textpay-", dir="/tmp"))
        self._tell_watchdog(f"folder {folder}")
        return folder

    def dead(self) -> Child | None:
        """A child that ended unexpectedly, if any."""
        return next((child for child in self.children if child.poll() is not None), None)

    def replace(self, child: Child) -> bool:
        """Start a replacement of a child that ended; False when it keeps ending at once."""
        short = time.monotonic() - child.began < SHORT_LIFE
        short_lives = child.short_lives + 1 if short else 0
        if short_lives >= MOST_SHORT_LIVES:
            return False
        # Its own children end with it: once forgotten, nothing would stop them.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        self.forget(child)
        child.again().short_lives = short_lives
        return True

    def close(self, patience: float = 5.0) -> None:
        """Stop every process, last started first; kill after a few seconds."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, child.stop_signal) if child.poll() is None else None
        until = time.monotonic() + patience
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, until - time.monotonic()))
        for child in self.children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._tell_watchdog("done")
        os.close(self._writing)
        self._watchdog.wait()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


# --- The virtual environment -----------------------------------------------------------------
def digest(*parts: object) -> str:
    """One hash of texts, bytes and files."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()


def ensure_venv(house: House, dev: bool = False) -> None:
    """Build or renew .venv so that it holds exactly what the lock says, checked by hash."""
    VAR.mkdir(exist_ok=True)
    with (VAR / "venv.lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        built = _built()
        version = ".".join(map(str, sys.version_info[:2]))
        locks = {name: ROOT / name for name in ("requirements.txt", "requirements-dev.txt")}
        wanted = {name: digest(path, version) for name, path in locks.items()}
        enough = ["requirements-dev.txt"] if dev else list(locks)
        if any(built.get(name) == wanted[name] for name in enough):
            return
        lock = "requirements-dev.txt" if dev else "requirements.txt"
        if not PYTHON.exists():
            _make_venv(house)
        if not install(house, locks[lock]):
            stop_with("\nInstalling failed (see above). Is this computer online?")
        (VENV / "textpay-lock.json").write_text(json.dumps({lock: wanted[lock]}))


def _built() -> dict[str, str]:
    try:
        subprocess.run([str(PYTHON), "-c", ""], check=True, capture_output=True)
        return dict(json.loads((VENV / "textpay-lock.json").read_text()))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return {}


def _make_venv(house: House) -> None:
    say("Creating .venv ...")
    code, said = house.run("venv", [sys.executable, "-m", "venv", "--clear", VENV], fatal=False)
    if code and ("ensurepip" in said or "No module named venv" in said):
        shutil.rmtree(VENV, ignore_errors=True)
        stop_with(
            "This Python cannot make virtual environments. On Debian or Ubuntu, type:\n"
            "  sudo apt-get install -y python3-venv"
        )
    if code:
        shutil.rmtree(VENV, ignore_errors=True)
        stop_with(f"{said.rstrip()}\n\nCreating .venv failed (see above).")


def install(house: House, lock: Path, *options: object) -> bool:
    """Install a lock with pip; False, after pip's last lines, when that failed."""
    total = len(re.findall(r"^[a-z0-9]", lock.read_text(), re.M | re.I))
    command: list[object] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += [
        "--progress-bar",
        "off",
        "--require-hashes",
        "--only-binary=:all:",
        "-r",
        lock,
        *options,
    ]
    child = house.start("pip", command, stdout=subprocess.PIPE)
    said: list[str] = []
    seen, shown = 0, time.monotonic()
    say(f"Installing {total} package{'s' if total > 1 else ''}, checked by hash ...")
    assert child.stdout is not None
    for raw in child.stdout:
        line = raw.decode(errors="replace").rstrip()
        said.append(line)
        seen += line.startswith(("Collecting ", "Requirement already satisfied"))
        if line.startswith("Collecting ") and time.monotonic() - shown > 2:
            say(f"  {min(seen, total)}/{total} {line.split()[1].split('==')[0]}")
            shown = time.monotonic()
        elif line.startswith("Installing collected"):
            say(f"  {min(seen, total)}/{total} fetched, unpacking ...")
    child.wait()
    house.forget(child)
    if child.returncode:
        say("\n".join(said[-15:]))
    return child.returncode == 0


# --- .env ------------------------------------------------------------------------------------
def read_env(path: Path = ROOT / ".env") -> dict[str, str]:
    """The names and values of an env file."""
    values = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        match = re.match(r"\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)\s*=\s*(.*?)\s*$", line)
        if match:
            values[match.group(1)] = match.group(2).strip("'\"")
    return values


# --- Ports and waiting -----------------------------------------------------------------------
def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_taken(port: int) -> bool:
    """Whether something listens on a port of this computer."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((address, port)) == 0:
                return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def wait_until(house: House, what: str, ready: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; a process that ends meanwhile ends the wait."""
    until = time.monotonic() + seconds
    while not ready():
        child = house.dead()
        if child is not None:
            report_death(child)
        if time.monotonic() > until:
            stop_with(f"{what} did not start within {seconds:.0f} seconds; see var/logs/.")
        time.sleep(0.05)


def report_death(child: Child) -> NoReturn:
    """Say which process ended, why, and stop."""
    stop_with(
        f"{tail(child.log) if child.log else ''}\n\n"
        f"{child.name} stopped unexpectedly (exit code {child.returncode}). Stopping everything. "
        f"Its log: {child.log}"
    )
