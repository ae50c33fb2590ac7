"""Texts: what was sent to which number, by whom, and what became of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from audit import clock
from audit.models import AuditEntry, entry
from customers.models import E164, Customer
from invoices.models import Invoice, PaymentLink
from sms.content.message_text import LINK_MARK, language_for, message_template
from sms.models.account import TwilioAccount
from sms.models.delivery import Delivery
from sms.outbox.queue import Order, TextMessageQuerySet
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

TextMessageManager = TenantManager.from_queryset(TextMessageQuerySet)


class TextMessage(Delivery):
    """One text, from the click to the handset. All but answers carry a payment link."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice SMS"
        REMINDER = "reminder", "Reminder"
        ANSWER = "answer", "Answer"
        HELP = "help", "Answer to HELP"

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

    @classmethod
    def of(cls, order: Order, link: PaymentLink, actor: User) -> TextMessage:
        """The text that an order asks for, not yet saved."""
        invoice, at = order.invoice, order.not_before
        language = language_for(invoice.customer, order.to)
        return cls(
            tenant=invoice.tenant,
            customer=invoice.customer,
            invoice=invoice,
            link=link,
            key=order.key,
            to=order.to,
            language=language,
            template=message_template(invoice, language),
            asked=invoice.balance,
            not_before=at,
            next_try_at=clock.on_the_wall(at) if at else timezone.now(),
            sent_by=actor,
        )

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
