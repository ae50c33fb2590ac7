"""How a moment reads, by itself and within a sentence."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from tenants.templatetags.ui import brief, said

NEW_YORK = ZoneInfo("America/New_York")


@freeze_time("2026-11-28 04:30")  # still the evening of the 27th in New York
@pytest.mark.parametrize(
    ("moment", "alone", "within"),
    [
        ("2026-11-27 23:01", "Today, 11:01 PM", "today at 11:01 PM"),
        ("2026-11-26 08:41", "Yesterday, 8:41 AM", "yesterday at 8:41 AM"),
        ("2026-11-20 08:41", "Nov 20, 8:41 AM", "on Nov 20 at 8:41 AM"),
        ("2025-11-20 00:05", "Nov 20, 2025, 12:05 AM", "on Nov 20, 2025 at 12:05 AM"),
    ],
)
def test_a_moment_reads_well_where_it_stands(moment, alone, within):
    there = dt.datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK)
    assert (brief(there), said(there)) == (alone, within)
