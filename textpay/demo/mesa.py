"""Mesa Verde Electric, a practice company that takes payments in parts."""

from __future__ import annotations

from decimal import Decimal

from textpay.demo.companies import Buyer, Company, Job, Person

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
