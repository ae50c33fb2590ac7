"""Mistakes in what comes after the charge: refunds, returns, settlement."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest import mock

from django.db import transaction

from audit import clock
from payments.gateway import client, http
from payments.models import Payment, Refund
from payments.models.refund import RefundQuerySet, new_orderid
from payments.refunding import execute
from payments.settlement import status
from payments.staff import views


def refund_before_settled_reported_as_done() -> None:
    """The gateway answered, so the money is on its way back."""

    def hopeful(refund: Refund, answer: Any) -> None:
        refund.done(retref=answer.retref)

    execute._keep = hopeful


def refund_sent_again_after_a_timeout() -> None:
    """No answer? Just try again, as a new refund."""
    refund = client.refund

    def persistent(payment: Payment, amount: Decimal, orderid: str) -> Any:
        try:
            return refund(payment, amount, orderid)
        except http.Unknown:
            return refund(payment, amount, new_orderid())

    client.refund = persistent


def one_person_gives_back_any_amount() -> None:
    """Waiting for a second person only takes time."""
    careful = views.request_refund

    def alone(*args: Any, **kwargs: Any) -> tuple[Refund, bool]:
        refund, is_new = careful(*args, **kwargs)
        Refund._base_manager.filter(pk=refund.pk, status="requested").update(status="pending")
        refund.refresh_from_db()
        return refund, is_new

    views.request_refund = alone


def each_refund_has_a_limit_of_its_own() -> None:
    """This one is below the limit, so it needs no second person."""

    def alone(self: RefundQuerySet) -> Decimal:
        return Decimal("0.00")

    mock.patch.object(RefundQuerySet, "total_refunded", alone).start()


def return_applied_twice() -> None:
    """A line of the bank's report is a return, whenever it is read."""

    def each_time(self: Payment, code: str) -> bool:
        with transaction.atomic():
            row = self.invoice.locked()
            self._rows.update(status="returned", return_code=code, reversed_at=clock.db_now())
            self.refresh_from_db()
            self._record("payment.returned", None, **self._audit_data())
            row.paid = max(row.paid - self.amount, Decimal(0))
            row.save(update_fields=["paid"])
            row._rebalance(uncleared=False)
        return True

    mock.patch.object(Payment, "mark_returned", each_time).start()


def bank_payment_cleared_once_settled() -> None:
    """The gateway accepted it, so the bank will not send it back."""
    status.may_clear = lambda *_: True


def a_late_look_clears_again() -> None:
    """The gateway says it is settled, and from there a bank payment clears."""

    def cleared(self: Payment) -> bool:
        return self._advance("cleared", settled_at=clock.db_now())

    mock.patch.object(Payment, "mark_cleared", cleared).start()
