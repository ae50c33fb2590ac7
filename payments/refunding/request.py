"""Asking for money back: what must be true, under the invoice's lock, before any of it is sent."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from audit.clock import db_now
from invoices.models import Invoice
from payments.models.account import CardConnectAccount
from tenants.models import User

if TYPE_CHECKING:
    from payments.models import Payment
    from payments.models.refund import Refund

ZERO, CENT = Decimal("0.00"), Decimal("0.01")
# The gateway answers at 32 seconds at the latest; asking earlier proves nothing.
ASK_AFTER = dt.timedelta(seconds=45)
# What needs a person is asked about for so long.
SLOW_FOR = dt.timedelta(days=30)
ELSEWHERE = (
    "It was charged with merchant ID {merchid}, which is not the company's any more, so Textpay "
    "cannot give it back. Refund it at CardConnect by hand, by its reference {retref}."
)
OTHER_OPEN = "Another refund of this payment has not ended yet. Wait for it."


class CannotRefund(Exception):
    """This may not be given back now; str() is the sentence to show. No money has moved."""


class RefundQuerySet(models.QuerySet["Refund"]):
    """Refunds and voids of one company."""

    def open(self) -> RefundQuerySet:
        """Those without an end: while there is one, the payment takes no other."""
        return self.filter(status__in=self.model.OPEN)

    def to_ask_about(self, now: dt.datetime) -> RefundQuerySet:
        """Those that were sent, or about to be, and of which nobody knows what became."""
        return (
            self.filter(status__in=["pending", "unknown", "needs_attention"])
            .exclude(status="needs_attention", resolved_at__lt=now - SLOW_FOR)
            .annotate(begun_at=Coalesce("sent_at", "claimed_at"))
            .filter(begun_at__lte=now - ASK_AFTER)
            .filter(Q(next_inquiry_at__isnull=True) | Q(next_inquiry_at__lte=now))
        )

    def for_people(self) -> RefundQuerySet:
        """Those that wait for a second person, for an answer, or for another way to pay."""
        kept = F("payment__amount") - F("payment__refunded")
        still_owed = Q(status="returned", payment__status__in=["cleared", "settled"])
        return self.filter(
            Q(status__in=["requested", "needs_attention"]) | still_owed & Q(amount__lte=kept)
        )

    def without_receipt(self, now: dt.datetime) -> RefundQuerySet:
        """Done ones whose customer has not been told yet."""
        return self.filter(status="done", receipt_due_at__lte=now)

    def given(self, invoice: Invoice) -> RefundQuerySet:
        """What went back of one invoice, the first one first."""
        rows = self.filter(payment__invoice=invoice, status__in=self.model.GIVEN)
        return rows.order_by("resolved_at", "pk")

    def gone_back(self) -> Decimal:
        """What was given back in all, surcharges included."""
        given = self.filter(status__in=self.model.GIVEN)
        return given.aggregate(sum=Sum(F("amount") + F("fee")))["sum"] or ZERO

    def request(
        self, payment: Payment, *, amount: Decimal, reason: str, actor: User, key: uuid.UUID
    ) -> tuple[Refund, bool]:
        """Write down that `amount` goes back; (refund, whether new). Nothing is sent yet.

        When more than the company's limit of one payment goes back, at once or in parts, it waits
        for a second person. Raises CannotRefund.
        """
        with transaction.atomic():
            invoice = payment.invoice.locked()
            row = invoice.payments.select_related("tenant").get(pk=payment.pk)
            same = self.filter(payment=row, key=key).first()
            if same is not None:
                return same, False
            CardConnectAccount.hold(row.tenant)
            check_may_go_back(row, amount)
            fee = _fee_of(row, amount)
            # None of them is open any more, see above.
            in_all = row.refunds.gone_back() + amount + fee
            waits = in_all > row.tenant.refund_release_over
            refund = self.model(
                tenant=row.tenant,
                payment=row,
                key=key,
                amount=amount,
                fee=fee,
                reason=reason,
                requested_by=actor,
                status=self.model.Status.REQUESTED if waits else self.model.Status.PENDING,
                kind=self.model.Kind.VOID if row.is_unsettled else self.model.Kind.REFUND,
                requested_at=db_now(),
                claimed_at=None if waits else db_now(),
            )
            try:
                with transaction.atomic():
                    refund.save()
            except IntegrityError:
                raise CannotRefund(OTHER_OPEN) from None
            refund.record_start(actor)
        return refund, True


def check_may_go_back(payment: Payment, amount: Decimal) -> None:
    """Under the invoice's lock: whether this much may go back now; raises CannotRefund."""
    if payment.refunds.open().exists():
        raise CannotRefund(OTHER_OPEN)
    if not payment.can_be_given_back:
        raise CannotRefund(
            f"This payment is {payment.get_status_display().lower()}, so there is nothing to give "
            "back."
        )
    if payment.is_elsewhere:
        raise CannotRefund(ELSEWHERE.format(merchid=payment.merchid, retref=payment.retref))
    if amount > payment.left:
        raise CannotRefund(f"At most ${payment.left:,.2f} of this payment can be given back.")
    if payment.is_unsettled and amount != payment.left:
        raise CannotRefund(
            "It is not settled yet, so only all of it can be voided now. A part can be refunded "
            "once it is settled, usually the next business day."
        )


def _fee_of(payment: Payment, amount: Decimal) -> Decimal:
    """The surcharge of a part, half up, as the card brands ask; the last part takes the rest."""
    given = payment.refunds.filter(status__in=["done", "repaid"])
    left = payment.fee - (given.aggregate(sum=Sum("fee"))["sum"] or ZERO)
    if amount == payment.left:
        return left
    part = (payment.fee * amount / payment.amount).quantize(CENT, ROUND_HALF_UP)
    return min(part, left)
