"""What customers text back."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.models import E164, Customer
from invoices.models import Invoice
from tenants.models import Tenant, User
from tenants.scoping import TenantManager


class InboundTextQuerySet(models.QuerySet["InboundText"]):
    """Texts that one company got."""

    def unread(self) -> InboundTextQuerySet:
        """Those nobody has opened."""
        return self.filter(read_at=None)

    def to_review(self) -> InboundTextQuerySet:
        """Those that may be a refusal: a person has to say whether they are."""
        return self.filter(kind=InboundText.Kind.UNCLEAR, reviewed_at=None)


InboundTextManager = TenantManager.from_queryset(InboundTextQuerySet)


class InboundText(models.Model):
    """One text from a handset to the company's number. Every one is kept; none is dropped."""

    class Kind(models.TextChoices):
        STOP = "stop", "Opted out"
        START = "start", "Opted in again"
        HELP = "help", "Asked for help"
        REFUSAL = "refusal", "Asked for no more texts"
        UNCLEAR = "unclear", "May be a refusal"
        MESSAGE = "message", "Message"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sid = models.CharField("Twilio SID", max_length=34, unique=True)
    number = models.CharField("from", max_length=16, validators=[E164])
    to = models.CharField(max_length=16, blank=True)
    body = models.TextField(blank=True)
    media = models.PositiveSmallIntegerField("pictures and files", default=0)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    # The customer whose number it is, and the invoice that was texted there last.
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="inbound_texts"
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="inbound_texts"
    )
    received_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = InboundTextManager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # One conversation, newest first.
            models.Index(fields=["tenant", "number", "-id"], name="sms_inbound_conversation"),
            # The unread count in the menu of every page.
            models.Index(fields=["tenant"], condition=Q(read_at=None), name="sms_inbound_unread"),
        ]

    def __str__(self) -> str:
        return f"Text from {self.number}"
