"""What CardConnect must know of the practice companies, so that its books and ours agree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from django.utils import timezone

from payments.models import Payment, Refund
from tenants.models import Tenant

BATCH_CLOSES = dt.time(23, 30)
# How the numbers of each kind of card begin; all that is kept of a card are its last four digits.
BEGINS = {
    "Visa": "41",
    "Mastercard": "54",
    "American Express": "37",
    "Discover": "60",
    "Diners Club": "36",
    "JCB": "35",
}
Row = dict[str, str]


def night_after(moment: dt.datetime, tenant: Tenant) -> dt.datetime:
    """When the batch of that day closes."""
    local = moment.astimezone(tenant.zone)
    night = dt.datetime.combine(local.date(), BATCH_CLOSES, tenant.zone)
    return night if night > local else night + dt.timedelta(days=1)


# What the gateway has carried out, reversals included.
ON_THE_BOOKS = [*Payment.BOOKED, Payment.Status.VOIDED, Payment.Status.RETURNED]


def charges(tenants: Iterable[Tenant]) -> list[Row]:
    """Every charge and refund in their books, for the sandbox to know as well."""
    booked = Payment._base_manager.filter(tenant__in=tenants, method__in=["card", "ach"])
    booked = booked.filter(status__in=ON_THE_BOOKS).exclude(retref="")
    rows = []
    for payment in booked.select_related("tenant", "invoice").order_by("pk"):
        rows += [_sale(payment), *_refunds(payment)]
    return rows


def _sale(payment: Payment) -> Row:
    row = {
        "merchid": payment.merchid,
        "retref": payment.retref,
        "orderid": payment.orderid,
        "invoiceid": payment.invoice.number[:12],
        "kind": payment.method,
        "account": _masked(payment),
        "authcode": payment.authcode,
        "amount": f"{payment.amount:.2f}",
        "fee": f"{payment.fee:.2f}",
        "at": payment.begun.isoformat(),
    }
    return row | _fate(payment)


def _masked(payment: Payment) -> str:
    begins = "03" if payment.method == Payment.Method.ACH else BEGINS.get(payment.brand, "41")
    return f"{begins}XXXXXXXXXX{payment.last4}" if payment.last4 else ""


def _fate(payment: Payment) -> Row:
    """Result. A night that our books say nothing of has settled it as well."""
    reversed_at = payment.reversed_at or timezone.now()
    if payment.status == Payment.Status.VOIDED:
        return {"voided": reversed_at.isoformat()}
    told = {}
    settled = night_after(payment.begun, payment.tenant)
    if payment.method == Payment.Method.CARD:
        settled = payment.settled_at or settled
    if settled < reversed_at:
        told["settled"] = settled.isoformat()
    if payment.status == Payment.Status.RETURNED:
        told |= {"returned": reversed_at.isoformat(), "code": payment.return_code or "R01"}
    return told


def _refunds(payment: Payment) -> Iterator[Row]:
    given = Refund._base_manager.filter(payment=payment, kind=Refund.Kind.REFUND)
    given = given.filter(status__in=[*Refund.GIVEN, Refund.Status.RETURNED]).exclude(retref="")
    for refund in given.order_by("pk"):
        night = night_after(refund.begun, payment.tenant)
        settled = {"settled": night.isoformat()} if night < timezone.now() else {}
        yield settled | {
            "merchid": payment.merchid,
            "retref": refund.retref,
            "orderid": refund.orderid,
            "kind": payment.method,
            "amount": f"{refund.total:.2f}",
            "at": refund.begun.isoformat(),
            "parent": payment.retref,
        }
