from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0003_trail")]

    operations = [
        migrations.AddField(
            model_name="charge",
            name="invoiceid",
            field=models.CharField(blank=True, max_length=12),
        ),
    ]
