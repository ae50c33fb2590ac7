"""Many invoices texted at once: one row for each, so that a dead worker loses and doubles none."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.utils import timezone

from invoices.models import Invoice
from sms.messages import TextMessage
from tenants.models import Tenant, User
from tenants.scoping import TenantManager


class BulkSend(models.Model):
    """One press of **Text all**: who pressed it, and how far it is."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"
        DONE = "done", "Done"

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.RUNNING: frozenset({Status.PAUSED, Status.CANCELLED, Status.DONE}),
        Status.PAUSED: frozenset({Status.RUNNING, Status.CANCELLED}),
    }
    AUDIT_PREFIX: ClassVar[str] = "bulk"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.UUIDField(help_text="From the form, so that a double click starts one.")
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.RUNNING, editable=False
    )
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="sms_bulk_key"),
        ]

    def __str__(self) -> str:
        return f"Bulk send of {self.started_at:%Y-%m-%d}"

    @property
    def audit_subject(self) -> str:
        """The company's history."""
        return f"tenant:{self.tenant_id}"


class BulkText(models.Model):
    """One invoice of a bulk send: waiting, texted, or left out with the reason."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TEXTED = "texted", "Texted"
        LEFT_OUT = "left_out", "Left out"
        CANCELLED = "cancelled", "Cancelled"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    bulk = models.ForeignKey(BulkSend, on_delete=models.CASCADE, related_name="rows")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default=Outcome.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    message = models.OneToOneField(
        TextMessage, on_delete=models.PROTECT, null=True, related_name="bulk_row"
    )

    objects = TenantManager()

    class Meta:
        ordering = ["id"]
        constraints = [
            # An invoice stands in a bulk send once, so it is texted once.
            models.UniqueConstraint(fields=["bulk", "invoice"], name="sms_bulk_row_invoice"),
        ]
        indexes = [
            models.Index(
                fields=["bulk", "id"],
                condition=models.Q(outcome="waiting"),
                name="sms_bulk_row_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.get_outcome_display()}"
