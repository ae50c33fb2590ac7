"""Rows read by their key ten thousand times in a row: the query is put into SQL only once.

Django writes the SQL of a query anew each time it runs, which for a join takes longer than reading
the row. Everything else, from converters to related rows, stays Django's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

Row = TypeVar("Row", bound=Model)
ANY_KEY = -1


class ByKey(Generic[Row]):
    """`ByKey(lambda: Thing.objects.select_related("owner"))`: its `first(key)` is the row or None.

    The function is called once, when first needed; what it gives may not depend on the moment.
    """

    def __init__(self, rows: Callable[[], QuerySet[Row]]) -> None:
        self._rows = rows

    @cached_property
    def _plan(self) -> tuple[type[Row], Any, str]:
        rows = self._rows().filter(pk=ANY_KEY).order_by()
        compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        if tuple(params) != (ANY_KEY,):
            raise ValueError(f"The key must be all that this query is given, not {params}.")
        return rows.model, compiler, sql

    def first(self, key: int) -> Row | None:
        """The row with this primary key, with the related rows that were asked for."""
        model, compiled, sql = self._plan
        compiler = copy.copy(compiled)
        compiler.connection = connections[DEFAULT_DB_ALIAS]  # each thread has its own
        compiler.as_sql = lambda: (sql, (key,))
        rows: QuerySet[Row] = QuerySet(model, query=cast(Any, _Compiled(compiler)))
        return next(iter(ModelIterable(rows)), None)


class _Compiled:
    """Stands for a query whose SQL is known."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler

    def get_compiler(self, using: str) -> Any:
        """The compiler that has done its work."""
        return self._compiler
