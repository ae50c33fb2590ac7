"""Invoices sent by email: the address, and whether it was sent."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from audit.clock import link_now
from audit.models import record
from audit.transitions import IllegalTransition, transition
from invoices.models.invoice import Invoice, InvoiceError
from invoices.models.payment_link import PaymentLink
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

# How long a worker's claim of an email lasts before the sweep takes it, and the longest delay
# between two attempts at the mail server.
STUCK_AFTER = dt.timedelta(minutes=5)
LONGEST_WAIT = dt.timedelta(hours=1)


class InvoiceEmailQuerySet(models.QuerySet["InvoiceEmail"]):
    """Emailed invoices of one tenant."""

    def queue(
        self, invoice: Invoice, *, to: str, actor: User | None, key: uuid.UUID, reason: str = ""
    ) -> tuple[InvoiceEmail, bool]:
        """Record one email to send; (email, whether new).

        `reason` is why Textpay sends it automatically, for the history; it has no actor then.

        It carries the live link, or a new one where there is none, so that the link of an earlier
        text stays valid. Raises InvoiceError when there is nothing to pay, or no processor.
        """
        with transaction.atomic():
            row = invoice.locked()
            same = self.filter(tenant=row.tenant, key=key).first()
            if same is not None:
                return same, False
            if not row.tenant.takes_payments:
                raise InvoiceError("This invoice cannot be paid online yet, so nothing was sent.")
            link = row.links.live().first()
            if link is None or not link.is_live_at(link_now()):
                link = PaymentLink.objects.issue(row, actor=actor)
            email = InvoiceEmail(
                tenant=row.tenant, invoice=row, link=link, key=key, to=to, sent_by=actor
            )
            email.save()
            record(
                "email.queued",
                tenant=row.tenant,
                subject=row.audit_subject,
                actor=actor,
                email=to,
                link=link.masked_url,
                **({"reason": reason} if reason else {}),
            )
        return email, True

    def left_behind(self, now: dt.datetime) -> InvoiceEmailQuerySet:
        """Emails left unsent by a broker that was down, a busy mail server or a crash."""
        return self.filter(next_try_at__lte=now)


InvoiceEmailManager = TenantManager.from_queryset(InvoiceEmailQuerySet)


class InvoiceEmail(models.Model):
    """An invoice sent by email: recorded, then sent by a worker, then marked."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.QUEUED: frozenset({Status.SENDING}),
        Status.SENDING: frozenset({Status.SENT, Status.FAILED, Status.QUEUED}),
    }
    AUDIT_PREFIX: ClassVar[str] = "email"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="emails")
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, related_name="emails")
    key = models.UUIDField(help_text="From the form, so that a double click emails once.")
    to = models.EmailField()
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    error = models.CharField(max_length=200, blank=True)
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    queued_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When the sweep takes it; null once it is sent or failed.
    next_try_at = models.DateTimeField(default=timezone.now, null=True)
    sent_at = models.DateTimeField(null=True)

    objects = InvoiceEmailManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # The form's key makes a replayed POST the same email.
            models.UniqueConstraint(fields=["tenant", "key"], name="invoices_email_key"),
        ]
        indexes = [
            # For the sweep of unfinished emails.
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="invoices_email_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} to {self.to}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    def claim(self) -> bool:
        """Claim the email for sending; False when another worker has it or it is finished."""
        if self.status != self.Status.QUEUED:
            return False
        now = timezone.now()
        try:
            return self._move(
                self.Status.SENDING,
                claimed_at=now,
                attempts=self.attempts + 1,
                next_try_at=now + STUCK_AFTER,
            )
        except IllegalTransition:
            return False

    def mark_sent(self) -> bool:
        """The mail server accepted it."""
        return self._move(self.Status.SENT, sent_at=timezone.now(), next_try_at=None)

    def mark_failed(self, reason: str) -> bool:
        """It was not sent; `reason` is for people."""
        return self._move(self.Status.FAILED, error=reason[:200], next_try_at=None)

    def back_to_queue(self) -> bool:
        """The mail server was not available: the sweep retries at growing intervals."""
        wait = min(dt.timedelta(seconds=15 * 2 ** min(self.attempts, 10)), LONGEST_WAIT)
        return self._move(self.Status.QUEUED, next_try_at=timezone.now() + wait)

    def _move(self, to: str, *, error: str = "", **changes: dt.datetime | int | None) -> bool:
        stored = {"error": error} if error else {}
        reason = {"reason": error} if error else {}
        changed = {**changes, **stored}
        return transition(self, to, actor=None, changes=changed, email=self.to, **reason)
