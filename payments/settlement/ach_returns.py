"""Reads ACH returns from the funding reports, and plans when they are read next."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.conf import settings
from django.db.models import F, Q

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import Funded, NotSent, Unknown
from payments.models import Payment, Refund
from payments.models.account import CardConnectAccount

log = logging.getLogger(__name__)

# How long after it was made a bank payment may be returned; consumers have 60 days, and a few more.
RETURNS_FOR = dt.timedelta(days=100)
ONE_DAY = dt.timedelta(days=1)
# A report may get a line so many days later: bank data arrives within 72 hours, plus a weekend.
LATE_DAYS = 5
# Missed days that one reading catches up; and how long one reading takes at most.
DAYS_AT_ONCE = 4
READING_SECONDS = 150
# How long a worker's claim of an account lasts: longer than a reading can take.
LEASE = dt.timedelta(minutes=5)


def accounts_to_read(now: dt.datetime, most: int) -> list[CardConnectAccount]:
    """Accounts with bank payments that may still be returned, and that are due.

    The account that was not read for the longest time comes first, so that none is left out.
    """
    status = Payment.Status
    open_ones = Payment.objects.filter(
        method=Payment.Method.ACH,
        status__in=[status.STARTED, status.CLEARED, status.REFUNDED, status.RETURNED],
        resolved_at__gte=now - RETURNS_FOR,
    )
    given = Refund.objects.filter(
        payment__method=Payment.Method.ACH, kind="refund", resolved_at__gte=now - RETURNS_FOR
    )
    due = Q(next_funding_at__isnull=True) | Q(next_funding_at__lte=now)
    mine = Q(tenant__in=open_ones.values("tenant")) | Q(tenant__in=given.values("tenant"))
    found = CardConnectAccount.objects.filter(due, mine)
    found = found.exclude(password_sealed="").select_related("tenant")
    return list(found.order_by(F("next_funding_at").asc(nulls_first=True), "pk")[:most])


def claim_reading(account: CardConnectAccount) -> dt.datetime | None:
    """Claim an account for reading; until when, or None when another worker has it.

    Claimed again when the reading starts: a task that waited beyond its claim, or was delivered
    twice, finds that the claim is not its own.
    """
    until = db_now() + LEASE
    mine = CardConnectAccount.objects.filter(
        pk=account.pk, next_funding_at=account.next_funding_at
    ).update(next_funding_at=until)
    account.next_funding_at = until
    return until if mine else None


def read_returns(account: CardConnectAccount) -> int:
    """Read the funding reports since the last time, and apply the returns in them.

    The newest days are read again each time, because a report may get a line days later; missed
    days are caught up, a few at a time. Returns how many payments were returned.
    """
    now = db_now()
    until = time.monotonic() + READING_SECONDS
    came_back = 0
    for day in _days(account, now):
        try:
            lines = client.funding(account, day)
        except (NotSent, Unknown) as silence:
            log.warning("%s: returns of %s not known. %s", account, day, silence)
            _note_unread(account, day)
            if isinstance(silence, NotSent) or time.monotonic() > until:
                break
            continue  # a report that cannot be read must not hide those after it
        came_back += sum(_apply_return(account, line) for line in lines)
        _note_read(account, day)
        if time.monotonic() > until:
            break
    _keep(account, next_funding_at=now + dt.timedelta(seconds=settings.BANK_LOOK_SECONDS))
    return came_back


def _days(account: CardConnectAccount, now: dt.datetime) -> list[dt.date]:
    """The days whose reports may still get lines, up to today, and before them some missed days."""
    today = now.date()  # UTC, which is never behind the gateway's own clock
    newest = [today - ONE_DAY * number for number in reversed(range(LATE_DAYS + 1))]
    if account.funding_read_to is None:
        started = Payment.objects.filter(tenant=account.tenant, method=Payment.Method.ACH)
        oldest = started.exclude(retref="").order_by("created_at").first()
        first = max(oldest.created_at, now - RETURNS_FOR).date() if oldest else today
    else:
        first = account.funding_read_to + ONE_DAY
    missed = min((newest[0] - first).days, DAYS_AT_ONCE)
    return [first + ONE_DAY * number for number in range(missed)] + newest


def _note_read(account: CardConnectAccount, day: dt.date) -> None:
    """Store how far the days were read without a gap."""
    read_to = account.funding_read_to
    if read_to is None or day == read_to + ONE_DAY:
        _keep(account, funding_read_to=day)


def _note_unread(account: CardConnectAccount, day: dt.date) -> None:
    """A day that should have been read again, and was not, counts as not read."""
    read_to = account.funding_read_to
    if read_to is None or day <= read_to:
        _keep(account, funding_read_to=day - ONE_DAY)


def _apply_return(account: CardConnectAccount, line: Funded) -> bool:
    """One line of a report; True when it returned a payment or a refund.

    The line of a returned refund names the payment as its parent, so refunds are looked up first.
    """
    if not line.achreturncode and not line.is_rejected:
        return False
    references = [name for name in (line.retref, line.parentretref) if name]
    refund = Refund.objects.filter(
        payment__merchid=account.merchid, kind="refund", retref__in=references
    ).first()
    if refund is not None:
        return refund.mark_returned(line.achreturncode)
    if line.kind == "REFUND":
        log.error("%s: a refund came back, %s, which we do not have", account, line.retref)
        return False
    payment = Payment.objects.filter(
        merchid=account.merchid, method=Payment.Method.ACH, retref__in=references
    ).first()
    if payment is None:
        log.error("%s: a return of %s, which we do not have", account, line.retref)
        return False
    return payment.mark_returned(line.achreturncode)


def _keep(account: CardConnectAccount, **values: dt.date | dt.datetime) -> None:
    CardConnectAccount.objects.filter(pk=account.pk).update(**values)
    for name, value in values.items():
        setattr(account, name, value)
