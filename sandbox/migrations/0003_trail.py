"""The trail refuses changes in the database itself."""

from django.db import migrations

from sandbox.books import FREEZE, THAW


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0002_settlement")]

    operations = [migrations.RunSQL(list(FREEZE), list(THAW))]
