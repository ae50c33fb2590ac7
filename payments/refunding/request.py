"""Requesting a refund: the conditions, checked under the invoice's lock before anything is sent."""

from __future__ import annotations

import uuid
from decimal import ROUND_HALF_UP, Decimal

from django.db import IntegrityError, transaction
from django.db.models import Sum

from audit.clock import db_now
from payments.models import CannotRefund, CardConnectAccount, Payment, Refund
from tenants.models import User

ZERO, CENT = Decimal("0.00"), Decimal("0.01")
ELSEWHERE = (
    "It was charged with merchant ID {merchid}, which your company no longer uses, so "
    "Textpay cannot refund it. Refund it manually at CardConnect, by its reference "
    "{retref}."
)
OTHER_OPEN = "Another refund of this payment is still open. Wait until it has finished."


def request_refund(
    payment: Payment, *, amount: Decimal, reason: str, actor: User, key: uuid.UUID
) -> tuple[Refund, bool]:
    """Record the request to refund `amount`; (refund, whether new). Nothing is sent yet.

    When more than the tenant's limit of one payment is refunded, at once or in parts, it waits for
    a second person. Raises CannotRefund.
    """
    with transaction.atomic():
        invoice = payment.invoice.locked()
        row = invoice.payments.select_related("tenant").get(pk=payment.pk)
        same = Refund.objects.filter(payment=row, key=key).first()
        if same is not None:
            return same, False
        CardConnectAccount.hold(row.tenant)
        check_refundable(row, amount)
        fee = _fee_of(row, amount)
        # None of them is without an outcome, see above.
        in_all = row.refunds.total_refunded() + amount + fee
        waits = in_all > row.tenant.refund_release_over
        refund = Refund(
            tenant=row.tenant,
            payment=row,
            key=key,
            amount=amount,
            fee=fee,
            reason=reason,
            requested_by=actor,
            status=Refund.Status.REQUESTED if waits else Refund.Status.PENDING,
            kind=Refund.Kind.VOID if row.is_unsettled else Refund.Kind.REFUND,
            requested_at=db_now(),
            claimed_at=None if waits else db_now(),
        )
        try:
            with transaction.atomic():
                refund.save()
        except IntegrityError:
            raise CannotRefund(OTHER_OPEN) from None
        refund.record_claim(actor)
    return refund, True


def check_refundable(payment: Payment, amount: Decimal) -> None:
    """Whether this amount may be refunded now, under the invoice's lock; raises CannotRefund."""
    if payment.refunds.open().exists():
        raise CannotRefund(OTHER_OPEN)
    if not payment.can_be_refunded:
        raise CannotRefund(
            f"This payment is {payment.get_status_display().lower()}, so there is nothing "
            "to refund."
        )
    if payment.is_at_another_merchant:
        raise CannotRefund(ELSEWHERE.format(merchid=payment.merchid, retref=payment.retref))
    if amount > payment.left:
        raise CannotRefund(f"At most ${payment.left:,.2f} of this payment can be refunded.")
    if payment.is_unsettled and amount != payment.left:
        raise CannotRefund(
            "It has not settled yet, so only the full amount can be voided now. You can "
            "refund part of it once it has settled, usually the next business day."
        )


def _fee_of(payment: Payment, amount: Decimal) -> Decimal:
    """The surcharge of a part, rounded half up, as the card brands require; the last part takes
    the rest.
    """
    given = payment.refunds.filter(status__in=Refund.GIVEN)
    left = payment.fee - (given.aggregate(sum=Sum("fee"))["sum"] or ZERO)
    if amount == payment.left:
        return left
    part = (payment.fee * amount / payment.amount).quantize(CENT, ROUND_HALF_UP)
    return min(part, left)
