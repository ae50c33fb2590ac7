"""Harbor Plumbing & Heating, the practice company most pages are shown with."""

from __future__ import annotations

from decimal import Decimal

from textpay.demo.companies import Buyer, Company, Job, Person

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
