"""Payments: the claim before the charge, what came of it, and what the payer agreed to."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q, Sum
from django.utils import timezone

from audit.models import AppendOnly
from invoices.models import Invoice, PaymentLink
from tenants.models import Tenant
from tenants.scoping import TenantManager
from tenants.secrets import seal, unseal

# Order numbers hold letters only: the gateway masks one that looks like a card number, and then it
# cannot be found again. Consonants, so that no word appears by chance. 19 is the ACH limit.
ORDERID_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
ORDERID_LENGTH = 19


def new_orderid() -> str:
    """19 random consonants (82 bits): our key to ask the gateway about a charge."""
    return "".join(secrets.choice(ORDERID_ALPHABET) for _ in range(ORDERID_LENGTH))


class CardConnectAccount(models.Model):
    """A company's merchant account at CardConnect. The password is write-only."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="cardconnect")
    site = models.CharField(
        max_length=40,
        default="fts",
        help_text="The first part of the gateway's host name: fts, fts-uat, boltgw…",
        validators=[RegexValidator(r"^[a-z0-9-]+$", "Lower-case letters, digits and hyphens.")],
    )
    merchid = models.CharField(
        "merchant ID",
        max_length=16,
        validators=[RegexValidator(r"^\d{1,16}$", "Up to 16 digits.")],
    )
    username = models.CharField(max_length=60)
    password_sealed = models.TextField(editable=False, default="")
    ach_enabled = models.BooleanField("bank payments (ACH)", default=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "CardConnect account"
        constraints = [
            # Two companies with one MID would see each other's charges.
            models.UniqueConstraint(fields=["site", "merchid"], name="payments_account_merchid"),
        ]

    def __str__(self) -> str:
        return f"CardConnect account of {self.tenant}"

    @property
    def _context(self) -> str:
        return f"tenant:{self.tenant_id}:cardconnect.password"

    @property
    def password(self) -> str:
        """The secret, opened; for calls to the gateway only."""
        return unseal(self.password_sealed, context=self._context)

    def set_password(self, plain: str) -> None:
        """Seal a new secret; the caller saves."""
        self.password_sealed = seal(plain, context=self._context)


class PaymentQuerySet(models.QuerySet["Payment"]):
    """Payments of one company."""

    def in_flight(self) -> PaymentQuerySet:
        """Those whose outcome is not known; while there is one, nobody may pay the invoice."""
        return self.filter(status__in=Payment.IN_FLIGHT)

    def booked(self) -> PaymentQuerySet:
        """Those that lower the balance."""
        return self.filter(status__in=Payment.BOOKED)

    def booked_total(self) -> Decimal:
        """What they lower it by."""
        return self.booked().aggregate(total=Sum("amount"))["total"] or Decimal("0.00")

    def uncleared(self) -> PaymentQuerySet:
        """Bank payments that were started and may still come back."""
        return self.filter(status=Payment.Status.STARTED)


PaymentManager = TenantManager.from_queryset(PaymentQuerySet)


class Payment(models.Model):
    """One attempt to take one amount, and the money when it was taken.

    The row is committed, with its own order number, before the gateway is called: a crash at any
    moment leaves something to ask the gateway about.
    """

    class Method(models.TextChoices):
        CARD = "card", "Card"
        ACH = "ach", "Bank account (ACH)"

    class Status(models.TextChoices):
        PENDING = "pending", "Being charged"
        UNKNOWN = "unknown", "Checking with CardConnect"
        CAPTURED = "captured", "Paid"
        STARTED = "started", "Bank payment started"
        DECLINED = "declined", "Declined"
        NOT_CHARGED = "not_charged", "Not charged"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"

    IN_FLIGHT: ClassVar[list[str]] = ["pending", "unknown", "needs_attention"]
    BOOKED: ClassVar[list[str]] = ["captured", "started"]
    _ENDS = frozenset({"captured", "started", "declined", "not_charged", "needs_attention"})
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.PENDING: _ENDS | {Status.UNKNOWN},
        Status.UNKNOWN: _ENDS,
        Status.NEEDS_ATTENTION: frozenset({"captured", "started", "not_charged"}),
        # The gateway said "no such charge" and has one after all: the money wins.
        Status.NOT_CHARGED: frozenset({"captured", "started"}),
    }
    AUDIT_PREFIX: ClassVar[str] = "payment"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, related_name="payments")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.UUIDField(help_text="From the form, so that a double click pays once.")
    method = models.CharField(max_length=4, choices=Method.choices)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.PENDING, editable=False
    )
    # The account used, copied: it stays the one to ask even if the company moves to another.
    site = models.CharField(max_length=40)
    merchid = models.CharField(max_length=16)
    orderid = models.CharField(max_length=ORDERID_LENGTH, default=new_orderid, editable=False)
    retref = models.CharField(max_length=14, blank=True)
    authcode = models.CharField(max_length=16, blank=True)
    respproc = models.CharField(max_length=4, blank=True)
    respcode = models.CharField(max_length=4, blank=True)
    resptext = models.CharField(max_length=128, blank=True)
    reason = models.CharField(max_length=200, blank=True, help_text="For people.")
    brand = models.CharField(max_length=20, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    payer_name = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    inquiries = models.PositiveSmallIntegerField(default=0)
    next_inquiry_at = models.DateTimeField(null=True)

    objects = PaymentManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_payment_amount"),
            # Do not pay twice: one attempt with an open outcome per invoice, whatever the rail.
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=["pending", "unknown", "needs_attention"]),
                name="payments_payment_one_in_flight",
            ),
            # A double click carries the same key.
            models.UniqueConstraint(fields=["link", "key"], name="payments_payment_key"),
            # The gateway accepts an order number twice; we never use one twice.
            models.UniqueConstraint(fields=["merchid", "orderid"], name="payments_payment_orderid"),
            # One charge is one payment.
            models.UniqueConstraint(
                fields=["merchid", "retref"],
                condition=~Q(retref="") & Q(status__in=["captured", "started"]),
                name="payments_payment_retref",
            ),
        ]
        indexes = [
            # The sweep that asks the gateway about unknown outcomes.
            models.Index(
                fields=["next_inquiry_at"],
                condition=Q(status__in=["pending", "unknown"]),
                name="payments_payment_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return f"${self.amount:,.2f} on {self.invoice}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    @property
    def is_in_flight(self) -> bool:
        """Whether the outcome is still open."""
        return self.status in self.IN_FLIGHT

    @property
    def is_booked(self) -> bool:
        """Whether it lowered the balance."""
        return self.status in self.BOOKED

    @property
    def account_label(self) -> str:
        """What was charged, for people: "Visa ending 1111"."""
        return f"{self.brand} ending {self.last4}".strip()


class Authorization(models.Model):
    """What the payer agreed to, word for word, when they tapped Pay. Never changed.

    Evidence for the card brands and, for bank payments, Nacha's proof of authorization: the exact
    sentence and its digest, when, in which time zone, from which address, with which browser.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="authorization")
    text = models.TextField()
    version = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, editable=False)
    language = models.CharField(max_length=5, default="en")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    payer_name = models.CharField(max_length=80, blank=True)
    agreed_at = models.DateTimeField(default=timezone.now)
    zone = models.CharField("time zone", max_length=64)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"Authorization of {self.payment}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the evidence with its digest; raises AppendOnly when it exists already."""
        if self.pk is not None:
            raise AppendOnly("An authorization is never changed.")
        self.sha256 = hashlib.sha256(self.text.encode()).hexdigest()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Always raises AppendOnly."""
        raise AppendOnly("An authorization is never deleted.")
