from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0005_life_and_refunds"),
    ]

    operations = [
        migrations.AddField(
            model_name="cardconnectaccount",
            name="adds_fee",
            field=models.BooleanField(
                default=False, editable=False, verbose_name="adds a card fee"
            ),
        ),
    ]
