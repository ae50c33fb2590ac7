"""Texts under faults: bin/bench texts --messages N --seed S

Texts N invoices in one bulk send through real workers, Redis and PostgreSQL to the sandbox, 50 ms
a call. The first part runs without faults beside a floor, a bare Celery task that makes the same
call between two UPDATEs in the same workers; the rest with failing calls, customers who opt out
and workers killed with -9. Then Twilio's ledger is compared with our rows. The last line is JSON;
the exit code is 1 on any violation or when the ratio is under 0.8.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import sqlite3
import statistics
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid
from typing import Any

from bench.stage import perform, tell
from bench.world import ROOT, World

SID, TOKEN, SENDER = "AC" + "5b" * 16, "bench-auth-token", "+19785550190"
LEAST = 0.8
ROUNDS = 3  # floor and product take turns, so that both meet the same machine
PEACE = 0.6  # of the texts
SILENCED = 0.02  # of the customers opt out while texts go out
WORDS = ["STOP", "Stop.", "please stop texting me", "opt out", "UNSUBSCRIBE"]
QUIET_SECONDS = 300.0


class TextWorld(World):
    """The same house with Twilio at its other end, and workers as production runs them."""

    def _environment(self, redis: str) -> dict[str, str]:
        return {
            **super()._environment(redis),
            "DJANGO_SETTINGS_MODULE": "bench.text_settings",
            "SANDBOX_TWILIO_ACCOUNTS": f"{SID}:{TOKEN}:{SENDER}",
            "SANDBOX_FAST": "1",
            "SANDBOX_DELIVERY_SECONDS": "0.1",
            "BENCH_SID": SID,
            "BENCH_TOKEN": TOKEN,
            "BENCH_SENDER": SENDER,
        }

    def prepare(self) -> None:
        """Tables on both sides."""
        for settings in ("bench.text_settings", "sandbox.settings"):
            self._run(settings, "migrate", "-v0")

    def start(self) -> None:
        """All processes, until they answer."""
        gunicorn = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        self._start(
            "gateway",
            [*gunicorn, "-w", "1", "-k", "gthread", "--threads", "32", "--timeout", "120"]
            + [
                "--keep-alive",
                "75",
                "--log-level",
                "critical",
                "-b",
                self.gateway_url.removeprefix("http://"),
            ]
            + ["bench.carrier:application"],
            {**self.env, "DJANGO_SETTINGS_MODULE": "sandbox.settings"},
        )
        self.start_web()
        self.start_worker()
        beat = ["beat", "-l", "CRITICAL", "--pidfile=", "-s", str(self.folder / "beat")]
        self._start("beat", [sys.executable, "-m", "celery", "-A", "textpay", *beat], self.env)
        self.wait_for_web()
        self._register()

    @property
    def _doomed(self) -> dict[str, str]:
        return self.env  # killed from outside only

    def start_worker(self) -> None:
        """The worker of docker-compose.yml."""
        command = [sys.executable, "-m", "celery", "-A", "textpay", "worker", "-l", "CRITICAL"]
        command += ["-P", "threads", "-c", "16", "--without-gossip", "--without-mingle"]
        self._start("worker", command, self.env)

    def _register(self) -> None:
        inbound = f"{self.web_url}/webhooks/twilio/inbound/"
        account = {"sid": SID, "auth_token": TOKEN, "senders": [SENDER], "inbound_url": inbound}
        self.post("/sandbox/twilio-accounts", json.dumps(account).encode(), "application/json")

    def post(self, path: str, body: bytes, kind: str) -> None:
        """Make the sandbox do something."""
        asked = urllib.request.Request(
            self.gateway_url + path, data=body, headers={"Content-Type": kind}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            answer.read()

    def reply(self, phone: str, words: str) -> None:
        """A customer texts back."""
        form = urllib.parse.urlencode({"phone": phone, "with": SENDER, "body": words})
        self.post("/phone/reply", form.encode(), "application/x-www-form-urlencoded")


def main() -> int:
    """Run, judge, print."""
    return perform("texts", __doc__, "messages", TextWorld, run)


def run(world: TextWorld, wanted: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The comparison with the floor, then faults, then quiet, then the ledgers."""
    os.environ.update(world.env)
    world.prepare()
    import django  # noqa: PLC0415  its settings are known only now

    django.setup()
    from bench import text_bills  # noqa: PLC0415

    tenant, staff, invoices = text_bills.write(wanted.messages, wanted.seed)
    world.start()
    calm = int(wanted.messages * PEACE)
    bulks, ours, floor = side_by_side(world, tenant, staff, invoices[:calm])
    tell(f"in peace: {ours:.1f}/s beside a floor of {floor:.1f}/s")
    bulk, kills, silent_since = under_fire(world, wanted, tenant, staff, invoices[calm:])
    settle([*bulks, bulk])
    return judged(world, wanted, ours, floor, kills, silent_since)


def judged(
    world: TextWorld,
    wanted: argparse.Namespace,
    ours: float,
    floor: float,
    kills: int,
    silent_since: dict[str, str],
) -> tuple[dict[str, Any], list[str]]:
    """The verdict, and the line for programs."""
    from bench import text_books  # noqa: PLC0415
    from tests.proof.books import rows  # noqa: PLC0415

    at_twilio = text_books.taken(world.ledger)
    verdict = text_books.judge(at_twilio, rows(text_books.OURS), silent_since)
    wrong = verdict.wrong
    ratio = ours / floor
    if ratio < LEAST:
        wrong = [*wrong, f"The ratio is {ratio:.2f}, and {LEAST} is the least."]
    if wrong:
        world.keep_logs(ROOT / "var" / "texts")
    result = {
        "messages": wanted.messages,
        "at_twilio": len(at_twilio),
        **{kind: len(found) for kind, found in vars(verdict).items()},
        "per_second": round(ours, 1),
        "floor_per_second": round(floor, 1),
        "ratio": round(ratio, 2),
        "opted_out": len(silent_since),
        "kill -9": kills,
        "faults": json.loads(world.tell_gateway("/bench/faults")),
        "seed": wanted.seed,
    }
    return result, wrong


def side_by_side(
    world: TextWorld, tenant: Any, staff: Any, invoices: list[Any]
) -> tuple[list[Any], float, float]:
    """Floor and product in turns: the bulk sends, and the median rate of each."""
    from django.db import connection  # noqa: PLC0415

    from bench.tasks import TABLE  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    bulks, ours, floor = [], [], []
    share = len(invoices) // ROUNDS
    for turn in range(ROUNDS):
        mine = invoices[turn * share :] if turn == ROUNDS - 1 else invoices[turn * share :][:share]
        floor.append(bare_rate(world, min(share, 1000)))
        bulk, rate = bulk_rate(world, tenant, staff, mine)
        bulks.append(bulk)
        ours.append(rate)
        tell(f"round {turn + 1}: {rate:.1f}/s, floor {floor[-1]:.1f}/s")
    return bulks, statistics.median(ours), statistics.median(floor)


def rest(world: TextWorld) -> None:
    """Wait until Twilio owes no report, so that each round pays for its own."""
    owed = "SELECT (SELECT count(*) FROM sandbox_hop) + (SELECT count(*) FROM sandbox_callback"
    with sqlite3.connect(f"file:{world.ledger}?mode=ro", uri=True) as books:
        left = lambda: int(books.execute(f"{owed} WHERE NOT done)").fetchone()[0])  # noqa: E731
        wait(lambda: not left(), "reports", 0, left, 120)


def bare_rate(world: TextWorld, count: int) -> float:
    """Bare tasks per second, from the first one until all texts are accepted and reported on."""
    from django.db import connection  # noqa: PLC0415

    from bench.tasks import bare  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_bare (state) SELECT 'queued' FROM generate_series(1, %s)"
            " RETURNING id",
            [count],
        )
        numbers = [pk for (pk,) in cursor.fetchall()]
    began = time.monotonic()
    for pk in numbers:
        bare.delay(pk)
    until = "SELECT count(*) FROM bench_bare WHERE state <> 'sent'"
    wait(lambda: not scalar(until), "floor", count, lambda: count - scalar(until))
    rest(world)
    return count / (time.monotonic() - began)


def bulk_rate(world: TextWorld, tenant: Any, staff: Any, invoices: list[Any]) -> tuple[Any, float]:
    """Texts per second, from the press of the button until all are accepted and reported on."""
    began = time.monotonic()
    bulk = press(tenant, staff, invoices)
    waits = (
        "SELECT count(*) FROM sms_bulktext b LEFT JOIN sms_textmessage t ON t.id = b.message_id"
        f" WHERE b.bulk_id = {bulk.pk}"
        " AND (b.outcome = 'waiting' OR t.status IN ('queued', 'sending'))"
    )
    count = len(invoices)
    wait(lambda: not scalar(waits), "ours", count, lambda: count - scalar(waits))
    rest(world)
    return bulk, len(invoices) / (time.monotonic() - began)


def press(tenant: Any, staff: Any, invoices: list[Any]) -> Any:
    """Press the button."""
    from django_scopes import scope  # noqa: PLC0415

    from audit.enqueue import enqueue  # noqa: PLC0415
    from sms.models import BulkSend  # noqa: PLC0415
    from sms.tasks import run_bulk  # noqa: PLC0415

    with scope(tenant=tenant):
        bulk, _ = BulkSend.objects.start(tenant, invoices, actor=staff, key=uuid.uuid4())
    enqueue(run_bulk, bulk.pk)
    return bulk


def under_fire(
    world: TextWorld, wanted: argparse.Namespace, tenant: Any, staff: Any, invoices: list[Any]
) -> tuple[Any, int, dict[str, str]]:
    """The rest of the texts, with failing calls, opt-outs, and workers that are killed."""
    dice = random.Random(wanted.seed)
    world.tell_gateway("/bench/fire")
    stop, kills = threading.Event(), [0]
    silent_since: dict[str, str] = {}
    bulk = press(tenant, staff, invoices)
    helpers = [
        threading.Thread(target=silence, args=[world, dice, len(invoices), silent_since, stop]),
        threading.Thread(target=nemesis, args=[world, dice, kills, stop]),
    ]
    for helper in helpers:
        helper.start()
    waiting = f"SELECT count(*) FROM sms_bulktext WHERE bulk_id = {bulk.pk} AND outcome = 'waiting'"
    held = (
        "SELECT count(*) FROM sms_bulktext b JOIN sms_textmessage t ON t.id = b.message_id"
        f" WHERE b.bulk_id = {bulk.pk} AND t.status = 'queued'"
    )
    count = len(invoices)
    wait(
        lambda: scalar(waiting) == 0 and scalar(held) <= count // 50,
        "under fire",
        count,
        lambda: count - scalar(waiting) - scalar(held),
    )
    stop.set()
    for helper in helpers:
        helper.join()
    world.tell_gateway("/bench/quiet")
    return bulk, kills[0], silent_since


def nemesis(world: TextWorld, dice: random.Random, kills: list[int], stop: threading.Event) -> None:
    """kill -9 of the worker with all its threads, and a new one."""
    while not stop.wait(dice.uniform(4, 8)):
        world.kill("worker")
        world.start_worker()
        kills[0] += 1


def silence(
    world: TextWorld,
    dice: random.Random,
    count: int,
    silent_since: dict[str, str],
    stop: threading.Event,
) -> None:
    """Customers opt out, in the keyword's spelling or their own words, while texts go out."""
    from bench.text_bills import number_of  # noqa: PLC0415
    from sms.models import TextMessage  # noqa: PLC0415

    first = TextMessage._base_manager.count()
    for index in dice.sample(range(first, first + count), max(1, int(count * SILENCED))):
        if stop.is_set():
            return
        number = number_of(index)
        world.reply(number, dice.choice(WORDS))
        if acknowledged(world, number):
            silent_since[number] = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"
        stop.wait(0.1)


def acknowledged(world: TextWorld, number: str) -> bool:
    """Wait until the product has said 200 to the report of what the customer wrote."""
    asked = (
        "SELECT max(c.done) FROM sandbox_callback c JOIN sandbox_message m ON m.id = c.message_id"
        " WHERE m.direction = 'inbound' AND m.from_number = ?"
    )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with sqlite3.connect(f"file:{world.ledger}?mode=ro", uri=True) as books:
            if books.execute(asked, [number]).fetchone()[0]:
                return True
        time.sleep(0.05)
    return False


def settle(bulks: list[Any]) -> None:
    """Let the sweeps run until no text is open."""
    left = "SELECT count(*) FROM sms_textmessage WHERE status IN ('queued', 'sending')"
    wait(lambda: not scalar(left), "settling", 0, lambda: scalar(left), QUIET_SECONDS)
    done = f"SELECT count(*) FROM sms_bulksend WHERE id IN ({', '.join(str(b.pk) for b in bulks)})"
    wait(lambda: scalar(f"{done} AND status = 'done'") == len(bulks), "closing", 0, lambda: 0, 30)


def wait(until: Any, what: str, total: int, done: Any, seconds: float = 3600) -> None:
    """Check ten times a second, with a bar on stderr; gives up silently, the ledgers show it."""
    deadline, told = time.monotonic() + seconds, 0.0
    while not until() and time.monotonic() < deadline:
        if time.monotonic() > told + 1:
            told, count = time.monotonic(), done()
            bar = "#" * (30 * count // total) if total else ""
            tell(f"\r{what:<12} [{bar:<30}] {count}/{total or '0 open'}   ", end="")
        time.sleep(0.1)
    tell("")


def scalar(question: str) -> int:
    """One number from our own tables."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(question)
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    sys.exit(main())
