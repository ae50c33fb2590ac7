"""The sweeps that find out what became of charges, refunds and settlements."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django_scopes import scope, scopes_disabled

from audit.clock import db_now
from payments import charging, giving_back, looking, receipts
from payments.models import Payment, Refund

log = logging.getLogger(__name__)

BATCH = 20
# The gateway answers 20 inquiries and reports a minute, and this runs three times a minute.
LOOKS, REPORTS = 4, 1


@shared_task
def settle_unknown() -> int:
    """Ask the gateway about every attempt whose turn it is; returns how many.

    Safe to run twice at once: each attempt's turn is claimed by one update before the call.
    """
    with scopes_disabled():
        due = list(
            Payment.objects.to_ask_about(db_now()).select_related("tenant__cardconnect")[:BATCH]
        )
    for payment in due:
        with scope(tenant=payment.tenant):
            _ask_safely(payment)
    return len(due)


def _ask_safely(payment: Payment) -> None:
    """One attempt that cannot be settled must not hold up the others."""
    try:
        charging.ask(payment)
    except Exception:
        log.exception("Payment %s could not be settled", payment.reference)


@shared_task
def settle_bank_payments() -> int:
    """Find out what settled, cleared, was rejected or came back; returns how many it asked about.

    Returns first, so that a payment never clears in the minute in which it comes back.
    """
    now = db_now()
    with scopes_disabled():
        accounts = looking.accounts_to_read(now)
        due = list(
            Payment.objects.to_look_at(now)
            .select_related("tenant__cardconnect", "invoice")
            .order_by("next_look_at", "pk")[:LOOKS]
        )
    for account in accounts[:REPORTS]:
        with scope(tenant=account.tenant):
            _safely(looking.read_returns, account)
    for payment in due:
        with scope(tenant=payment.tenant):
            payment.refresh_from_db(fields=["status"])
            if payment.is_unsettled:
                _safely(looking.look, payment)
    return len(due)


@shared_task
def settle_refunds() -> int:
    """Ask the gateway about every void and refund nobody heard back about; returns how many."""
    with scopes_disabled():
        due = list(
            Refund.objects.to_ask_about(db_now()).select_related(
                "tenant", "payment__tenant__cardconnect", "payment__invoice"
            )[:BATCH]
        )
        untold = list(Refund.objects.without_receipt(db_now()).select_related("tenant")[:BATCH])
    for refund in due:
        with scope(tenant=refund.tenant):
            _safely(giving_back.ask, refund)
    for refund in untold:
        with scope(tenant=refund.tenant):
            _safely(receipts.send, refund)
    return len(due)


def _safely(do: Callable[[Any], Any], what: Any) -> None:
    """One that cannot be settled must not hold up the others."""
    try:
        do(what)
    except Exception:
        log.exception("%s could not be settled", what)
