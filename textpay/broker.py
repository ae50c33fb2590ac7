"""A broker that is a folder, for machines without Redis: `safefs:///path/to/folder`.

kombu's own `filesystem://` writes in place (a reader can meet half a message and die of it) and
forgets a message when its worker is killed. Here every write is a rename, and a message is moved
into its consumer's own folder until it is acknowledged. The consumer holds a file lock for as
long as it lives; whoever finds such a folder without a living owner puts its messages back.
"""

import fcntl
import os
import time
import uuid
from collections import defaultdict, deque
from pathlib import Path
from queue import Empty
from typing import IO, Any

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

RECOVER_EVERY = 2.0


class Owner:
    """One consumer's folder of messages in hand, locked for as long as the consumer lives."""

    def __init__(self, root: Path) -> None:
        name = f"{os.getpid()}-{uuid.uuid4().hex}"
        self.folder = root / "taken" / name
        self.lock = root / "locks" / name
        fresh = self.lock.with_suffix(".new")
        self.handle: IO[bytes] = fresh.open("wb")
        fcntl.flock(self.handle, fcntl.LOCK_EX)
        fresh.rename(self.lock)
        self.folder.mkdir()

    def close(self) -> None:
        """Let go; anything still in the folder is for others to put back."""
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
            self.lock.unlink(missing_ok=True)
        self.handle.close()


class QoS(virtual.QoS):
    """Acknowledging a message removes its file."""

    channel: "Channel"

    def ack(self, delivery_tag: str) -> None:
        self.channel.finish(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().reject(delivery_tag, requeue=requeue)
        self.channel.finish(delivery_tag)


class Channel(virtual.Channel):
    """Queues are folders, messages are files whose names sort by age."""

    QoS = QoS

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.root = Path("/" + (connection.client.virtual_host or "").lstrip("/"))
        for name in ("ready", "taken", "locks", "new"):
            (self.root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._owner: Owner | None = None
        self._in_hand: dict[str, tuple[Path, str]] = {}
        self._seen: defaultdict[str, deque[str]] = defaultdict(deque)
        self._recovered_at = 0.0

    def _folder(self, queue: str) -> Path:
        if queue.startswith(".") or "/" in queue or "\0" in queue:
            raise ValueError(f"not a queue name: {queue!r}")
        return self.root / "ready" / queue

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        folder = self._folder(queue)
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        fresh = self.root / "new" / name
        fresh.write_bytes(str_to_bytes(dumps(message)))
        fresh.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        self._put_back_orphans()
        folder, names = self._folder(queue), self._seen[queue]
        if not names and folder.is_dir():
            names.extend(sorted(os.listdir(folder)))
        if self._owner is None:
            self._owner = Owner(self.root)
        while names:
            name = names.popleft()
            taken = self._owner.folder / f"{name}.{queue}"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another consumer was faster
            message: dict[str, Any] = loads(bytes_to_str(taken.read_bytes()))
            self._in_hand[message["properties"]["delivery_tag"]] = (taken, queue)
            return message
        raise Empty

    def finish(self, delivery_tag: str) -> None:
        """The message is dealt with: forget it."""
        taken, _ = self._in_hand.pop(delivery_tag, (None, None))
        if taken is not None:
            taken.unlink(missing_ok=True)

    def _restore(self, message: Any) -> None:
        taken, queue = self._in_hand.pop(message.delivery_tag, (None, None))
        if taken is not None and queue is not None:
            taken.rename(self._folder(queue) / taken.name.partition(".")[0])

    def _put_back_orphans(self) -> None:
        """Return to their queues the messages of consumers that died."""
        if time.monotonic() - self._recovered_at < RECOVER_EVERY:
            return
        self._recovered_at = time.monotonic()
        for name in os.listdir(self.root / "taken"):
            if self._owner is None or name != self._owner.folder.name:
                self._put_back_orphan(name)

    def _put_back_orphan(self, name: str) -> None:
        lock, folder = self.root / "locks" / name, self.root / "taken" / name
        try:
            with lock.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for taken in folder.iterdir():
                    stamp, _, queue = taken.name.partition(".")
                    taken.rename(self._folder(queue) / stamp)
                folder.rmdir()
                lock.unlink()
        except (BlockingIOError, FileNotFoundError):
            return  # its owner lives, or somebody else has just done this

    def _size(self, queue: str) -> int:
        folder = self._folder(queue)
        return len(os.listdir(folder)) if folder.is_dir() else 0

    def _purge(self, queue: str) -> int:
        folder, count = self._folder(queue), 0
        for name in os.listdir(folder) if folder.is_dir() else ():
            (folder / name).unlink(missing_ok=True)
            count += 1
        return count

    def close(self) -> None:
        super().close()
        if self._owner is not None:
            self._owner.close()
            self._owner = None


class Transport(virtual.Transport):
    """What kombu looks up for `safefs://`."""

    Channel = Channel
    polling_interval = 0.1
    driver_type = "safefs"
    driver_name = "safefs"
    # Shared by all, as it would be in a real broker: exchanges and bindings of this process.
    global_state = virtual.BrokerState()

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state

    @property
    def default_connection_params(self) -> dict[str, Any]:
        return {}  # a folder has no host and no port

    def driver_version(self) -> str:
        return "1"


def register() -> None:
    """Teach kombu the scheme."""
    TRANSPORT_ALIASES["safefs"] = "textpay.broker:Transport"
