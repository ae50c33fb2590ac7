"""An upgraded database has the tables, rules and indexes of a new one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from tests.upgrade.conftest import ENGINES
from tests.upgrade.databases import as_default

POSTGRESQL = """
SELECT 'column', table_name, column_name, data_type, is_nullable, is_identity, column_default,
    CONCAT_WS(',', character_maximum_length, numeric_precision, numeric_scale)
    FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '',
    '', '', '' FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '', '', ''
    FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '', '', ''
    FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, '', prosrc, '', '', '', ''
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
# The same rule, made from a dump of itself, has its casts in other places.
CASTS = re.compile(r"::(character varying|text|numeric)(\[\])?|[()]")


def schema_of_postgresql() -> set[tuple[str, ...]]:
    """All that the default database enforces."""
    with connection.cursor() as cursor:
        cursor.execute(POSTGRESQL)
        return {tuple(CASTS.sub("", word or "") for word in row) for row in cursor.fetchall()}


def schema_of_models() -> set[tuple[Any, ...]]:
    """Columns, and the names of rules and indexes, as today's models want them."""
    wanted: set[tuple[Any, ...]] = set()
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        wanted |= {(meta.db_table, field.column, field.null) for field in meta.concrete_fields}
        wanted |= {(meta.db_table, rule.name) for rule in (*meta.constraints, *meta.indexes)}
    return wanted


def schema_found() -> set[tuple[Any, ...]]:
    """The same, as it stands in the default database."""
    found: set[tuple[Any, ...]] = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = connection.introspection.get_table_description(cursor, table)
            found |= {(table, column.name, column.null_ok) for column in columns}
            rules = connection.introspection.get_constraints(cursor, table)
            found |= {(table, name) for name in rules}
    return found


@pytest.mark.usefixtures("upgraded")
def test_an_upgraded_database_is_what_the_models_want() -> None:
    wanted, found = schema_of_models(), schema_found()
    assert wanted <= found
    columns = {entry for entry in found if len(entry) == 3 and entry[0] != "django_migrations"}
    assert columns <= wanted


@pytest.mark.django_db
@pytest.mark.parametrize("migrated", set(ENGINES) - {"sqlite"}, indirect=True)
def test_an_upgraded_postgresql_is_like_a_new_one(migrated: tuple[str, str]) -> None:
    """Down to the wording of every rule: migrations that were squashed may differ there."""
    new = schema_of_postgresql()
    with as_default(*migrated):
        assert schema_of_postgresql() == new
