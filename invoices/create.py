"""Creating an invoice: its number, its lines, and open for payment at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction

from audit.models import record
from customers.models import Customer
from invoices.models.invoice import Invoice, LineValues, no_payments
from tenants.models import Tenant, User


def write(
    *,
    tenant: Tenant,
    customer: Customer,
    issued_on: dt.date,
    due_on: dt.date,
    lines: Iterable[LineValues],
    tax: Decimal,
    actor: User | None,
    description: str = "",
    opened: bool = True,
) -> Invoice:
    """Create an invoice with the next number and open it for payment, unless it stays a draft.

    Raises InvoiceError.
    """
    with transaction.atomic():
        invoice = Invoice.objects.create(
            tenant=tenant,
            customer=customer,
            number=f"INV-{tenant.next_number('invoice')}",
            description=description,
            issued_on=issued_on,
            due_on=due_on,
        )
        record("invoice.created", tenant=tenant, subject=invoice.audit_subject, actor=actor)
        invoice.revise(lines=lines, tax=tax, actor=actor, read_payments=no_payments)
        if opened:
            invoice.open_for_payment(actor=actor)
    return invoice
