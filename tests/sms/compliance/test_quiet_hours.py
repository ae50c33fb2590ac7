"""Quiet hours: by every clock the recipient may live by, to the second."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.models import Customer
from sms.compliance import quiet_hours
from sms.compliance.quiet_hours import Hours, next_allowed, zones_of_address, zones_of_number
from sms.models.rules import TextRules
from textpay.checks import tables_check

NOBODY = Customer(region="", postal="")
# One number and one address in each zone; India is half an hour off.
PLACES = {
    "America/Halifax": ("+19024551234", "NS", "B3H 1A1"),
    "Asia/Kolkata": ("+919876543210", "", ""),
    "America/Puerto_Rico": ("+17877651234", "PR", "00907"),
    "America/New_York": ("+19785550142", "MA", "01930"),
    "America/Chicago": ("+13125550142", "IL", "60610"),
    "America/Denver": ("+13035550142", "CO", "80202"),
    "America/Phoenix": ("+16025550142", "AZ", "85016"),
    "America/Los_Angeles": ("+13105550142", "CA", "90012"),
    "Pacific/Honolulu": ("+18085550142", "HI", "96813"),
}
# The mornings after the clocks were changed, and before.
NIGHTS = [dt.date(2026, 3, 8), dt.date(2026, 11, 1)]
SECONDS = [("07:59:59", False), ("08:00:00", True), ("20:59:59", True), ("21:00:00", False)]


def address(region: str = "", postal: str = "") -> Customer:
    return Customer(region=region, postal=postal)


def at(text: str, zone: str = "America/New_York") -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def rules(**fields: bool) -> TextRules:
    return TextRules(**{"quiet_hours": True, **fields})


def may(number: str, customer: Customer, moment: dt.datetime, **fields: bool) -> bool:
    return next_allowed(number, customer, rules(**fields), moment) == moment


@pytest.mark.parametrize("zone", PLACES)
@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize(("second", "allowed"), SECONDS)
def test_the_four_seconds_in_every_zone_on_both_nights(zone, night, second, allowed):
    number, region, postal = PLACES[zone]
    for day in (night, night - dt.timedelta(days=1)):
        with freeze_time(at(f"{day}T{second}", zone)):
            now = dt.datetime.now(dt.UTC)
            opens = next_allowed(number, address(region, postal), rules(), now)
        assert (opens == now) is allowed
        if not allowed:
            morning = day if second < "08" else day + dt.timedelta(days=1)
            assert opens == at(f"{morning}T08:00:00", zone)


def test_alaskas_area_code_reaches_to_the_aleutians_an_hour_behind():
    fairbanks = address("AK", "99701")
    assert not may("+19072741234", fairbanks, at("2026-11-23T08:59:59", "America/Anchorage"))
    assert may("+19072741234", fairbanks, at("2026-11-23T09:00:00", "America/Anchorage"))
    assert not may("+19072741234", fairbanks, at("2026-11-23T21:00:00", "America/Anchorage"))


def test_the_night_the_clock_is_set_back_is_an_hour_longer():
    opens = {
        night: next_allowed("+19785550142", NOBODY, rules(), at(f"{night}T21:00:00"))
        for night in ("2026-03-07", "2026-10-31", "2026-11-20")
    }
    waits = [(opens[n] - at(f"{n}T21:00:00")).total_seconds() / 3600 for n in opens]
    assert waits == [10, 12, 11]


@pytest.mark.parametrize(
    ("clock", "allowed"),
    [("10:59:59", False), ("11:00:00", True), ("20:59:59", True), ("21:00:00", False)],
)
def test_an_eastern_number_and_a_californian_address_must_both_be_open(clock, allowed):
    moment = at(f"2026-11-23T{clock}")
    assert may("+19785550142", address("CA", "90012"), moment) is allowed


def test_it_waits_for_the_later_of_the_two():
    evening = at("2026-11-23T21:30:00")
    opens = next_allowed("+19785550142", address("CA"), rules(), evening)
    assert opens == at("2026-11-24T11:00:00")


@pytest.mark.parametrize(
    "number", ["+18005550199", "+15005550100", "+12225550100", "+881612345678"]
)
def test_a_number_that_tells_no_place_needs_all_of_the_us_awake(number):
    assert zones_of_number(number) == quiet_hours.US_ZONES
    # 8 AM in Hawaii is 1 PM in New York in winter.
    assert not may(number, NOBODY, at("2026-11-23T12:59:59"))
    assert may(number, NOBODY, at("2026-11-23T13:00:00"))
    assert not may(number, NOBODY, at("2026-11-23T21:00:00"))


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+19785550142", {"America/New_York"}),
        ("+18505550142", {"America/New_York", "America/Chicago"}),
        ("+14235550142", {"America/New_York", "America/Chicago"}),
        ("+19285550142", {"America/Phoenix", "America/Denver"}),
        ("+442071838750", {"Europe/London"}),
        ("+61291234567", {"Australia/Sydney"}),
    ],
)
def test_the_whole_area_code_counts_since_people_take_their_numbers_along(number, zones):
    assert zones_of_number(number) == zones


@pytest.mark.parametrize(
    ("region", "postal", "zones"),
    [
        ("MA", "01930", {"America/New_York"}),
        ("massachusetts", "", {"America/New_York"}),
        ("FL", "33101", {"America/New_York"}),
        ("FL", "32501", {"America/Chicago"}),
        ("FL", "32401", {"America/New_York", "America/Chicago"}),
        ("Florida", "", {"America/New_York", "America/Chicago"}),
        ("TX", "79901", {"America/Denver"}),
        ("TN", "37402-1100", {"America/New_York"}),
        ("ON", "M5V 3L9", {"America/Toronto"}),
        ("ON", "p0x 1c0", {"America/Toronto", "America/Winnipeg"}),
        ("QC", "H2Y 1C6", {"America/Toronto"}),
        ("FL", "90012", {"America/New_York", "America/Chicago"}),
        ("", "33101", set()),
        ("Bavaria", "80331", set()),
    ],
)
def test_the_address_names_its_zones(region, postal, zones):
    assert zones_of_address(region, postal) == zones


def test_every_state_and_province_is_known_and_its_zones_exist():
    table = quiet_hours.zone_rows()
    assert len(table) == 50 + 1 + 5 + 13
    for row in table.values():
        assert set(row.get("postal", {})) <= set(row["zones"])
        for zone in row["zones"]:
            ZoneInfo(zone)


def test_a_company_without_quiet_hours_texts_at_night_unless_it_collects_for_others():
    night = at("2026-11-23T03:00:00")
    assert may("+19785550142", NOBODY, night, quiet_hours=False)
    assert not may("+19785550142", NOBODY, night, quiet_hours=False, third_party_collector=True)


ZONES = st.sampled_from(sorted({*quiet_hours.US_ZONES, *PLACES, "Europe/London", "Asia/Tokyo"}))
DAYS = st.one_of(st.none(), st.tuples(st.integers(0, 12), st.integers(13, 24)), st.just((8, 21)))
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.integers(0, 2 * 365 * 24 * 3600).map(lambda n: START + dt.timedelta(seconds=n))


@settings(max_examples=300)
@given(zones=st.frozensets(ZONES, max_size=4), week=st.tuples(*[DAYS] * 7), now=MOMENTS)
def test_the_next_moment_is_allowed_and_none_before_it_is(zones, week, now):
    hours = Hours(zones, week)
    opens = hours.next_open(now)
    if opens is None:
        quarters = (now + dt.timedelta(minutes=15 * n) for n in range(4 * 24 * 7))
        assert not any(hours.are_open(moment) for moment in quarters)
        return
    assert hours.are_open(opens)
    assert opens >= now
    if opens > now:
        assert not hours.are_open(now)
        assert not hours.are_open(opens - dt.timedelta(microseconds=1))
        step = (opens - now) / 97
        assert not any(hours.are_open(now + step * n) for n in range(97))


# --- The narrower hours of some states -------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "region", "clock", "allowed"),
    [
        # Monday, and the hours of the address's state.
        ("+12035550142", "CT", "2026-11-23T08:59:59", False),
        ("+12035550142", "CT", "2026-11-23T09:00:00", True),
        ("+12035550142", "CT", "2026-11-23T20:00:00", False),
        # The area code's state counts as well: a Florida number in Maine.
        ("+13055550142", "ME", "2026-11-23T19:59:59", True),
        ("+13055550142", "ME", "2026-11-23T20:00:00", False),
        # Rhode Island's weekend, Texas's Sunday noon, Alabama's Sunday off.
        ("+14015550142", "RI", "2026-11-23T17:59:59", True),
        ("+14015550142", "RI", "2026-11-28T17:00:00", False),
        ("+14015550142", "RI", "2026-11-28T16:59:59", True),
        ("+12145550142", "TX", "2026-11-22T12:59:59", False),  # noon in Dallas is 1 PM here
        ("+12145550142", "TX", "2026-11-22T13:00:00", True),
        ("+12055550142", "AL", "2026-11-22T15:00:00", False),
        # A state without rules of its own.
        ("+12075550142", "ME", "2026-11-22T08:00:00", True),
    ],
)
def test_strict_states(number, region, clock, allowed):
    customer = address(region, "75201" if region == "TX" else "")
    assert may(number, customer, at(clock), strict_states=True) is allowed


def test_sunday_off_waits_for_monday():
    opens = next_allowed(
        "+12055550142", address("AL"), rules(strict_states=True), at("2026-11-21T23:00:00")
    )
    assert opens == at("2026-11-23T08:00:00", "America/Chicago")


def test_where_no_state_is_known_the_strictest_of_all_counts():
    week = quiet_hours.hours_of("+12225550100", NOBODY, rules(strict_states=True)).week
    assert week == (((10, 18),) * 5 + ((10, 17), None))


def test_strict_states_are_a_companys_choice():
    assert may("+12055550142", address("AL"), at("2026-11-22T15:00:00"))


def test_every_row_is_dated_sourced_and_sane():
    for state, row in quiet_hours.strict_rows().items():
        assert row["source"], state
        assert isinstance(row["reviewed_on"], dt.date), state
        assert quiet_hours.state_of(state) == state
        for code in row["area_codes"]:
            assert str(code) in quiet_hours._area_zones(), (state, code)


def test_a_row_nobody_read_for_half_a_year_is_named():
    reviewed = quiet_hours.strict_rows()["TX"]["reviewed_on"]
    assert quiet_hours.overdue(reviewed + dt.timedelta(days=180)) == []
    late = quiet_hours.overdue(reviewed + dt.timedelta(days=181))
    assert any("strict hours of TX" in sentence for sentence in late)
    assert any("time zones of the states" in sentence for sentence in late)


def test_manage_check_warns_of_it_and_goes_on():
    with freeze_time("2028-01-01"):
        found = tables_check()
    assert found
    assert not any(message.is_serious() for message in found)
