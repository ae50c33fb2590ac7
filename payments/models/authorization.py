"""The payment authorizations, kept as evidence."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models
from django.utils import timezone

from audit.models import AppendOnly
from tenants.models import Tenant
from tenants.scoping import TenantManager


class Authorization(models.Model):
    """What the payer agreed to, word for word, when they tapped Pay. Never changed.

    Evidence for the card brands and, for bank payments, Nacha's proof of authorization: the exact
    sentence and its digest, the time and time zone, the IP address and the browser.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField(
        "payments.Payment", on_delete=models.PROTECT, related_name="authorization"
    )
    text = models.TextField()
    version = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, editable=False)
    language = models.CharField(max_length=5, default="en")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    payer_name = models.CharField(max_length=80, blank=True)
    agreed_at = models.DateTimeField(default=timezone.now)
    zone = models.CharField("time zone", max_length=64)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"Authorization of {self.payment}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the evidence with its digest; raises AppendOnly when it exists already."""
        if self.pk is not None:
            raise AppendOnly("An authorization is never changed.")
        self.sha256 = hashlib.sha256(self.text.encode()).hexdigest()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Always raises AppendOnly."""
        raise AppendOnly("An authorization is never deleted.")
