from django.db import migrations, models


def say_what_was_asked(apps, schema_editor):
    """Texts of before name the balance of then; it counts only for those still waiting."""
    for text in apps.get_model("sms", "TextMessage").objects.select_related("invoice").iterator():
        text.asked = text.invoice.total - text.invoice.paid
        text.customer_id = text.invoice.customer_id
        text.save(update_fields=["asked", "customer"])


class Migration(migrations.Migration):

    # PostgreSQL does not alter a table whose rows were changed in the same transaction.
    atomic = False

    dependencies = [
        ("sms", "0002_replies_reminders_and_bulk"),
    ]

    operations = [
        migrations.RunPython(say_what_was_asked, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='textmessage',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['answer', 'help']), models.Q(('asked__isnull', False), ('invoice__isnull', False), ('link__isnull', False)), _connector='OR'), name='sms_text_has_link'),
        ),
    ]
