"""Money under fire: bin/bench chaos --payments N --seed S

Drives web and worker processes on PostgreSQL with concurrent payers, double clicks, second tabs
and an office that expires, voids and edits meanwhile; spoils calls to the gateway; kills processes.
Then stops the trouble, lets the sweeps run, and compares the gateway's ledger with our books. The
last line is JSON; the exit code is 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.world import ROOT, World, house_rules

PAYERS = 20
QUIET_SECONDS = 120.0

CHARGES = """
    SELECT m.merchid, c.orderid, c.retref, printf('%.2f', c.amount) AS amount, c.kind,
           c.respstat, c.setlstat = 'Voided' AS voided
    FROM sandbox_charge c JOIN sandbox_merchant m ON m.id = c.merchant_id
"""


def main() -> int:
    """Run, judge, print."""
    parser = argparse.ArgumentParser(prog="bin/bench chaos", description=__doc__)
    parser.add_argument("--payments", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=10, help="how much shorter waits are")
    wanted = parser.parse_args()
    house = house_rules.House()
    began = time.monotonic()
    try:
        world = World(house, wanted.seed, wanted.scale)
        result, wrong = run(world, wanted)
        world.close()
    except house_rules.Stop as stop:
        return 128 + int(stop.number)
    finally:
        house.close()
    for line in wrong[:50]:
        tell(line)
    if wrong:
        tell(f"Replay: bin/bench chaos --payments {wanted.payments} --seed {wanted.seed}")
    result["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(result), flush=True)
    return 1 if wrong else 0


def run(world: World, wanted: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Trouble, then quiet, then the books."""
    os.environ.update(world.env)
    world.prepare()
    import django  # noqa: PLC0415  its settings are known only now

    django.setup()
    from bench import bills, payers  # noqa: PLC0415
    from tests.proof import books  # noqa: PLC0415

    written = bills.write(wanted.payments, wanted.seed)
    world.start()
    crowd = payers.Payers(world, written, wanted.seed)
    kills = trouble(world, crowd, written, wanted.seed)
    world.calm()
    struck = json.loads(world.tell_gateway("/bench/faults"))
    kills["at a statement"] = world.deaths.stat().st_size
    settle(world, crowd)
    verdict = books.judge(charges(world), told_by_order(crowd))
    broken = books.broken()
    wrong = verdict.wrong + broken
    if wrong:
        world.keep_logs(ROOT / "var" / "chaos")
    taken = [c for c in charges(world) if c["respstat"] == "A" and not c["voided"]]
    result = {
        "payments": wanted.payments,
        "approved": len(taken),
        **{kind: len(found) for kind, found in vars(verdict).items()},
        "seed": wanted.seed,
        "fault_mix": {"gateway": struck, "kill -9": dict(kills), "payers": dict(crowd.counts)},
    }
    result["invented"] += len(broken)
    return result, wrong


def trouble(world: World, crowd: Any, written: list[Any], seed: int) -> Counter[str]:
    """All payers, with processes dying under them."""
    stop, kills = threading.Event(), Counter[str]()
    helpers = [
        threading.Thread(target=crowd.poll, args=[stop]),
        threading.Thread(target=nemesis, args=[world, random.Random(seed), kills, stop]),
        threading.Thread(target=progress, args=[crowd, len(written), stop]),
    ]
    for helper in helpers:
        helper.start()
    try:
        with ThreadPoolExecutor(PAYERS) as pool:
            list(pool.map(crowd.pay, written))
    finally:
        stop.set()
        for helper in helpers:
            helper.join()
    return kills


def nemesis(world: World, dice: random.Random, kills: Counter[str], stop: threading.Event) -> None:
    """kill -9, of whatever comes to hand."""
    while not stop.wait(dice.uniform(1, 4)):
        world.supervise()
        victim = dice.choices(["web", "sweep", "worker"], [70, 25, 5])[0]
        if victim == "worker":
            world.kill("worker")
            world.start_worker()
        elif not world.kill_one_of("web" if victim == "web" else "worker", dice.choice):
            continue
        kills[victim] += 1


def progress(crowd: Any, total: int, stop: threading.Event) -> None:
    """A bar on stderr."""
    began = time.monotonic()
    while True:
        ended = stop.wait(1)
        done = crowd.done
        bar = "#" * (30 * done // total)
        rate = done / (time.monotonic() - began)
        tell(f"\r[{bar:<30}] {done}/{total} {rate:.1f}/s", end="\n" if ended else "")
        if ended:
            return


def settle(world: World, crowd: Any) -> None:
    """Let the sweeps run until nothing is open; a person asks about what waits for a person."""
    from django.db import connection  # noqa: PLC0415
    from django_scopes import scopes_disabled  # noqa: PLC0415

    from payments import charging  # noqa: PLC0415
    from payments.models import Payment  # noqa: PLC0415

    until = time.monotonic() + QUIET_SECONDS + crowd.done / 100
    with scopes_disabled():
        while time.monotonic() < until:
            world.supervise()
            opened = Payment.objects.in_flight()
            tell(f"\rsettling: {opened.count()} open   ", end="")
            for payment in opened.filter(status="needs_attention"):
                crowd.counts["asked_by_a_person"] += 1
                charging.ask(payment)
            if not opened.exists():
                break
            time.sleep(0.5)
    tell("")
    time.sleep(2 * 32 / world.scale)  # what the gateway may still commit late
    stop = threading.Event()
    threading.Timer(2, stop.set).start()
    crowd.poll(stop)
    for place, _ in list(crowd.watched):
        crowd.look(place)
    connection.close()


def charges(world: World) -> list[dict[str, Any]]:
    """The gateway's own ledger, read from its own file."""
    with sqlite3.connect(f"file:{world.ledger}?mode=ro", uri=True) as ledger:
        ledger.row_factory = sqlite3.Row
        return [dict(row) for row in ledger.execute(CHARGES)]


def told_by_order(crowd: Any) -> dict[str, set[str]]:
    """What payers were told, by order number."""
    from tests.proof import books  # noqa: PLC0415

    found = books.rows("SELECT public_id::text AS public_id, orderid FROM payments_payment")
    return {row["orderid"]: crowd.told[row["public_id"]] for row in found}


def tell(text: str, end: str = "\n") -> None:
    """To people, not to programs."""
    print(text, file=sys.stderr, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
