"""Finds out what became of booked payments: asks the gateway, and reads what banks sent back."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.conf import settings
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import Funded, NotSent, Unknown
from payments.models import Payment, Refund
from payments.models.account import CardConnectAccount
from payments.settlement import banking_days
from tenants.models import Tenant

log = logging.getLogger(__name__)

# A bank payment may come back this long after it was made; consumers have 60 days, and a few more.
RETURNS_FOR = dt.timedelta(days=100)
ONE_DAY = dt.timedelta(days=1)
# A report may get a line so many days later: banks' data come within 72 hours, and over a weekend.
LATE_DAYS = 5
# Of the days before those, when they were missed; and how long one reading takes at most.
DAYS_AT_ONCE = 4
READING_SECONDS = 150
# Whoever reads an account has it to itself for so long: more than a reading can take.
LEASE = dt.timedelta(minutes=5)
# In one run: companies, and payments of each; and how long a company's worker goes on.
COMPANIES, LOOKS, LOOKING_SECONDS = 20, 100, 60
AGAIN = "CardConnect rejected it at settlement, so the money will not come."


def take_turns(now: dt.datetime) -> list[tuple[int, str]]:
    """Give out the payments to be looked at: (company, until when its worker has them) for each.

    Companies that waited longest come first, and within each the payments nobody has looked at.
    Each payment is given out once, by one update.
    """
    until = now + LEASE
    due = Payment.objects.to_look_at(now)
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


def look_at(tenant: Tenant, until: dt.datetime) -> int:
    """Look at the company's payments of this turn, the newest first, while there is time; how many.

    Those that were not come to are due again.
    """
    end = time.monotonic() + LOOKING_SECONDS
    mine = Payment.objects.filter(tenant=tenant).to_look_at(until).filter(next_look_at=until)
    count = 0
    for payment in mine.select_related("tenant__cardconnect", "invoice").order_by("-pk"):
        if time.monotonic() > end:
            break
        payment.refresh_from_db(fields=["status"])
        if payment.is_unsettled:
            _look_safely(payment)
        count += 1
    mine.update(next_look_at=db_now())
    return count


def _look_safely(payment: Payment) -> None:
    """One that cannot be looked at must not hold up the others."""
    try:
        look(payment)
    except Exception:
        log.exception("%s could not be looked at", payment)


def look(payment: Payment) -> None:
    """Ask the gateway how one payment stands, and move it along.

    What banks return is in the reports, so that a bank payment is asked about once a day only.
    """
    now = db_now()
    soon = now + dt.timedelta(seconds=settings.BANK_LOOK_SECONDS)
    a_day_on = now + dt.timedelta(seconds=settings.BANK_INQUIRE_SECONDS)
    payment.look_again_at(soon if payment.method == Payment.Method.CARD else a_day_on)
    try:
        seen = client.inquire(payment)
    except (NotSent, Unknown) as silence:
        log.warning("Payment %s: settlement not known. %s", payment.reference, silence)
        payment.look_again_at(soon)
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
        payment.look_again_at(soon)  # the reports come first


def _reject(payment: Payment) -> None:
    if payment.method == Payment.Method.ACH:
        payment.come_back("")  # the funding report brings the bank's code
    else:
        payment.reject(AGAIN)


def may_clear(payment: Payment, now: dt.datetime) -> bool:
    """Whether its banking days have passed, and every report that can still tell of its return
    was read today."""
    read_to = CardConnectAccount.objects.values_list("funding_read_to", flat=True)
    day = read_to.get(tenant=payment.tenant)
    return is_due(payment, now) and day is not None and day >= now.date()


def is_due(payment: Payment, now: dt.datetime) -> bool:
    """Whether the company's number of banking days has passed since the payment was made."""
    tenant = payment.tenant
    began = (payment.resolved_at or payment.created_at).astimezone(tenant.zone).date()
    today = now.astimezone(tenant.zone).date()
    return today >= banking_days.after(began, tenant.ach_clear_days)


def accounts_to_read(now: dt.datetime, most: int) -> list[CardConnectAccount]:
    """Accounts with bank payments that may still come back, whose turn it is.

    Those that were not read for the longest time come first, so that none is left out.
    """
    open_ones = Payment.objects.filter(
        method=Payment.Method.ACH,
        status__in=["started", "cleared", "refunded", "returned"],
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


def take_turn(account: CardConnectAccount) -> dt.datetime | None:
    """Take an account to read it; until when, or None when somebody else has it.

    Taken again at the start of the reading itself: a task that waited longer than its turn, or that
    comes twice, finds that the account is not its own any more.
    """
    until = db_now() + LEASE
    mine = CardConnectAccount.objects.filter(
        pk=account.pk, next_funding_at=account.next_funding_at
    ).update(next_funding_at=until)
    account.next_funding_at = until
    return until if mine else None


def read_returns(account: CardConnectAccount) -> int:
    """Read the funding reports since the last time, and bring back what banks returned.

    The newest are read again each time, because a report may get a line days later; days that were
    missed are caught up, a few at a time. Returns how many payments came back.
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
        came_back += sum(_bring_back(account, line) for line in lines)
        _note_read(account, day)
        if time.monotonic() > until:
            break
    _keep(account, next_funding_at=now + dt.timedelta(seconds=settings.BANK_LOOK_SECONDS))
    return came_back


def _days(account: CardConnectAccount, now: dt.datetime) -> list[dt.date]:
    """The days that get lines yet, to today, and before them some of those that were missed."""
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
    """Keep how far the days were read without a gap."""
    read_to = account.funding_read_to
    if read_to is None or day == read_to + ONE_DAY:
        _keep(account, funding_read_to=day)


def _note_unread(account: CardConnectAccount, day: dt.date) -> None:
    """What was to be read again, and was not, counts as not read."""
    read_to = account.funding_read_to
    if read_to is None or day <= read_to:
        _keep(account, funding_read_to=day - ONE_DAY)


def _bring_back(account: CardConnectAccount, line: Funded) -> bool:
    """One line of a report; True when it brought a payment, or a refund of one, back.

    A refund's line names the payment as its parent, so refunds are looked for first.
    """
    if not line.achreturncode and not line.is_rejected:
        return False
    references = [name for name in (line.retref, line.parentretref) if name]
    refund = Refund.objects.filter(
        payment__merchid=account.merchid, kind="refund", retref__in=references
    ).first()
    if refund is not None:
        return refund.come_back(line.achreturncode)
    if line.kind == "REFUND":
        log.error("%s: a refund came back, %s, which we do not have", account, line.retref)
        return False
    payment = Payment.objects.filter(
        merchid=account.merchid, method=Payment.Method.ACH, retref__in=references
    ).first()
    if payment is None:
        log.error("%s: a return of %s, which we do not have", account, line.retref)
        return False
    return payment.come_back(line.achreturncode)


def _keep(account: CardConnectAccount, **values: dt.date | dt.datetime) -> None:
    CardConnectAccount.objects.filter(pk=account.pk).update(**values)
    for name, value in values.items():
        setattr(account, name, value)
