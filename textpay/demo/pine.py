"""Pine Street Cleaning, the practice company that Support has yet to enable."""

from __future__ import annotations

from decimal import Decimal

from textpay.demo.companies import Buyer, Company, Job, Person

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
