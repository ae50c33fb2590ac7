"""Texts: what was sent to which number, by whom, and with which result.

Status updates are idempotent: a repeated Twilio callback changes nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from audit import clock
from audit.models import AuditEntry, entry
from audit.transitions import IllegalTransition, transition, transition_from
from customers.models import E164, Customer
from invoices.models import Invoice, PaymentLink
from sms.email_fallback import email_instead, invoice_to_email
from sms.error_codes import explain
from sms.models.account import TwilioAccount
from tenants.addresses import site_path
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

# The place of the payment link in a template.
LINK_MARK = "{link}"
# When to poll Twilio for a text in SENDING whose answer was lost, counted from the claim. A text
# that the last poll does not find was not sent.
POLLS = [dt.timedelta(seconds=s) for s in (60, 150, 300)]
# When to poll for a text that Twilio accepted without a status report since.
REPORT_TIMEOUT = dt.timedelta(minutes=15)
LAST_POLL = dt.timedelta(hours=24)
# When to poll for the price, counted from the text's end: Twilio sets it some time later.
PRICE_POLLS = [dt.timedelta(minutes=2), dt.timedelta(hours=1), dt.timedelta(hours=24)]


class TextStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    DELIVERED = "delivered", "Delivered"
    UNDELIVERED = "undelivered", "Not delivered"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Canceled"


# Neither accepted nor refused by Twilio yet.
IN_FLIGHT = [TextStatus.QUEUED, TextStatus.SENDING]


class TextMessageQuerySet(models.QuerySet["TextMessage"]):
    def in_flight(self) -> TextMessageQuerySet:
        return self.filter(status__in=IN_FLIGHT)

    def due(self, now: dt.datetime) -> TextMessageQuerySet:
        """Those that the sweep has work for."""
        return self.filter(next_try_at__lte=now).order_by("next_try_at")

    def hold(self) -> None:
        """Stop them in the queue until a bulk send resumes: a text without a due moment cannot be
        claimed."""
        self.update(next_try_at=None)


# Twilio's words for the status of a text, see https://www.twilio.com/docs/messaging/api.
TWILIO_ACCEPTED = frozenset({"accepted", "scheduled", "queued", "sending", "sent"})
TWILIO_ENDS = {
    "delivered": TextStatus.DELIVERED,
    "read": TextStatus.DELIVERED,
    "undelivered": TextStatus.UNDELIVERED,
    "failed": TextStatus.FAILED,
    "canceled": TextStatus.FAILED,
}


TextMessageManager = TenantManager.from_queryset(TextMessageQuerySet)


class TextMessage(models.Model):
    """One text, from the click to the handset. Every text but an answer has a payment link."""

    Status = TextStatus

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice SMS"
        REMINDER = "reminder", "Reminder"
        ANSWER = "answer", "Reply"
        HELP = "help", "Reply to HELP"

    # A callback can overtake our own commit of Twilio's answer, so QUEUED and SENDING may skip a
    # step. An end is final, however late another callback arrives.
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.QUEUED: frozenset({Status.SENDING, Status.SENT, Status.FAILED, Status.CANCELLED}),
        Status.SENDING: frozenset(
            {Status.QUEUED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}
        ),
        Status.SENT: frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}),
        # Only for a text that polls did not find and that Twilio reports later: see `mark_sent`.
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
    # The balance in the text. When the balance has changed, the text must not go out any more.
    asked = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    # None for a reminder or an answer to HELP, which nobody sent by hand.
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    sid = models.CharField("Twilio SID", max_length=34, blank=True)
    sender = models.CharField(max_length=34, blank=True)
    segments = models.PositiveSmallIntegerField(null=True)
    # What Twilio charged, as Twilio reports it: negative.
    price = models.DecimalField(max_digits=9, decimal_places=5, null=True)
    price_unit = models.CharField(max_length=3, blank=True)
    error_code = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Polls of Twilio since the claim, or since the end.
    looks = models.PositiveSmallIntegerField(default=0)
    # When the recipient's quiet hours end, for a text that waits for it.
    not_before = models.DateTimeField(null=True)
    # The moment that the sender's rate reserved for it, see outbox/rate.py.
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
            # A repeated POST has the same key and creates no second text.
            models.UniqueConstraint(fields=["tenant", "key"], name="sms_text_key"),
            # Two clicks, two tabs or two people: one text in flight per invoice.
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=IN_FLIGHT),
                name="sms_text_one_in_flight",
            ),
            # A status callback finds the text by Twilio's SID.
            models.UniqueConstraint(fields=["sid"], condition=~Q(sid=""), name="sms_text_sid"),
            # Only answers go without an invoice, a link and an amount.
            models.CheckConstraint(
                condition=Q(kind__in=["answer", "help"])
                | Q(invoice__isnull=False, link__isnull=False, asked__isnull=False),
                name="sms_text_has_link",
            ),
        ]
        indexes = [
            # The sweep: texts left by a crash, a dead broker or a lost report.
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="sms_text_unsettled",
            ),
            # The conversation with one number.
            models.Index(fields=["tenant", "to", "-id"], name="sms_text_conversation"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.to}"

    @property
    def audit_subject(self) -> str:
        """The invoice; for an answer the customer, or the company when a stranger texted."""
        if self.invoice_id:
            return f"invoice:{self.invoice_id}"
        return f"customer:{self.customer_id}" if self.customer_id else f"tenant:{self.tenant_id}"

    def record(self, action: str, *, actor: User | None = None) -> None:
        """Write an audit entry about this text."""
        self.entry(action, actor=actor).save()

    def entry(self, action: str, *, actor: User | None = None) -> AuditEntry:
        """The entry of `record`, not yet saved."""
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
        """The sender's name for people."""
        return self.sent_by.name if self.sent_by else "Textpay"

    @property
    def body(self) -> str:
        """The text with the live link. Only for Twilio: never logged or shown."""
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
        """The text for staff and history, with the end of the link hidden."""
        if self.link is None:
            return self.template
        return self.template.replace(LINK_MARK, self.link.masked_url)

    @property
    def again_key(self) -> uuid.UUID:
        """The key that lets a failed answer be sent again once."""
        return uuid.uuid5(self.public_id, "again")

    @property
    def callback_url(self) -> str:
        """Where Twilio reports. It names this text, so a report counts even when Twilio's answer
        was lost."""
        return settings.PUBLIC_BASE_URL + site_path("sms:delivery_status", self.public_id)

    @property
    def account(self) -> TwilioAccount:
        """The company's Twilio account; raises TwilioAccount.DoesNotExist when it has none."""
        return self.tenant.twilio

    def agreed_to_follow(self, *, seen: str, confirmed: bool) -> bool:
        """Whether a sender whose form showed `seen` as the newest text may send another.

        The form must have shown this text and, when it went out, **Continue** must be pressed.
        """
        return seen == str(self.public_id) and (confirmed or not self.went_out)

    @property
    def is_in_flight(self) -> bool:
        """Neither accepted nor refused by Twilio yet."""
        return self.status in IN_FLIGHT

    @property
    def is_cancelled(self) -> bool:
        return self.status == self.Status.CANCELLED

    @property
    def is_scheduled(self) -> bool:
        """Whether it waits for the end of quiet hours."""
        if self.status != self.Status.QUEUED or self.not_before is None:
            return False
        return self.not_before > clock.now()

    @property
    def went_out(self) -> bool:
        """False only when Twilio certainly did not accept it."""
        not_sent = self.status in (self.Status.FAILED, self.Status.CANCELLED)
        return not not_sent or self.sent_at is not None

    @property
    def trouble(self) -> str:
        """The kind of failure (error_codes.py), which decides the next step on offer."""
        return explain(self.error_code).kind if self.error_code else ""

    def is_due_at(self, moment: dt.datetime) -> bool:
        """Whether it is queued and its due moment has come."""
        if self.status != self.Status.QUEUED or self.next_try_at is None:
            return False
        return self.next_try_at <= moment

    def claim(self) -> bool:
        """Claim the text before calling Twilio. False when it is claimed, ended or not due."""
        now = timezone.now()
        claimed = self._move_from(
            self.Status.QUEUED,
            self.Status.SENDING,
            {
                "claimed_at": now,
                "attempts": F("attempts") + 1,
                "looks": 0,
                "turn_at": None,
                "next_try_at": now + POLLS[0],
            },
            where=Q(next_try_at__lte=now),
        )
        self.attempts += claimed
        return claimed

    def wait_for_rate(self, moment: dt.datetime) -> None:
        """Postpone it to the moment that its sender's rate reserved. No attempt is counted."""
        self._queued_row().update(next_try_at=moment, turn_at=moment)

    def wait_for_hours(self, moment: dt.datetime) -> None:
        """Postpone it to the end of quiet hours. No attempt is counted."""
        at = clock.on_the_wall(moment)
        self._queued_row().update(next_try_at=at, not_before=moment, turn_at=None)

    def hold(self) -> None:
        """Remove its due moment, because its bulk send is paused."""
        self._queued_row().update(next_try_at=None)

    def back_to_queue(self, later: dt.timedelta) -> bool:
        """Release a claim that Twilio certainly did not act on. False when the text has moved on.

        The claim must be the one this object holds: two workers may poll for the same text, and the
        slower one must not release a newer claim, or the text goes out twice.
        """
        return self._move_from(
            self.Status.SENDING,
            self.Status.QUEUED,
            {"next_try_at": timezone.now() + later},
            where=Q(claimed_at=self.claimed_at),
        )

    def cancel(self, *, actor: User | None, reason: str = "") -> bool:
        """Cancel it before Twilio is called. False when it is too late."""
        ended = timezone.now()
        return self._move(
            self.Status.CANCELLED,
            {"error": reason[:200], "finished_at": ended, "next_try_at": None},
            actor=actor,
        )

    def mark_sent(self, sid: str, *, segments: int | None = None, sender: str = "") -> bool:
        """Record that Twilio accepted it. False when it was known; missing facts are filled in."""
        now = timezone.now()
        if self.status == self.Status.SENDING and self._move_from(
            self.Status.SENDING,
            self.Status.SENT,
            {
                "sid": sid,
                "segments": segments,
                "sender": sender,
                "sent_at": now,
                "next_try_at": now + REPORT_TIMEOUT,
            },
            where=Q(sid=""),
            actor=self.sent_by_id,
        ):
            return True
        return self._mark_sent_late(sid, segments, sender)

    def _mark_sent_late(self, sid: str, segments: int | None, sender: str) -> bool:
        """`mark_sent` for a report that came before our claim was stored, or after we gave up."""
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
            given_up = row.status == self.Status.FAILED and not row.sid
            if row.status not in (self.Status.QUEUED, self.Status.SENDING) and not given_up:
                self.refresh_from_db()
                return False
            changes: dict[str, object] = {"next_try_at": now + REPORT_TIMEOUT}
            if given_up:
                changes |= {"error": "", "error_code": None, "finished_at": None}
            return self._move(self.Status.SENT, changes, actor=self.sent_by)

    def mark_delivered(self, sid: str = "") -> bool:
        """The carrier confirmed it. False when the text had ended already."""
        return self._end(self.Status.DELIVERED, sid)

    def mark_undelivered(self, code: int | None, sid: str = "", *, reason: str = "") -> bool:
        """It did not arrive, or nobody can tell. False when the text had ended already."""
        return self._end(self.Status.UNDELIVERED, sid, code, reason)

    def mark_failed(self, code: int | None, reason: str = "", sid: str = "") -> bool:
        """It was not sent: Twilio's code, or a reason of ours. False when it had ended already."""
        return self._end(self.Status.FAILED, sid, code, reason)

    def hold_back(self, reason: str) -> bool:
        """Textpay decided not to send it any more, so no email replaces it."""
        return self._end(self.Status.FAILED, "", None, reason, falls_back=False)

    def report(self, status: str, sid: str, code: int | None) -> bool:
        """Record a status that Twilio reports, in any order of reports. False: nothing changed.

        Raises ValueError for a status that no outbound text can have.
        """
        if status in TWILIO_ACCEPTED:
            known = self.sid == sid and self.sent_at and not self.is_in_flight
            return False if known else self.mark_sent(sid)
        match TWILIO_ENDS.get(status):
            case self.Status.DELIVERED:
                return self.mark_delivered(sid)
            case self.Status.UNDELIVERED:
                return self.mark_undelivered(code, sid)
            case self.Status.FAILED:
                return self.mark_failed(code, sid=sid)
        raise ValueError(status)

    def record_poll(self) -> bool:
        """Record that a poll did not find it at Twilio; True when that was the last poll."""
        looks = min(self.looks + 1, len(POLLS))
        if looks == len(POLLS):
            return True
        later = (self.claimed_at or timezone.now()) + POLLS[looks]
        rows = self._row().filter(status=self.Status.SENDING, claimed_at=self.claimed_at)
        rows.update(looks=looks, next_try_at=later)
        return False

    def wait_for_report(self) -> None:
        """Poll once more a day after it was sent, then stop."""
        last = (self.sent_at or self.queued_at) + LAST_POLL
        at = last if last > timezone.now() else None
        self._row().filter(status=self.Status.SENT).update(next_try_at=at)

    def record_price(self, price: Decimal | None, unit: str, segments: int | None) -> None:
        """Store what Twilio charged and for how many segments; None: not known yet."""
        if price is not None:
            known = {"price": price, "price_unit": unit, "segments": segments or self.segments}
            self._row().update(**known)

    def wait_for_price(self) -> None:
        """Poll an ended text a few times more, until Twilio has its price."""
        looks = self.looks + 1
        at = None
        if self.price is None and self.finished_at and looks < len(PRICE_POLLS):
            at = self.finished_at + PRICE_POLLS[looks]
        self._row().filter(finished_at__isnull=False).update(looks=looks, next_try_at=at)

    def _end(
        self,
        to: str,
        sid: str,
        code: int | None = None,
        reason: str = "",
        *,
        falls_back: bool = True,
    ) -> bool:
        """Move to an end. A report means that Twilio accepted the text, so it is SENT first."""
        error = "" if to == self.Status.DELIVERED else reason or explain(code).sentence
        label = "Twilio" if sid else "Textpay"
        with transaction.atomic():
            lost = falls_back and to != self.Status.DELIVERED
            invoice = invoice_to_email(self) if lost else None
            if sid and (self.sid, self.status) != (sid, self.Status.SENT):
                self.mark_sent(sid)
            now = timezone.now()
            changes: dict[str, object] = {
                "error": error[:200],
                "error_code": code,
                "finished_at": now,
                "looks": 0,
                "next_try_at": now + PRICE_POLLS[0] if sid else None,
            }
            sent = self.status == self.Status.SENT
            moved = sent and self._move_from(self.Status.SENT, to, changes, actor_label=label)
            moved = moved or self._move(to, changes, actor_label=label)
            if moved and invoice:
                email_instead(self, invoice)
            if not moved and code and self.status == to and self.error_code is None:
                self._row().update(error=error, error_code=code)
                self.refresh_from_db()  # a repeated report that has the reason for the first time
            return moved

    def _row(self) -> models.QuerySet[TextMessage]:
        return TextMessage._base_manager.filter(pk=self.pk)

    def _queued_row(self) -> models.QuerySet[TextMessage]:
        """The row while it is queued and not on hold."""
        return self._row().filter(status=self.Status.QUEUED, next_try_at__isnull=False)

    def _details(self, changes: Mapping[str, object]) -> dict[str, object]:
        """The data of an audit entry about a change."""
        details: dict[str, object] = {
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
        self,
        to: str,
        changes: Mapping[str, object],
        *,
        actor: User | None = None,
        actor_label: str = "",
    ) -> bool:
        """Move to a status with an audit entry. False when the text is there or beyond already."""
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
        changes: Mapping[str, object],
        *,
        where: Q | None = None,
        actor: User | int | None = None,
        actor_label: str = "",
    ) -> bool:
        """Move from `old`, when the row still has it and fits `where`, without reading first."""
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
