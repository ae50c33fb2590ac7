"""Companies, customers, invoices and links for the bench, in bulk; run inside Django."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django_scopes import scopes_disabled

from audit.clock import db_now
from audit.models import AuditEntry
from bench.world import MERCHIDS
from customers.models import Customer
from invoices import link_tokens
from invoices.models import Invoice, LineItem, PaymentLink
from payments.models import CardConnectAccount
from tenants.models import Membership, Role, Tenant, User

CUSTOMERS = 300
STAFF = 3
PASSWORD = "bench bench bench bench"
TWO_PEOPLE_ABOVE = Decimal("500.00")
DAY = dt.date(2026, 11, 2)
BALANCES = """
    UPDATE customers_customer c SET balance =
        coalesce((SELECT sum(i.total) FROM invoices_invoice i WHERE i.customer_id = c.id), 0)
"""


@dataclass
class Bill:
    """What a payer and the office know of one invoice."""

    number: int
    company: str  # its short name
    token: str
    public_id: str
    amount: Decimal
    staff: list[str]  # the sessions of people who may change it


def write(count: int, seed: int) -> list[Bill]:
    """That many open invoices with a live link, spread over three companies."""
    dice = random.Random(seed)
    with scopes_disabled():
        found = []
        for index, merchid in enumerate(MERCHIDS):
            mine = range(index, count, len(MERCHIDS))
            found += _company(merchid, mine, dice)
    return sorted(found, key=lambda bill: bill.number)


def _company(merchid: str, numbers: range, dice: random.Random) -> list[Bill]:
    tenant = Tenant.objects.create(
        slug=f"bench-{merchid}", name=f"Bench {merchid}", phone="+19785550134",
        email=f"{merchid}@bench.example", street="14 Wharf Street", city="Gloucester",
        region="MA", postal="01930", processor=Tenant.Processor.CARDCONNECT,
        text_to_pay_enabled=True, refund_release_over=TWO_PEOPLE_ABOVE,
    )  # fmt: skip
    tenant.add_built_in_roles()
    account = CardConnectAccount(
        tenant=tenant, site="bench", merchid=merchid, username="testing", ach_enabled=True
    )
    account.set_password("testing123")
    account.save()
    staff = [_signed_in(tenant, number) for number in range(STAFF)]
    customers = Customer.objects.bulk_create(
        Customer(tenant=tenant, name=f"Customer {n}", number=f"C-{n}") for n in range(CUSTOMERS)
    )
    invoices = Invoice.objects.bulk_create(
        (
            Invoice(
                tenant=tenant, customer=customers[number % CUSTOMERS], number=f"B-{number}",
                status="open", issued_on=DAY, due_on=DAY, total=_amount(dice),
            )
            for number in numbers
        ),
        batch_size=2000,
    )  # fmt: skip
    LineItem.objects.bulk_create(
        (
            LineItem(tenant=tenant, invoice=i, position=0, description="Labor", unit_price=i.total)
            for i in invoices
        ),
        batch_size=2000,
    )
    AuditEntry.objects.bulk_create(
        (
            AuditEntry(
                tenant=tenant, subject=invoice.audit_subject, action="invoice.open",
                actor_label="Bench", data={},
            )
            for invoice in invoices
        ),
        batch_size=2000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(BALANCES)
    issued = [_link(invoice) for invoice in invoices]
    PaymentLink.objects.bulk_create((link for link, _ in issued), batch_size=2000)
    return [
        Bill(number, tenant.slug, token, str(invoice.public_id), invoice.total, staff)
        for number, invoice, (_, token) in zip(numbers, invoices, issued, strict=True)
    ]


def _amount(dice: random.Random) -> Decimal:
    return Decimal(dice.randrange(100, 99_900)) / 100


def _link(invoice: Invoice) -> tuple[PaymentLink, str]:
    nonce, key, now = link_tokens.new_nonce(), settings.LINK_KEYS[0], db_now()
    token = link_tokens.derive(nonce, key)
    values: dict[str, Any] = {"nonce": nonce, "digest": link_tokens.digest(token, key)}
    values |= {"hint": token[:6], "issued_at": now, "expires_at": now + dt.timedelta(days=60)}
    return PaymentLink(tenant=invoice.tenant, invoice=invoice, **values), token


def _signed_in(tenant: Tenant, number: int) -> str:
    """The session key of an administrator of the company."""
    user = User.objects.create_user(f"clerk{number}@{tenant.slug}.example", PASSWORD)
    role = Role.objects.get(tenant=tenant, name="Administrator")
    Membership.objects.create(user=user, tenant=tenant, role=role)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)
