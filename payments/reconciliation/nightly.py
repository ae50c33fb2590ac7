"""When money match and the money check of each tenant are due, and which worker runs them.

A due moment is a column. The sweeps run every minute and start a few tenants that are due. Each
run claims its tenant with one conditional update that moves the due moment to the end of a lease;
its end moves it to the next night. So a second worker, or the same message delivered again, finds
nothing due, and a run that died with its worker is due again when its lease ends.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Q, QuerySet

from audit.clock import db_now
from payments.models import CardConnectAccount, MoneyCheck
from payments.models.reconciliation import GIVEN_UP_AFTER
from tenants.models import Tenant

# UTC, after the gateway's evening batches; the check comes after the tenant's match.
MATCH_AT, CHECK_AT = dt.time(3, 0), dt.time(4, 30)
ONE_DAY = dt.timedelta(days=1)
# A run that was cut off counts as ended by then, so that the next one can begin.
LEASE = GIVEN_UP_AFTER + dt.timedelta(minutes=5)
# This many sweeps cover all tenants: twenty hours. One tenant a sweep, up to that many tenants, is
# what CardConnect's test system allows (20 reports a minute).
SWEEPS = 1200
# A check waits for its tenant's match, but not for one that keeps failing.
PATIENCE = dt.timedelta(hours=20)


def matches_due() -> list[int]:
    """The tenants whose match starts now: those due for the longest time."""
    now = db_now()
    accounts = CardConnectAccount.objects.filter(tenant__is_active=True).exclude(password_sealed="")
    accounts.filter(next_match_at=None).update(next_match_at=_next(MATCH_AT, now))
    return _first(accounts, "next_match_at", now)


def claim_match(tenant_id: int) -> dt.datetime | None:
    """Claim the nightly match of one tenant; until when, or None when it is not due."""
    return _claim(CardConnectAccount.objects.filter(tenant=tenant_id), "next_match_at")


def finish_match(tenant_id: int, until: dt.datetime) -> None:
    """Plan the next match, unless the claim was lost meanwhile."""
    mine = CardConnectAccount.objects.filter(tenant=tenant_id, next_match_at=until)
    mine.update(next_match_at=_next(MATCH_AT, db_now()))


def checks_due() -> list[int]:
    """The tenants whose check starts now; not before their match of this night has ended."""
    now = db_now()
    new = Tenant.objects.filter(is_active=True).exclude(pk__in=MoneyCheck.objects.values("tenant"))
    MoneyCheck.objects.bulk_create((MoneyCheck(tenant=one) for one in new), ignore_conflicts=True)
    MoneyCheck.objects.filter(next_check_at=None).update(next_check_at=_next(CHECK_AT, now))
    unmatched = CardConnectAccount.objects.filter(next_match_at__lte=now + LEASE)
    unmatched = unmatched.exclude(password_sealed="")
    matched = ~Q(tenant__in=unmatched.values("tenant")) | Q(next_check_at__lte=now - PATIENCE)
    checks = MoneyCheck.objects.filter(tenant__is_active=True)
    return _first(checks, "next_check_at", now, matched)


def claim_check(tenant_id: int) -> dt.datetime | None:
    """Claim the nightly check of one tenant; until when, or None when it is not due."""
    return _claim(MoneyCheck.objects.filter(tenant=tenant_id), "next_check_at")


def finish_check(tenant_id: int, until: dt.datetime) -> None:
    """Plan the next check, unless the claim was lost meanwhile."""
    mine = MoneyCheck.objects.filter(tenant=tenant_id, next_check_at=until)
    mine.update(next_check_at=_next(CHECK_AT, db_now()))


def _first(rows: QuerySet[Any], due: str, now: dt.datetime, ready: Q | None = None) -> list[int]:
    """The tenants due for the longest time, as many as one sweep starts."""
    found = rows.filter(ready or Q(), **{f"{due}__lte": now}).order_by(due, "pk")
    a_sweep = -(-rows.count() // SWEEPS)
    return list(found.values_list("tenant", flat=True)[:a_sweep])


def _claim(row: QuerySet[Any], due: str) -> dt.datetime | None:
    """Claim with one conditional update.

    The row's own column decides: a joined table would not be read again when another worker's
    update comes first.
    """
    now = db_now()
    until = now + LEASE
    return until if row.filter(**{f"{due}__lte": now}).update(**{due: until}) else None


def _next(time: dt.time, now: dt.datetime) -> dt.datetime:
    """The next moment at this hour, UTC."""
    today = dt.datetime.combine(now.astimezone(dt.UTC).date(), time, dt.UTC)
    return today if today > now else today + ONE_DAY
