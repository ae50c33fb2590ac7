"""Payments under faults: bin/bench chaos --payments N --seed S

Drives web and worker processes on PostgreSQL with concurrent payers, double clicks, second tabs
and an office that expires, voids and edits meanwhile; voids and refunds payments, with two people
for large sums; batches settle and banks return payments; gateway calls fail; processes are killed.
Then the faults stop, the sweeps run, and the gateway's ledger is compared with our books. The last
line is JSON; the exit code is 1 when anything is wrong.
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
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.stage import perform, tell
from bench.world import ROOT, World

PAYERS = 20
QUIET_SECONDS = 300.0
ASKED_ENOUGH = 3  # times, before a person gives up on a void

CHARGES = """
    SELECT m.merchid, c.orderid, c.retref, printf('%.2f', c.amount) AS amount, c.kind, c.setlstat,
           c.respstat, c.setlstat = 'Voided' AS voided, c.returned_at IS NOT NULL AS returned,
           coalesce(p.retref, '') AS parent
    FROM sandbox_charge c JOIN sandbox_merchant m ON m.id = c.merchant_id
    LEFT JOIN sandbox_charge p ON p.id = c.parent_id
"""
RELEASED = "SELECT id FROM payments_refund WHERE released_by_id IS NOT NULL AND status = 'done'"


def main() -> int:
    """Run, judge, print."""
    return perform("chaos", __doc__, "payments", World, run)


def run(world: World, wanted: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Faults, then a quiet period, then the comparison."""
    os.environ.update(world.env)
    world.prepare()
    import django  # noqa: PLC0415  its settings are known only now

    django.setup()
    from bench import banks, bills, office, payers  # noqa: PLC0415

    written = bills.write(wanted.payments, wanted.seed)
    world.start()
    crowd = payers.Payers(world, written, wanted.seed)
    clerks = office.Office(crowd, wanted.seed)
    nights = banks.Banks(world, clerks, wanted.seed)
    kills = trouble(world, crowd, clerks, nights, wanted.seed)
    world.calm()
    struck = json.loads(world.tell_gateway("/bench/faults"))
    kills["at a statement"] = world.deaths.stat().st_size
    settle(world, crowd, clerks)
    result, wrong = judge(world, crowd)
    if wrong:
        world.keep_logs(ROOT / "var" / "chaos")
    told = {"payers": crowd.counts, "banks": nights.counts}
    mix = {"gateway": struck, "kill -9": kills, **told}
    return {"payments": wanted.payments, **result, "seed": wanted.seed, "fault_mix": mix}, wrong


def judge(world: World, crowd: Any) -> tuple[dict[str, int], list[str]]:
    """Compare both ledgers, and our own tables, after the quiet period."""
    from payments.reconciliation import verify  # noqa: PLC0415
    from tenants.models import Tenant  # noqa: PLC0415
    from tests.proof import books  # noqa: PLC0415

    theirs = charges(world)
    verdict = books.judge(theirs, told_by_order(crowd))
    found = [found for tenant in Tenant.objects.all() for found in verify.check(tenant)]
    broken = books.broken() + [str(violation) for violation in found]
    approved = [c for c in theirs if c["respstat"] == "A"]
    sales = [c for c in approved if c["kind"] == "sale"]
    result = {
        "approved": sum(not c["voided"] for c in sales),
        **{kind: len(found) for kind, found in vars(verdict).items()},
        "voids": len(books.rows("SELECT id FROM payments_payment WHERE status = 'voided'")),
        "refunds": sum(c["kind"] == "refund" and not c["voided"] for c in approved),
        "released": len(books.rows(RELEASED)),
        "returns": sum(c["returned"] for c in sales),
    }
    result["invented"] += len(broken)
    return result, verdict.wrong + broken


def trouble(world: World, crowd: Any, clerks: Any, nights: Any, seed: int) -> Counter[str]:
    """Run all payers and the office, while processes are killed."""
    stop, closing, kills = threading.Event(), threading.Event(), Counter[str]()
    looking = threading.Thread(target=clerks.work, args=[closing])
    helpers = [
        threading.Thread(target=crowd.poll, args=[stop]),
        threading.Thread(target=nemesis, args=[world, random.Random(seed), kills, stop]),
        threading.Thread(target=nights.work, args=[stop]),
        threading.Thread(target=progress, args=[crowd, stop]),
    ]
    for helper in [looking, *helpers]:
        helper.start()
    try:
        with ThreadPoolExecutor(PAYERS) as pool:
            list(pool.map(crowd.pay, crowd.bills))
        closing.set()
        looking.join()
        nights.one_night()
        clerks.last_night()
    finally:
        closing.set()
        stop.set()
        for helper in helpers:
            helper.join()
    nights.last_night()
    return kills


def nemesis(world: World, dice: random.Random, kills: Counter[str], stop: threading.Event) -> None:
    """kill -9 of a random process."""
    while not stop.wait(dice.uniform(1, 4)):
        world.supervise()
        victim = dice.choices(["web", "sweep", "worker"], [70, 25, 5])[0]
        if victim == "worker":
            world.kill("worker")
            world.start_worker()
        elif not world.kill_one_of("web" if victim == "web" else "worker", dice.choice):
            continue
        kills[victim] += 1


def progress(crowd: Any, stop: threading.Event) -> None:
    """A progress bar on stderr."""
    began, total = time.monotonic(), len(crowd.bills)
    while True:
        ended = stop.wait(1)
        done = crowd.done
        bar = "#" * (30 * done // total)
        rate = done / (time.monotonic() - began)
        tell(f"\r[{bar:<30}] {done}/{total} {rate:.1f}/s", end="\n" if ended else "")
        if ended:
            return


def settle(world: World, crowd: Any, clerks: Any) -> None:
    """Let the sweeps run until everything has an outcome; people do what waits for people.

    Gives up only when nothing has reached an outcome for a while, however slow the machine.
    """
    from django.db import connection  # noqa: PLC0415
    from django_scopes import scopes_disabled  # noqa: PLC0415

    least, until = sys.maxsize, 0.0
    with scopes_disabled():
        while left := unfinished(world):
            if left < least:
                least, until = left, time.monotonic() + QUIET_SECONDS
            if time.monotonic() > until:
                break
            tell(f"\rsettling: {left} open   ", end="")
            world.supervise()
            attend(crowd, clerks)
            time.sleep(0.5)
    tell("")
    while json.loads(world.tell_gateway("/bench/late")):
        time.sleep(0.1)  # what the gateway commits late counts as well
    stop = threading.Event()
    threading.Timer(2, stop.set).start()
    crowd.poll(stop)
    list(crowd.more.map(crowd.look, [place for place, _ in crowd.watched]))
    connection.close()


def unfinished(world: World) -> int:
    """Payments and refunds without an outcome, and returns that were not read."""
    from payments.models import Payment, Refund  # noqa: PLC0415

    back = {c["retref"] for c in charges(world) if c["returned"]}
    known = Payment.objects.filter(status="returned").values_list("retref", flat=True)
    return (
        Payment.objects.in_flight().count()
        + Refund.objects.filter(status__in=Refund.OPEN).count()
        + len(back.difference(known))
    )


def attend(crowd: Any, clerks: Any) -> None:
    """Inquire about what waits for a person, and release what waits for a second one."""
    from payments.checkout import charge  # noqa: PLC0415
    from payments.models import Payment, Refund  # noqa: PLC0415

    given_up: dict[Any, list[int]] = defaultdict(list)
    for payment in Payment.objects.filter(status="needs_attention").select_related(
        "tenant__cardconnect", "invoice"
    ):
        crowd.counts["asked_by_a_person"] += 1
        charge.inquire(payment)
        if payment.status == "needs_attention" and payment.inquiries > ASKED_ENOUGH:
            given_up[payment.tenant].append(payment.pk)
    for tenant, payments in given_up.items():
        crowd.counts["booked_by_match"] += keep(tenant, payments)
    staff_of = {bill.public_id: bill.staff for bill in crowd.bills}
    waiting = Refund.objects.filter(status="requested").select_related(
        "payment__invoice__tenant", "requested_by"
    )
    for refund in waiting:
        staff = staff_of[str(refund.payment.invoice.public_id)]
        asked = next(n for n in range(len(staff)) if f"clerk{n}@" in refund.requested_by.email)
        company = refund.payment.invoice.tenant.slug
        clerks.release_at_last(company, str(refund.public_id), staff[asked - 1])


def keep(tenant: Any, payments: list[int]) -> int:
    """Run money match, and book each part that it found and nobody could void any more."""
    from payments.reconciliation import match as matching  # noqa: PLC0415
    from payments.reconciliation import resolve  # noqa: PLC0415
    from tenants.models import Membership  # noqa: PLC0415

    match = matching.begin(tenant)
    if match is None:
        return 0
    matching.run(match)
    clerk = Membership.objects.filter(tenant=tenant).select_related("user")[0].user
    found = [row for row in match.rows.filter(payment__in=payments) if row.may_be_kept]
    for row in found:
        resolve.book_attempt(row, actor=clerk)
    return len(found)


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


if __name__ == "__main__":
    sys.exit(main())
