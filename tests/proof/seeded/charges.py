"""Mistakes in taking money, and in finding out what became of it."""

from __future__ import annotations

import copy
import datetime as dt
import uuid
from decimal import Decimal
from typing import Any
from unittest import mock

from django.utils import timezone

from audit import clock
from invoices.models.invoice import Invoice
from payments import models, tasks
from payments.checkout import charge, claim
from payments.gateway import client, http, responses
from payments.models import Payment
from payments.models.payment import PaymentQuerySet


def no_invoice_lock() -> None:
    """Whoever reads the invoice before paying does not take its lock."""

    def unlocked(self: Invoice) -> Invoice:
        return Invoice._base_manager.select_related("tenant", "customer").get(pk=self.pk)

    mock.patch.object(Invoice, "locked", unlocked).start()


def retry_with_a_new_orderid() -> None:
    """No answer? Just try again, as a new order."""
    auth = client.auth

    def persistent(payment: Payment, *args: Any, **kwargs: Any) -> Any:
        try:
            return auth(payment, *args, **kwargs)
        except http.Unknown:
            payment.orderid = models.new_orderid()
            payment.save(update_fields=["orderid"])
            return auth(payment, *args, **kwargs)

    client.auth = persistent


def trusting_an_early_not_found() -> None:
    """The gateway does not know it yet, so it never will."""
    charge.NOT_FOUND_AFTER = dt.timedelta(seconds=5)


def no_sweep() -> None:
    """Nobody asks what became of it."""
    mock.patch.object(PaymentQuerySet, "to_inquire", lambda self, now: self.none()).start()


def float_money() -> None:
    """Cents by float: 100 * 1.15 is 114.99999999999999."""
    auth = client.auth

    def rounded(payment: Payment, *args: Any, **kwargs: Any) -> Any:
        wrong = copy.copy(payment)
        wrong.amount = Decimal(int(float(payment.amount) * 100)) / 100
        return auth(wrong, *args, **kwargs)

    client.auth = rounded


def increment_instead_of_recompute() -> None:
    """paid += amount, each time somebody tells it."""

    def increment(self: Payment) -> None:
        row = self.invoice.locked()
        row.book(paid=row.paid + self.amount, uncleared=self.is_clearing, payment=self.public_id)

    mock.patch.object(Payment, "book", increment).start()


def expiry_by_the_app_s_clock() -> None:
    """Every web server has its own idea of now."""
    clock._ask_database = timezone.now

    def as_sql(self: Any, *_: Any, **__: Any) -> Any:
        return "%s::timestamptz", (timezone.now(),)

    mock.patch.object(clock.DbNow, "as_sql", as_sql).start()


def ignoring_respstat_b() -> None:
    """Not approved is declined."""
    attempt = responses.attempt

    def hasty(row: Any, payment: Payment) -> Any:
        answer = attempt(row, payment)
        return answer or responses.Declined("PPS", "62", "Timed out", "Declined.")

    responses.attempt = hasty


def inquiring_beyond_the_mid() -> None:
    """Without the /1 the gateway searches every merchant that the credentials open."""
    ask = http.ask

    def wide(account: Any, verb: str, path: str, *args: Any, **kwargs: Any) -> Any:
        return ask(account, verb, path.removesuffix("/1"), *args, **kwargs)

    http.ask = wide
    responses.about = lambda *_: None


def second_tab_allowed() -> None:
    """Another attempt may start while one is open."""
    check = claim._check_may_start

    def careless(*args: Any, **kwargs: Any) -> Any:
        with mock.patch.object(PaymentQuerySet, "in_flight", lambda self: self.none()):
            return check(*args, **kwargs)

    claim._check_may_start = careless


def partial_approval_taken_as_full() -> None:
    """An approval is an approval."""
    settle = charge.record_outcome

    def generous(payment: Payment, answer: Any) -> None:
        if hasattr(answer, "amount"):
            object.__setattr__(answer, "amount", payment.amount)
        settle(payment, answer)

    charge.record_outcome = generous


def an_error_means_nothing_happened() -> None:
    """HTTP 500, so nothing was charged; try again."""
    auth = client.auth

    def optimistic(*args: Any, **kwargs: Any) -> Any:
        try:
            return auth(*args, **kwargs)
        except http.Unknown as unknown:
            raise http.NotSent(str(unknown)) from None

    client.auth = optimistic


def a_new_key_for_every_submit() -> None:
    """A double click is two payments."""
    start = claim.start

    def forgetful(*args: Any, **kwargs: Any) -> Any:
        return start(*args, **{**kwargs, "key": uuid.uuid4()})

    claim.start = forgetful


def a_late_no_undoes_a_booking() -> None:
    """Whatever was heard last is true."""
    wild = frozenset(Payment.Status.values)
    Payment.TRANSITIONS = dict.fromkeys(Payment.Status.values, wild)


def unconfirmed_void_is_believed() -> None:
    """The void was sent, so the money is back."""
    void = client.void

    def hopeful(*args: Any, **kwargs: Any) -> bool:
        void(*args, **kwargs)
        return True

    client.void = hopeful


def one_bad_row_stops_the_sweep() -> None:
    """An attempt that cannot be settled ends the whole round."""
    tasks._inquire_safely = lambda payment: charge.inquire(payment)
