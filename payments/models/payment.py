"""Payments: one attempt to take one amount, and its later states at the bank.

A booking is never edited. Its reversal is one more status and one more audit entry, and the
invoice's paid amount is computed again from its payments.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from audit.clock import db_now
from audit.models import record
from audit.transitions import IllegalTransition, transition
from invoices.models import Invoice, PaymentLink, PaymentState
from payments.ach_return_codes import advice_of, reason_of
from payments.models.account import CardConnectAccount
from payments.models.inquired import SLOW_PAUSES, Inquired, InquiredQuerySet
from payments.models.statuses import (
    CARRIED_OUT,
    IN_FLIGHT,
    PAYMENT_TONES,
    REVERSALS,
    UNSETTLED,
    PaymentStatus,
)
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

ZERO = Decimal("0.00")
GATEWAY = "CardConnect"
# Order numbers hold letters only: the gateway masks one that looks like a card number, and then it
# cannot be found again. Consonants, so that no word appears by chance. 19 is the ACH limit.
ORDERID_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
ORDERID_LENGTH = 19


def new_orderid() -> str:
    """19 random consonants (82 bits): the key of all inquiries about a charge."""
    return "".join(secrets.choice(ORDERID_ALPHABET) for _ in range(ORDERID_LENGTH))


class PaymentQuerySet(InquiredQuerySet["Payment"]):
    """Payments of one tenant."""

    def booked(self) -> PaymentQuerySet:
        """Those that lower the balance."""
        return self.filter(status__in=self.model.BOOKED)

    def booked_total(self) -> Decimal:
        """The sum by which they lower the balance: their amounts less refunds."""
        kept = Sum(F("amount") - F("refunded"))
        return self.booked().aggregate(total=kept)["total"] or ZERO

    def uncleared(self) -> PaymentQuerySet:
        """Bank payments that were started and may still be returned."""
        return self.filter(status=self.model.Status.STARTED)

    def declined_since(self, now: dt.datetime) -> PaymentQuerySet:
        """Declined attempts since then; many of them suggest card testing."""
        return self.filter(
            status=self.model.Status.DECLINED, resolved_at__gt=now - dt.timedelta(hours=1)
        )

    def on_the_way(self) -> PaymentQuerySet:
        """Charged, but not settled or cleared yet."""
        return self.filter(status__in=UNSETTLED, method__in=["card", "ach"])

    def unfinished(self) -> PaymentQuerySet:
        """Payments whose outcome only CardConnect can tell: open, unsettled or uncleared."""
        open_ones = [*IN_FLIGHT, *UNSETTLED]
        return self.filter(status__in=open_ones, method__in=["card", "ach"])

    def to_poll(self, now: dt.datetime) -> PaymentQuerySet:
        """Payments that are due for an inquiry."""
        due = Q(next_look_at__isnull=True) | Q(next_look_at__lte=now)
        return self.on_the_way().filter(due).exclude(retref="")


PaymentManager = TenantManager.from_queryset(PaymentQuerySet)


def payment_state(invoice: Invoice) -> PaymentState:
    """What `Invoice.revise` and `Invoice.void` ask under the invoice's lock. A charge is claimed
    under the same lock (checkout/claim.py), so it comes before or after the change."""
    rows = invoice.payments.all()
    return PaymentState(in_flight=rows.in_flight().exists(), uncleared=rows.uncleared().exists())


class Payment(Inquired):
    """One attempt to take one amount, and the money when it was taken.

    The row is committed, with its own order number, before the gateway is called: after a crash at
    any moment there is an order number to inquire about.
    """

    class Method(models.TextChoices):
        CARD = "card", "Card"
        ACH = "ach", "Bank account (ACH)"
        CASH = "cash", "Cash"
        CHECK = "check", "Check"

    Status = PaymentStatus

    CLAIMED_AT = "created_at"
    # Their amounts, less refunds, are what the invoice counts as paid.
    BOOKED: ClassVar[list[str]] = [
        Status.CAPTURED,
        Status.SETTLED,
        Status.STARTED,
        Status.CLEARED,
        Status.REFUNDED,
    ]
    BY_HAND: ClassVar[list[str]] = ["cash", "check"]
    _ENDS = frozenset(
        {
            Status.CAPTURED,
            Status.STARTED,
            Status.DECLINED,
            Status.NOT_CHARGED,
            Status.NEEDS_ATTENTION,
        }
    )
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.PENDING: _ENDS | {Status.UNKNOWN},
        Status.UNKNOWN: _ENDS,
        Status.NEEDS_ATTENTION: frozenset(
            {Status.CAPTURED, Status.STARTED, Status.DECLINED, Status.NOT_CHARGED}
        ),
        # The gateway reported "no such charge" and has one after all: the charge counts.
        Status.NOT_CHARGED: frozenset({Status.CAPTURED, Status.STARTED}),
        Status.CAPTURED: frozenset({Status.SETTLED, Status.VOIDED, Status.REJECTED}),
        # The gateway may void what was recorded as settled or cleared: the gateway counts.
        Status.SETTLED: frozenset({Status.REFUNDED, Status.REJECTED, Status.VOIDED}),
        Status.STARTED: frozenset({Status.CLEARED, Status.VOIDED, Status.RETURNED}),
        # A bank payment may be returned weeks after it cleared, even after a refund.
        Status.CLEARED: frozenset({Status.REFUNDED, Status.RETURNED, Status.VOIDED}),
        # A refund may be returned as well: then the payment counts again.
        Status.REFUNDED: frozenset({Status.RETURNED, Status.CLEARED}),
        Status.VOIDED: frozenset(),
        Status.REJECTED: frozenset(),
        Status.RETURNED: frozenset(),
        Status.DECLINED: frozenset(),
    }
    AUDIT_PREFIX: ClassVar[str] = "payment"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    # None for payments recorded by hand and for charges found at the gateway.
    link = models.ForeignKey(
        PaymentLink, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.UUIDField(help_text="From the form, so that a double click pays once.")
    method = models.CharField(max_length=5, choices=Method.choices)
    # Lowers the invoice's balance; the surcharge of a card comes on top of it.
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    fee = models.DecimalField("surcharge", max_digits=12, decimal_places=2, default=ZERO)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.PENDING, editable=False
    )
    # A copy of the account used: inquiries go there even after the tenant moves to another.
    site = models.CharField(max_length=40, blank=True)
    merchid = models.CharField(max_length=16, blank=True)
    orderid = models.CharField(max_length=ORDERID_LENGTH, default=new_orderid, editable=False)
    retref = models.CharField(max_length=14, blank=True)
    authcode = models.CharField(max_length=16, blank=True)
    respproc = models.CharField(max_length=4, blank=True)
    respcode = models.CharField(max_length=4, blank=True)
    resptext = models.CharField(max_length=128, blank=True)
    reason = models.CharField(max_length=200, blank=True, help_text="For people.")
    brand = models.CharField(max_length=20, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    # A keyed digest of the token, to recognize a card that must not be tried again.
    fingerprint = models.CharField(max_length=32, blank=True)
    may_retry = models.BooleanField(default=True)
    payer_name = models.CharField(max_length=80, blank=True)
    # CardConnect had the charge and we did not: booked from its records, without an authorization.
    found_by_match = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    # Written by recount_refunds only, under the invoice's lock: the sum of completed refunds.
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO, editable=False)
    settled_at = models.DateTimeField("settled or cleared", null=True, editable=False)
    reversed_at = models.DateTimeField("voided or returned", null=True, editable=False)
    return_code = models.CharField(max_length=5, blank=True, editable=False)
    next_look_at = models.DateTimeField(null=True, editable=False)
    # For cash and checks: the number, the day received, and who recorded it.
    document = models.CharField("check number or note", max_length=40, blank=True)
    received_on = models.DateField(null=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    objects = PaymentManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_payment_amount"),
            models.CheckConstraint(condition=Q(fee__gte=0), name="payments_payment_fee"),
            # No refund above the payment.
            models.CheckConstraint(
                condition=Q(refunded__gte=0) & Q(refunded__lte=F("amount")),
                name="payments_payment_refunded",
            ),
            # No double payment: one attempt without an outcome per invoice, card or bank.
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=IN_FLIGHT),
                name="payments_payment_one_in_flight",
            ),
            # A double click carries the same key.
            models.UniqueConstraint(fields=["link", "key"], name="payments_payment_key"),
            models.UniqueConstraint(
                fields=["invoice", "key"],
                condition=Q(link__isnull=True),
                name="payments_payment_key_by_hand",
            ),
            # The gateway accepts an order number twice; we never use one twice.
            models.UniqueConstraint(fields=["merchid", "orderid"], name="payments_payment_orderid"),
            # One charge is one payment.
            models.UniqueConstraint(
                fields=["merchid", "retref"],
                condition=~Q(retref="") & Q(status__in=CARRIED_OUT),
                name="payments_payment_retref",
            ),
        ]
        indexes = [
            # For the sweep that inquires about unknown outcomes.
            models.Index(
                fields=["next_inquiry_at"],
                condition=Q(status__in=IN_FLIGHT),
                name="payments_payment_to_ask",
            ),
            # For the task that polls settlement.
            models.Index(
                fields=["next_look_at"],
                condition=Q(status__in=UNSETTLED),
                name="payments_payment_on_the_way",
            ),
        ]

    def __str__(self) -> str:
        return f"${self.amount:,.2f} on {self.invoice}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    @property
    def total(self) -> Decimal:
        """The charged total, surcharge included."""
        return self.amount + self.fee

    @property
    def is_in_flight(self) -> bool:
        """Whether the outcome is unknown."""
        return self.status in self.IN_FLIGHT

    @property
    def is_booked(self) -> bool:
        """Whether it lowered the balance."""
        return self.status in self.BOOKED

    @property
    def can_be_voided(self) -> bool:
        """Whether a void of its charge reverses it, or has done so."""
        return self.Status.VOIDED in {self.status, *self.TRANSITIONS[self.status]}

    @property
    def account_label(self) -> str:
        """What was charged, for people: "Visa ending 1111"; "Check 1042"; "Card" alone."""
        if self.is_by_hand:
            return f"{self.get_method_display()} {self.document}".strip()
        return f"{self.brand} ending {self.last4}" if self.last4 else self.brand

    @property
    def tone(self) -> str:
        """The color of its status for staff."""
        return PAYMENT_TONES[self.status][0]

    @property
    def icon(self) -> str:
        """The icon beside its status."""
        return PAYMENT_TONES[self.status][1]

    @property
    def staff_note(self) -> str:
        """The reason, for staff, with the processor's own code and text.

        `reason` of a failed attempt is the payer's sentence; staff/notes.py has words for staff.
        """
        code = f"{self.respproc} {self.respcode} {self.resptext}".strip()
        if self.is_by_hand and self.is_booked:
            return f"Recorded by {self.recorded_by}" if self.recorded_by else ""
        if self.status == self.Status.STARTED:
            return f"Clears in about {self.invoice.tenant.ach_clear_days} business days"
        if self.status == self.Status.RETURNED:
            return f"{self.return_code} {self.reason} {self.advice}".strip()
        if self.refunded:
            return f"${self.refunded:,.2f} refunded"
        if self.status in (self.Status.PENDING, self.Status.UNKNOWN):
            return "Do not take another payment yet"
        details = "" if self.is_booked else f"{self.reason} {f'({code})' if code else ''}"
        return details.strip()

    @property
    def reference(self) -> str:
        """The short reference for payers and staff: BCDF-GHJK."""
        return f"{self.orderid[:4]}-{self.orderid[4:8]}"

    @property
    def begun(self) -> dt.datetime:
        """The time from which an attempt without a response is measured."""
        return self.sent_at or self.created_at

    def record_claim(self) -> None:
        """The audit entry of the claim, which is not a change of status."""
        record(
            "payment.pending",
            tenant=self.tenant,
            subject=self.audit_subject,
            actor_label="customer",
            **self._audit_data(),
        )

    def confirm(self, *, retref: str, authcode: str, **details: str) -> bool:
        """Book the money, once however often called. A bank payment is started, not paid."""
        is_card = self.method == self.Method.CARD
        to = self.Status.CAPTURED if is_card else self.Status.STARTED
        return self._record_outcome(to, retref=retref, authcode=authcode, reason="", **details)

    def decline(
        self, reason: str, *, may_retry: bool = True, staff_reason: str = "", **details: str
    ) -> bool:
        """Record a decline; nothing was taken. The history keeps the reason for staff."""
        changes: dict[str, Any] = {"reason": reason, "may_retry": may_retry, **details}
        return self._record_outcome(self.Status.DECLINED, staff_reason, **changes)

    def not_charged(self, reason: str) -> bool:
        """Record that provably nothing was taken; the payer may try again."""
        return self._record_outcome(self.Status.NOT_CHARGED, reason=reason)

    def mark_unknown(self) -> bool:
        """Record an unknown outcome; paying stays locked, and the gateway is inquired later."""
        try:
            return self._record_outcome(self.Status.UNKNOWN)
        except IllegalTransition:
            return False  # the outcome was recorded meanwhile

    def need_attention(self, reason: str, **details: str) -> bool:
        """Keep paying locked until staff or a later inquiry resolves the outcome."""
        again: dict[str, Any] = {"inquiries": 0, "next_inquiry_at": db_now() + SLOW_PAUSES[0]}
        return self._record_outcome(self.Status.NEEDS_ATTENTION, reason=reason, **details, **again)

    def _record_outcome(self, to: str, staff_reason: str = "", **changes: Any) -> bool:
        """Set the status under the invoice's lock; rebalance the invoice when money was booked."""
        with transaction.atomic():
            self.invoice.locked()
            if to != self.Status.UNKNOWN:
                changes["resolved_at"] = db_now()
            from_gateway = to in (*self.BOOKED, self.Status.DECLINED)
            who = "CardConnect" if from_gateway else "Textpay"
            details = self._audit_data(changes)
            if staff_reason:
                details["reason"] = staff_reason
            moved = transition(self, to, actor_label=who, changes=changes, **details)
            if moved and self.is_booked:
                self.book()
        return moved

    def book(self) -> None:
        """Add up the invoice's payments under its lock and book the sums on it.

        Call inside the transaction that changed this payment.
        """
        invoice = self.invoice.locked()
        rows = invoice.payments.all()
        invoice.book(
            paid=rows.booked_total(),
            uncleared=rows.uncleared().exists(),
            payment=self.public_id,
        )

    def _audit_data(self, changes: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The data of an audit entry: never a token, never more than four digits."""
        details = {"amount": f"{self.amount:.2f}", "account": self.account_label}
        details |= {"method": self.get_method_display(), "reference": self.reference}
        if self.fee:
            details |= {"fee": f"{self.fee:.2f}", "charged": f"{self.total:.2f}"}
        for name in ("retref", "authcode", "respcode", "resptext", "reason"):
            if changes and changes.get(name):
                details[name] = str(changes[name])
        return details

    @property
    def is_by_hand(self) -> bool:
        """Whether staff recorded it by hand."""
        return self.method in self.BY_HAND

    @property
    def was_booked_by_match(self) -> bool:
        """Whether money match booked it: CardConnect charged an attempt that failed here."""
        same = type(self)._base_manager.filter(
            merchid=self.merchid, retref=self.retref, found_by_match=True
        )
        return bool(self.retref) and same.exclude(pk=self.pk).exists()

    @property
    def left(self) -> Decimal:
        """What can still be refunded."""
        return self.amount - self.refunded if self.is_booked else ZERO

    @property
    def can_be_refunded(self) -> bool:
        """Whether a void or a refund through the gateway is possible."""
        return self.left > 0 and not self.is_by_hand

    @property
    def is_at_another_merchant(self) -> bool:
        """Whether the tenant has moved to another merchant account since the charge."""
        account = CardConnectAccount.objects.filter(tenant=self.tenant_id).first()
        there = (account.site, account.merchid) if account else None
        return not self.is_by_hand and there != (self.site, self.merchid)

    @property
    def open_refund(self) -> Any:
        """Its void or refund without an outcome; meanwhile there can be no other.

        Reads prefetched refunds.
        """
        return next((refund for refund in self.refunds.all() if refund.is_open), None)

    @property
    def reversal(self) -> str:
        """What reversed the whole payment, as a sentence; "" for nothing."""
        return REVERSALS.get(self.status, "")

    @property
    def is_declined(self) -> bool:
        return self.status == self.Status.DECLINED

    @property
    def is_refunded(self) -> bool:
        """Whether it was refunded in full."""
        return self.status == self.Status.REFUNDED

    @property
    def is_voided(self) -> bool:
        return self.status == self.Status.VOIDED

    @property
    def is_returned(self) -> bool:
        return self.status == self.Status.RETURNED

    @property
    def was_not_taken(self) -> bool:
        """Whether the attempt ended without a charge."""
        return self.status in (self.Status.DECLINED, self.Status.NOT_CHARGED)

    @property
    def was_not_completed(self) -> bool:
        """Whether the bank rejected or returned it, so the invoice is open again."""
        return self.status in (self.Status.REJECTED, self.Status.RETURNED)

    @property
    def is_clearing(self) -> bool:
        """Whether it is a bank payment that was started and may still be returned."""
        return self.status == self.Status.STARTED

    @property
    def is_unsettled(self) -> bool:
        """Whether it is, as far as is known, in the gateway's open batch, so that a void reverses
        it.
        """
        return self.status in UNSETTLED

    @property
    def advice(self) -> str:
        """What staff do about a payment that was returned."""
        return advice_of(self.return_code)

    def poll_again_at(self, moment: dt.datetime) -> None:
        """Set the time of the next poll."""
        self._rows.update(next_look_at=moment)

    def mark_settled(self) -> bool:
        """A card payment is in a settled batch: the money is on its way to the tenant's bank."""
        return self._advance(self.Status.SETTLED, settled_at=db_now())

    def mark_cleared(self) -> bool:
        """A bank payment was not returned within the usual time.

        A late result changes nothing: a payment that was fully refunded meanwhile stays refunded.
        """
        invoice = self.invoice
        with transaction.atomic():
            invoice.locked()
            self.refresh_from_db(fields=["status"])
            is_due = self.status == self.Status.STARTED
            return is_due and self._advance(self.Status.CLEARED, settled_at=db_now())

    def mark_voided(self, *, actor: User | None = None, reason: str = "") -> bool:
        """It was already voided settlement: nothing was taken."""
        return self._advance(self.Status.VOIDED, actor, reason=reason, reversed_at=db_now())

    def reject(self, reason: str) -> bool:
        """Settlement rejected a card payment: the money will not arrive."""
        return self._advance(self.Status.REJECTED, reason=reason, reversed_at=db_now())

    def mark_returned(self, code: str) -> bool:
        """The bank returned it, and the invoice is open again. Repeated returns change nothing.

        A code that arrives after the return itself is added, once.
        """
        changes: dict[str, Any] = {"return_code": code, "reason": self._return_reason(code)}
        if self._advance(self.Status.RETURNED, reversed_at=db_now(), **changes):
            return True
        with transaction.atomic():
            unexplained = self._rows.filter(status=self.Status.RETURNED, return_code="")
            if code and unexplained.update(**changes):
                self._record("payment.explained", None, **self._audit_data(changes))
        self.refresh_from_db()
        return False

    def recount_refunds(self, total: Decimal) -> None:
        """Store the refunded total; a payment that is refunded whole becomes refunded.

        A bank payment counts again when its refund was returned.
        """
        invoice = self.invoice
        with transaction.atomic():
            invoice.locked()
            self._rows.update(refunded=total)
            self.refresh_from_db()
            if total == self.amount and self.status in (self.Status.SETTLED, self.Status.CLEARED):
                transition(self, self.Status.REFUNDED, actor_label=GATEWAY, **self._audit_data())
            elif total < self.amount and self.status == self.Status.REFUNDED:
                details = self._audit_data({"reason": "A refund of it was returned."})
                transition(self, self.Status.CLEARED, actor_label=GATEWAY, **details)
            self.book()

    def _record(self, action: str, actor: User | None, **details: Any) -> None:
        record(
            action,
            tenant=self.tenant,
            subject=self.audit_subject,
            actor=actor,
            actor_label="" if actor else GATEWAY,
            **details,
        )

    def _return_reason(self, code: str) -> str:
        why = reason_of(code)
        if self.refunded:
            why += f" ${self.refunded:,.2f} had already been refunded."
        return why

    def _advance(self, to: str, actor: User | None = None, **changes: Any) -> bool:
        """Set the status and rebalance the invoice; False when it is at this status or past it."""
        invoice = self.invoice
        with transaction.atomic():
            invoice.locked()
            try:
                moved = transition(
                    self,
                    to,
                    actor=actor,
                    actor_label="" if actor else GATEWAY,
                    changes=changes,
                    **self._audit_data(changes),
                )
            except IllegalTransition:
                moved = False
            if moved:
                self.book()
                self._cancel_open_requests()
        return moved

    def _cancel_open_requests(self) -> None:
        """Cancel requested refunds: once the money is back with the payer, none can be released."""
        if not self.is_booked:
            for refund in self.refunds.filter(status="requested"):
                refund.lapse(f"{self.get_status_display()} in the meantime.")
