from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sms", "0004_consent_noted_once"),
    ]

    operations = [
        migrations.AddField(
            model_name="textrules",
            name="quiet_hours",
            field=models.BooleanField(default=True, verbose_name="text between 8 AM and 9 PM only"),
        ),
        migrations.AddConstraint(
            model_name="textrules",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("third_party_collector", False), ("quiet_hours", True), _connector="OR"
                ),
                name="sms_rules_collector_is_quiet",
            ),
        ),
        # Accounts that send already were approved; a new one waits for Support's word.
        migrations.AddField(
            model_name="twilioaccount",
            name="is_registered",
            field=models.BooleanField(default=True, verbose_name="registered with the carriers"),
        ),
        migrations.AlterField(
            model_name="twilioaccount",
            name="is_registered",
            field=models.BooleanField(
                default=False,
                help_text="The sender's brand and campaign (10DLC), or its toll-free verification, "
                "are approved. Without that, carriers drop texts and nothing is sent.",
                verbose_name="registered with the carriers",
            ),
        ),
    ]
