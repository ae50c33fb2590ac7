"""What Twilio Lookup says of a number: which kind of line it is."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from customers.models import E164
from tenants.models import Tenant
from tenants.scoping import TenantManager


class NumberLookup(models.Model):
    """One answer of Twilio Lookup, asked for and paid by one company."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=16, validators=[E164])
    # As Twilio names it: mobile, landline, fixedVoip, nonFixedVoip, tollFree…; "" when unknown.
    line_type = models.CharField(max_length=20, blank=True)
    carrier = models.CharField(max_length=60, blank=True)
    looked_up_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="sms_lookup_number"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.line_type or 'unknown'}"
