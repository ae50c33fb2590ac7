"""CardConnect's reports of some days, and the payments and refunds they may be about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import Q

from payments.gateway import reports
from payments.models import CardConnectAccount, Payment, Refund

AT_ONCE = 500  # lines whose payments are read in one query
ZERO = Decimal("0.00")
CAME_BACK = [Refund.Status.RETURNED, Refund.Status.REPAID]
GIVEN_ONCE = [Refund.Status.DONE, *CAME_BACK]


@dataclass(frozen=True)
class Line:
    """One transaction, merged from the gateway's reports."""

    retref: str
    amount: Decimal
    day: dt.date
    orderid: str = ""
    invoicenumber: str = ""
    parentretref: str = ""
    return_code: str = ""
    is_rejected: bool = False
    is_bank: bool = False
    # What was paid out for it, before fees; None when nothing was paid out yet.
    paid_out: Decimal | None = None
    # The surcharge within the amount, where an inquiry was needed.
    fee: Decimal = ZERO


def read(account: CardConnectAccount, from_day: dt.date, to_day: dt.date) -> list[Line]:
    """Every settled, rejected or funded transaction of these days; raises NotSent or Unknown.

    Queued transactions and those under review have no line yet.
    """
    lines: dict[str, Line] = {}
    for day in _days(from_day, to_day):
        for settled in reports.settlements(account, day):
            if not (settled.is_accepted or settled.is_rejected):
                continue
            lines[settled.retref] = Line(
                retref=settled.retref,
                amount=settled.amount,
                day=day,
                orderid=settled.orderid,
                is_rejected=settled.is_rejected,
                is_bank=settled.cardtype in reports.BANK_TYPES,
            )
    for day in _days(from_day, to_day):
        for funded in reports.funding(account, day):
            is_refund = funded.kind == "REFUND"
            amount = -abs(funded.amount) if is_refund else funded.amount
            known = lines.get(funded.retref) or Line(funded.retref, amount, day)
            lines[funded.retref] = replace(
                known,
                invoicenumber=funded.invoicenumber or known.invoicenumber,
                parentretref=funded.parentretref or known.parentretref,
                # A later report may repeat it without the reason.
                return_code=funded.achreturncode or known.return_code,
                is_rejected=known.is_rejected or funded.is_rejected,
                is_bank=known.is_bank or funded.is_bank,
                paid_out=funded.amount if funded.is_paid_out else known.paid_out,
            )
    return list(lines.values())


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    for number in range((last - first).days + 1):
        yield first + dt.timedelta(days=number)


class Books:
    """Payments and refunds that these lines may be about, read in a few queries.

    They may be seconds old when their line is compared. A line that does not agree is compared
    again with a fresh row before it is reported.
    """

    def __init__(self, account: CardConnectAccount, lines: Sequence[Line]) -> None:
        self._payments: dict[str, Payment] = {}
        self._orders: dict[str, Payment] = {}
        self._refunds: dict[str, Refund] = {}
        for at in range(0, len(lines), AT_ONCE):
            self._read(account, lines[at : at + AT_ONCE])

    def _read(self, account: CardConnectAccount, lines: Sequence[Line]) -> None:
        names = {name for line in lines for name in (line.retref, line.parentretref) if name}
        orders = {line.orderid for line in lines if line.orderid}
        mine = Payment.objects.filter(tenant=account.tenant, merchid=account.merchid)
        for payment in mine.filter(Q(retref__in=names) | Q(orderid__in=orders)).select_related(
            "invoice", "tenant"
        ):
            self.add(payment)
        refunds = Refund.objects.filter(
            tenant=account.tenant, payment__merchid=account.merchid, kind="refund"
        ).filter(Q(retref__in=names) | Q(orderid__in=orders))
        for refund in refunds.select_related("payment__invoice", "payment__tenant"):
            self._refunds.setdefault(refund.retref or refund.orderid, refund)
            self._refunds.setdefault(refund.orderid, refund)

    def add(self, payment: Payment) -> None:
        """Add a payment."""
        payment = self._orders.setdefault(payment.orderid, payment)
        self._payments.setdefault(payment.retref, payment)

    def payment(self, line: Line) -> Payment | None:
        """The payment of this line: by reference first, then by order number."""
        found = self._payments.get(line.parentretref or line.retref)
        return found or (self._orders.get(line.orderid) if line.orderid else None)

    def refund(self, line: Line) -> Refund | None:
        """The refund of this line, in any status: by reference or order number, or as a returned
        credit.
        """
        names = (line.retref, line.parentretref, line.orderid)
        return next((self._refunds[name] for name in names if name in self._refunds), None)
