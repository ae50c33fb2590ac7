from decimal import Decimal

from django.db import migrations, models

KINDS = ("charge", "refund", "return")


class Migration(migrations.Migration):
    """A run has figures of what both sides agree about; the next migration fills them in."""

    dependencies = [("payments", "0011_nightly_due_moments")]

    operations = [
        *(
            migrations.AddField(
                model_name="matchrun",
                name=f"matched_{kind}_count",
                field=models.PositiveIntegerField(default=0),
            )
            for kind in KINDS
        ),
        *(
            migrations.AddField(
                model_name="matchrun",
                name=f"matched_{kind}_total",
                field=models.DecimalField(
                    decimal_places=2, default=Decimal("0.00"), max_digits=14
                ),
            )
            for kind in KINDS
        ),
        migrations.AddField(
            model_name="matchrun",
            name="has_deposits",
            field=models.BooleanField(
                default=False,
                help_text="CardConnect reported a deposit, in this run or an earlier one.",
            ),
        ),
    ]
