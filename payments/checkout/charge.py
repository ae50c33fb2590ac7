"""Charges a payment: commit the claim, call the gateway, record the outcome.

A crash between any two steps leaves a row that `inquire` resolves with the gateway. No transaction
is open during a network call.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError

from audit.transitions import IllegalTransition
from payments.checkout import surcharge
from payments.checkout.surcharge import OUR_SIDE
from payments.gateway import client
from payments.gateway.client import Approved, CredentialsLost, Declined, NotSent, Unknown
from payments.models import NOT_FOUND_AFTER, Payment

log = logging.getLogger(__name__)

UNREACHABLE = "The payment processor could not be reached. Please try again in a few minutes."
# It never got there, or it did and the bank did not answer in time: both end in no charge.
NOT_CARRIED_OUT = "The payment processor did not complete it. Please try again."
CANCELLED = (
    "The bank approved it, but not as you agreed, so it was canceled. No money has been taken. "
    "You can try again or use another card."
)

# The merchant account adds a surcharge that was not known.
NEEDS_ZIP = ("PPS", "104")


def charge(
    payment: Payment, token: str, *, expiry: str = "", account_type: str = "", postal: str = ""
) -> None:
    """Call the gateway for a payment that was just started, and record the outcome."""
    if not payment.mark_sent():
        return  # Another process has sent it, or it has an outcome.
    try:
        answer = client.auth(
            payment, token, expiry=expiry, account_type=account_type, postal=postal
        )
    except CredentialsLost:
        payment.not_charged(OUR_SIDE)
    except NotSent:
        payment.not_charged(UNREACHABLE)
    except Unknown as unknown:
        log.warning("Payment %s: outcome unknown. %s", payment.reference, unknown)
        payment.mark_unknown()
    else:
        record_outcome(payment, answer)


def record_outcome(payment: Payment, answer: Approved | Declined) -> None:
    """Record an outcome from the response to a charge or from a later inquiry."""
    try:
        if isinstance(answer, Declined):
            payment.decline(
                answer.sentence,
                may_retry=answer.may_retry,
                staff_reason=answer.staff,
                **_codes(answer),
            )
            if (answer.respproc, answer.respcode) == NEEDS_ZIP:
                surcharge.record_fee(payment)
        elif answer.total(payment.amount) == payment.total:
            payment.confirm(authcode=answer.authcode, **_codes(answer))
        else:
            undo(payment, answer)
    except IllegalTransition:
        payment.refresh_from_db()
        log.error("Payment %s is %s, but now hears %s", payment.reference, payment.status, answer)
    except IntegrityError:
        log.error("Payment %s: reference %s is booked already", payment.reference, answer.retref)
        payment.need_attention(f"CardConnect reference {answer.retref} belongs to another payment.")


def undo(payment: Payment, answer: Approved) -> None:
    """Void an approval that differs from what the payer agreed to; it is never booked."""
    was = f"${answer.total(payment.amount):,.2f} instead of ${payment.total:,.2f}"
    why, next_step = f"The bank approved {was}", "Try another card."
    if answer.fee and not payment.fee:
        log.error("Payment %s: a card fee of $%s was added", payment.reference, answer.fee)
        may_try = surcharge.record_fee(payment, answer)
        why = f"A card fee of ${answer.fee:,.2f} that you did not agree to was added"
        next_step = "Try again, or call us." if may_try else "Please call us."
    if client.void(payment, answer.retref):
        payment.decline(f"{why}, so we canceled the payment. {next_step}", **_codes(answer))
        return
    log.error("Payment %s: other amount approved, void not confirmed", payment.reference)
    payment.need_attention(
        f"CardConnect approved {was} (reference {answer.retref}) and did not confirm the void.",
        **_codes(answer),
    )


def inquire(payment: Payment) -> None:
    """Inquire about an attempt, and record its outcome when the response proves one."""
    asked_at = payment.claim_inquiry()
    if asked_at is None:
        return
    try:
        found = client.inquire_by_orderid(payment)
    except (NotSent, Unknown) as silence:
        log.error("Payment %s: still unknown. %s", payment.reference, silence)
        payment.mark_unknown()
        return
    answer = _the_one(payment, found or [])
    if answer is not None:
        record_outcome(payment, answer)
    elif payment.status == Payment.Status.NEEDS_ATTENTION:
        if found is not None:
            _resolve_cancelled(payment)
    elif found is None or asked_at - payment.begun <= NOT_FOUND_AFTER:
        payment.mark_unknown()
        payment.inquire_again_at(max(payment.begun + NOT_FOUND_AFTER, asked_at))
    else:
        payment.not_charged(NOT_CARRIED_OUT)


def _resolve_cancelled(payment: Payment) -> None:
    """A charge that CardConnect had once is resolved only when it is seen voided, not by "not
    found".
    """
    try:
        seen = [each for each in client.find(payment) if each.is_approved]
    except (NotSent, Unknown) as silence:
        log.warning("Payment %s: still needs a person. %s", payment.reference, silence)
        return
    if seen and all(each.is_voided for each in seen):
        payment.decline(CANCELLED)


def _the_one(payment: Payment, found: list[Approved | Declined]) -> Approved | Declined | None:
    """The response that counts: an approval before any decline. Excess approvals are voided."""
    approved = [answer for answer in found if isinstance(answer, Approved)]
    for excess in approved[1:]:
        log.error("Payment %s: charged twice, voiding %s", payment.reference, excess.retref)
        if not client.void(payment, excess.retref):
            references = ", ".join(answer.retref for answer in approved)
            payment.need_attention(f"CardConnect shows more than one charge: {references}.")
            return None
    return next(iter(approved or found), None)


def _codes(answer: Approved | Declined) -> dict[str, Any]:
    return {
        "retref": answer.retref,
        "respproc": answer.respproc,
        "respcode": answer.respcode,
        "resptext": answer.resptext,
    }
