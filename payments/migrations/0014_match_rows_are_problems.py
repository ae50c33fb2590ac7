from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Rows are only for what the two sides do not agree about."""

    dependencies = [("payments", "0013_fold_matched_rows")]

    operations = [
        migrations.RemoveIndex(model_name="matchrow", name="payments_matchrow_waiting"),
        migrations.AddIndex(
            model_name="matchrow",
            index=models.Index(
                fields=["tenant", "bucket", "-id"],
                condition=Q(handled_at__isnull=True, superseded=False),
                name="payments_matchrow_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="matchrow",
            constraint=models.CheckConstraint(
                condition=~Q(bucket="matched"), name="payments_matchrow_is_a_problem"
            ),
        ),
    ]
