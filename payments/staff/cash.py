"""Cash and checks that the office received, recorded by hand."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.db import transaction

from audit.clock import db_now
from audit.models import record
from invoices.models import Invoice
from payments.models import Payment
from tenants.models import User

ZERO = Decimal("0.00")


class CannotRecord(Exception):
    """The payment cannot be recorded; str() is the sentence to show."""


def record_by_hand(
    invoice: Invoice,
    *,
    method: str,
    amount: Decimal,
    document: str,
    received_on: dt.date,
    actor: User,
    key: uuid.UUID,
) -> tuple[Payment, bool]:
    """Book cash or a check that the office received; (payment, whether new).

    A card payment may end at the same moment: both are kept and the invoice shows as overpaid.
    Raises CannotRecord for more than the balance.
    """
    with transaction.atomic():
        row = invoice.locked()
        same = Payment.objects.filter(invoice=row, link=None, key=key).first()
        if same is not None:
            return same, False
        if row.status != Invoice.Status.OPEN or not ZERO < amount <= row.balance:
            owed = row.balance if row.status == Invoice.Status.OPEN else ZERO
            raise CannotRecord(f"${owed:,.2f} is due on this invoice, so nothing was recorded.")
        now = db_now()
        payment = Payment.objects.create(
            tenant=row.tenant,
            invoice=row,
            key=key,
            method=method,
            amount=amount,
            status=Payment.Status.CAPTURED,
            document=document,
            received_on=received_on,
            recorded_by=actor,
            created_at=now,
            resolved_at=now,
        )
        record(
            "payment.recorded",
            tenant=row.tenant,
            subject=row.audit_subject,
            actor=actor,
            amount=f"{amount:.2f}",
            account=payment.account_label,
            received_on=f"{received_on:%b} {received_on.day}, {received_on.year}",
        )
        payment.book()
    return payment, True
