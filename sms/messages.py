"""Texts: what was sent to which number, by whom, and what became of it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from audit.models import record
from audit.transitions import IllegalTransition, transition
from customers.models import E164, Customer
from invoices.models import Invoice, InvoiceError, PaymentLink
from sms.accounts import TwilioAccount
from sms.twilio_codes import explain
from sms.wording import LINK_MARK, message_template
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

# When to ask Twilio about a text in "sending" whose answer was lost, counted from the claim; after
# the last look without a trace it was not sent.
LOOKS = [dt.timedelta(seconds=s) for s in (60, 150, 300)]
# When to ask about a text that Twilio took and never reported on again.
SILENCE = dt.timedelta(minutes=15)
LAST_LOOK = dt.timedelta(hours=24)


class NeedsConfirmation(Exception):
    """This invoice was texted before (or meanwhile); the sender has not said **Continue** yet."""

    def __init__(self, last: TextMessage) -> None:
        super().__init__("This invoice was texted before.")
        self.last = last


class TextMessageQuerySet(models.QuerySet["TextMessage"]):
    """Texts of one company."""

    def in_flight(self) -> TextMessageQuerySet:
        """On their way to Twilio: not yet accepted, not yet refused."""
        return self.filter(status__in=[TextMessage.Status.QUEUED, TextMessage.Status.SENDING])

    def due(self, now: dt.datetime) -> TextMessageQuerySet:
        """Those the sweep has something to do for."""
        return self.filter(next_try_at__lte=now).order_by("next_try_at")

    def queue(
        self,
        invoice: Invoice,
        *,
        to: str,
        actor: User,
        key: uuid.UUID,
        seen: str = "",
        confirmed: bool = False,
        not_before: dt.datetime | None = None,
    ) -> tuple[TextMessage, bool]:
        """Write down one text to send, with a new link; returns it and whether it is new.

        One text comes of any number of clicks: the same form `key` gives the same text, and while
        one is on its way nobody adds another. `seen` is the newest text the form knew of (its
        public id, or ""); when another has come in between, or the invoice was texted before and
        the sender has not `confirmed`, raises NeedsConfirmation. `not_before` makes it wait. Raises
        InvoiceError when there is nothing to pay or the key belongs to another invoice's text.
        """
        with transaction.atomic():
            row = invoice.locked()
            same = self.filter(tenant=row.tenant, key=key).first()
            last = self.filter(invoice=row).order_by("-id").first()
            if same is not None:
                if same.invoice_id != row.pk:
                    raise InvoiceError("This form was used for another invoice. Open it again.")
                if same.to != to:
                    raise NeedsConfirmation(last or same)  # went back and chose another number
                return same, False
            if last is not None and last.is_in_flight:
                return last, False
            if last is not None and not last.agreed_to_follow(seen=seen, confirmed=confirmed):
                raise NeedsConfirmation(last)
            link = PaymentLink.objects.issue(row, actor=actor)
            message = TextMessage(
                tenant=row.tenant,
                customer_id=row.customer_id,
                invoice=row,
                link=link,
                key=key,
                to=to,
                template=message_template(row),
                asked=row.balance,
                not_before=not_before,
                next_try_at=not_before or timezone.now(),
                sent_by=actor,
            )
            message.write_down()
        return message, True

    def remind(
        self, invoice: Invoice, *, to: str, template: str, language: str, key: uuid.UUID
    ) -> TextMessage | None:
        """Write down a reminder with the link the customer has, or a new one where it ended.

        None when a text is on its way or the invoice asks for nothing: then nothing is to be said.
        """
        with transaction.atomic():
            row = invoice.locked()
            same = self.filter(tenant=row.tenant, key=key).first()
            if same is not None:
                return same
            if not row.is_payable or self.filter(invoice=row).in_flight().exists():
                return None
            link = row.links.live().first()
            if link is None or not link.is_live_at(timezone.now()):
                link = PaymentLink.objects.issue(row, actor=None)
            message = TextMessage(
                tenant=row.tenant,
                kind=TextMessage.Kind.REMINDER,
                customer_id=row.customer_id,
                invoice=row,
                link=link,
                key=key,
                to=to,
                template=template,
                language=language,
                asked=row.balance,
            )
            message.write_down()
        return message

    def answer(
        self,
        tenant: Tenant,
        *,
        to: str,
        body: str,
        key: uuid.UUID,
        actor: User | None,
        customer: Customer | None = None,
        kind: str = "answer",
        language: str = "en",
    ) -> tuple[TextMessage, bool]:
        """Write down an answer to what somebody texted; it has no invoice and no link."""
        with transaction.atomic():
            message, new = self.get_or_create(
                tenant=tenant,
                key=key,
                defaults={
                    "kind": kind,
                    "customer": customer,
                    "to": to,
                    "template": body,
                    "language": language,
                    "sent_by": actor,
                },
            )
            if new:
                message.record("text.queued", actor=actor)
        return message, new


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
    # Nobody pressed a button for a reminder or an answer to HELP.
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    # When quiet hours end, for a text that waits for that.
    not_before = models.DateTimeField(null=True)
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

    def write_down(self) -> None:
        """Save a new text with its entry in the history."""
        with transaction.atomic():
            self.save()
            self.record("text.queued", actor=self.sent_by)

    def record(self, action: str, *, actor: User | None = None) -> None:
        """An entry in the history about this text."""
        record(
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
    def is_in_flight(self) -> bool:
        """On its way to Twilio."""
        return self.status in (self.Status.QUEUED, self.Status.SENDING)

    @property
    def body(self) -> str:
        """The text as the customer gets it, with the live link. For Twilio only."""
        return self.template.replace(LINK_MARK, self.link.url) if self.link else self.template

    @property
    def masked_body(self) -> str:
        """The text as staff and history may see it: the end of the link is hidden."""
        if self.link is None:
            return self.template
        return self.template.replace(LINK_MARK, self.link.masked_url)

    @property
    def callback_url(self) -> str:
        """Where Twilio reports: names this text, so a report counts even if the answer was lost."""
        return settings.PUBLIC_BASE_URL + reverse("sms:delivery_status", args=[self.public_id])

    @property
    def account(self) -> TwilioAccount:
        """The company's Twilio account; raises TwilioAccount.DoesNotExist when it has none."""
        return TwilioAccount.objects.get(tenant_id=self.tenant_id)

    @property
    def went_out(self) -> bool:
        """Whether Twilio took it or may have taken it: False only when it surely did not."""
        not_sent = self.status in (self.Status.FAILED, self.Status.CANCELLED)
        return not not_sent or self.sent_at is not None

    @property
    def trouble(self) -> str:
        """The kind of failure, see twilio_codes.py: decides which next step is offered."""
        return explain(self.error_code).kind if self.error_code else ""

    def agreed_to_follow(self, *, seen: str, confirmed: bool) -> bool:
        """Whether a sender who saw `seen` may send another after this one.

        They must have seen this one and, when it went out, have said **Continue**.
        """
        return seen == str(self.public_id) and (confirmed or not self.went_out)

    def claim(self) -> bool:
        """Take the text for sending; False when another worker has it, or it is done or not due."""
        with transaction.atomic():
            row = TextMessage._base_manager.select_for_update().get(pk=self.pk)
            now = timezone.now()
            due = row.next_try_at is not None and row.next_try_at <= now
            if row.status != self.Status.QUEUED or not due:
                return False
            self._move(
                self.Status.SENDING,
                claimed_at=now,
                attempts=row.attempts + 1,
                looks=0,
                next_try_at=now + LOOKS[0],
            )
        return True

    def back_to_queue(self, later: dt.timedelta) -> bool:
        """Twilio surely did not take it: try again `later`. False when it has moved on."""
        return self._move(self.Status.QUEUED, next_try_at=timezone.now() + later)

    def mark_sent(self, sid: str, *, segments: int | None = None, sender: str = "") -> bool:
        """Twilio took it. False when that was known; what was missing is filled in all the same."""
        with transaction.atomic():
            row = TextMessage._base_manager.select_for_update().get(pk=self.pk)
            now = timezone.now()
            known = {
                "sid": row.sid or sid,
                "sender": row.sender or sender,
                "segments": row.segments or segments,
                "sent_at": row.sent_at or now,
            }
            TextMessage._base_manager.filter(pk=row.pk).update(**known)
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

    def report(self, status: str, sid: str, code: int | None) -> bool:
        """Book a state Twilio names, in whatever order its reports come. False: nothing new.

        Raises ValueError for a state that no text of ours can be in.
        """
        if status in ("accepted", "scheduled", "queued", "sending", "sent"):
            return self.mark_sent(sid)
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
        rows = TextMessage._base_manager.filter(pk=self.pk, status=self.Status.SENDING)
        rows.update(looks=looks, next_try_at=later)
        return False

    def wait_for_report(self) -> None:
        """Twilio has nothing new: ask once more a day after it was sent, then leave it."""
        last = (self.sent_at or self.queued_at) + LAST_LOOK
        at = last if last > timezone.now() else None
        rows = TextMessage._base_manager.filter(pk=self.pk, status=self.Status.SENT)
        rows.update(next_try_at=at)

    def _end(self, to: str, sid: str, code: int | None = None, reason: str = "") -> bool:
        """Move to an end. A report of Twilio's means that Twilio took it, so it was sent first."""
        with transaction.atomic():
            if sid:
                self.mark_sent(sid)
            error = "" if to == self.Status.DELIVERED else reason or explain(code).sentence
            moved = self._move(
                to,
                actor_label="Twilio" if sid else "Textpay",
                error=error[:200],
                error_code=code,
                finished_at=timezone.now(),
                next_try_at=None,
            )
            if not moved and code and self.status == to and self.error_code is None:
                TextMessage._base_manager.filter(pk=self.pk).update(error=error, error_code=code)
                self.refresh_from_db()  # told twice, the second time with the reason
            return moved

    def _move(
        self, to: str, *, actor: User | None = None, actor_label: str = "", **changes: Any
    ) -> bool:
        """One transition with its entry; False where the text already is there or beyond."""
        details: dict[str, Any] = {
            "to": self.to,
            "message": self.masked_body,
            "text": str(self.public_id),
        }
        if changes.get("error"):
            details["reason"] = changes["error"]
        if changes.get("error_code"):
            details["code"] = str(changes["error_code"])
        try:
            return transition(
                self, to, actor=actor, actor_label=actor_label, changes=changes, **details
            )
        except IllegalTransition:
            self.refresh_from_db()
            return False
