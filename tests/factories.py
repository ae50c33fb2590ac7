"""Plain functions that make the people and papers tests are about."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal
from typing import Any

from django.utils import timezone

from customers.models import Contact, Customer
from invoices.models import Invoice, PaymentLink, no_payments
from invoices.models.invoice import LineValues
from payments.models import CardConnectAccount
from sms.models import TextMessage, TextRules, TwilioAccount
from sms.outbox.queue import queue_text
from sms.recipient import Recipient
from tenants.models import Membership, Role, Tenant, User

PASSWORD = "correct horse battery staple"
MERCHID = "496160873888"
TWILIO_SID = "AC" + "1" * 32
TWILIO_TOKEN = "test-auth-token"
SENDER = "+19785550190"
MOBILE = "+19785550142"
_count = itertools.count(1)


def make_tenant(name: str = "Harbor Plumbing & Heating", **fields: Any) -> Tenant:
    """A company with its roles, in New York, without processor or sender."""
    number = next(_count)
    values: dict[str, Any] = {
        "slug": f"company-{number}",
        "name": name,
        "phone": "+19785550134",
        "email": f"office{number}@harbor.example",
        "street": "14 Wharf Street",
        "city": "Gloucester",
        "region": "MA",
        "postal": "01930",
        **fields,
    }
    tenant = Tenant.objects.create(**values)
    tenant.add_built_in_roles()
    return tenant


def make_ready_tenant(name: str = "Harbor Plumbing & Heating", **fields: Any) -> Tenant:
    """A company that may text and be paid: CardConnect, Twilio, Text-to-Pay on."""
    tenant = make_tenant(
        name,
        **{"processor": Tenant.Processor.CARDCONNECT, "text_to_pay_enabled": True, **fields},
    )
    number = next(_count)
    make_cardconnect(tenant, merchid=str(int(MERCHID) + number))
    # Worcester numbers, so that no company ever sends from a number that a test texts.
    make_twilio(tenant, account_sid=f"AC{number:032x}", sender=f"+1508555{100 + number % 100:04d}")
    return tenant


def make_cardconnect(tenant: Tenant, **fields: Any) -> CardConnectAccount:
    """A merchant account; user name and password are "testing" and "testing123"."""
    account = CardConnectAccount(
        tenant=tenant,
        **{
            "site": "fts-uat",
            "merchid": MERCHID,
            "username": "testing",
            "ach_enabled": True,
            **fields,
        },
    )
    account.ach_enabled = fields.get("ach_enabled", True)
    account.set_password("testing123")
    account.save()
    return account


def make_twilio(tenant: Tenant, **fields: Any) -> TwilioAccount:
    """A Twilio account whose auth token is TWILIO_TOKEN."""
    account = TwilioAccount(
        tenant=tenant,
        **{
            "account_sid": TWILIO_SID,
            "sender": SENDER,
            "is_registered": True,
            "texts_per_second": None,
            **fields,
        },
    )
    account.set_auth_token(TWILIO_TOKEN)
    account.save()
    return account


def make_member(tenant: Tenant, role: str = "Office", *, name: str = "Maya Torres") -> User:
    """A person who signs in with PASSWORD and works at `tenant`."""
    first, _, last = name.partition(" ")
    user = User.objects.create_user(
        f"{first.lower()}{next(_count)}@staff.example", PASSWORD, first_name=first, last_name=last
    )
    Membership.objects.create(
        user=user, tenant=tenant, role=Role.objects.get(tenant=tenant, name=role)
    )
    return user


def make_customer(tenant: Tenant, name: str = "Dana Whitfield", **fields: Any) -> Customer:
    """A customer with a billing contact of the same name, with mobile and email."""
    contact = {
        "mobile": fields.pop("mobile", MOBILE),
        "email": fields.pop("email", "dana@whitfield.example"),
    }
    customer = Customer.objects.create(
        tenant=tenant, name=name, number=f"C-{next(_count)}", **fields
    )
    Contact.objects.create(tenant=tenant, customer=customer, name=name, is_billing=True, **contact)
    return customer


def make_invoice(
    tenant: Tenant | None = None,
    *,
    customer: Customer | None = None,
    total: str = "182.50",
    opened: bool = True,
    **fields: Any,
) -> Invoice:
    """An open invoice of one line, of today and due in thirty days."""
    if customer is None:
        customer = make_customer(tenant or make_ready_tenant())
    today = timezone.now().astimezone(customer.tenant.zone).date()
    invoice = Invoice.objects.create(
        tenant=customer.tenant,
        customer=customer,
        number=fields.pop("number", f"INV-{next(_count) + 1000}"),
        description=fields.pop("description", "Water heater repair"),
        issued_on=fields.pop("issued_on", today),
        due_on=fields.pop("due_on", today + dt.timedelta(days=30)),
        **fields,
    )
    line = LineValues(description="Labor", quantity=Decimal("1.00"), unit_price=Decimal(total))
    invoice.revise(lines=[line], tax=Decimal("0.00"), actor=None, read_payments=no_payments)
    if opened:
        invoice.open_for_payment(actor=None)
    return invoice


def make_link(invoice: Invoice) -> PaymentLink:
    """A live payment link."""
    return PaymentLink.objects.issue(invoice, actor=None)


def keep_quiet_hours(tenant: Tenant, **fields: Any) -> TextRules:
    """From now on the company texts by the recipient's clock only, as companies do by default."""
    values = {"quiet_hours": True, **fields}
    return TextRules.objects.update_or_create(tenant=tenant, defaults=values)[0]


def long_ago(text: TextMessage, hours: int = 48) -> TextMessage:
    """The same text, as if it had gone out that many hours earlier."""
    then = timezone.now() - dt.timedelta(hours=hours)
    TextMessage._base_manager.filter(pk=text.pk).update(sent_at=then, queued_at=then)
    text.refresh_from_db()
    return text


def make_text(invoice: Invoice, actor: User, **fields: Any) -> TextMessage:
    """A queued text for the invoice."""
    recipient = Recipient.of(invoice.customer, fields.pop("to", MOBILE))
    message, _ = queue_text(invoice, recipient, **{"actor": actor, "key": uuid.uuid4(), **fields})
    return message
