from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("sms", "0003_what_was_asked"),
    ]

    operations = [
        migrations.AddField(
            model_name="consent",
            name="given_on",
            field=models.DateField(blank=True, help_text="For evidence that staff noted.", null=True),
        ),
        migrations.AlterField(
            model_name="consent",
            name="source",
            field=models.CharField(
                choices=[
                    ("record", "On the customer's record"),
                    ("typed", "Typed when sending"),
                    ("texted", "They texted first"),
                    ("start", "They replied START"),
                    ("written", "Asked for by the customer"),
                ],
                max_length=7,
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source__in", ["record", "typed", "texted"])),
                fields=("tenant", "digest"),
                name="sms_consent_noted_once",
            ),
        ),
    ]
