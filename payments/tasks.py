"""The sweep that finds out what became of charges nobody heard back about."""

from __future__ import annotations

import logging

from celery import shared_task
from django_scopes import scope, scopes_disabled

from audit.clock import db_now
from payments import charging
from payments.models import Payment

log = logging.getLogger(__name__)

BATCH = 20


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
