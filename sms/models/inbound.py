"""Texts that customers send."""

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
    def unread(self) -> InboundTextQuerySet:
        return self.filter(read_at=None)

    def to_review(self) -> InboundTextQuerySet:
        """Those that may be a refusal and that nobody has reviewed."""
        return self.filter(kind=InboundText.Kind.UNCLEAR, reviewed_at=None)

    def mark_read(self) -> int:
        """Mark them as read; returns how many were unread."""
        return self.unread().update(read_at=timezone.now())

    def close_review(self, *, actor: User | None) -> int:
        """Close open reviews, because the number has opted out anyway."""
        return self.to_review().update(reviewed_at=timezone.now(), reviewed_by=actor)

    def matching(self, words: str) -> InboundTextQuerySet:
        """Those whose number, customer or body contains `words`."""
        digits = "".join(c for c in words if c.isdigit())
        found = Q(body__icontains=words) | Q(customer__name__icontains=words)
        return self.filter(found | Q(number__contains=digits) if len(digits) >= 4 else found)


InboundTextManager = TenantManager.from_queryset(InboundTextQuerySet)


class InboundText(models.Model):
    """One text from a handset to the company's number."""

    class Kind(models.TextChoices):
        STOP = "stop", "Opted out"
        START = "start", "Opted in again"
        HELP = "help", "Asked for help"
        REFUSAL = "refusal", "Asked to stop texts"
        UNCLEAR = "unclear", "Possible opt-out"
        MESSAGE = "message", "Message"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sid = models.CharField("Twilio SID", max_length=34, unique=True)
    number = models.CharField("from", max_length=16, validators=[E164])
    to = models.CharField(max_length=16, blank=True)
    body = models.TextField(blank=True)
    media = models.PositiveSmallIntegerField("pictures and files", default=0)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    # Whose number it is, and the invoice that was last texted there.
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
            # The conversation with one number, newest first.
            models.Index(fields=["tenant", "number", "-id"], name="sms_inbound_conversation"),
            # The unread count in the menu of every page.
            models.Index(fields=["tenant"], condition=Q(read_at=None), name="sms_inbound_unread"),
        ]

    def __str__(self) -> str:
        return f"Text from {self.number}"

    @property
    def words(self) -> str:
        """The body, with a note about pictures, which only the phone shows."""
        return "\n".join(
            part for part in (self.body, f"[{self.pictures}]") if part not in ("", "[]")
        )

    @property
    def pictures(self) -> str:
        """The number of pictures in words; "" for none."""
        if not self.media:
            return ""
        return f"{self.media} picture{'' if self.media == 1 else 's'}, not shown"

    @property
    def waits_for_review(self) -> bool:
        """Whether a person must decide if this is a refusal."""
        return self.kind == self.Kind.UNCLEAR and self.reviewed_at is None

    def close_review(self, *, actor: User | None, kind: str = "") -> bool:
        """Record a person's decision about its kind. False when it was reviewed before."""
        rows = InboundText.objects.to_review().filter(pk=self.pk)
        values = {"reviewed_at": timezone.now(), "reviewed_by": actor, "kind": kind or self.kind}
        moved = bool(rows.update(**values))
        self.refresh_from_db()
        return moved
