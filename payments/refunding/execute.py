"""Executes a refund: commit the row, call the gateway, record the outcome.

A crash between any two steps leaves a row that `inquire` resolves with the gateway. A refund is
sent once, under an order number of its own; a void may be repeated once the gateway has reported
that the charge still stands. No transaction is open during a network call.
"""

from __future__ import annotations

import logging

from audit.transitions import IllegalTransition
from payments.gateway import client
from payments.gateway.client import (
    CredentialsLost,
    Declined,
    NotSent,
    Refunded,
    Transaction,
    Unknown,
    Voided,
)
from payments.models import NOT_FOUND_AFTER, Payment, Refund

log = logging.getLogger(__name__)

CANNOT_OPEN = (
    "The stored CardConnect credentials cannot be decrypted, so nothing was sent. "
    "Support has been notified."
)
UNREACHABLE = "CardConnect could not be reached. Try again in a few minutes."
NEVER_ARRIVED = "The request never reached CardConnect. Try again."
VOIDED = "CardConnect shows the refund as voided. Try again if the customer should get the money."
NOT_SETTLED = ("PPS", "28")
AT_THE_BANK = (
    "It has already gone to the bank and cannot be stopped. Refund it once it has cleared."
)


def send(refund: Refund) -> None:
    """Call the gateway for a requested or released refund, and record the outcome."""
    if not refund.mark_sent():
        return  # Another process has sent it, or it has an outcome.
    try:
        if refund.kind == Refund.Kind.VOID:
            _void(refund)
        else:
            _refund(refund)
    except IllegalTransition as late:
        _log_late_answer(refund, late)


def inquire(refund: Refund) -> None:
    """Inquire about a refund, and record its outcome when the response proves one."""
    asked_at = refund.claim_inquiry()
    if asked_at is None:
        return
    is_over = asked_at - refund.begun > NOT_FOUND_AFTER
    if not is_over and refund.status != Refund.Status.NEEDS_ATTENTION:
        refund.inquire_again_at(refund.begun + NOT_FOUND_AFTER)
    try:
        if refund.kind == Refund.Kind.VOID:
            _inquire_void(refund, is_over=is_over)
        else:
            _inquire_refund(refund, is_over=is_over)
    except (NotSent, Unknown) as silence:
        log.error("Refund %s: still unknown. %s", refund.pk, silence)
        refund.mark_unknown()
    except IllegalTransition as late:
        _log_late_answer(refund, late)


def _log_late_answer(refund: Refund, late: IllegalTransition) -> None:
    """Log a result that contradicts the outcome recorded meanwhile; money match compares it."""
    refund.refresh_from_db()
    log.error("Refund %s is %s, but now hears otherwise: %s", refund.pk, refund.status, late)


def _void(refund: Refund) -> None:
    try:
        answer = client.try_void(refund.payment)
    except CredentialsLost:
        refund.decline(CANNOT_OPEN)
        return
    except (NotSent, Unknown) as silence:
        log.warning("Void %s: outcome unknown. %s", refund.pk, silence)
        refund.mark_unknown()
        return
    if isinstance(answer, Voided):
        refund.done(respproc=answer.respproc, respcode=answer.respcode, resptext=answer.resptext)
        return
    try:
        _inquire_void(refund, is_over=True)
    except (NotSent, Unknown):
        refund.mark_unknown()


def _refund(refund: Refund) -> None:
    try:
        answer = client.refund(refund.payment, refund.total, refund.orderid)
    except CredentialsLost:
        refund.decline(CANNOT_OPEN)
    except NotSent:
        refund.decline(UNREACHABLE)
    except Unknown as unknown:
        log.warning("Refund %s: outcome unknown. %s", refund.pk, unknown)
        refund.mark_unknown()
    else:
        _keep(refund, answer)


def _keep(refund: Refund, answer: Refunded | Declined) -> None:
    codes = {name: getattr(answer, name) for name in ("respproc", "respcode", "resptext")}
    if isinstance(answer, Declined):
        is_whole = refund.amount == refund.payment.amount
        if (answer.respproc, answer.respcode) == NOT_SETTLED and is_whole:
            if refund.become(Refund.Kind.VOID):
                _void(refund)
        else:
            refund.decline(_why(answer), **codes)
    elif answer.amount != refund.total:
        refund.need_attention(
            f"CardConnect refunded ${answer.amount:,.2f} instead (reference {answer.retref}).",
            retref=answer.retref,
            **codes,
        )
    else:
        refund.done(retref=answer.retref, **codes)


def _why(answer: Declined) -> str:
    if (answer.respproc, answer.respcode) == NOT_SETTLED:
        return "The payment is not settled yet. Try again the next business day."
    code = f"{answer.respproc} {answer.respcode} {answer.resptext}".strip()
    return f"CardConnect declined the refund ({code})."


def _inquire_void(refund: Refund, *, is_over: bool) -> None:
    """Inquire about a void: the charge itself shows whether it was voided."""
    payment = refund.payment
    seen = client.inquire(payment)
    if seen is None:
        refund.need_attention(f"CardConnect has no charge {payment.retref}.")
    elif seen.is_voided:
        refund.done()
    elif seen.is_settled:
        _too_late_for_void(refund, payment)
    elif is_over:
        refund.decline("CardConnect has neither voided nor settled it. Try again.")
    else:
        refund.mark_unknown()


def _too_late_for_void(refund: Refund, payment: Payment) -> None:
    """The batch settled meanwhile: a card charge is refunded, a bank payment has to clear first."""
    if payment.method != Payment.Method.CARD:
        refund.decline(AT_THE_BANK)
        return
    payment.mark_settled()
    if refund.become(Refund.Kind.REFUND):
        _refund(refund)


def _inquire_refund(refund: Refund, *, is_over: bool) -> None:
    """Inquire about a refund: it has a transaction of its own, under our order number."""
    found = [each for each in client.find(refund.payment, refund.orderid) if _is_ours(each)]
    given = [each for each in found if each.is_approved and not each.is_voided]
    if len(given) > 1 or any(each.amount != refund.total for each in given):
        references = ", ".join(each.retref for each in given)
        refund.need_attention(f"CardConnect shows different refunds than this one: {references}.")
    elif given:
        refund.done(retref=given[0].retref, respcode=given[0].respcode, resptext=given[0].resptext)
    elif found and all(each.respstat == "C" or each.is_voided for each in found):
        is_voided = any(each.is_voided for each in found)
        refund.decline(
            VOIDED if is_voided else f"CardConnect declined the refund ({found[0].resptext})."
        )
    elif is_over and not found and refund.status != Refund.Status.NEEDS_ATTENTION:
        refund.decline(NEVER_ARRIVED)
    else:
        refund.mark_unknown()


def _is_ours(seen: Transaction) -> bool:
    return bool(seen.retref)
