"""One company with many customers, each with an open invoice and a mobile; run inside Django."""

from __future__ import annotations

import datetime as dt
import os
import random
from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django_scopes import scopes_disabled

from customers.models import Contact, Customer
from invoices.models import Invoice, LineItem
from payments.models import CardConnectAccount
from sms.models import TextRules, TwilioAccount
from tenants.models import Membership, Role, Tenant, User

DAY = dt.date(2026, 11, 2)


def number_of(index: int) -> str:
    """A mobile for each customer: 781 and 857 are Massachusetts area codes."""
    area = "781" if index < 8_000_000 else "857"
    return f"+1{area}{2_000_000 + index % 8_000_000}"


def write(count: int, seed: int) -> tuple[Tenant, User, list[Invoice]]:
    """The company, whoever presses the button, and that many open invoices."""
    dice = random.Random(seed)
    with scopes_disabled():
        tenant = _company()
        staff = User.objects.create(
            email="office@bench.example",
            first_name="Maya",
            last_name="Torres",
            password=make_password(None),
        )
        role = Role.objects.get(tenant=tenant, name="Office")
        Membership.objects.create(user=staff, tenant=tenant, role=role)
        customers = Customer.objects.bulk_create(
            (
                Customer(tenant=tenant, name=f"Customer {n}", number=f"C-{n}", region="MA")
                for n in range(count)
            ),
            batch_size=2000,
        )
        Contact.objects.bulk_create(
            (
                Contact(tenant=tenant, customer=one, name=one.name, is_billing=True,
                        mobile=number_of(n))
                for n, one in enumerate(customers)
            ),
            batch_size=2000,
        )  # fmt: skip
        invoices = Invoice.objects.bulk_create(
            (
                Invoice(tenant=tenant, customer=one, number=f"B-{n}", status="open", issued_on=DAY,
                        due_on=DAY, total=Decimal(dice.randrange(100, 99_900)) / 100)
                for n, one in enumerate(customers)
            ),
            batch_size=2000,
        )  # fmt: skip
        LineItem.objects.bulk_create(
            (
                LineItem(tenant=tenant, invoice=i, position=0, description="Labor",
                         unit_price=i.total)
                for i in invoices
            ),
            batch_size=2000,
        )  # fmt: skip
    return tenant, staff, invoices


def _company() -> Tenant:
    tenant: Tenant = Tenant.objects.create(
        slug="bench", name="Bench Plumbing", phone="+19785550134", email="bench@bench.example",
        street="14 Wharf Street", city="Gloucester", region="MA", postal="01930",
        processor=Tenant.Processor.CARDCONNECT, text_to_pay_enabled=True,
    )  # fmt: skip
    tenant.add_built_in_roles()
    money = CardConnectAccount(tenant=tenant, site="bench", merchid="1", username="testing")
    money.set_password("testing123")
    money.save()
    account = TwilioAccount(
        tenant=tenant,
        account_sid=os.environ["BENCH_SID"],
        sender=os.environ["BENCH_SENDER"],
        texts_per_second=None,
        is_registered=True,
    )
    account.set_auth_token(os.environ["BENCH_TOKEN"])
    account.save()
    # The bench runs at any hour.
    TextRules.objects.create(tenant=tenant, quiet_hours=False)
    return tenant
