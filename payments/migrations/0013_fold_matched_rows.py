"""Matched rows become figures of their run.

In batches, each in a transaction of its own: a batch adds up what it deletes, so a migration that
was interrupted goes on where it stopped and counts nothing twice.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import migrations, transaction
from django.db.models import Min

BATCH = 500  # below the number of parameters that old versions of SQLite take


def note_deposits(apps: Any, schema_editor: Any) -> None:
    """From the first run with a deposit on, each run of the company knows of one."""
    runs = apps.get_model("payments", "MatchRun").objects.using(schema_editor.connection.alias)
    rows = apps.get_model("payments", "MatchRow").objects.using(schema_editor.connection.alias)
    paid_out = rows.filter(paid_out__isnull=False).order_by()
    for tenant, first in paid_out.values_list("tenant").annotate(Min("run")):
        runs.filter(tenant=tenant, pk__gte=first).update(has_deposits=True)


def fold(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    rows = apps.get_model("payments", "MatchRow").objects.using(alias)
    runs = apps.get_model("payments", "MatchRun").objects.using(alias)
    matched, last = rows.filter(bucket="matched").order_by("pk"), 0
    while batch := list(matched.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        amounts: dict[int, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
        for row in batch:
            amount = row.our_amount if row.their_amount is None else row.their_amount
            kind = "return" if row.note else "refund" if (amount or 0) < 0 else "charge"
            amounts[row.run_id][kind].append(amount or Decimal("0.00"))
        with transaction.atomic(using=alias):
            for run in runs.filter(pk__in=list(amounts)):
                for kind, of_kind in amounts[run.pk].items():
                    count, total = f"matched_{kind}_count", f"matched_{kind}_total"
                    setattr(run, count, getattr(run, count) + len(of_kind))
                    setattr(run, total, sum(of_kind, getattr(run, total)))
                run.save()
            rows.filter(pk__in=[row.pk for row in batch]).delete()


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0012_match_figures")]

    operations = [
        migrations.RunPython(note_deposits, migrations.RunPython.noop),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
