"""What the expiry sweep costs: 10,000 expired among 1,000,000 links, against one raw statement.

    DATABASE_URL=postgres://… python bench/sweep.py

Needs PostgreSQL and a database it may fill and empty again; takes a minute or two. Both ways end
the same links in turn, each in a transaction that is rolled back, so that both meet the same table.
The last line is JSON; `ratio` is the median of (sweep / one raw UPDATE with its audit INSERT).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402

from audit.clock import db_now  # noqa: E402
from invoices.models import PaymentLink  # noqa: E402
from invoices.tasks import expire_links  # noqa: E402
from tests.factories import make_customer, make_invoice, make_tenant  # noqa: E402

LINKS, EXPIRED, ROUNDS, LIMIT = 1_000_000, 10_000, 9, 2.0

RAW_UPDATE = """
    UPDATE invoices_paymentlink SET status = 'expired', closed_at = %s
    WHERE status = 'live' AND expires_at <= %s
"""
RAW_INSERT = """
    INSERT INTO audit_auditentry
        (tenant_id, subject, action, actor_id, actor_label, data, created_at)
    SELECT tenant_id, 'invoice:' || invoice_id, 'link.expired', NULL, 'Textpay', '{}', %s
    FROM invoices_paymentlink WHERE status = 'expired' AND closed_at = %s
"""


def fill() -> None:
    """One company, one invoice per link, every hundredth link past its time."""
    tenant = make_tenant("Bench")
    like = make_invoice(customer=make_customer(tenant), opened=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO invoices_invoice (tenant_id, customer_id, public_id, number, description,"
            " status, issued_on, due_on, tax, total, paid, created_at)"
            " SELECT tenant_id, customer_id, gen_random_uuid(), 'B' || n, '', 'open', issued_on,"
            " due_on, 0, 10, 0, created_at"
            " FROM invoices_invoice, generate_series(1, %s) AS n WHERE id = %s",
            [LINKS, like.pk],
        )
        cursor.execute(
            "INSERT INTO invoices_paymentlink"
            " (tenant_id, invoice_id, status, nonce, digest, hint, issued_at, expires_at)"
            " SELECT tenant_id, id, 'live', '\\x00', md5(id::text) || md5('x' || id::text),"
            " 'bench', now() - interval '61 days',"
            " now() + CASE WHEN id %% %s = 0 THEN interval '-1 day' ELSE interval '30 days' END"
            " FROM invoices_invoice WHERE number LIKE 'B%%'",
            [LINKS // EXPIRED],
        )
        cursor.execute("ANALYZE invoices_paymentlink")


def raw() -> int:
    """The least SQL that does the same."""
    now = db_now()
    with connection.cursor() as cursor:
        cursor.execute(RAW_UPDATE, [now, now])
        cursor.execute(RAW_INSERT, [now, now])
        return int(cursor.rowcount)


def timed(work: Callable[[], int]) -> float:
    """Seconds that `work` takes to end all expired links; undone afterwards."""
    with transaction.atomic():
        start = time.perf_counter()
        done = work()
        seconds = time.perf_counter() - start
        transaction.set_rollback(True)
    if done != EXPIRED:
        raise SystemExit(f"{done} links ended instead of {EXPIRED}")
    return seconds


def main() -> int:
    """Fill, measure in turns, print; 1 when the sweep costs more than LIMIT times the raw way."""
    call_command("migrate", verbosity=0)
    with scopes_disabled():
        fill()
        pairs = []
        for turn in range(ROUNDS):
            order = (expire_links, raw) if turn % 2 else (raw, expire_links)
            seconds = {work.__name__: timed(work) for work in order}
            pairs.append((seconds["expire_links"], seconds["raw"]))
            vacuum()
    ratios = [ours / theirs for ours, theirs in pairs]
    result = {
        "links": PaymentLink._base_manager.count(),
        "expired": EXPIRED,
        "sweep_ms": round(statistics.median(ours for ours, _ in pairs) * 1000, 1),
        "raw_ms": round(statistics.median(theirs for _, theirs in pairs) * 1000, 1),
        "ratio": round(statistics.median(ratios), 2),
        "limit": LIMIT,
    }
    print(json.dumps(result))
    return 0 if result["ratio"] <= LIMIT else 1


def vacuum() -> None:
    """Rolled-back rows must not slow the next turn down."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM invoices_paymentlink")
        cursor.execute("VACUUM audit_auditentry")


if __name__ == "__main__":
    raise SystemExit(main())
