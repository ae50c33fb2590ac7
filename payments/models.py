"""Payments: the claim before the charge, what came of it, and what the payer agreed to."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit.clock import DbNow, db_now
from audit.models import record
from audit.transitions import IllegalTransition, transition
from invoices.models import Invoice, PaymentLink
from payments import wording
from payments.accounts import CardConnectAccount
from payments.evidence import Authorization
from tenants.models import Tenant
from tenants.scoping import TenantManager

__all__ = ["AmountChanged", "Authorization", "CannotPay", "CardConnectAccount", "Payment"]

# Order numbers hold letters only: the gateway masks one that looks like a card number, and then it
# cannot be found again. Consonants, so that no word appears by chance. 19 is the ACH limit.
ORDERID_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
ORDERID_LENGTH = 19
MAX_DECLINES_PER_HOUR = 5
# When the gateway may be asked about an attempt: it answers at 32 seconds at the latest.
ASK_AFTER = dt.timedelta(seconds=45)
# When its "not found" counts: an approval may become visible late.
NOT_FOUND_AFTER = dt.timedelta(seconds=90)
# When to ask again after no answer.
PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 60, 24 * 60)]


class CannotPay(Exception):
    """This payment may not start; str() is the sentence to show. No money has moved."""


class AmountChanged(CannotPay):
    """The balance is not what the payer agreed to."""

    def __init__(self, agreed: Decimal, now: Decimal) -> None:
        super().__init__("The amount changed while you were here.")
        self.agreed, self.now = agreed, now


def new_orderid() -> str:
    """19 random consonants (82 bits): our key to ask the gateway about a charge."""
    return "".join(secrets.choice(ORDERID_ALPHABET) for _ in range(ORDERID_LENGTH))


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

    def to_ask_about(self, now: dt.datetime) -> PaymentQuerySet:
        """Those without an outcome whose turn it is to be asked about."""
        return (
            self.filter(status__in=[Payment.Status.PENDING, Payment.Status.UNKNOWN])
            .annotate(begun_at=Coalesce("sent_at", "created_at"))
            .filter(begun_at__lte=now - ASK_AFTER)
            .filter(Q(next_inquiry_at__isnull=True) | Q(next_inquiry_at__lte=now))
        )

    def start(
        self,
        link: PaymentLink,
        *,
        method: str,
        amount: Decimal,
        key: uuid.UUID,
        token: str,
        agreement: wording.Agreement,
        account_type: str = "",
    ) -> tuple[Payment, bool]:
        """Claim the invoice for one charge and keep what was agreed; (payment, whether new).

        The same form `key` gives the same payment, so that a double click or a replay never charges
        twice. Raises CannotPay with a sentence, AmountChanged when the balance is another one.
        """
        with transaction.atomic():
            invoice = link.invoice.locked()
            same = self.filter(link=link, key=key).first()
            if same is not None:
                return same, False
            account = self._check_may_start(link, invoice, method, token)
            if amount != invoice.balance:
                raise AmountChanged(amount, invoice.balance)
            payment = Payment(
                tenant=invoice.tenant,
                invoice=invoice,
                link=link,
                key=key,
                method=method,
                amount=amount,
                site=account.site,
                merchid=account.merchid,
                brand=_brand(method, token, account_type),
                last4=token[-4:],
                fingerprint=_fingerprint(token),
                payer_name=agreement.payer_name,
                created_at=db_now(),
            )
            payment.save()
            Authorization.objects.create(
                tenant=invoice.tenant,
                payment=payment,
                text=agreement.text,
                version=agreement.version,
                language=agreement.language,
                amount=amount,
                payer_name=agreement.payer_name,
                zone=invoice.tenant.timezone,
                ip=agreement.ip,
                user_agent=agreement.user_agent[:300],
            )
            payment.record_start()
        return payment, True

    def _check_may_start(
        self, link: PaymentLink, invoice: Invoice, method: str, token: str
    ) -> CardConnectAccount:
        """The account to charge with, when link, invoice and company allow it now."""
        now = PaymentLink._base_manager.annotate(read_at=DbNow()).get(pk=link.pk)
        if not now.is_live_at(now.read_at):
            raise CannotPay("This payment link no longer takes payments.")
        if self.filter(invoice=invoice).in_flight().exists():
            raise CannotPay("A payment is being confirmed. Please do not pay again.")
        if not invoice.is_payable:
            raise CannotPay("There is nothing to pay on this invoice.")
        account = CardConnectAccount.of(invoice.tenant)
        if account is None:
            raise CannotPay("This invoice cannot be paid online.")
        if method == Payment.Method.ACH and not account.takes_bank_payments:
            raise CannotPay("Bank payments are not available here. Please pay by card.")
        declined = self.filter(invoice=invoice, status=Payment.Status.DECLINED)
        if declined.filter(fingerprint=_fingerprint(token), may_retry=False).exists():
            raise CannotPay(
                "This card or account was refused for good. Please use another one."
            )
        if self.filter(link=link).declined_since(now.read_at).count() >= MAX_DECLINES_PER_HOUR:
            raise CannotPay("There were too many declined tries. Wait an hour, or call us.")
        return account

    def declined_since(self, now: dt.datetime) -> PaymentQuerySet:
        """Declined in the last hour: somebody may be trying card numbers."""
        return self.filter(
            status=Payment.Status.DECLINED, resolved_at__gt=now - dt.timedelta(hours=1)
        )


def _brand(method: str, token: str, account_type: str) -> str:
    """Visa and so on; of a bank account, Checking or Savings."""
    if method == Payment.Method.ACH:
        return wording.ACCOUNT_TYPES[account_type].title()
    return wording.brand_of(token) or "Card"


def _fingerprint(token: str) -> str:
    """Tells the same card again without keeping its token."""
    return salted_hmac("payments.fingerprint", token, algorithm="sha256").hexdigest()[:32]


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
    # A keyed digest of the token, to tell a card again that must not be tried again.
    fingerprint = models.CharField(max_length=32, blank=True)
    may_retry = models.BooleanField(default=True)
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

    @property
    def reference(self) -> str:
        """What payer and staff call this payment by: BCDF-GHJK."""
        return f"{self.orderid[:4]}-{self.orderid[4:8]}"

    @property
    def begun(self) -> dt.datetime:
        """When the clock of an unanswered attempt began to run."""
        return self.sent_at or self.created_at

    def record_start(self) -> None:
        """The entry for the claim itself, which is not a change of status."""
        record(
            "payment.pending",
            tenant=self.tenant,
            subject=self.audit_subject,
            actor_label="Customer",
            **self._told(),
        )

    def mark_sent(self) -> bool:
        """Note, by the database's clock, that the gateway is about to be called. True only once."""
        sent = Payment._base_manager.filter(
            pk=self.pk, sent_at__isnull=True, status=self.Status.PENDING
        ).update(sent_at=DbNow())
        self.refresh_from_db()
        return sent == 1

    def claim_inquiry(self) -> dt.datetime | None:
        """Take the turn to ask the gateway; the moment of asking, or None when another has it."""
        now = db_now()
        pause = PAUSES[min(self.inquiries, len(PAUSES) - 1)]
        mine = (
            Payment._base_manager.filter(pk=self.pk, inquiries=self.inquiries)
            .filter(status__in=self.IN_FLIGHT)
            .update(next_inquiry_at=now + pause, inquiries=F("inquiries") + 1)
        )
        self.refresh_from_db()
        return now if mine else None

    def ask_again_at(self, moment: dt.datetime) -> None:
        """Ask earlier than after the usual pause."""
        Payment._base_manager.filter(pk=self.pk).update(next_inquiry_at=moment)

    def confirm(self, *, retref: str, authcode: str, **told: str) -> bool:
        """Book the money, once, however often it is told. A bank payment is started, not paid."""
        is_card = self.method == self.Method.CARD
        to = self.Status.CAPTURED if is_card else self.Status.STARTED
        return self._settle(to, retref=retref, authcode=authcode, reason="", **told)

    def decline(self, reason: str, *, may_retry: bool = True, **told: str) -> bool:
        """The bank said no; nothing was taken."""
        return self._settle(self.Status.DECLINED, reason=reason, may_retry=may_retry, **told)

    def not_charged(self, reason: str) -> bool:
        """Provably nothing was taken; the payer may try again."""
        return self._settle(self.Status.NOT_CHARGED, reason=reason)

    def mark_unknown(self) -> bool:
        """Nobody knows yet; paying stays locked and the gateway will be asked."""
        try:
            return self._settle(self.Status.UNKNOWN)
        except IllegalTransition:
            return False  # somebody found out meanwhile

    def need_attention(self, reason: str, **told: str) -> bool:
        """Only a person can settle this; paying stays locked."""
        return self._settle(self.Status.NEEDS_ATTENTION, reason=reason, **told)

    def _settle(self, to: str, **changes: Any) -> bool:
        """Move to `to` under the invoice's lock and rebalance the invoice when money was booked."""
        with transaction.atomic():
            invoice = self.invoice.locked()
            if to != self.Status.UNKNOWN:
                changes["resolved_at"] = db_now()
            moved = transition(
                self, to, actor_label="CardConnect", changes=changes, **self._told(changes)
            )
            if moved and self.is_booked:
                invoice.apply_payment(self)
        return moved

    def _told(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the history keeps: never a token, never more than four digits."""
        told = {"amount": f"{self.amount:.2f}", "account": self.account_label}
        told |= {"method": self.get_method_display(), "reference": self.reference}
        for name in ("retref", "authcode", "respcode", "resptext", "reason"):
            if changes and changes.get(name):
                told[name] = str(changes[name])
        return told
