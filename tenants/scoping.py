"""Managers that return one tenant's rows only: a query without a tenant raises.

`django_scopes.scope(tenant=…)` opens a tenant, `scopes_disabled()` is for sweeps and Support. This
is the library's ScopedManager as a class, which type checkers and readers can follow.
"""

from __future__ import annotations

from typing import TypeVar

from django.db import models
from django_scopes import get_scope
from django_scopes.manager import DisabledQuerySet

Row = TypeVar("Row", bound=models.Model, covariant=True)


class NoCompany(DisabledQuerySet):
    """Every query raises ScopeError, also those that the library lets through."""

    exists = exclude = in_bulk = contains = DisabledQuerySet.error


class TenantManager(models.Manager[Row]):
    """Filters by the open tenant; without one, every query raises ScopeError."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """The tenant's rows, all rows where scopes are disabled, or a queryset that raises."""
        scope = get_scope()
        if not scope.get("_enabled", True):
            return super().get_queryset()
        if "tenant" not in scope:
            return NoCompany(self.model, using=self._db, missing_scopes={"tenant"})
        return super().get_queryset().filter(tenant=scope["tenant"])

    def all(self) -> models.QuerySet[Row]:
        """As get_queryset, but raises at once without a tenant; keeps prefetched rows."""
        found = self.get_queryset()
        return found.all() if isinstance(found, NoCompany) else found
