import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Exists, Max, OuterRef


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
