from django.db import migrations, models


class Migration(migrations.Migration):
    """The sweeps fill the due moments in, at their first run."""

    dependencies = [("payments", "0010_money_check")]

    operations = [
        migrations.AddField(
            model_name="cardconnectaccount",
            name="next_match_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="moneycheck",
            name="next_check_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="moneycheck",
            name="checked_at",
            field=models.DateTimeField(help_text="Empty until the first check.", null=True),
        ),
    ]
