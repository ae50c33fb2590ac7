"""Many invoices texted at once: one row for each, so that a dead worker loses and doubles none.

The rows are written down first, all of them. Workers take them in small portions, each in one
transaction with its texts. What waits for its turn at Twilio can still be held or cancelled, so
that pausing and stopping count at once, whatever the pace of the company's number.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from audit.models import record
from audit.transitions import IllegalTransition, transition
from invoices.models import Invoice
from sms.models.text import TextMessage, TextMessageQuerySet
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

MOST = 10_000  # invoices in one bulk send
PORTION = 50  # rows decided in one transaction
ANSWERS_WITHIN = dt.timedelta(seconds=30)  # Twilio, or else its answer was lost
ON_THEIR_WAY = 1000  # texts of one bulk send that may wait for Twilio at once


class BulkSendQuerySet(models.QuerySet["BulkSend"]):
    """Bulk sends of one company."""

    def unfinished(self) -> BulkSendQuerySet:
        """Those with something left to do, paused ones included."""
        return self.filter(status__in=[BulkSend.Status.RUNNING, BulkSend.Status.PAUSED])

    def start(
        self, tenant: Tenant, invoices: Iterable[Invoice], *, actor: User, key: uuid.UUID
    ) -> tuple[BulkSend, bool]:
        """Write down every invoice that shall be texted; returns the send and whether it is new.

        The same form `key` starts one, however often it is pressed.
        """
        with transaction.atomic():
            bulk, new = self.get_or_create(tenant=tenant, key=key, defaults={"started_by": actor})
            if new:
                rows = [BulkText(tenant=tenant, bulk=bulk, invoice=one) for one in invoices]
                BulkText.objects.bulk_create(rows, batch_size=1000)
                record(
                    "bulk.started",
                    tenant=tenant,
                    subject=bulk.audit_subject,
                    actor=actor,
                    invoices=len(rows),
                )
        return bulk, new


BulkSendManager = TenantManager.from_queryset(BulkSendQuerySet)


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

    objects = BulkSendManager()

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

    @property
    def is_running(self) -> bool:
        """Whether workers go on with it."""
        return self.status == self.Status.RUNNING

    def pause(self, *, actor: User) -> bool:
        """Hand no more texts to Twilio until **Go on**. False when it was not running."""
        with transaction.atomic():
            if not self._move(self.Status.PAUSED, actor=actor):
                return False
            self._queued().hold()
        return True

    def go_on(self, *, actor: User) -> bool:
        """Take it up again. False when it was not paused."""
        with transaction.atomic():
            if not self._move(self.Status.RUNNING, actor=actor):
                return False
            self._queued().filter(next_try_at=None).update(next_try_at=timezone.now())
        return True

    def stop(self, *, actor: User) -> bool:
        """**Stop the rest**: what has not been handed to Twilio is not. False when it has ended."""
        now = timezone.now()
        with transaction.atomic():
            if not self._move(self.Status.CANCELLED, actor=actor, finished_at=now):
                return False
            waiting = self.rows.filter(outcome=BulkText.Outcome.WAITING)
            waiting.update(outcome=BulkText.Outcome.CANCELLED)
            for text in self._queued():
                text.cancel(actor=actor)
        return True

    def _queued(self) -> TextMessageQuerySet:
        """Its texts that no worker has begun to hand over."""
        return TextMessage.objects.filter(bulk_row__bulk=self, status=TextMessage.Status.QUEUED)

    def finish(self) -> bool:
        """Note that every row has its end. False while one has not."""
        if self.rows.filter(BulkText.OPEN).exists():
            return False
        return self._move(self.Status.DONE, finished_at=timezone.now())

    def counts(self) -> dict[str, int]:
        """How many rows stand where; `standing` of each row says the same."""
        found = self.rows.values_list("outcome", "message__status").annotate(Count("pk"))
        counts: dict[str, int] = {}
        for outcome, status, count in found:
            where = _standing(outcome, status)
            counts[where] = counts.get(where, 0) + count
        return counts

    def asked_about(self) -> QuerySet[BulkText]:
        """Rows whose text Twilio neither took nor refused in time; see `Delivery.look_again`."""
        since = timezone.now() - ANSWERS_WITHIN
        return self.rows.filter(message__status="sending", message__claimed_at__lt=since)

    def room(self) -> int:
        """How many more texts may be begun now."""
        return ON_THEIR_WAY - self.rows.filter(BulkText.ON_ITS_WAY).count()

    def _move(self, to: str, *, actor: User | None = None, **changes: Any) -> bool:
        try:
            return transition(self, to, actor=actor, changes=changes)
        except IllegalTransition:
            self.refresh_from_db()
            return False


def _standing(outcome: str, status: str | None) -> str:
    """One word for a row: its text's state, or what became of it without one."""
    return status if outcome == BulkText.Outcome.TEXTED and status else outcome


def give_back(message: TextMessage, later: dt.timedelta) -> bool:
    """Put a text that Twilio surely did not take back into the queue, as its bulk send stands.

    While that is paused it is held, and once it was stopped it is cancelled. True when it will be
    tried again `later`. The bulk send is locked, so that a pause or stop is never overlooked.
    """
    with transaction.atomic():
        bulks = BulkSend.objects.filter(rows__message=message)
        bulk = bulks.select_for_update(of=("self",), no_key=True).first()
        if not message.back_to_queue(later):
            return False
        if bulk is None or bulk.status not in (bulk.Status.PAUSED, bulk.Status.CANCELLED):
            return True
        if bulk.status == bulk.Status.CANCELLED:
            message.cancel(actor=None)
        else:
            message.hold()
    return False


class BulkText(models.Model):
    """One invoice of a bulk send: waiting, texted, or left out with the reason."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TEXTED = "texted", "Texted"
        LEFT_OUT = "left_out", "Left out"
        CANCELLED = "cancelled", "Cancelled"

    # A text that waits for the end of quiet hours is not on its way, and its row is done.
    ON_ITS_WAY: ClassVar[Q] = Q(
        outcome=Outcome.TEXTED,
        message__status__in=["queued", "sending"],
        message__not_before=None,
    )
    OPEN: ClassVar[Q] = Q(outcome=Outcome.WAITING) | ON_ITS_WAY

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

    @property
    def standing(self) -> str:
        """Where this row stands, as `counts` names it."""
        return _standing(self.outcome, self.message.status if self.message else None)

    @property
    def result(self) -> str:
        """What became of it, in words."""
        return self.message.get_status_display() if self.message else self.get_outcome_display()

    @property
    def why(self) -> str:
        """Why it was not texted or did not arrive; "" when all is well."""
        return self.message.error if self.message else self.reason
