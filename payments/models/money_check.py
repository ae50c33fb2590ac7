"""When a company's money was last checked, and how much of it CardConnect confirmed."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from audit.clock import db_now
from tenants.models import Tenant
from tenants.scoping import TenantManager

# The check runs every night; by then one was left out.
LATE_AFTER = dt.timedelta(hours=36)


class MoneyCheck(models.Model):
    """The last check of one company; what it found is in the findings."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField(default=timezone.now)
    unanswered = models.PositiveIntegerField(default=0)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"{self.tenant}: {self.checked_at:%Y-%m-%d %H:%M}"

    @property
    def is_late(self) -> bool:
        """Whether a night has passed without a check."""
        return db_now() - self.checked_at > LATE_AFTER
