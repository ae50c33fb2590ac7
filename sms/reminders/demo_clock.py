"""The calendar of practice mode, set ahead to watch reminders, quiet hours and links."""

from __future__ import annotations

import datetime as dt

from django.db.models import F
from django_scopes import scopes_disabled

from audit import clock
from audit.enqueue import enqueue
from invoices.tasks import expire_links
from sms.models import TextMessage
from sms.reminders.run import remind_everybody
from sms.reminders.schedule import FIRST_HOUR
from sms.tasks import sweep
from tenants.models import Tenant

DAYS = {"day": 1, "week": 7}
HOUR = dt.timedelta(hours=1)


def move(tenant: Tenant, how: str) -> None:
    """Set the calendar of the installation an "hour", a "day" or a "week" ahead, or back to "now".

    A day ahead is the hour at which this company's reminders go out. The tasks that depend on the
    calendar run at once. Raises clock.NotInPractice outside practice mode and ValueError for any
    other word.
    """
    clock.move(_moment(tenant, how))
    with scopes_disabled():
        waiting = TextMessage.objects.filter(
            status=TextMessage.Status.QUEUED, not_before__isnull=False
        )
        waiting.update(next_try_at=F("not_before") - clock.ahead())
    for task in (expire_links, sweep, remind_everybody):
        enqueue(task)


def _moment(tenant: Tenant, how: str) -> dt.datetime | None:
    now = clock.now().astimezone(tenant.zone)
    if how == "now":
        return None
    if how == "hour":
        return now + HOUR
    if how not in DAYS:
        raise ValueError(f"The calendar cannot be moved by {how!r}.")
    day = now.date() + dt.timedelta(days=DAYS[how])
    return dt.datetime.combine(day, dt.time(FIRST_HOUR), now.tzinfo)
