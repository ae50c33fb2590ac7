"""What a payer agreed to cannot be rewritten, not even by SQL typed by hand."""

from django.db import migrations

TABLE = "payments_authorization"

POSTGRESQL = """
CREATE TRIGGER authorization_append_only BEFORE UPDATE OR DELETE ON payments_authorization
    FOR EACH ROW EXECUTE FUNCTION textpay_append_only();
"""
POSTGRESQL_BACK = """
DROP TRIGGER authorization_append_only ON payments_authorization;
"""
SQLITE = [
    f"CREATE TRIGGER authorization_no_{verb} BEFORE {verb} ON {TABLE} "
    f"BEGIN SELECT RAISE(ABORT, '{TABLE} rows are never changed or deleted'); END"
    for verb in ("update", "delete")
]


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    elif schema_editor.connection.vendor == "sqlite":
        for statement in SQLITE:
            schema_editor.execute(statement)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL_BACK)
    elif schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER authorization_no_{verb}")


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("audit", "0002_append_only")]
    operations = [migrations.RunPython(forwards, backwards)]
