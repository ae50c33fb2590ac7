from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0006_adds_fee"),
    ]

    operations = [
        migrations.AddField(
            model_name="cardconnectaccount",
            name="fee_type",
            field=models.CharField(blank=True, default="", editable=False, max_length=1),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="cardconnectaccount",
            name="fee_format",
            field=models.CharField(blank=True, default="", editable=False, max_length=10),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="cardconnectaccount",
            name="fee_value",
            field=models.DecimalField(
                decimal_places=4, default=Decimal(0), editable=False, max_digits=10
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="fee",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal("0.00"),
                max_digits=12,
                verbose_name="surcharge",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="fee",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal("0.00"),
                max_digits=12,
                verbose_name="surcharge",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee__gte", 0)), name="payments_payment_fee"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee__gte", 0)), name="payments_refund_fee"
            ),
        ),
    ]
