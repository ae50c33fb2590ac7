"""The calendar's date for the banner of practice mode."""

from __future__ import annotations

from django.http import HttpRequest

from audit import clock


def calendar(request: HttpRequest) -> dict[str, object]:
    """`calendar_now` while the calendar is set ahead; otherwise empty."""
    return {"calendar_now": clock.now() if clock.ahead() else None}
