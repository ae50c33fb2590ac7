"""Who may be texted: opt-outs, which outlive everything, and consent."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.models import Tenant, User
from tenants.scoping import TenantManager

if TYPE_CHECKING:
    from collections.abc import Collection


def digests(tenant: Tenant, number: str) -> list[str]:
    """A company's keyed digests of an E.164 number, under every key; the first is the newest's.

    An opt-out is kept under a digest, so that it still counts when the contact was deleted, and
    nobody who reads the table learns a number from it.
    """
    message = f"{tenant.pk}\0{number}".encode()
    return [
        hmac.new(key.encode(), message, hashlib.sha256).hexdigest() for key in settings.NUMBER_KEYS
    ]


class OptOutQuerySet(models.QuerySet["OptOut"]):
    """Opt-outs of one company."""

    def active(self) -> OptOutQuerySet:
        """Those that count: nobody has resumed since."""
        return self.filter(ended_at=None)

    def of(self, tenant: Tenant, number: str) -> OptOut | None:
        """The opt-out that stands against texts from this company to this number, if any."""
        return self.active().filter(tenant=tenant, digest__in=digests(tenant, number)).first()

    def among(self, tenant: Tenant, numbers: Collection[str]) -> dict[str, OptOut]:
        """Those of `numbers` that have opted out, in one query."""
        by_digest = {digest: n for n in numbers for digest in digests(tenant, n)}
        found = self.active().filter(tenant=tenant, digest__in=by_digest)
        return {by_digest[row.digest]: row for row in found}


OptOutManager = TenantManager.from_queryset(OptOutQuerySet)


class OptOut(models.Model):
    """A number that gets no texts from this company, by its owner's wish, until they resume."""

    class Source(models.TextChoices):
        REPLY = "reply", "They replied STOP"
        WORDS = "words", "They asked in their own words"
        STAFF = "staff", "Recorded by staff"
        TWILIO = "twilio", "Twilio said so"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    hint = models.CharField(max_length=2, help_text="The number's last two digits.")
    source = models.CharField(max_length=6, choices=Source.choices)
    wording = models.CharField(max_length=200, blank=True, help_text="What they said.")
    recorded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # The handset's START, or the evidence of a new consent that staff wrote down.
    ended_wording = models.CharField(max_length=200, blank=True)

    objects = OptOutManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Whoever opts out twice has opted out once; START ends all of it.
            models.UniqueConstraint(
                fields=["tenant", "digest"],
                condition=Q(ended_at=None),
                name="sms_opt_out_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"Opt-out of a number ending in {self.hint}"


class Consent(models.Model):
    """Why a number may be texted: who gave it, in which words, and who wrote that down."""

    class Source(models.TextChoices):
        RECORD = "record", "On the customer's record"
        TYPED = "typed", "Typed when sending"
        START = "start", "They replied START"
        WRITTEN = "written", "Asked for by the customer"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    source = models.CharField(max_length=7, choices=Source.choices)
    wording = models.CharField(max_length=300)
    recorded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "consents"
        indexes = [
            # Looked up once per text.
            models.Index(fields=["tenant", "digest"], name="sms_consent_number"),
        ]

    def __str__(self) -> str:
        return self.get_source_display()
