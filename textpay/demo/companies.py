"""What there is to know of a practice company: its people, customers and trade. Every number is a
fictional one (555-0100 to 555-0199) and every address ends in .example."""

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
