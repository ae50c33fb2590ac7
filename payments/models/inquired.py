"""What Payment and Refund share: a call to CardPointe, and inquiries while the outcome is open."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from audit.clock import DbNow, db_now
from payments.models import statuses

# The gateway responds within 32 seconds; an earlier inquiry proves nothing.
INQUIRE_AFTER = dt.timedelta(seconds=45)
# From then on its "not found" counts: an approval may become visible late.
NOT_FOUND_AFTER = dt.timedelta(seconds=90)
# What needs attention is polled for this long, at growing intervals.
INQUIRE_FOR = dt.timedelta(days=30)
PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 60, 24 * 60)]
SLOW_PAUSES = [dt.timedelta(minutes=10), *(dt.timedelta(hours=hours) for hours in (1, 6, 24))]

Row = TypeVar("Row", bound="Inquired")


class InquiredQuerySet(models.QuerySet[Row]):
    """Rows whose outcome may have to be inquired about at CardPointe."""

    def in_flight(self) -> Self:
        """Rows without a known outcome."""
        return self.filter(status__in=self.model.IN_FLIGHT)

    def to_inquire(self, now: dt.datetime) -> Self:
        """Rows without an outcome whose next inquiry is due."""
        return (
            self.in_flight()
            .exclude(
                status=statuses.InquiredStatus.NEEDS_ATTENTION, resolved_at__lt=now - INQUIRE_FOR
            )
            .annotate(begun_at=Coalesce("sent_at", self.model.CLAIMED_AT))
            .filter(begun_at__lte=now - INQUIRE_AFTER)
            .filter(Q(next_inquiry_at__isnull=True) | Q(next_inquiry_at__lte=now))
        )


class Inquired(models.Model):
    """A row that is committed before the gateway is called, so that a crash leaves a trace."""

    # Statuses without a known outcome.
    IN_FLIGHT: ClassVar[list[str]] = [*statuses.IN_FLIGHT]
    # The column that says when the row was claimed.
    CLAIMED_AT: ClassVar[str]

    status = models.CharField(max_length=16, editable=False)
    sent_at = models.DateTimeField(null=True)
    inquiries = models.PositiveSmallIntegerField(default=0)
    next_inquiry_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def _rows(self) -> models.QuerySet[Self]:
        return type(self)._base_manager.filter(pk=self.pk)

    @property
    def needs_attention(self) -> bool:
        """Whether staff have to resolve the outcome."""
        return self.status == statuses.InquiredStatus.NEEDS_ATTENTION

    def mark_sent(self) -> bool:
        """Note, by the database's clock, that the gateway is about to be called. True only once."""
        pending = self._rows.filter(status=statuses.InquiredStatus.PENDING, sent_at__isnull=True)
        sent = pending.update(sent_at=DbNow())
        self.refresh_from_db()
        return sent == 1

    def claim_inquiry(self) -> dt.datetime | None:
        """Claim the next inquiry; the time of the claim, or None when another worker has it."""
        now = db_now()
        needs_attention = self.status == statuses.InquiredStatus.NEEDS_ATTENTION
        pauses = SLOW_PAUSES[1:] if needs_attention else PAUSES
        pause = pauses[min(self.inquiries, len(pauses) - 1)]
        mine = self._rows.filter(inquiries=self.inquiries, status__in=self.IN_FLIGHT).update(
            next_inquiry_at=now + pause, inquiries=F("inquiries") + 1
        )
        self.refresh_from_db()
        return now if mine else None

    def inquire_again_at(self, moment: dt.datetime) -> None:
        """Inquire earlier than after the usual interval."""
        self._rows.update(next_inquiry_at=moment)
