"""The practice company that bills all of its 200 customers on one morning, for a bulk send."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

from textpay.demo.companies import Buyer, Company, Job, Person

# A hundred fictional numbers to an area code are too few for one company's customers.
DENVER_AREAS = ("303", "720", "983")
FIRST_NAMES = (
    *("Aaron", "Alicia", "Andre", "Bonnie", "Caleb", "Celeste", "Darren", "Denise", "Elijah"),
    *("Fatima", "Gavin", "Hannah", "Isaac", "Jolene", "Karen", "Leonard", "Maribel", "Nolan"),
    *("Olga", "Preston", "Quinn", "Rosa", "Stephen", "Tamika", "Ursula", "Vincent", "Wendy"),
)
LAST_NAMES = (
    *("Abbott", "Barajas", "Castillo", "Dawson", "Espinoza", "Fowler", "Gallegos", "Hutchins"),
    *("Ibarra", "Jensen", "Kruger", "Lindqvist", "Montoya", "Nguyen", "O'Rourke", "Pruitt"),
    *("Quintana", "Redfern", "Sandoval", "Trujillo", "Underhill", "Vigil", "Whitlock", "Yazzie"),
)
SPEAK_SPANISH = ("Barajas", "Quintana")
STREETS = (
    ("South Pearl Street", "80210"),
    ("Tennyson Street", "80212"),
    ("East 17th Avenue", "80206"),
    ("Zuni Street", "80211"),
    ("Holly Street", "80220"),
    ("West Alameda Avenue", "80223"),
    ("Quebec Street", "80230"),
    ("South Monaco Parkway", "80237"),
    ("Sheridan Boulevard", "80214"),
)


def _households(count: int) -> Iterator[Buyer]:
    """As many customers in Denver, each with a name, an address and a mobile of their own."""
    chance = random.Random("bluebird")  # noqa: S311  the same people on every computer
    names = chance.sample(
        [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES], count
    )
    for number, name in enumerate(names):
        street, postal = chance.choice(STREETS)
        yield Buyer(
            name,
            name,
            chance.choice(("Home owner", "Home owner", "Home owner", "Tenant")),
            f"{number // len(DENVER_AREAS):02}",
            f"{chance.randrange(100, 4900)} {street}",
            postal,
            language="es" if name.split()[1] in SPEAK_SPANISH else "en",
            area=DENVER_AREAS[number % len(DENVER_AREAS)],
        )


BLUEBIRD = Company(
    slug="bluebird",
    name="Bluebird Pest Control",
    timezone="America/Denver",
    phone="+13035550180",
    email="office@bluebird.example",
    street="1801 Blake Street",
    city="Denver",
    region="CO",
    postal="80202",
    brand="#1f4e8c",
    area="303",
    tax_rate=Decimal("0.00"),
    ach=True,
    least=None,
    any_hour=True,
    looks_up=False,
    reminds=False,
    texts_per_second=6,  # slow enough to watch 200 of them, to pause, and to kill the worker
    people=(
        Person("Ingrid", "Falk", "Administrator", "admin@bluebird.example"),
        Person("Reggie", "Cole", "Office", "office@bluebird.example"),
        Person("Noor", "Aziz", "Viewer", "viewer@bluebird.example"),
    ),
    buyers=tuple(_households(200)),
    jobs=(
        Job("Quarterly pest service", (("Service, house to 2,000 sq ft", "1", "94.00"),)),
        Job(
            "Quarterly service and rodent stations",
            (
                ("Service, house to 2,000 sq ft", "1", "94.00"),
                ("Bait station checked", "4", "6.50"),
            ),
        ),
        Job(
            "Quarterly pest service, large house", (("Service, above 2,000 sq ft", "1", "128.00"),)
        ),
        Job(
            "Wasp nest removed",
            (("Quarterly service", "1", "94.00"), ("Nest removed, per nest", "2", "38.00")),
        ),
        Job(
            "Ants in the kitchen",
            (("Ant treatment, indoors", "1", "112.00"), ("Gel bait, tube", "2", "14.75")),
        ),
        Job(
            "Spiders, basement and garage",
            (("Treatment, per room", "3", "42.00"), ("Sticky monitors, pack", "1", "11.20")),
        ),
        Job("Termite inspection", (("Inspection with report", "1", "145.00"),)),
    ),
)
