"""Polls booked payments until they are settled, cleared, voided or rejected."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.conf import settings
from django.db.models import F, Min
from django.db.models.functions import Coalesce

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import NotSent, Unknown
from payments.models import Payment
from payments.models.account import CardConnectAccount
from payments.settlement import banking_days
from tenants.models import Tenant

log = logging.getLogger(__name__)

# How long a claim of payments lasts: longer than POLLING_SECONDS can take.
LEASE = dt.timedelta(minutes=5)
# Per run: tenants, and payments of each; and how long one tenant's worker continues.
COMPANIES, LOOKS, POLLING_SECONDS = 20, 100, 60
AGAIN = "CardConnect rejected it at settlement, so the money will not arrive."


def claim_polls(now: dt.datetime) -> list[tuple[int, str]]:
    """Claim the payments to poll: (tenant, until when its worker has them) for each tenant.

    Tenants that waited longest come first, and within each the payments that were never polled.
    One update claims each payment once.
    """
    until = now + LEASE
    due = Payment.objects.to_poll(now)
    waiting = (
        due.order_by()
        .values_list("tenant")
        .alias(since=Min(Coalesce("next_look_at", "created_at")))
    )
    turns = []
    for (tenant,) in waiting.order_by("since", "tenant")[:COMPANIES]:
        mine = due.filter(tenant=tenant).order_by(F("next_look_at").asc(nulls_first=True), "pk")
        chosen = list(mine.values_list("pk", flat=True)[:LOOKS])
        if due.filter(pk__in=chosen).update(next_look_at=until):
            turns.append((tenant, until.isoformat()))
    return turns


def poll_company(tenant: Tenant, until: dt.datetime) -> int:
    """Poll the tenant's claimed payments, newest first, within the time limit; returns how many.

    Payments that were not reached are due again.
    """
    end = time.monotonic() + POLLING_SECONDS
    mine = Payment.objects.filter(tenant=tenant).to_poll(until).filter(next_look_at=until)
    count = 0
    for payment in mine.select_related("tenant__cardconnect", "invoice").order_by("-pk"):
        if time.monotonic() > end:
            break
        payment.refresh_from_db(fields=["status"])
        if payment.is_unsettled:
            _poll_safely(payment)
        count += 1
    mine.update(next_look_at=db_now())
    return count


def _poll_safely(payment: Payment) -> None:
    """One payment whose poll fails must not stop the others."""
    try:
        poll(payment)
    except Exception:
        log.exception("%s could not be looked at", payment)


def poll(payment: Payment) -> None:
    """Inquire about the state of one payment, and record it.

    Returns of bank payments are in the reports, so a bank payment is inquired about once a day
    only.
    """
    now = db_now()
    soon = now + dt.timedelta(seconds=settings.BANK_LOOK_SECONDS)
    a_day_on = now + dt.timedelta(seconds=settings.BANK_INQUIRE_SECONDS)
    payment.poll_again_at(soon if payment.method == Payment.Method.CARD else a_day_on)
    try:
        seen = client.inquire(payment)
    except (NotSent, Unknown) as silence:
        log.warning("Payment %s: settlement not known. %s", payment.reference, silence)
        payment.poll_again_at(soon)
        return
    if seen is None:
        log.error("Payment %s: CardConnect has no charge %s", payment.reference, payment.retref)
    elif seen.is_voided:
        payment.mark_voided(reason="CardConnect shows it as voided.")
    elif seen.is_rejected:
        _reject(payment)
    elif seen.is_settled and payment.method == Payment.Method.CARD:
        payment.mark_settled()
    elif seen.is_settled and may_clear(payment, now):
        payment.mark_cleared()
    elif seen.is_settled and is_due(payment, now):
        payment.poll_again_at(soon)  # the reports come first


def _reject(payment: Payment) -> None:
    if payment.method == Payment.Method.ACH:
        payment.mark_returned("")  # the funding report has the bank's code
    else:
        payment.reject(AGAIN)


def may_clear(payment: Payment, now: dt.datetime) -> bool:
    """Whether its banking days have passed, and every report that may still contain its return was
    read today.
    """
    read_to = CardConnectAccount.objects.values_list("funding_read_to", flat=True)
    day = read_to.get(tenant=payment.tenant)
    return is_due(payment, now) and day is not None and day >= now.date()


def is_due(payment: Payment, now: dt.datetime) -> bool:
    """Whether the tenant's number of banking days has passed since the payment was made."""
    tenant = payment.tenant
    began = (payment.resolved_at or payment.created_at).astimezone(tenant.zone).date()
    today = now.astimezone(tenant.zone).date()
    return today >= banking_days.after(began, tenant.ach_clear_days)
