"""When a company's money was last checked, and how much of it CardConnect confirmed."""

from __future__ import annotations

import datetime as dt

from django.db import models

from audit.clock import db_now
from tenants.models import Tenant
from tenants.scoping import TenantManager

# The check runs every night; by then one was left out.
LATE_AFTER = dt.timedelta(hours=36)


class MoneyCheckQuerySet(models.QuerySet["MoneyCheck"]):
    """Checks of one company's money."""

    def made(self) -> MoneyCheckQuerySet:
        """Not those that are only planned yet."""
        return self.filter(checked_at__isnull=False)


MoneyCheckManager = TenantManager.from_queryset(MoneyCheckQuerySet)


class MoneyCheck(models.Model):
    """The last check of one company and when the next is due; what it found is in the findings."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField(null=True, help_text="Empty until the first check.")
    next_check_at = models.DateTimeField(null=True)
    unanswered = models.PositiveIntegerField(default=0)

    objects = MoneyCheckManager()

    def __str__(self) -> str:
        return f"{self.tenant}: {self.checked_at or 'not checked yet'}"

    @property
    def is_late(self) -> bool:
        """Whether a night has passed without a check."""
        return self.checked_at is not None and db_now() - self.checked_at > LATE_AFTER
