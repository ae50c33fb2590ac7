"""The practice companies, their people, customers and trades. Every number is a fictional one
(555-0100 to 555-0199) and every address ends in .example."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Person:
    """Somebody who works there and can sign in."""

    first: str
    last: str
    role: str
    email: str


@dataclass(frozen=True)
class Buyer:
    """A customer and the person bills go to; `mobile` is the last two digits, "" for none.

    `area` is the area code of both numbers, "" for the company's own.
    """

    name: str
    contact: str
    role: str
    mobile: str
    street: str
    postal: str
    other: str = ""
    language: str = "en"
    area: str = ""


@dataclass(frozen=True)
class Job:
    """One kind of work: what the invoice says, and its lines as (words, quantity, price)."""

    words: str
    lines: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Company:
    """All there is to know of a practice company."""

    slug: str
    name: str
    timezone: str
    phone: str
    email: str
    street: str
    city: str
    region: str
    postal: str
    brand: str
    area: str
    tax_rate: Decimal
    ach: bool
    # The least that customers may pay at a time; None: only all of it.
    least: Decimal | None
    # Of its texts: whether they go out at night as well, so that the demo can be tried at any hour,
    # and whether Twilio Lookup is asked about numbers.
    any_hour: bool
    looks_up: bool
    reminds: bool
    people: tuple[Person, ...]
    buyers: tuple[Buyer, ...] = ()
    jobs: tuple[Job, ...] = field(default=(), repr=False)
    texts_per_second: int = 50


HARBOR = Company(
    slug="harbor",
    name="Harbor Plumbing & Heating",
    timezone="America/New_York",
    phone="+19785550134",
    email="office@harbor.example",
    street="14 Wharf Street",
    city="Gloucester",
    region="MA",
    postal="01930",
    brand="#0b6470",
    area="978",
    tax_rate=Decimal("0.0625"),
    ach=True,
    least=None,
    any_hour=True,
    looks_up=False,
    reminds=True,
    people=(
        Person("Alma", "Reyes", "Administrator", "admin@harbor.example"),
        Person("Maya", "Torres", "Office", "office@harbor.example"),
        Person("Beth", "Nolan", "Bookkeeper", "books@harbor.example"),
        Person("Victor", "Lane", "Viewer", "viewer@harbor.example"),
    ),
    buyers=(
        Buyer("Dana Whitfield", "Dana Whitfield", "Owner", "42", "8 Beacon Street", "01930", "43"),
        Buyer("Rosewood Apartments", "Marcus Bell", "Manager", "17", "200 Rosewood Drive", "01930"),
        Buyer("Cape Ann Bakery", "Ines Carvalho", "Owner", "28", "31 Main Street", "01930", "29"),
        Buyer("Tom and Priya Nair", "Priya Nair", "Home owner", "61", "5 Granite Lane", "01966"),
        Buyer("Eastern Point Yacht Club", "Harold Finch", "Steward", "73", "1 Point Road", "01930"),
        Buyer(
            "Lanesville Community Hall", "June Ostrow", "Treasurer", "35", "8 High Street", "01930"
        ),
        Buyer(
            "Joseph Almeida", "Joseph Almeida", "Home owner", "56", "77 Prospect Street", "01930"
        ),
        Buyer(
            "Bearskin Dental",
            "Dr. Kate Lindgren",
            "Owner",
            "84",
            "12 Pleasant Street",
            "01944",
            "85",
        ),
        Buyer("The Crow's Nest Inn", "Walter Kim", "Innkeeper", "22", "334 Shore Road", "01930"),
        Buyer("Elena Petrova", "Elena Petrova", "Tenant", "67", "19 Middle Street", "01930"),
        Buyer(
            "Saltmarsh Day Care", "Grace Obi", "Director", "91", "46 Essex Avenue", "01930", "92"
        ),
        Buyer(
            "Frank Delgado",
            "Frank Delgado",
            "Home owner",
            "13",
            "3 Hillside Court",
            "01966",
            language="es",
        ),
        Buyer(
            "Magnolia Fish Company",
            "Sal Ciaramitaro",
            "Bookkeeper",
            "78",
            "60 Commercial St",
            "01930",
        ),
        Buyer(
            "Ruth Abernathy", "Ruth Abernathy", "Home owner", "", "21 Summer Street", "01930", "39"
        ),
    ),
    jobs=(
        Job(
            "Water heater repair",
            (
                ("Diagnostic visit", "1", "79.00"),
                ("Heating element, 4,500 W", "2", "24.00"),
                ("Labor, per hour", "0.75", "70.00"),
            ),
        ),
        Job(
            "Kitchen drain cleared",
            (("Drain machine, main line", "1", "145.00"), ("Enzyme treatment", "1", "18.50")),
        ),
        Job(
            "Annual boiler service",
            (
                ("Boiler tune-up", "1", "189.00"),
                ("Thermocouple", "1", "26.40"),
                ("Flue inspection", "1", "45.00"),
            ),
        ),
        Job(
            "Bathroom faucet replaced",
            (
                ("Faucet, brushed nickel", "1", "164.00"),
                ("Labor, per hour", "1.50", "95.00"),
                ("Supply lines", "2", "12.75"),
            ),
        ),
        Job(
            "Burst pipe, emergency call",
            (
                ("Emergency call-out", "1", "220.00"),
                ("Copper pipe, 3/4 in, per foot", "6", "8.90"),
                ("Labor, per hour", "2.25", "125.00"),
            ),
        ),
        Job(
            "Sump pump installed",
            (
                ("Sump pump, 1/3 HP", "1", "289.00"),
                ("Check valve", "1", "21.60"),
                ("Labor, per hour", "2.00", "95.00"),
            ),
        ),
        Job("Radiators bled and balanced", (("Radiator, bled and balanced", "9", "22.00"),)),
        Job(
            "Toilet rebuilt",
            (("Fill valve and flapper", "1", "34.80"), ("Labor, per hour", "0.75", "95.00")),
        ),
        Job(
            "Backflow test, yearly",
            (("Backflow preventer test", "2", "85.00"), ("City filing", "1", "20.00")),
        ),
        Job(
            "Water heater, 50 gallons",
            (
                ("Water heater, gas, 50 gal", "1", "918.00"),
                ("Expansion tank", "1", "62.00"),
                ("Installation", "1", "540.00"),
                ("Old heater taken away", "1", "60.00"),
            ),
        ),
        Job(
            "Outdoor spigots winterized",
            (("Frost-proof spigot", "2", "48.00"), ("Labor, per hour", "1.00", "95.00")),
        ),
        Job(
            "Gas line to the range",
            (
                ("Gas line, per foot", "14", "11.50"),
                ("Pressure test", "1", "75.00"),
                ("Permit", "1", "55.00"),
            ),
        ),
    ),
)

MESA = Company(
    slug="mesa-verde",
    name="Mesa Verde Electric",
    timezone="America/Phoenix",
    phone="+16025550110",
    email="office@mesaverde.example",
    street="2210 East Camelback Road",
    city="Phoenix",
    region="AZ",
    postal="85016",
    brand="#8a3b12",
    area="602",
    tax_rate=Decimal("0.0860"),
    ach=False,
    least=Decimal("25.00"),
    any_hour=False,
    looks_up=True,
    reminds=False,
    people=(
        Person("Sam", "Stone", "Administrator", "admin@mesaverde.example"),
        Person("Nadia", "Brooks", "Office", "office@mesaverde.example"),
        Person("Ivy", "Chen", "Bookkeeper", "books@mesaverde.example"),
        Person("Oscar", "Vega", "Viewer", "viewer@mesaverde.example"),
    ),
    buyers=(
        Buyer(
            "Carmen Ruiz",
            "Carmen Ruiz",
            "Home owner",
            "21",
            "4418 North 32nd Street",
            "85018",
            language="es",
        ),
        Buyer(
            "Palo Verde Clinic",
            "Dr. Amir Haddad",
            "Director",
            "37",
            "900 East Indian School Rd",
            "85014",
            "38",
        ),
        Buyer(
            "Copper State Coffee", "Lena Hoff", "Owner", "45", "17 West Roosevelt Street", "85003"
        ),
        Buyer(
            "Desert Bloom School",
            "Paul Whitaker",
            "Facilities",
            "52",
            "6801 North 7th Avenue",
            "85013",
        ),
        Buyer("Kevin Tsosie", "Kevin Tsosie", "Home owner", "64", "2930 East Osborn Road", "85016"),
        Buyer(
            "Saguaro Auto Glass",
            "Mike Kowalski",
            "Manager",
            "79",
            "1120 West Grand Avenue",
            "85007",
        ),
        Buyer(
            "Hotel Encanto", "Beatriz Luna", "Engineer", "83", "55 East Encanto Blvd", "85004", "84"
        ),
        Buyer(
            "Yolanda Pierce",
            "Yolanda Pierce",
            "Home owner",
            "96",
            "3305 North 15th Avenue",
            "85015",
        ),
        Buyer(
            "Arcadia Dance Studio", "Simone Ardant", "Owner", "14", "4025 East Thomas Road", "85018"
        ),
        Buyer(
            "The Patel Family", "Ravi Patel", "Home owner", "58", "7712 North 12th Street", "85020"
        ),
        Buyer(
            "Roadrunner Storage", "Glen Mabry", "Manager", "69", "2400 South 19th Avenue", "85009"
        ),
        Buyer(
            "Lucia Hernandez", "Lucia Hernandez", "Tenant", "33", "1515 East McDowell Road", "85006"
        ),
        Buyer(
            "Sunnyslope Veterinary",
            "Dr. Ellen Price",
            "Owner",
            "71",
            "9201 North Cave Creek Rd",
            "85020",
        ),
        Buyer(
            "George Nakamura",
            "George Nakamura",
            "Home owner",
            "",
            "640 West Vernon Avenue",
            "85007",
            "47",
        ),
    ),
    jobs=(
        Job(
            "Panel upgrade, 200 amps",
            (
                ("Main panel, 200 A", "1", "685.00"),
                ("Labor, per hour", "8.00", "110.00"),
                ("City permit", "1", "148.00"),
            ),
        ),
        Job(
            "Ceiling fans hung",
            (("Fan bracket", "3", "18.20"), ("Labor, per hour", "2.50", "110.00")),
        ),
        Job(
            "Charger for an electric car",
            (
                ("Charger circuit, 50 A", "1", "420.00"),
                ("Wall charger, mounted", "1", "185.00"),
                ("City permit", "1", "96.00"),
            ),
        ),
        Job(
            "Breaker replaced",
            (("Breaker, 20 A, dual function", "1", "64.00"), ("Service call", "1", "89.00")),
        ),
        Job(
            "Pool pump wiring",
            (
                ("GFCI breaker, 2-pole", "1", "128.00"),
                ("Labor, per hour", "1.75", "110.00"),
                ("Bonding wire, per foot", "20", "1.90"),
            ),
        ),
        Job(
            "Parking lot lights",
            (("LED fixture, 150 W", "4", "212.00"), ("Bucket truck, per hour", "3.00", "140.00")),
        ),
        Job(
            "Outlets in the workshop",
            (("Outlet, 20 A, GFCI", "6", "34.50"), ("Labor, per hour", "3.00", "110.00")),
        ),
        Job(
            "Smoke alarms, hard-wired",
            (("Smoke and CO alarm", "5", "58.00"), ("Labor, per hour", "1.50", "110.00")),
        ),
        Job(
            "Air conditioner disconnect",
            (("Disconnect, 60 A", "1", "72.00"), ("Labor, per hour", "1.00", "110.00")),
        ),
        Job(
            "Emergency lights, yearly test",
            (("Emergency light tested", "14", "12.50"), ("Battery, 6 V", "3", "21.00")),
        ),
        Job(
            "Power out, emergency call",
            (
                ("Emergency call-out", "1", "195.00"),
                ("Meter socket lugs", "2", "38.00"),
                ("Labor, per hour", "1.50", "150.00"),
            ),
        ),
        Job(
            "Kitchen lighting",
            (
                ("Recessed light, LED", "8", "46.00"),
                ("Dimmer", "2", "39.00"),
                ("Labor, per hour", "4.00", "110.00"),
            ),
        ),
    ),
)

PINE = Company(
    slug="pine-street",
    name="Pine Street Cleaning",
    timezone="America/Chicago",
    phone="+13125550120",
    email="hello@pinestreet.example",
    street="310 West Pine Street",
    city="Chicago",
    region="IL",
    postal="60610",
    brand="#2f6b2f",
    area="312",
    tax_rate=Decimal("0.00"),
    ach=False,
    least=None,
    any_hour=False,
    looks_up=False,
    reminds=False,
    people=(Person("Wanda", "Kroll", "Administrator", "admin@pinestreet.example"),),
    buyers=(
        Buyer(
            "Lakeview Offices",
            "Peter Grand",
            "Manager",
            "31",
            "900 North Lake Shore Drive",
            "60611",
        ),
    ),
    jobs=(
        Job(
            "Offices cleaned, November",
            (("Cleaning, per visit", "8", "95.00"), ("Windows", "1", "140.00")),
        ),
    ),
)
