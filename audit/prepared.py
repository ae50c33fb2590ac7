"""The two shortcuts past the ORM for what a worker does thousands of times in a row.

Both use private parts of Django; no other module does. `tests/audit/test_prepared.py` fails on a
Django release that they were not checked with. `bin/bench prepared` compares each with the plain
ORM in one run, as median of the ratios of 400 pairs (2 cores, PostgreSQL 15, Django 5.2):

    a text with its invoice, customer and tenant by primary key    0.46 of the ORM's time
    one status change with its audit entry                         0.61 of the ORM's time
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Field, Model, QuerySet, UUIDField
from django.db.models.query import ModelIterable
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.subqueries import UpdateQuery

from audit.models import AuditEntry

# The releases of Django in which the private parts used here were read and measured.
CHECKED_WITH = ((5, 2),)

Row = TypeVar("Row", bound=Model)


class ByKey(Generic[Row]):
    """A SELECT by key that is compiled once; compiling a join takes longer than reading the row.

    `ByKey(lambda: Thing.objects.select_related("owner"))`: its `first(key)` is the row or None.

    The function is called once, when first needed; what it gives may not depend on the moment.
    `name` is the unique field that holds the key, where that is not the primary key.
    """

    def __init__(self, rows: Callable[[], QuerySet[Row]], name: str = "pk") -> None:
        self._rows, self._name = rows, name

    @cached_property
    def _plan(self) -> tuple[Field, SQLCompiler, str]:
        rows = self._rows()
        meta = rows.model._meta
        field = meta.pk if self._name == "pk" else meta.get_field(self._name)
        if not isinstance(field, Field):
            raise TypeError(f"{self._name} is no column of {meta.label}.")
        no_key = uuid.UUID(int=0) if isinstance(field, UUIDField) else -1
        compiler = (
            rows.filter(**{self._name: no_key}).order_by().query.get_compiler(DEFAULT_DB_ALIAS)
        )
        sql, params = compiler.as_sql()
        if len(params) != 1:
            raise ValueError(f"The key must be all that this query is given, not {params}.")
        return field, compiler, sql

    def first(self, key: int | uuid.UUID) -> Row | None:
        """The row with this key, with its related rows; None when there is none."""
        field, compiled, sql = self._plan
        compiler = copy.copy(compiled)
        compiler.connection = connections[DEFAULT_DB_ALIAS]  # each thread has its own
        value = field.get_db_prep_value(key, compiler.connection)
        vars(compiler)["as_sql"] = lambda: (sql, (value,))
        rows: QuerySet[Row] = QuerySet(field.model, query=cast(Any, _Compiled(compiler)))
        return next(iter(ModelIterable(rows)), None)


class _Compiled:
    """Stands in for a query whose SQL is already compiled."""

    def __init__(self, compiler: SQLCompiler) -> None:
        self._compiler = compiler

    def get_compiler(self, using: str) -> SQLCompiler:
        """The compiled compiler."""
        return self._compiler


def update_with_entry(rows: QuerySet, changes: Mapping[str, object], made: AuditEntry) -> bool:
    """Change the one row and write its entry, both or neither; False when there is no such row.

    PostgreSQL takes both in one statement, which saves the four of a transaction. SQLite has no
    UPDATE inside WITH.
    """
    if connection.vendor != "postgresql":
        with transaction.atomic():
            moved = bool(rows.update(**changes))
            if moved:
                made.save()
            return moved
    update = cast(UpdateQuery, rows.query.chain(UpdateQuery))
    update.add_update_values(dict(changes))
    sql, params = update.get_compiler(connection=connection).as_sql()
    fields = [field for field in AuditEntry._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(str(field.column) for field in fields)
    values = [field.get_db_prep_save(getattr(made, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH moved AS ({sql} RETURNING 1)"  # noqa: S608  Django's own, and names of ours
            f" INSERT INTO {AuditEntry._meta.db_table} ({columns})"
            f" SELECT {', '.join(['%s'] * len(values))} FROM moved",
            [*params, *values],
        )
        return bool(cursor.rowcount)
