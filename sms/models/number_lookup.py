"""Answers of Twilio Lookup: the line type of a number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.models import E164
from tenants.models import Tenant
from tenants.scoping import TenantManager

# A line type seldom changes, and Twilio charges for each lookup.
FRESH = dt.timedelta(days=30)
# The pause after a failed lookup, so that an outage of Twilio does not slow every check down.
TRY_AGAIN = dt.timedelta(minutes=10)
# Twilio's line types as words before "number".
WORDS = {
    "mobile": "mobile",
    "landline": "landline",
    "fixedVoip": "internet phone",
    "nonFixedVoip": "internet phone",
    "personal": "personal",
    "tollFree": "toll-free",
    "premium": "premium",
    "sharedCost": "shared-cost",
    "uan": "company-wide",
    "voicemail": "voicemail",
    "pager": "pager",
}
NO_TEXTS = frozenset({"landline", "tollFree", "premium", "sharedCost", "uan", "voicemail", "pager"})


def cannot_text(kind: str) -> str:
    """Why a number of this kind, such as "landline", is refused."""
    return f"This is a {kind} number, which cannot receive texts. Choose a mobile number."


class NumberLookupQuerySet(models.QuerySet["NumberLookup"]):
    def types(self, tenant: Tenant, numbers: Collection[str], now: dt.datetime) -> dict[str, str]:
        """The known line types of these numbers that are no older than FRESH, in one query."""
        rows = self.filter(tenant=tenant, number__in=numbers, looked_up_at__gt=now - FRESH)
        return dict(rows.exclude(line_type="").values_list("number", "line_type"))

    def fresh(self, tenant: Tenant, number: str, now: dt.datetime) -> NumberLookupQuerySet:
        """The answer about a number while it is too new for another lookup."""
        known = Q(looked_up_at__gt=now - FRESH) & ~Q(line_type="")
        lately = Q(looked_up_at__gt=now - TRY_AGAIN)
        return self.filter(known | lately, tenant=tenant, number=number)

    def outdated(self, moment: dt.datetime) -> NumberLookupQuerySet:
        """Answers from before then."""
        return self.filter(looked_up_at__lt=moment)


NumberLookupManager = TenantManager.from_queryset(NumberLookupQuerySet)


class NumberLookup(models.Model):
    """One answer of Twilio Lookup, paid for by one company."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=16, validators=[E164])
    # As Twilio names it: mobile, landline, fixedVoip, nonFixedVoip, tollFree…; "" when unknown.
    line_type = models.CharField(max_length=20, blank=True)
    carrier = models.CharField(max_length=60, blank=True)
    looked_up_at = models.DateTimeField(default=timezone.now)

    objects = NumberLookupManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="sms_lookup_number"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.line_type or 'unknown'}"
