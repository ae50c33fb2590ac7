"""Bulk sends: one row per invoice, so that a dead worker neither loses nor repeats a text.

All rows are written first. Workers decide them in small portions, each in one transaction with its
texts. Queued texts can still be held or cancelled, so pausing and stopping take effect at once,
however slow the sender's rate is.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import ClassVar

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from audit.models import record
from audit.transitions import IllegalTransition, transition
from invoices.models import Invoice
from sms.models.text import IN_FLIGHT, TextMessage, TextMessageQuerySet
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

MOST = 10_000  # invoices in one bulk send
PORTION = 50  # rows decided in one transaction
ANSWERS_WITHIN = dt.timedelta(seconds=30)  # after that Twilio's answer was lost
MOST_IN_FLIGHT = 1000  # texts of one bulk send


class BulkSendQuerySet(models.QuerySet["BulkSend"]):
    def unfinished(self) -> BulkSendQuerySet:
        """Running or paused ones."""
        return self.filter(status__in=[BulkSend.Status.RUNNING, BulkSend.Status.PAUSED])

    def start(
        self, tenant: Tenant, invoices: Iterable[Invoice], *, actor: User, key: uuid.UUID
    ) -> tuple[BulkSend, bool]:
        """Write a row for every invoice to text; returns the bulk send and whether it is new.

        The `key` of the form makes this idempotent.
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
    """One press of **Text all**."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Canceled"
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
        """The company."""
        return f"tenant:{self.tenant_id}"

    @property
    def is_running(self) -> bool:
        """Whether workers take more of its rows."""
        return self.status == self.Status.RUNNING

    @property
    def is_paused(self) -> bool:
        return self.status == self.Status.PAUSED

    @property
    def is_stopped(self) -> bool:
        """Whether staff pressed **Stop the rest**."""
        return self.status == self.Status.CANCELLED

    @property
    def is_unfinished(self) -> bool:
        return self.is_running or self.is_paused

    def pause(self, *, actor: User) -> bool:
        """Hand no more texts to Twilio until **Go on**. False when it was not running."""
        with transaction.atomic():
            if not self._move(self.Status.PAUSED, actor=actor):
                return False
            self._queued().hold()
        return True

    def go_on(self, *, actor: User) -> bool:
        """Resume it. False when it was not paused."""
        with transaction.atomic():
            if not self._move(self.Status.RUNNING, actor=actor):
                return False
            self._queued().filter(next_try_at=None).update(next_try_at=timezone.now())
        return True

    def stop(self, *, actor: User) -> bool:
        """Cancel every text that was not handed to Twilio. False when it has ended."""
        now = timezone.now()
        with transaction.atomic():
            if not self._move(self.Status.CANCELLED, {"finished_at": now}, actor=actor):
                return False
            waiting = self.rows.filter(outcome=BulkText.Outcome.WAITING)
            waiting.update(outcome=BulkText.Outcome.CANCELLED)
            for text in self._queued():
                text.cancel(actor=actor)
        return True

    def _queued(self) -> TextMessageQuerySet:
        """Its texts that no worker has claimed."""
        return TextMessage.objects.filter(bulk_row__bulk=self, status=TextMessage.Status.QUEUED)

    def finish(self) -> bool:
        """Mark it as done once every row has ended. False before that."""
        if self.rows.filter(BulkText.OPEN).exists():
            return False
        return self._move(self.Status.DONE, {"finished_at": timezone.now()})

    def counts(self) -> dict[str, int]:
        """The number of rows by `BulkText.state`."""
        found = self.rows.values_list("outcome", "message__status").annotate(Count("pk"))
        counts: dict[str, int] = {}
        for outcome, status, count in found:
            state = _state(outcome, status)
            counts[state] = counts.get(state, 0) + count
        return counts

    def unanswered(self) -> QuerySet[BulkText]:
        """Rows whose text Twilio neither accepted nor refused in time; see `tasks.reconcile`."""
        since = timezone.now() - ANSWERS_WITHIN
        sending = TextMessage.Status.SENDING
        return self.rows.filter(message__status=sending, message__claimed_at__lt=since)

    def room(self) -> int:
        """How many more texts may be queued now."""
        return MOST_IN_FLIGHT - self.rows.filter(BulkText.IN_FLIGHT).count()

    def _move(
        self, to: str, changes: Mapping[str, object] | None = None, *, actor: User | None = None
    ) -> bool:
        try:
            return transition(self, to, actor=actor, changes=changes)
        except IllegalTransition:
            self.refresh_from_db()
            return False


def _state(outcome: str, status: str | None) -> str:
    """The status of the row's text, or the outcome when it has none."""
    return status if outcome == BulkText.Outcome.TEXTED and status else outcome


def requeue(message: TextMessage, later: dt.timedelta) -> bool:
    """Put a text that Twilio certainly did not accept back into the queue. True when it is due
    `later`.

    A text of a paused bulk send is held, one of a stopped bulk send is cancelled. The bulk send is
    locked, so that a pause or stop at the same moment is not missed.
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
    """One invoice of a bulk send: waiting, texted, or skipped with the reason."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TEXTED = "texted", "Texted"
        LEFT_OUT = "left_out", "Skipped"
        CANCELLED = "cancelled", "Canceled"

    # A text that waits for the end of quiet hours counts as done.
    IN_FLIGHT: ClassVar[Q] = Q(
        outcome=Outcome.TEXTED,
        message__status__in=IN_FLIGHT,
        message__not_before=None,
    )
    OPEN: ClassVar[Q] = Q(outcome=Outcome.WAITING) | IN_FLIGHT

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
            # A bulk send texts an invoice once.
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
    def state(self) -> str:
        """The key of `BulkSend.counts`."""
        return _state(self.outcome, self.message.status if self.message else None)

    @property
    def result(self) -> str:
        """The state in words."""
        return self.message.get_status_display() if self.message else self.get_outcome_display()

    @property
    def why(self) -> str:
        """Why it was not texted or did not arrive; "" otherwise."""
        return self.message.error if self.message else self.reason
