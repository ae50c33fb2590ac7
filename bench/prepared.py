"""What audit/prepared.py saves, beside the plain ORM: bin/bench prepared

Needs PostgreSQL (DATABASE_URL, with the right to create a database); takes about 20 seconds. Both
ways take turns, in pairs, so that a busy machine slows both down. The last line is JSON; a ratio is
the median of (prepared / ORM) over all pairs. The exit code is 1 when one saves less than 10 %.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Q  # noqa: E402
from django.test.utils import get_runner  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402

from audit.models import entry  # noqa: E402
from audit.prepared import ByKey, update_with_entry  # noqa: E402
from sms.models import TextMessage  # noqa: E402
from tests.factories import make_customer, make_invoice, make_member, make_ready_tenant, make_text  # noqa: E402

PAIRS, LIMIT = 400, 0.9
QUEUED, SENDING = TextMessage.Status.QUEUED, TextMessage.Status.SENDING


def rows() -> Any:
    """A text with what a worker needs to send it."""
    return TextMessage.objects.select_related("invoice__customer", "tenant")


def compare(prepared: Callable[[], object], plain: Callable[[], object]) -> float:
    """The median ratio of the two, taking turns."""
    ratios = []
    for turn in range(PAIRS + 20):
        seconds = {}
        for work in (prepared, plain) if turn % 2 else (plain, prepared):
            start = time.perf_counter()
            work()
            seconds[work] = time.perf_counter() - start
        if turn >= 20:  # the first ones warm both up
            ratios.append(seconds[prepared] / seconds[plain])
    return round(statistics.median(ratios), 2)


def reading(text: TextMessage) -> float:
    """One text by its primary key."""
    by_key = ByKey(rows)
    return compare(lambda: by_key.first(text.pk), lambda: rows().get(pk=text.pk))


def writing(text: TextMessage) -> float:
    """One status change with its audit entry; each call undoes the other's."""
    steps = iter([(QUEUED, SENDING), (SENDING, QUEUED)] * (PAIRS + 20))

    def change() -> tuple[Any, dict[str, str], Any]:
        old, new = next(steps)
        made = entry("text.sending", tenant=text.tenant, subject=text.audit_subject)
        return TextMessage._base_manager.filter(Q(), pk=text.pk, status=old), {"status": new}, made

    def prepared() -> None:
        found, changes, made = change()
        assert update_with_entry(found, changes, made)

    def plain() -> None:
        found, changes, made = change()
        with transaction.atomic():
            assert found.update(**changes)
            made.save()

    return compare(prepared, plain)


def main() -> int:
    """Fill a database of its own, measure, print."""
    runner = get_runner(settings)(verbosity=0, interactive=False)
    made = runner.setup_databases()
    try:
        if connection.vendor != "postgresql":
            raise SystemExit("bin/bench prepared needs PostgreSQL in DATABASE_URL.")
        with scopes_disabled():
            tenant = make_ready_tenant()
            invoice = make_invoice(customer=make_customer(tenant))
            text = make_text(invoice, make_member(tenant))
            result = {"read": reading(text), "write": writing(text), "limit": LIMIT}
    finally:
        runner.teardown_databases(made)
    print(json.dumps(result))
    return 0 if max(result["read"], result["write"]) <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
