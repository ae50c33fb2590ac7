from django.db import migrations


def who_may_text(apps, schema_editor):
    """The built-in roles gain what they would have in a new company."""
    gained = {
        "Office": {"send_many", "answer_texts"},
        "Administrator": {"send_many", "answer_texts", "text_again"},
    }
    for role in apps.get_model("tenants", "Role").objects.filter(name__in=gained):
        role.permissions = sorted({*role.permissions, *gained[role.name]})
        role.save(update_fields=["permissions"])


class Migration(migrations.Migration):

    dependencies = [
        ("tenants", "0004_company_words"),
    ]

    operations = [
        migrations.RunPython(who_may_text, migrations.RunPython.noop),
    ]
