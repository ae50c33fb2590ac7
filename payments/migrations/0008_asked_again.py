from django.db import migrations, models

STATUSES = [
    ("requested", "Waits for a second person"),
    ("pending", "Being sent"),
    ("unknown", "Checking with CardConnect"),
    ("done", "Given back"),
    ("declined", "Not given back"),
    ("cancelled", "Not released"),
    ("needs_attention", "Needs attention"),
    ("returned", "Came back from the bank"),
    ("repaid", "Given back another way"),
]
CAUSES = [
    ("same", "Both sides agree"),
    ("booked", "Found at CardConnect and booked"),
    ("checking", "Outcome not known yet"),
    ("unknown_charge", "A charge we have no record of"),
    ("ended", "We hold it as not paid"),
    ("not_settled", "Not settled by CardConnect"),
    ("amount", "The amounts differ"),
    ("rejected", "Settlement was rejected"),
    ("returned", "Returned by the bank"),
    ("refund", "A refund we have no record of"),
    ("refund_back", "A refund came back from the bank"),
]
OPEN = models.Q(("status__in", ["pending", "unknown", "needs_attention"]))


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0007_surcharge"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refund",
            name="status",
            field=models.CharField(choices=STATUSES, editable=False, max_length=16),
        ),
        migrations.AlterField(
            model_name="matchrow",
            name="cause",
            field=models.CharField(choices=CAUSES, max_length=16),
        ),
        migrations.RemoveIndex(model_name="payment", name="payments_payment_unsettled"),
        migrations.RemoveIndex(model_name="refund", name="payments_refund_unsettled"),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=OPEN, fields=["next_inquiry_at"], name="payments_payment_to_ask"
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=OPEN, fields=["next_inquiry_at"], name="payments_refund_to_ask"
            ),
        ),
    ]
