import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Exists, Max, OuterRef


CAUSES = [
    ("same", "Both sides agree"),
    ("booked", "Found at CardConnect and booked"),
    ("checking", "Outcome not known yet"),
    ("unknown_charge", "A charge we have no record of"),
    ("ended", "We hold it as not paid"),
    ("not_settled", "Not settled by CardConnect"),
    ("not_paid_out", "Settled, not paid out yet"),
    ("amount", "The amounts differ"),
    ("rejected", "Settlement was rejected"),
    ("returned", "Returned by the bank"),
    ("refund", "A refund we have no record of"),
    ("refund_open", "Outcome of a refund not known yet"),
    ("refund_ended", "We hold the refund as not given back"),
    ("refund_back", "A refund came back from the bank"),
]


def supersede(apps, schema_editor):
    """Of rows about the same charge the newest counts; what is followed has it in the last run."""
    rows = apps.get_model("payments", "MatchRow").objects
    runs = apps.get_model("payments", "MatchRun").objects
    newer = rows.filter(
        tenant=OuterRef("tenant"),
        merchid=OuterRef("merchid"),
        retref=OuterRef("retref"),
        pk__gt=OuterRef("pk"),
    )
    rows.exclude(retref="").filter(Exists(newer)).update(superseded=True)
    whole = runs.filter(finished_at__isnull=False, problem="")
    last = whole.order_by().values("tenant").annotate(last=Max("pk")).values("last")
    followed = rows.filter(cause__in=["checking", "not_settled"])
    followed.exclude(run__in=last).update(superseded=True)


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("payments", "0008_asked_again"),
    ]

    operations = [
        migrations.AddField(
            model_name="matchrow",
            name="seen_by",
            field=models.ForeignKey(
                help_text="Who put it away.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="matchrow",
            name="superseded",
            field=models.BooleanField(default=False, help_text="A later match found out more."),
        ),
        migrations.AddField(
            model_name="matchrow",
            name="paid_out",
            field=models.DecimalField(decimal_places=2, max_digits=12, null=True),
        ),
        migrations.AlterField(
            model_name="matchrow",
            name="cause",
            field=models.CharField(choices=CAUSES, max_length=16),
        ),
        migrations.AddIndex(
            model_name="matchrow",
            index=models.Index(
                condition=models.Q(
                    models.Q(("bucket", "matched"), _negated=True),
                    ("handled_at__isnull", True),
                    ("superseded", False),
                ),
                fields=["tenant", "bucket", "-id"],
                name="payments_matchrow_waiting",
            ),
        ),
        migrations.RunPython(supersede, migrations.RunPython.noop),
    ]
