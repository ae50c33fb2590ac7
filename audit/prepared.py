"""Rows read by their key ten thousand times in a row: the query is put into SQL only once.

Django writes the SQL of a query anew each time it runs, which for a join takes longer than reading
the row. Everything else, from converters to related rows, stays Django's.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet, UUIDField
from django.db.models.query import ModelIterable

Row = TypeVar("Row", bound=Model)


class ByKey(Generic[Row]):
    """`ByKey(lambda: Thing.objects.select_related("owner"))`: its `first(key)` is the row or None.

    The function is called once, when first needed; what it gives may not depend on the moment.
    `name` is the unique field that holds the key, where that is not the primary key.
    """

    def __init__(self, rows: Callable[[], QuerySet[Row]], name: str = "pk") -> None:
        self._rows, self._name = rows, name

    @cached_property
    def _plan(self) -> tuple[Any, Any, str]:
        rows = self._rows()
        meta = rows.model._meta
        field = meta.pk if self._name == "pk" else meta.get_field(self._name)
        no_key = uuid.UUID(int=0) if isinstance(field, UUIDField) else -1
        compiler = (
            rows.filter(**{self._name: no_key}).order_by().query.get_compiler(DEFAULT_DB_ALIAS)
        )
        sql, params = compiler.as_sql()
        if len(params) != 1:
            raise ValueError(f"The key must be all that this query is given, not {params}.")
        return field, compiler, sql

    def first(self, key: int | uuid.UUID) -> Row | None:
        """The row with this key, with the related rows that were asked for."""
        field, compiled, sql = self._plan
        compiler = copy.copy(compiled)
        compiler.connection = connections[DEFAULT_DB_ALIAS]  # each thread has its own
        value = field.get_db_prep_value(key, compiler.connection)
        compiler.as_sql = lambda: (sql, (value,))
        rows: QuerySet[Row] = QuerySet(field.model, query=cast(Any, _Compiled(compiler)))
        return next(iter(ModelIterable(rows)), None)


class _Compiled:
    """Stands for a query whose SQL is known."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler

    def get_compiler(self, using: str) -> Any:
        """The compiler that has done its work."""
        return self._compiler
