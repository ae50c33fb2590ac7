"""The sweeps that resolve the outcomes of charges, refunds and settlements."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django_scopes import scope, scopes_disabled

from audit.clock import db_now
from audit.enqueue import enqueue
from payments.checkout import charge
from payments.models import CardConnectAccount, Payment, Refund
from payments.models.reconciliation import MatchRun
from payments.reconciliation import match, nightly, verify
from payments.refunding import execute, receipt
from payments.settlement import ach_returns, status
from tenants.models import Tenant

log = logging.getLogger(__name__)

BATCH = 20
# This runs three times a minute: ten accounts a run are 450 in a quarter of an hour. CardConnect's
# test system answers 20 inquiries and reports a minute to one address; a refusal only delays them.
REPORTS = 10
# Seconds after which a message to start a nightly run is dropped. The sweep sends it again every
# minute until the run has begun.
RUNG_FOR = 600


@shared_task
def settle_unknown() -> int:
    """Inquire about every attempt that is due; returns how many.

    Safe to run twice at once: each attempt is claimed with one update before the call.
    """
    with scopes_disabled():
        due = list(
            Payment.objects.to_inquire(db_now()).select_related("tenant__cardconnect")[:BATCH]
        )
    for payment in due:
        with scope(tenant=payment.tenant):
            _inquire_safely(payment)
    return len(due)


def _inquire_safely(payment: Payment) -> None:
    """One attempt whose inquiry fails must not stop the others."""
    try:
        charge.inquire(payment)
    except Exception:
        log.exception("Payment %s could not be settled", payment.reference)


@shared_task
def settle_bank_payments() -> int:
    """Start a poll of settlements, clearings, rejections and returns; for how many tenants.

    Each tenant has one task for its reports and one for its payments, so that a slow response
    delays nobody else.
    """
    now = db_now()
    with scopes_disabled():
        for account in ach_returns.accounts_to_read(now, REPORTS):
            turn = ach_returns.claim_reading(account)
            if turn is not None:
                enqueue(read_returns, account.pk, turn.isoformat())
        turns = status.claim_polls(now)
    for tenant_id, until in turns:
        enqueue(look_at_payments, tenant_id, until)
    return len(turns)


@shared_task
def look_at_payments(tenant_id: int, turn: str) -> int:
    """Poll the payments that were claimed for this task; returns how many."""
    tenant = Tenant.objects.get(pk=tenant_id)
    with scope(tenant=tenant):
        return status.poll_company(tenant, dt.datetime.fromisoformat(turn))


@shared_task
def read_returns(account_id: int, turn: str) -> int:
    """Read one tenant's bank returns while the claim lasts; how many payments were returned."""
    until = dt.datetime.fromisoformat(turn)
    mine = CardConnectAccount.objects.filter(pk=account_id, next_funding_at=until)
    account = mine.select_related("tenant").first()
    if account is None or ach_returns.claim_reading(account) is None:
        return 0
    with scope(tenant=account.tenant):
        return ach_returns.read_returns(account)


@shared_task
def settle_refunds() -> int:
    """Inquire about every void and refund without an outcome that is due; returns how many."""
    with scopes_disabled():
        due = list(
            Refund.objects.to_inquire(db_now()).select_related(
                "tenant", "payment__tenant__cardconnect", "payment__invoice"
            )[:BATCH]
        )
        without_receipt = list(
            Refund.objects.without_receipt(db_now()).select_related("tenant")[:BATCH]
        )
    for refund in due:
        with scope(tenant=refund.tenant):
            _safely(execute.inquire, refund)
    for refund in without_receipt:
        with scope(tenant=refund.tenant):
            _safely(receipt.send, refund)
    return len(due)


def _safely(do: Callable[[Any], Any], what: Any) -> None:
    """One refund whose inquiry fails must not stop the others."""
    try:
        do(what)
    except Exception:
        log.exception("%s could not be settled", what)


@shared_task
def match_money(run_id: int) -> None:
    """Carry out one money match run. Safe to run twice: it books once."""
    with scopes_disabled():
        run = MatchRun.objects.select_related("tenant").get(pk=run_id)
    if run.is_running:
        with scope(tenant=run.tenant):
            match.run(run)


@shared_task(expires=RUNG_FOR)
def match_company(tenant_id: int) -> None:
    """The nightly money match of one tenant, once a night however often this is called.

    While a run started by staff is under way the claim stays, and it is due again later.
    """
    until = nightly.claim_match(tenant_id)
    if until is None:
        return
    tenant = Tenant.objects.get(pk=tenant_id)
    with scope(tenant=tenant):
        run = match.begin(tenant)
        if run is None:
            return
        match.run(run)
    nightly.finish_match(tenant_id, until)


@shared_task
def match_everybody() -> int:
    """Start the nightly runs that are due, a few tenants a minute; how many."""
    with scopes_disabled():
        due = nightly.matches_due()
    for tenant_id in due:
        enqueue(match_company, tenant_id)
    return len(due)


@shared_task(expires=RUNG_FOR)
def verify_company(tenant_id: int) -> int:
    """Check every invariant of one tenant, and put the findings on its Home; how many.

    Once a night, however often this is called.
    """
    with scopes_disabled():
        until = nightly.claim_check(tenant_id)
    if until is None:
        return 0
    tenant = Tenant.objects.get(pk=tenant_id)
    found, unanswered = verify.verify(tenant, gateway=True)
    verify.record_findings(tenant, found, unanswered)
    with scopes_disabled():
        nightly.finish_check(tenant_id, until)
    return len(found)


@shared_task
def verify_money() -> int:
    """Start the nightly checks that are due, a few tenants a minute; how many."""
    with scopes_disabled():
        due = nightly.checks_due()
    for tenant_id in due:
        enqueue(verify_company, tenant_id)
    return len(due)
