"""Texts: what was sent to which number, by whom, and what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django_scopes import ScopedManager

from audit.models import record
from audit.transitions import IllegalTransition, transition
from customers.models import E164
from invoices.models import Invoice, PaymentLink
from tenants.models import Tenant, User
from tenants.secrets import seal, unseal

# Where the link goes in a stored text. Stored without it: a text in the database opens nothing.
LINK_MARK = "{link}"


class NeedsConfirmation(Exception):
    """This invoice was texted before (or meanwhile); the sender has not said **Continue** yet."""

    def __init__(self, last: TextMessage) -> None:
        super().__init__("This invoice was texted before.")
        self.last = last


class TwilioAccount(models.Model):
    """A company's own Twilio account and sender. The auth token is write-only."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="twilio")
    account_sid = models.CharField(
        "account SID",
        max_length=34,
        validators=[RegexValidator(r"^AC[0-9a-fA-F]{32}$", "AC and 32 hexadecimal digits.")],
    )
    auth_token_sealed = models.TextField(editable=False, default="")
    sender = models.CharField(
        max_length=16, blank=True, validators=[E164], help_text="E.164 number that texts come from."
    )
    messaging_service_sid = models.CharField(
        "messaging service SID",
        max_length=34,
        blank=True,
        validators=[RegexValidator(r"^MG[0-9a-fA-F]{32}$", "MG and 32 hexadecimal digits.")],
    )

    class Meta:
        verbose_name = "Twilio account"
        constraints = [
            # Opt-outs work per sender, so two companies never share one.
            models.UniqueConstraint(
                fields=["sender"], condition=~Q(sender=""), name="sms_twilio_sender"
            ),
            models.CheckConstraint(
                condition=~Q(sender="") | ~Q(messaging_service_sid=""),
                name="sms_twilio_has_sender",
            ),
        ]

    def __str__(self) -> str:
        return f"Twilio account of {self.tenant}"

    @property
    def _context(self) -> str:
        return f"tenant:{self.tenant_id}:twilio.auth_token"

    @property
    def auth_token(self) -> str:
        """The secret, opened; signs callbacks and calls. Never shown, logged or sent to a page."""
        return unseal(self.auth_token_sealed, context=self._context)

    def set_auth_token(self, plain: str) -> None:
        """Seal a new secret; the caller saves."""
        self.auth_token_sealed = seal(plain, context=self._context)

    @property
    def is_complete(self) -> bool:
        """Whether a text could be sent with it."""
        return bool(self.account_sid and self.auth_token_sealed)


class TextMessageQuerySet(models.QuerySet["TextMessage"]):
    """Texts of one company."""

    def in_flight(self) -> TextMessageQuerySet:
        """On their way to Twilio: not yet accepted, not yet refused."""
        return self.filter(status__in=[TextMessage.Status.QUEUED, TextMessage.Status.SENDING])

    def queue(
        self,
        invoice: Invoice,
        *,
        to: str,
        actor: User,
        key: uuid.UUID,
        seen: str = "",
        confirmed: bool = False,
    ) -> tuple[TextMessage, bool]:
        """Write down one text to send, with a new link; returns it and whether it is new.

        One text comes of any number of clicks: the same form `key` gives the same text, and while
        one is on its way nobody adds another. `seen` is the newest text the form knew of (its
        public id, or ""); when another has come in between, or the invoice was texted before and
        the sender has not `confirmed`, raises NeedsConfirmation. Raises InvoiceError when there is
        nothing to pay.
        """
        with transaction.atomic():
            row = invoice.locked()
            same = self.filter(tenant=row.tenant, key=key).first()
            last = self.filter(invoice=row).order_by("-id").first()
            if same is not None:
                return same, False
            if last is not None and last.is_in_flight:
                return last, False
            if last is not None and not (confirmed and seen == str(last.public_id)):
                raise NeedsConfirmation(last)
            link = PaymentLink.objects.issue(row, actor=actor)
            message = TextMessage(
                tenant=row.tenant,
                invoice=row,
                link=link,
                key=key,
                to=to,
                template=message_template(row),
                sent_by=actor,
            )
            message.save()
            record(
                "text.queued",
                tenant=row.tenant,
                subject=row.audit_subject,
                actor=actor,
                to=to,
                message=message.masked_body,
                text=str(message.public_id),
            )
        return message, True


def message_template(invoice: Invoice) -> str:
    """The default SMS text for an invoice, with LINK_MARK where its link goes.

    Sender first, what for, the link after "Pay here:", and how to opt out (CTIA principles).
    Characters outside GSM-7 are left to the tenant's own name only.
    """
    return (
        f"{invoice.tenant.name}: ${invoice.balance:,.2f} for invoice {invoice.number}. "
        f"Pay here: {LINK_MARK} Reply STOP to opt out, HELP for help"
    )


class TextMessage(models.Model):
    """One text with one payment link, from the click to the handset."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        UNDELIVERED = "undelivered", "Not delivered"
        FAILED = "failed", "Failed"

    # A callback can be faster than our own commit of Twilio's answer, so "sending" may go straight
    # to an end; an end stays an end, however late another callback comes.
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.QUEUED: frozenset({Status.SENDING, Status.FAILED}),
        Status.SENDING: frozenset(
            {Status.QUEUED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}
        ),
        Status.SENT: frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}),
    }
    AUDIT_PREFIX: ClassVar[str] = "text"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="text_messages")
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, related_name="text_messages")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.UUIDField()
    to = models.CharField(max_length=16, validators=[E164])
    template = models.TextField()
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    sid = models.CharField("Twilio SID", max_length=34, blank=True)
    sender = models.CharField(max_length=34, blank=True)
    segments = models.PositiveSmallIntegerField(null=True)
    error_code = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    queued_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ScopedManager(
        tenant="tenant", _manager_class=models.Manager.from_queryset(TextMessageQuerySet)
    )

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
        ]
        indexes = [
            # The sweep for texts that a crash or a dead broker left behind.
            models.Index(
                fields=["next_try_at"],
                condition=Q(status__in=["queued", "sending"]),
                name="sms_text_unsent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} to {self.to}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    @property
    def is_in_flight(self) -> bool:
        """On its way to Twilio."""
        return self.status in (self.Status.QUEUED, self.Status.SENDING)

    @property
    def body(self) -> str:
        """The text as the customer gets it, with the live link. For Twilio only."""
        return self.template.replace(LINK_MARK, self.link.url)

    @property
    def masked_body(self) -> str:
        """The text as staff and history may see it: the end of the link is hidden."""
        return self.template.replace(LINK_MARK, self.link.masked_url)

    @property
    def callback_url(self) -> str:
        """Where Twilio reports: names this text, so a report counts even if the answer was lost."""
        return settings.PUBLIC_BASE_URL + reverse("sms:delivery_status", args=[self.public_id])

    def claim(self) -> bool:
        """Take the text for sending; False when another worker has it or it is done."""
        if self.status != self.Status.QUEUED:
            return False
        try:
            return self._move(
                self.Status.SENDING, claimed_at=timezone.now(), attempts=self.attempts + 1
            )
        except IllegalTransition:
            return False

    def _move(self, to: str, *, actor_label: str = "Textpay", **changes: Any) -> bool:
        return transition(
            self,
            to,
            actor_label=actor_label,
            changes=changes,
            to=self.to,
            message=self.masked_body,
            text=str(self.public_id),
            **({"reason": changes["error"]} if changes.get("error") else {}),
        )
