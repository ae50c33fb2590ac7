"""Refunds and voids: money on its way back to a payer, from the request to the outcome."""

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

from audit.clock import DbNow, db_now
from audit.transitions import IllegalTransition, transition
from invoices.models import Invoice
from payments.ach_return_codes import reason_of_refund
from payments.models.inquired import SLOW_PAUSES, Inquired, InquiredQuerySet
from payments.models.payment import Payment
from payments.models.statuses import IN_FLIGHT, REFUND_TONES, PaymentStatus, RefundStatus
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

ZERO = Decimal("0.00")
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
VOIDED_BUT = (
    "CardConnect voided it, but the payment here is {}. Call CardConnect to find out "
    "whether the customer has the money."
)


def new_orderid() -> str:
    """Letters only, as for charges: the key of all inquiries about this refund."""
    return "".join(secrets.choice(ALPHABET) for _ in range(19))


class CannotRefund(Exception):
    """This refund is not possible now; str() is the sentence to show. No money has moved."""


class RefundQuerySet(InquiredQuerySet["Refund"]):
    """Refunds and voids of one tenant."""

    def open(self) -> RefundQuerySet:
        """Refunds without an outcome: while there is one, the payment takes no other."""
        return self.filter(status__in=self.model.OPEN)

    def for_people(self) -> RefundQuerySet:
        """Refunds that wait for a second person, for a response, or for another way to repay."""
        kept = F("payment__amount") - F("payment__refunded")
        still_owed = Q(
            status=RefundStatus.RETURNED,
            payment__status__in=[PaymentStatus.CLEARED, PaymentStatus.SETTLED],
        )
        waiting = Q(status__in=[RefundStatus.REQUESTED, RefundStatus.NEEDS_ATTENTION])
        return self.filter(waiting | still_owed & Q(amount__lte=kept))

    def without_receipt(self, now: dt.datetime) -> RefundQuerySet:
        """Completed refunds whose customer has no receipt yet."""
        return self.filter(status=RefundStatus.DONE, receipt_due_at__lte=now)

    def given(self, invoice: Invoice) -> RefundQuerySet:
        """Completed refunds of one invoice, oldest first."""
        rows = self.filter(payment__invoice=invoice, status__in=self.model.GIVEN)
        return rows.order_by("resolved_at", "pk")

    def total_refunded(self) -> Decimal:
        """The refunded total, surcharges included."""
        given = self.filter(status__in=self.model.GIVEN)
        return given.aggregate(sum=Sum(F("amount") + F("fee")))["sum"] or ZERO


RefundManager = TenantManager.from_queryset(RefundQuerySet)


class Refund(Inquired):
    """One void or refund of one payment. The row is committed before the gateway is called."""

    class Kind(models.TextChoices):
        VOID = "void", "Void"
        REFUND = "refund", "Refund"

    Status = RefundStatus

    CLAIMED_AT = "claimed_at"
    OPEN: ClassVar[list[str]] = [Status.REQUESTED, *IN_FLIGHT]
    # Their sum is what the payment counts as refunded.
    GIVEN: ClassVar[list[str]] = [Status.DONE, Status.REPAID]
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.REQUESTED: frozenset({Status.PENDING, Status.CANCELLED}),
        Status.PENDING: frozenset(
            {Status.DONE, Status.DECLINED, Status.UNKNOWN, Status.NEEDS_ATTENTION}
        ),
        Status.UNKNOWN: frozenset({Status.DONE, Status.DECLINED, Status.NEEDS_ATTENTION}),
        Status.NEEDS_ATTENTION: frozenset({Status.DONE, Status.DECLINED}),
        # A bank may return a credit, for example when the account was closed.
        Status.DONE: frozenset({Status.RETURNED}),
        Status.RETURNED: frozenset({Status.REPAID}),
        Status.REPAID: frozenset(),
        # CardConnect refunded it after all: the refund counts.
        Status.DECLINED: frozenset({Status.DONE}),
        Status.CANCELLED: frozenset(),
    }
    AUDIT_PREFIX: ClassVar[str] = "refund"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    payment = models.ForeignKey(
        "payments.Payment", on_delete=models.PROTECT, related_name="refunds"
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.UUIDField(help_text="From the form, so that a double click refunds once.")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    # Raises the invoice's balance again; the surcharge of this part is refunded on top of it.
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    fee = models.DecimalField("surcharge", max_digits=12, decimal_places=2, default=ZERO)
    reason = models.CharField(max_length=120)
    status = models.CharField(max_length=16, choices=Status.choices, editable=False)
    orderid = models.CharField(max_length=19, default=new_orderid, unique=True, editable=False)
    retref = models.CharField(max_length=14, blank=True)
    respproc = models.CharField(max_length=4, blank=True)
    respcode = models.CharField(max_length=4, blank=True)
    resptext = models.CharField(max_length=128, blank=True)
    outcome = models.CharField(max_length=200, blank=True, help_text="For people.")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    released_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    receipt_to = models.EmailField(blank=True)
    receipt_due_at = models.DateTimeField(null=True)

    objects = RefundManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_refund_amount"),
            models.CheckConstraint(condition=Q(fee__gte=0), name="payments_refund_fee"),
            # Two people, or one double click, refund once.
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(status__in=[RefundStatus.REQUESTED, *IN_FLIGHT]),
                name="payments_refund_one_open",
            ),
            models.UniqueConstraint(fields=["payment", "key"], name="payments_refund_key"),
            # Nobody releases their own request.
            models.CheckConstraint(
                condition=Q(released_by__isnull=True) | ~Q(released_by=F("requested_by")),
                name="payments_refund_two_people",
            ),
        ]
        indexes = [
            # For the sweeps: outcomes to inquire about, and receipts to send.
            models.Index(
                fields=["next_inquiry_at"],
                condition=Q(status__in=IN_FLIGHT),
                name="payments_refund_to_ask",
            ),
            models.Index(
                fields=["receipt_due_at"],
                condition=Q(receipt_due_at__isnull=False),
                name="payments_refund_receipt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of ${self.amount:,.2f} on {self.payment}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return self.payment.audit_subject

    @property
    def total(self) -> Decimal:
        """The refunded total, surcharge included."""
        return self.amount + self.fee

    @property
    def is_given(self) -> bool:
        """Whether the money went back to the payer."""
        return self.status in self.GIVEN

    @property
    def is_requested(self) -> bool:
        """Whether it waits for a second person."""
        return self.status == self.Status.REQUESTED

    @property
    def is_done(self) -> bool:
        return self.status == self.Status.DONE

    @property
    def is_returned(self) -> bool:
        """Whether the customer's bank sent it back."""
        return self.status == self.Status.RETURNED

    @property
    def is_open(self) -> bool:
        """Whether it has no outcome yet."""
        return self.status in self.OPEN

    @property
    def tone(self) -> str:
        """The color of its status for staff."""
        return REFUND_TONES[self.status][0]

    @property
    def icon(self) -> str:
        """The icon beside its status."""
        return REFUND_TONES[self.status][1]

    @property
    def begun(self) -> dt.datetime:
        """The time from which a call without a response is measured."""
        return self.sent_at or self.claimed_at or self.requested_at

    @property
    def outcome_message(self) -> str:
        """Its outcome in one sentence for the person who requested it: whether money moved."""
        amount, account = f"${self.total:,.2f}", self.payment.account_label
        match self.status:
            case self.Status.REQUESTED:
                return f"{amount} is waiting for a second person to release it. No money has moved."
            case self.Status.DONE if self.kind == self.Kind.VOID:
                return f"Voided. {account} will not be charged {amount}."
            case self.Status.DONE:
                return f"{amount} is on its way back to {account}; banks take 3 to 7 days."
            case self.Status.DECLINED | self.Status.CANCELLED:
                return f"No money has moved. {self.outcome}".strip()
            case self.Status.NEEDS_ATTENTION:
                return f"Do not try again yet: {self.outcome}"
            case self.Status.RETURNED:
                return f"{amount} was returned. {self.outcome}"
            case self.Status.REPAID:
                return f"{amount} counts as refunded. {self.outcome}"
        return f"We are checking with CardConnect whether {amount} was refunded. Do not try again."

    def record_claim(self, actor: User) -> None:
        """The audit entry of the request, which is not a change of status."""
        self.payment._record(f"refund.{self.status}", actor, **self._audit_data())

    def release(self, *, actor: User) -> bool:
        """Release it as the second person; raises CannotRefund for the requester, or when it is
        too late.
        """
        if actor.pk == self.requested_by_id:
            raise CannotRefund(
                "You requested this refund, so you cannot release it. Ask someone else."
            )
        with transaction.atomic():
            payment = self._payment_locked()
            self.refresh_from_db()
            if self.status != self.Status.REQUESTED:
                return False
            if self.amount > payment.left:
                raise CannotRefund(f"Only ${payment.left:,.2f} is left of this payment.")
            changes = {
                "released_by": actor,
                "claimed_at": db_now(),
                "kind": self.Kind.VOID if payment.is_unsettled else self.Kind.REFUND,
            }
            return self._move(self.Status.PENDING, actor=actor, **changes)

    def cancel(self, *, actor: User) -> bool:
        """Refuse the release, or withdraw the request."""
        with transaction.atomic():
            self._payment_locked()
            self.refresh_from_db()
            if self.status != self.Status.REQUESTED:
                return False
            is_mine = actor.pk == self.requested_by_id
            outcome = f"{actor.name} {'withdrew the request' if is_mine else 'did not release it'}."
            return self._move(
                self.Status.CANCELLED, actor=actor, outcome=outcome, resolved_at=db_now()
            )

    def lapse(self, outcome: str) -> bool:
        """Cancel a request with nothing left to refund; call under the invoice's lock."""
        return self._move(self.Status.CANCELLED, outcome=outcome, resolved_at=db_now())

    def become(self, kind: str) -> bool:
        """Switch between void and refund once it is known whether the payment settled.

        A new call begins, with a new timeout. True for only one of several workers that learn it
        at the same time, since each would refund.
        """
        mine = Refund._base_manager.filter(pk=self.pk, status__in=IN_FLIGHT).exclude(kind=kind)
        turned = mine.update(kind=kind, sent_at=DbNow())
        self.refresh_from_db(fields=["kind", "sent_at"])
        return turned == 1

    def done(self, **details: Any) -> bool:
        """Record that the gateway refunded it and rebalance; repeated calls change nothing.

        A void that does not match the status of its payment needs attention.
        """
        with transaction.atomic():
            payment = self._payment_locked()
            if self.kind == self.Kind.VOID and not payment.can_be_voided:
                state = payment.get_status_display().lower()
                return self.need_attention(VOIDED_BUT.format(state), **details)
            contact = payment.invoice.customer.billing_contact
            to = contact.email if contact else ""
            receipt: dict[str, Any] = {"receipt_to": to, "receipt_due_at": db_now() if to else None}
            details = {"outcome": "", "resolved_at": db_now(), **receipt, **details}
            moved = self._move(self.Status.DONE, **details)
            if moved and self.kind == self.Kind.VOID:
                payment.mark_voided(reason=self.reason)
            elif moved:
                payment.recount_refunds(refunded_total(payment))
        return moved

    def decline(self, outcome: str, **details: Any) -> bool:
        """Record that nothing was refunded."""
        with transaction.atomic():
            self._payment_locked()
            return self._move(
                self.Status.DECLINED, outcome=outcome, resolved_at=db_now(), **details
            )

    def need_attention(self, outcome: str, **details: Any) -> bool:
        """Wait until staff or a later inquiry resolves the outcome."""
        now = db_now()
        again: dict[str, Any] = {
            "inquiries": 0,
            "next_inquiry_at": now + SLOW_PAUSES[0],
            "resolved_at": now,
        }
        return self._move(self.Status.NEEDS_ATTENTION, outcome=outcome, **again, **details)

    def mark_returned(self, code: str) -> bool:
        """The customer's bank returned the credit: the payment counts again. Repeated returns
        change nothing.
        """
        outcome = f"{code} {reason_of_refund(code)}".strip()
        return self._recount(self.Status.RETURNED, outcome=outcome, resolved_at=db_now())

    def repay(self, how: str, *, actor: User) -> bool:
        """Record that staff repaid a returned credit in another way, for example by check.

        Raises CannotRefund when less than that is left of the payment.
        """
        return self._recount(self.Status.REPAID, actor=actor, outcome=how, resolved_at=db_now())

    def _recount(self, to: str, *, actor: User | None = None, **changes: Any) -> bool:
        """Set the status and recount the refunds; False when it is at this status or past it."""
        with transaction.atomic():
            payment = self._payment_locked()
            self.refresh_from_db(fields=["status"])
            if to == self.Status.REPAID == self.status:
                return False
            if to == self.Status.REPAID and self.amount > payment.left:
                raise CannotRefund(f"Only ${payment.left:,.2f} is left of this payment.")
            try:
                moved = self._move(to, actor=actor, **changes)
            except IllegalTransition:
                self.refresh_from_db()
                return False
            if moved:
                payment.recount_refunds(refunded_total(payment))
        return moved

    def mark_unknown(self) -> bool:
        """Record an unknown outcome; the gateway is inquired later."""
        try:
            return self._move(self.Status.UNKNOWN)
        except IllegalTransition:
            return False  # the outcome was recorded meanwhile, or it needs attention as before

    def _payment_locked(self) -> Payment:
        """The payment re-read under its invoice's lock."""
        invoice = self.payment.invoice.locked()
        payment: Payment = invoice.payments.select_related("tenant", "invoice__customer").get(
            pk=self.payment_id
        )
        return payment

    def _move(self, to: str, *, actor: User | None = None, **changes: Any) -> bool:
        status = self.Status
        by_gateway = to in (status.DONE, status.DECLINED, status.RETURNED)
        who = "CardConnect" if by_gateway else "Textpay"
        return transition(
            self,
            to,
            actor=actor,
            actor_label="" if actor else who,
            changes=changes,
            **self._audit_data(changes),
        )

    def _audit_data(self, changes: Mapping[str, object] | None = None) -> dict[str, str]:
        """The data of an audit entry."""
        details = {
            "amount": f"{self.amount:.2f}",
            "account": self.payment.account_label,
            "way": self.get_kind_display(),
            "reason": self.reason,
        }
        if self.fee:
            details["fee"] = f"{self.fee:.2f}"
        for name in ("retref", "respcode", "resptext", "outcome"):
            if changes and changes.get(name):
                details[name] = str(changes[name])
        return details


def refunded_total(payment: Payment) -> Decimal:
    """The refunded total of a payment, from its refund rows."""
    done = Refund._base_manager.filter(
        payment=payment, status__in=Refund.GIVEN, kind=Refund.Kind.REFUND
    )
    return done.aggregate(sum=Sum("amount"))["sum"] or ZERO
