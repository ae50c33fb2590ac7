"""Quiet hours: texts go out from 8 AM to 9 PM in every time zone the recipient may live in."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NotRequired, Protocol, TypedDict
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, timezone
from phonenumbers.tzdata import TIMEZONE_DATA

# The first hour and the end of one day in the recipient's zone; None is a day without texts.
Day = tuple[int, int] | None
Week = tuple[Day, ...]
# 47 CFR 64.1200(c)(1) and 12 CFR 1006.6(b) name the same hours.
USUAL: Week = ((8, 21),) * 7
# For a number without a place, texts go out when it is day in all of the fifty states.
US_ZONES = frozenset(
    {
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Phoenix",
        "America/Los_Angeles",
        "America/Anchorage",
        "America/Adak",
        "Pacific/Honolulu",
    }
)
DATA = Path(__file__).parent / "data"
DAYS_AHEAD = 9  # a week, and a day on either side of it for other zones
REVIEW_AFTER = dt.timedelta(days=180)


class Address(Protocol):
    """A customer's state and ZIP code."""

    @property
    def region(self) -> str: ...

    @property
    def postal(self) -> str: ...


class HourRules(Protocol):
    """What a company decided about quiet hours."""

    @property
    def keeps_quiet_hours(self) -> bool: ...

    @property
    def strict_states(self) -> bool: ...


class ZoneRow(TypedDict):
    """A row of data/time_zones.toml."""

    name: str
    zones: list[str]
    postal: NotRequired[dict[str, list[str]]]


class StrictRow(TypedDict):
    """A row of data/strict_hours.toml."""

    weekdays: str
    saturday: str
    sunday: str
    area_codes: list[int]
    reviewed_on: dt.date
    source: str


@dataclass(frozen=True)
class Hours:
    """When one number may be texted: while the hours allow it in all of its zones."""

    zones: frozenset[str]
    week: Week = USUAL

    def are_open(self, moment: dt.datetime) -> bool:
        """Whether a text may go out at this moment. Without a zone: always."""
        return not any(True for _ in self.closed(moment))

    def closed(self, moment: dt.datetime) -> Iterator[dt.datetime]:
        """The local times, one per zone, that forbid a text at this moment."""
        for zone in self.zones:
            local = moment.astimezone(ZoneInfo(zone))
            day = self.week[local.weekday()]
            if day is None or not day[0] <= local.hour < day[1]:
                yield local

    def next_open(self, moment: dt.datetime) -> dt.datetime | None:
        """The first moment, from this one on, at which a text may go out; None: not for a week."""
        if self.are_open(moment):
            return moment
        # A period that all zones allow begins where one of them opens.
        starts = {start for zone in self.zones for start in self._openings(ZoneInfo(zone), moment)}
        return next((start for start in sorted(starts) if self.are_open(start)), None)

    def _openings(self, zone: ZoneInfo, moment: dt.datetime) -> Iterator[dt.datetime]:
        today = moment.astimezone(zone).date()
        for ahead in range(DAYS_AHEAD):
            date = today + dt.timedelta(days=ahead)
            if day := self.week[date.weekday()]:
                start = dt.datetime.combine(date, dt.time(day[0]), zone).astimezone(dt.UTC)
                if start > moment:
                    yield start


def hours_of(number: str, customer: Address | None, rules: HourRules) -> Hours:
    """The hours of an E.164 number, by its area code and the customer's billing address."""
    if not rules.keeps_quiet_hours:
        return Hours(frozenset())
    region, postal = (customer.region, customer.postal) if customer else ("", "")
    return _hours(number, region, postal, rules.strict_states)


def next_allowed(
    number: str, customer: Address | None, rules: HourRules, now: dt.datetime
) -> dt.datetime | None:
    """The first moment, from `now` on, at which the number may be texted.

    None when no hour of the coming week suits all zones.
    """
    return hours_of(number, customer, rules).next_open(now)


@lru_cache(maxsize=4096)
def _hours(number: str, region: str, postal: str, strict: bool) -> Hours:
    zones = zones_of_number(number) | zones_of_address(region, postal)
    return Hours(zones, _strict_week(number, region) if strict else USUAL)


def zones_of_number(number: str) -> frozenset[str]:
    """Every zone that an E.164 number's area code, or country, reaches into.

    People keep numbers when they move, so the finer location of the exchange is not used. Toll-free
    and unknown numbers: all US zones.
    """
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException:
        return US_ZONES
    if parsed.country_code == 1:
        return _area_zones().get(str(parsed.national_number)[:3], US_ZONES)
    if phonenumbers.number_type(parsed) == PhoneNumberType.TOLL_FREE:
        return US_ZONES
    found = frozenset(timezone.time_zones_for_number(parsed))
    return US_ZONES if not found or "Etc/Unknown" in found else found


@cache
def _area_zones() -> dict[str, frozenset[str]]:
    areas: dict[str, set[str]] = {}
    for prefix, zones in TIMEZONE_DATA.items():
        if prefix.startswith("1") and len(prefix) >= 4:
            areas.setdefault(prefix[1:4], set()).update(zones)
    return {code: frozenset(zones) for code, zones in areas.items()}


def zones_of_address(region: str, postal: str) -> frozenset[str]:
    """The zones of a US state or Canadian province, or the one zone of the ZIP code if certain.

    `region` is the two letters or the name. Empty for an unknown region.
    """
    row = zone_rows().get(state_of(region))
    if row is None:
        return frozenset()
    code = postal.strip().upper()
    for zone, ranges in row.get("postal", {}).items():
        if any(_within(code, each) for each in ranges):
            return frozenset({zone})
    return frozenset(row["zones"])


def state_of(region: str) -> str:
    """ "MA" for "ma", "MA" and "Massachusetts"; "" for no state or province."""
    word = region.strip().casefold()
    rows = zone_rows().items()
    return next((s for s, row in rows if word in (s.casefold(), row["name"].casefold())), "")


def _within(code: str, span: str) -> bool:
    first, last = span.split("-")
    return first <= code[: len(first)] <= last


def _strict_week(number: str, region: str) -> Week:
    """The hours that the states of the address and of the area code both allow.

    Without a known state, the hours that every row allows.
    """
    rows = strict_rows()
    area = int(number[2:5]) if number.startswith("+1") else 0
    known = number[2:5] in _area_zones() or not number.startswith("+1")
    if not known and not state_of(region):
        return _narrowest(rows.values())
    state = state_of(region)
    return _narrowest(row for s, row in rows.items() if s == state or area in row["area_codes"])


def _narrowest(rows: Iterable[StrictRow]) -> Week:
    week = list(USUAL)
    for row in rows:
        spans = [*[row["weekdays"]] * 5, row["saturday"], row["sunday"]]
        week = [_both(day, _day(span)) for day, span in zip(week, spans, strict=True)]
    return tuple(week)


def _day(hours: str) -> Day:
    if not hours:
        return None
    first, last = hours.split("-")
    return int(first), int(last)


def _both(one: Day, other: Day) -> Day:
    if one is None or other is None:
        return None
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return (first, last) if first < last else None


@cache
def zone_rows() -> dict[str, ZoneRow]:
    """The rows of data/time_zones.toml by state."""
    return {key: row for key, row in tomllib.loads(_file("time_zones")).items() if len(key) == 2}


@cache
def strict_rows() -> dict[str, StrictRow]:
    """The rows of data/strict_hours.toml by state."""
    return {key: row for key, row in tomllib.loads(_file("strict_hours")).items() if len(key) == 2}


def _file(name: str) -> str:
    return (DATA / f"{name}.toml").read_text(encoding="utf-8")


def overdue(today: dt.date) -> list[str]:
    """A sentence for each table, or state, that was not reviewed for more than 180 days."""
    dates: dict[str, dt.date] = {
        "the time zones of the states": tomllib.loads(_file("time_zones"))["reviewed_on"],
        **{f"the strict hours of {s}": row["reviewed_on"] for s, row in strict_rows().items()},
    }
    return [
        f"Nobody has reviewed {what} since {day}: read it again and date it, in "
        "sms/compliance/data."
        for what, day in dates.items()
        if today - day > REVIEW_AFTER
    ]
