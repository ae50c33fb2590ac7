"""What a demo company does beyond the demo: bill, charge, refund. Runs on 0.1.0, see make.py."""
# mypy: ignore-errors

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Iterator
from decimal import Decimal

from audit.clock import db_now
from invoices.models import Invoice
from payments import wording
from payments.models import Payment, Refund
from textpay.demo.shop import Shop
from textpay.demo.stories import BANK, CARDS, _settled, _texted

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
_count = itertools.count(1)


def reference() -> str:
    """A CardConnect reference that no other row has."""
    return f"6334{next(_count):08}"


class Office:
    """One company, its people by role, and customers taken in turn."""

    def __init__(self, shop: Shop, now: dt.datetime) -> None:
        self.shop, self.now, self.tenant = shop, now, shop.tenant
        self.admin = shop.people["Administrator"]
        self.books = shop.people.get("Bookkeeper", self.admin)
        self._buyers = itertools.cycle(b for b in shop.company.buyers[6:] if b.mobile)

    def today(self) -> dt.date:
        """The company's day."""
        return db_now().astimezone(self.tenant.zone).date()

    def bill(self, amount: str) -> Invoice:
        """An open invoice of one line."""
        today = self.today()
        line = {"description": "Labor", "quantity": Decimal("1.00"), "unit_price": Decimal(amount)}
        return Invoice.objects.write(
            lines=[line],
            tax=Decimal("0.00"),
            actor=self.shop.clerk,
            tenant=self.tenant,
            customer=self.shop._customers[next(self._buyers).name],
            description="Made for the upgrade",
            issued_on=today,
            due_on=today + dt.timedelta(days=30),
        )

    def charged(
        self,
        at: dt.datetime,
        amount: str = "120.00",
        token: str = CARDS[0],
        fee: str = "0.00",
    ) -> Iterator[dt.datetime]:
        """An invoice that was billed, texted and opened; returns the payment being charged."""
        yield at - DAY
        invoice = self.bill(amount)
        yield from _texted(self.shop, invoice, at - DAY + 10 * MINUTE)
        yield at - MINUTE
        link = invoice.links.get(status="live")
        link.mark_opened()
        yield at
        invoice.refresh_from_db()
        if fee == "0.00":
            return self.shop.tap_pay(invoice, token)
        today = self.today()
        payment, _ = Payment.objects.start(
            link,
            method="card",
            amount=invoice.balance,
            fee=Decimal(fee),
            key=uuid.uuid4(),
            token=token,
            agreement=wording.Agreement(
                text=wording.sentence(invoice, "card", invoice.balance, today, token=token),
                version=wording.WITH_SURCHARGE,
                ip="2001:db8::7",
                user_agent="Practice history",
            ),
        )
        payment.mark_sent()
        return payment

    def taken(self, at: dt.datetime, *args, settles: bool = True, **named):
        """The same, approved two seconds later and settled that night."""
        payment = yield from self.charged(at, *args, **named)
        yield at + 2 * MINUTE / 60
        self.shop.approved(payment)
        if settles:
            yield from _settled(payment)
        return payment

    def cleared(self, at: dt.datetime, amount: str = "90.00"):
        """A bank payment that cleared after six days."""
        payment = yield from self.taken(at, amount, BANK, settles=False)
        yield at + 6 * DAY
        payment.mark_cleared()
        return payment

    def request_refund(
        self, payment: Payment, amount: str = "", why: str = "Job not done"
    ) -> Refund:
        """The administrator requests a refund; above the limit it waits for the bookkeeper."""
        refund, _ = Refund.objects.request(
            payment,
            amount=Decimal(amount) if amount else payment.left,
            reason=why,
            actor=self.admin,
            key=uuid.uuid4(),
        )
        return refund

    def send_refund(self, payment: Payment, amount: str = "") -> Refund:
        """The same, sent to CardConnect."""
        refund = self.request_refund(payment, amount)
        refund.mark_sent()
        return refund
