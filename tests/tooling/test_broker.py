"""The folder broker, with real worker processes that are really killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Exchange, Queue

from textpay.broker import register
from textpay.settings import BASE_DIR

register()


def eventually(what: str, true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            pytest.fail(f"never happened: {what}")
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CELERY_BROKER_URL")  # it would win over the address given in code
    for name in ("done", "begun", "broker"):
        (tmp_path / name).mkdir()
    return tmp_path


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "-A", "tests.tooling.worker_app", "worker"]
    command += ["-P", "threads", "-c", "2", "-l", "WARNING"]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, env={**os.environ, "FOLDER": str(folder)}, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def sender(folder: Path) -> Celery:
    return Celery(broker=f"safefs://{folder}/broker")


def send(app: Celery, name: str, number: int) -> None:
    app.send_task(f"tests.tooling.worker_app.{name}", args=[number])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def waiting(folder: Path) -> int:
    return sum(
        1 for path in (folder / "broker").rglob("*-*") if path.is_file() and path.stat().st_size
    )


def test_a_task_in_the_hands_of_a_killed_worker_comes_back(folder: Path) -> None:
    app = sender(folder)
    send(app, "hold", 1)
    with worker(folder) as first:
        eventually("the task began", lambda: names(folder / "begun") == {"1"})
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(10)
    assert names(folder / "done") == set()
    (folder / "release").touch()
    with worker(folder):
        eventually("the next worker did it", lambda: names(folder / "done") == {"1"})
        eventually("nothing is left in the broker", lambda: waiting(folder) == 0)


def test_a_living_worker_takes_over_from_a_killed_one(folder: Path) -> None:
    app = sender(folder)
    for number in (1, 2):
        send(app, "hold", number)
    with worker(folder) as first:
        eventually("both began", lambda: names(folder / "begun") == {"1", "2"})
        with worker(folder):
            os.killpg(first.pid, signal.SIGKILL)
            (folder / "release").touch()
            eventually("the other did them", lambda: names(folder / "done") == {"1", "2"})


def test_many_writers_and_two_workers_lose_nothing(folder: Path) -> None:
    numbers = range(200)

    def write(part: int) -> None:
        app = sender(folder)
        for number in numbers[part::4]:
            send(app, "note", number)

    with worker(folder) as one, worker(folder) as two:
        writers = [threading.Thread(target=write, args=(part,)) for part in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        wanted = {str(number) for number in numbers}
        eventually("every task ran", lambda: names(folder / "done") == wanted)
        assert (one.poll(), two.poll()) == (None, None)


def test_a_worker_that_is_asked_to_stop_finishes_and_leaves_nothing(folder: Path) -> None:
    send(sender(folder), "hold", 1)
    with worker(folder) as process:
        eventually("the task began", lambda: names(folder / "begun") == {"1"})
        os.killpg(process.pid, signal.SIGTERM)
        (folder / "release").touch()
        assert process.wait(30) == 0
    assert names(folder / "done") == {"1"}
    assert waiting(folder) == 0
    assert list((folder / "broker" / "taken").iterdir()) == []
    assert list((folder / "broker" / "locks").iterdir()) == []


def connect(folder: Path) -> Any:
    return Connection(f"safefs://{folder}/broker")


def simple(connection: Any) -> Any:
    return connection.SimpleQueue(Queue("letters", Exchange("letters"), "letters"))


def test_closing_with_a_message_in_hand_puts_it_back(folder: Path) -> None:
    with connect(folder) as connection:
        box = simple(connection)
        box.put({"letter": "a"})
        assert box.get(timeout=5).payload == {"letter": "a"}
    with connect(folder) as connection:
        box = simple(connection)
        message = box.get(timeout=5)
        assert message.payload == {"letter": "a"}
        message.ack()
        with pytest.raises(Empty):
            box.get(timeout=0.3)


def test_a_rejected_message_is_offered_again_or_forgotten(folder: Path) -> None:
    with connect(folder) as connection:
        box = simple(connection)
        box.put({"letter": "a"})
        box.get(timeout=5).requeue()
        box.get(timeout=5).reject()
        with pytest.raises(Empty):
            box.get(timeout=0.3)
    assert waiting(folder) == 0


def test_messages_come_in_the_order_they_were_put(folder: Path) -> None:
    with connect(folder) as connection:
        box = simple(connection)
        for number in range(20):
            box.put({"number": number})
        assert box.qsize() == 20
        received = []
        for _ in range(20):
            message = box.get(timeout=5)
            received.append(message.payload["number"])
            message.ack()
    assert received == list(range(20))


def test_a_queue_cannot_be_named_out_of_the_folder(folder: Path) -> None:
    with connect(folder) as connection, pytest.raises(ValueError, match="not a queue name"):
        connection.default_channel._put("../outside", {})


def test_a_purge_empties_the_queue(folder: Path) -> None:
    with connect(folder) as connection:
        box = simple(connection)
        for _ in range(3):
            box.put({})
        assert box.clear() == 3
        assert box.qsize() == 0
