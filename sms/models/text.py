"""Texts: what was sent to which number, by whom, and what became of it.

Status updates are idempotent: a repeated Twilio callback changes nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from audit import clock
from audit.models import AuditEntry, entry
from audit.transitions import IllegalTransition, transition, transition_from
from customers.models import E164, Customer
from invoices.models import Invoice, PaymentLink
from sms.email_fallback import email_instead, invoice_to_email
from sms.error_codes import explain
from sms.models.account import TwilioAccount
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

# Where the payment link stands in a template.
LINK_MARK = "{link}"
# When to ask Twilio about a text in "sending" whose answer was lost, counted from the claim; after
# the last look without a trace it was not sent.
LOOKS = [dt.timedelta(seconds=s) for s in (60, 150, 300)]
# When to ask about a text that Twilio took and never reported on again.
SILENCE = dt.timedelta(minutes=15)
LAST_LOOK = dt.timedelta(hours=24)
# When to ask what a text has cost, counted from its end: Twilio knows that some time later.
PRICE_LOOKS = [dt.timedelta(minutes=2), dt.timedelta(hours=1), dt.timedelta(hours=24)]


class TextMessageQuerySet(models.QuerySet["TextMessage"]):
    """Texts of one company."""

    def in_flight(self) -> TextMessageQuerySet:
        """On their way to Twilio: not yet accepted, not yet refused."""
        return self.filter(status__in=[self.model.Status.QUEUED, self.model.Status.SENDING])

    def due(self, now: dt.datetime) -> TextMessageQuerySet:
        """Those the sweep has something to do for."""
        return self.filter(next_try_at__lte=now).order_by("next_try_at")

    def hold(self) -> None:
        """Keep them in the queue until a bulk send goes on: what is not due cannot be claimed."""
        self.update(next_try_at=None)


TextMessageManager = TenantManager.from_queryset(TextMessageQuerySet)


class TextMessage(models.Model):
    """One text, from the click to the handset. All but answers carry a payment link."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice SMS"
        REMINDER = "reminder", "Reminder"
        ANSWER = "answer", "Answer"
        HELP = "help", "Answer to HELP"

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        UNDELIVERED = "undelivered", "Not delivered"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    # A callback can be faster than our own commit of Twilio's answer. An end stays an end, however
    # late another callback comes.
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.QUEUED: frozenset({Status.SENDING, Status.SENT, Status.FAILED, Status.CANCELLED}),
        Status.SENDING: frozenset(
            {Status.QUEUED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}
        ),
        Status.SENT: frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}),
        # Only for a text Twilio seemed not to have and then reported on: see `mark_sent`.
        Status.FAILED: frozenset({Status.SENT}),
    }
    AUDIT_PREFIX: ClassVar[str] = "text"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.INVOICE)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="text_messages"
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, related_name="text_messages"
    )
    link = models.ForeignKey(
        PaymentLink, on_delete=models.PROTECT, null=True, related_name="text_messages"
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.UUIDField()
    to = models.CharField(max_length=16, validators=[E164])
    language = models.CharField(max_length=2, default="en")
    template = models.TextField()
    # The balance it names: once that has changed, it must not go out any more.
    asked = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    # Nobody pressed a button for a reminder or an answer to HELP.
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    sid = models.CharField("Twilio SID", max_length=34, blank=True)
    sender = models.CharField(max_length=34, blank=True)
    segments = models.PositiveSmallIntegerField(null=True)
    # What Twilio charged for it, negative as Twilio gives it, and in which currency.
    price = models.DecimalField(max_digits=9, decimal_places=5, null=True)
    price_unit = models.CharField(max_length=3, blank=True)
    error_code = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    looks = models.PositiveSmallIntegerField(default=0)
    # When quiet hours end, for a text that waits for that.
    not_before = models.DateTimeField(null=True)
    # The moment kept for it by its sender's rate, see pace.py.
    turn_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now, null=True)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TextMessageManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # A replayed POST carries the same key and so is the same text.
            models.UniqueConstraint(fields=["tenant", "key"], name="sms_text_key"),
            # Two clicks, two tabs, two people: one text on its way per invoice.
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=["queued", "sending"]),
                name="sms_text_one_in_flight",
            ),
            # A status callback finds the text by Twilio's SID.
            models.UniqueConstraint(fields=["sid"], condition=~Q(sid=""), name="sms_text_sid"),
            # Only an answer asks for no money and so needs no link.
            models.CheckConstraint(
                condition=Q(kind__in=["answer", "help"])
                | Q(invoice__isnull=False, link__isnull=False, asked__isnull=False),
                name="sms_text_has_link",
            ),
        ]
        indexes = [
            # The sweep for texts that a crash, a dead broker or a lost report left behind.
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="sms_text_unsettled",
            ),
            # One conversation with a number.
            models.Index(fields=["tenant", "to", "-id"], name="sms_text_conversation"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.to}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history; an answer's, the customer's, or the company's for a stranger."""
        if self.invoice_id:
            return f"invoice:{self.invoice_id}"
        return f"customer:{self.customer_id}" if self.customer_id else f"tenant:{self.tenant_id}"

    def record(self, action: str, *, actor: User | None = None) -> None:
        """An entry in the history about this text."""
        self.entry(action, actor=actor).save()

    def entry(self, action: str, *, actor: User | None = None) -> AuditEntry:
        """The same, not yet written."""
        return entry(
            action,
            tenant=self.tenant,
            subject=self.audit_subject,
            actor=actor,
            to=self.to,
            message=self.masked_body,
            text=str(self.public_id),
        )

    @property
    def by(self) -> str:
        """Who sent it: a person, or Textpay by itself."""
        return self.sent_by.name if self.sent_by else "Textpay"

    @property
    def body(self) -> str:
        """The text as the customer gets it, with the live link. For Twilio only."""
        return self.template.replace(LINK_MARK, self.link.url) if self.link else self.template

    @property
    def has_body(self) -> bool:
        """False when the key that derived the link's token is gone, so nobody can write it."""
        try:
            return bool(self.body)
        except LookupError:
            return False

    @property
    def masked_body(self) -> str:
        """The text as staff and history may see it: the end of the link is hidden."""
        if self.link is None:
            return self.template
        return self.template.replace(LINK_MARK, self.link.masked_url)

    @property
    def again_key(self) -> uuid.UUID:
        """The key under which an answer that failed is sent again, once."""
        return uuid.uuid5(self.public_id, "again")

    @property
    def callback_url(self) -> str:
        """Where Twilio reports: names this text, so a report counts even if the answer was lost."""
        return settings.PUBLIC_BASE_URL + reverse("sms:delivery_status", args=[self.public_id])

    @property
    def account(self) -> TwilioAccount:
        """The company's Twilio account; raises TwilioAccount.DoesNotExist when it has none."""
        return self.tenant.twilio

    def agreed_to_follow(self, *, seen: str, confirmed: bool) -> bool:
        """Whether a sender who saw `seen` may send another after this one.

        They must have seen this one and, when it went out, have said **Continue**.
        """
        return seen == str(self.public_id) and (confirmed or not self.went_out)

    @property
    def is_in_flight(self) -> bool:
        """On its way to Twilio."""
        return self.status in (self.Status.QUEUED, self.Status.SENDING)

    @property
    def is_scheduled(self) -> bool:
        """Whether it waits for the end of quiet hours."""
        waits = self.status == self.Status.QUEUED and self.not_before is not None
        return waits and self.not_before > clock.now()  # type: ignore[operator]

    @property
    def went_out(self) -> bool:
        """Whether Twilio took it or may have taken it: False only when it surely did not."""
        not_sent = self.status in (self.Status.FAILED, self.Status.CANCELLED)
        return not not_sent or self.sent_at is not None

    @property
    def trouble(self) -> str:
        """The kind of failure, see twilio_codes.py: decides which next step is offered."""
        return explain(self.error_code).kind if self.error_code else ""

    def is_due_at(self, moment: dt.datetime) -> bool:
        """Whether it waits to be handed over and its time has come."""
        if self.status != self.Status.QUEUED or self.next_try_at is None:
            return False
        return self.next_try_at <= moment

    def claim(self) -> bool:
        """Take the text for sending; False when another worker has it, or it is done or not due."""
        now = timezone.now()
        claimed = self._move_from(
            self.Status.QUEUED,
            self.Status.SENDING,
            where=Q(next_try_at__lte=now),
            claimed_at=now,
            attempts=F("attempts") + 1,
            looks=0,
            turn_at=None,
            next_try_at=now + LOOKS[0],
        )
        self.attempts += claimed
        return claimed

    def wait_for_turn(self, turn: dt.datetime) -> None:
        """Its sender is busy until then. No attempt is counted."""
        self._waiting().update(next_try_at=turn, turn_at=turn)

    def wait_for_hours(self, moment: dt.datetime) -> None:
        """It is quiet where the customer lives until then. No attempt is counted."""
        at = clock.on_the_wall(moment)
        self._waiting().update(next_try_at=at, not_before=moment, turn_at=None)

    def hold(self) -> None:
        """Its bulk send is paused: no time is set for it."""
        self._waiting().update(next_try_at=None)

    def back_to_queue(self, later: dt.timedelta) -> bool:
        """Twilio surely did not take it: try again `later`. False when it has moved on.

        Only this very claim is given back: two may look for a trace of the same text, and one that
        hears late must not give back what was claimed anew, or the text goes out twice.
        """
        return self._move_from(
            self.Status.SENDING,
            self.Status.QUEUED,
            where=Q(claimed_at=self.claimed_at),
            next_try_at=timezone.now() + later,
        )

    def cancel(self, *, actor: User | None, reason: str = "") -> bool:
        """Take it back before it is handed to Twilio. False when it is too late for that."""
        ended = timezone.now()
        return self._move(
            self.Status.CANCELLED,
            actor=actor,
            error=reason[:200],
            finished_at=ended,
            next_try_at=None,
        )

    def mark_sent(self, sid: str, *, segments: int | None = None, sender: str = "") -> bool:
        """Twilio took it. False when that was known; what was missing is filled in all the same."""
        now = timezone.now()
        if self.status == self.Status.SENDING and self._move_from(
            self.Status.SENDING,
            self.Status.SENT,
            where=Q(sid=""),
            actor=self.sent_by_id,
            sid=sid,
            segments=segments,
            sender=sender,
            sent_at=now,
            next_try_at=now + SILENCE,
        ):
            return True
        return self._mark_sent_late(sid, segments, sender)

    def _mark_sent_late(self, sid: str, segments: int | None, sender: str) -> bool:
        """As `mark_sent`, for a text that was taken in another order than usual."""
        with transaction.atomic():
            row = type(self)._base_manager.select_for_update(no_key=True).get(pk=self.pk)
            now = timezone.now()
            known = {
                "sid": row.sid or sid,
                "sender": row.sender or sender,
                "segments": row.segments or segments,
                "sent_at": row.sent_at or now,
            }
            self._row().update(**known)
            lost = row.status == self.Status.FAILED and not row.sid
            if row.status not in (self.Status.QUEUED, self.Status.SENDING) and not lost:
                self.refresh_from_db()
                return False
            forgiven: dict[str, Any] = {"error": "", "error_code": None, "finished_at": None}
            return self._move(
                self.Status.SENT,
                actor=self.sent_by,
                next_try_at=now + SILENCE,
                **(forgiven if lost else {}),
            )

    def mark_delivered(self, sid: str = "") -> bool:
        """The carrier confirmed it. False when it had reached an end already."""
        return self._end(self.Status.DELIVERED, sid)

    def mark_undelivered(self, code: int | None, sid: str = "", *, reason: str = "") -> bool:
        """It did not arrive, or nobody can tell: Twilio's code or a reason. False as above."""
        return self._end(self.Status.UNDELIVERED, sid, code, reason)

    def mark_failed(self, code: int | None, reason: str = "", sid: str = "") -> bool:
        """It was not sent: Twilio's code, or our own reason for people. False as above."""
        return self._end(self.Status.FAILED, sid, code, reason)

    def hold_back(self, reason: str) -> bool:
        """It must not go out any more: our own decision, so nothing goes out in its place."""
        return self._end(self.Status.FAILED, "", None, reason, lost=False)

    def report(self, status: str, sid: str, code: int | None) -> bool:
        """Book a state Twilio names, in whatever order its reports come. False: nothing new.

        Raises ValueError for a state that no text of ours can be in.
        """
        if status in ("accepted", "scheduled", "queued", "sending", "sent"):
            known = self.sid == sid and self.sent_at and not self.is_in_flight
            return False if known else self.mark_sent(sid)
        if status in ("delivered", "read"):
            return self.mark_delivered(sid)
        if status == "undelivered":
            return self.mark_undelivered(code, sid)
        if status in ("failed", "canceled"):
            return self.mark_failed(code, sid=sid)
        raise ValueError(status)

    def look_again(self) -> bool:
        """Note that Twilio shows no trace of it yet; True when that was the last look."""
        looks = min(self.looks + 1, len(LOOKS))
        if looks == len(LOOKS):
            return True
        later = (self.claimed_at or timezone.now()) + LOOKS[looks]
        rows = self._row().filter(status=self.Status.SENDING, claimed_at=self.claimed_at)
        rows.update(looks=looks, next_try_at=later)
        return False

    def wait_for_report(self) -> None:
        """Twilio has nothing new: ask once more a day after it was sent, then leave it."""
        last = (self.sent_at or self.queued_at) + LAST_LOOK
        at = last if last > timezone.now() else None
        self._row().filter(status=self.Status.SENT).update(next_try_at=at)

    def book_price(self, price: Decimal | None, unit: str, segments: int | None) -> None:
        """Note what Twilio charged and for how many segments; None: it does not know yet."""
        if price is not None:
            known = {"price": price, "price_unit": unit, "segments": segments or self.segments}
            self._row().update(**known)

    def wait_for_price(self) -> None:
        """Whatever has ended is asked about a few times more, until it has a price."""
        looks = self.looks + 1
        at = None
        if self.price is None and self.finished_at and looks < len(PRICE_LOOKS):
            at = self.finished_at + PRICE_LOOKS[looks]
        self._row().filter(finished_at__isnull=False).update(looks=looks, next_try_at=at)

    def _end(
        self, to: str, sid: str, code: int | None = None, reason: str = "", *, lost: bool = True
    ) -> bool:
        """Move to an end. A report of Twilio's means that Twilio took it, so it was sent first."""
        error = "" if to == self.Status.DELIVERED else reason or explain(code).sentence
        label = "Twilio" if sid else "Textpay"
        with transaction.atomic():
            follows = lost and to != self.Status.DELIVERED
            invoice = invoice_to_email(self) if follows else None
            if sid and (self.sid, self.status) != (sid, self.Status.SENT):
                self.mark_sent(sid)
            now = timezone.now()
            changes: dict[str, Any] = {
                "error": error[:200],
                "error_code": code,
                "finished_at": now,
                "looks": 0,
                "next_try_at": now + PRICE_LOOKS[0] if sid else None,
            }
            sent = self.status == self.Status.SENT
            moved = sent and self._move_from(self.Status.SENT, to, actor_label=label, **changes)
            moved = moved or self._move(to, actor_label=label, **changes)
            if moved and invoice:
                email_instead(self, invoice)
            if not moved and code and self.status == to and self.error_code is None:
                self._row().update(error=error, error_code=code)
                self.refresh_from_db()  # told twice, the second time with the reason
            return moved

    def _row(self) -> models.QuerySet[Any]:
        return type(self)._base_manager.filter(pk=self.pk)

    def _waiting(self) -> models.QuerySet[Any]:
        """The row while it is queued and no pause holds it."""
        return self._row().filter(status=self.Status.QUEUED, next_try_at__isnull=False)

    def _details(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What the entry in the history says about it."""
        details: dict[str, Any] = {
            "to": self.to,
            "message": self.masked_body,
            "text": str(self.public_id),
        }
        if changes.get("error"):
            details["reason"] = changes["error"]
        if changes.get("error_code"):
            details["code"] = str(changes["error_code"])
        return details

    def _move(
        self, to: str, *, actor: User | None = None, actor_label: str = "", **changes: Any
    ) -> bool:
        """One transition with its entry; False where the text already is there or beyond."""
        details = self._details(changes)
        try:
            return transition(
                self, to, actor=actor, actor_label=actor_label, changes=changes, **details
            )
        except IllegalTransition:
            self.refresh_from_db()
            return False

    def _move_from(
        self,
        old: str,
        to: str,
        *,
        where: Q | None = None,
        actor: User | int | None = None,
        actor_label: str = "",
        **changes: Any,
    ) -> bool:
        """As `_move`, in two statements, when it still is `old` and fits `where`."""
        return transition_from(
            self,
            old,
            to,
            where=where,
            actor=actor,
            actor_label=actor_label,
            changes=changes,
            **self._details(changes),
        )
