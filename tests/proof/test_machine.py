"""Hypothesis plays payer, office, clock, crash and gateway; every invariant after every step."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from decimal import Decimal
from unittest import mock

import pytest
from django.db import connection  # noqa: F401  the mark below reads it
from django.db.models import F
from django.test import Client
from django_scopes import scopes_disabled
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bench import killing
from invoices.models import InvoiceError, PaymentLink
from payments import cardconnect
from payments.models import Payment
from payments.tasks import settle_unknown
from tests.factories import make_invoice, make_link
from tests.payments.conftest import address
from tests.proof.books import broken, judge
from tests.proof.conftest import KILLED, in_a_process
from tests.proof.test_kill_points import POINTS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a process needs a server"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

# Uniform waits miss the bugs that live at the edges of the time-outs.
WAITS = st.sampled_from([5, 31, 33, 41, 44, 46, 89, 91, 3600])
FAULTS = st.sampled_from(
    ["", "", "drop_before", "drop_after", "http_500", "html", "timeout_62", "timeout_62_authorized"]
)
LATE_AFTER = 32


class Machine(RuleBasedStateMachine):
    """One invoice, its payers, and a gateway that may commit late."""

    world: tuple = ()

    @initialize()
    def begin(self):
        self.gateway, tenant, self.clerk = self.world
        self.gateway.sandbox.reset()
        self.link = make_link(make_invoice(tenant))
        self.invoice = self.link.invoice
        self.amount = "182.50"
        self.form = {
            "key": str(uuid.uuid4()),
            "method": "card",
            "token": self.gateway.token(),
            "expiry": "203012",
            "authorized": "yes",
        }
        self.late = []  # (payment, seconds until the gateway commits it after all)

    def post(self, **more):
        self.form |= more
        Client().post(address(self.link), self.form | {"amount": self.amount})

    @rule(fault=FAULTS)
    def submit(self, fault):
        if fault:
            self.gateway.fault("auth", fault)
        self.post(key=str(uuid.uuid4()))

    @rule()
    def submit_and_be_charged_late(self):
        before = Payment.objects.count()
        silence = cardconnect.Unknown("nobody answers, yet")
        with mock.patch.object(cardconnect, "auth", side_effect=silence):
            self.post(key=str(uuid.uuid4()))
        newest = Payment.objects.first()
        if Payment.objects.count() > before and newest.status == "unknown":
            self.late.append([newest, LATE_AFTER])

    @rule()
    def click_twice(self):
        self.post()

    @rule(point=st.sampled_from(sorted(POINTS)))
    def pay_and_die(self, point):
        key = str(uuid.uuid4())
        self.form["key"] = key

        def work():
            POINTS[point]()
            self.post()

        assert in_a_process(work) in (KILLED, 0)

    @rule(seconds=WAITS)
    def wait(self, seconds):
        self.pass_time(seconds)

    @rule(seconds=WAITS, silent=st.booleans())
    def wait_sweep_and_try_again(self, seconds, silent):
        self.pass_time(seconds)
        if silent:
            self.gateway.fault("inquireByOrderid", "http_500")
        settle_unknown()
        self.post(key=str(uuid.uuid4()))

    @rule()
    def sweep(self):
        settle_unknown()

    @rule()
    def die_in_a_sweep(self):
        def work():
            killing.inside_the_outcome()
            settle_unknown()

        assert in_a_process(work) in (KILLED, 0)

    @rule()
    def expire(self):
        PaymentLink.objects.get(pk=self.link.pk).expire(actor=self.clerk)

    @rule()
    def resend(self):
        try:
            self.link = make_link(self.invoice)
        except InvoiceError:
            self.link.refresh_from_db()

    @rule(cents=st.integers(10_000, 30_000))
    def edit(self, cents):
        line = {"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal(cents) / 100}
        try:
            self.invoice.revise(lines=[line], tax=Decimal(0), actor=None)
        except InvoiceError:
            return
        self.amount = f"{self.invoice.balance:.2f}"

    def pass_time(self, seconds):
        """Everything open was begun that much earlier; what the gateway does late, it does."""
        step = dt.timedelta(seconds=seconds)
        Payment.objects.filter(invoice=self.invoice).update(
            created_at=F("created_at") - step,
            sent_at=F("sent_at") - step,
            next_inquiry_at=F("next_inquiry_at") - step,
        )
        for waiting in self.late:
            waiting[1] -= seconds
        for payment, left in list(self.late):
            if left <= 0:
                self.late = [w for w in self.late if w[0].pk != payment.pk]
                with contextlib.suppress(cardconnect.Unknown):
                    cardconnect.auth(payment, self.form["token"], expiry="203012")

    @precondition(lambda self: hasattr(self, "invoice"))
    @invariant()
    def the_books_hold(self):
        told = {p.orderid: {p.status} for p in Payment.objects.filter(invoice=self.invoice)}
        verdict = judge(self.gateway.charges(), told, self.invoice.pk)
        opened = {p.orderid for p in Payment.objects.in_flight()}
        lost = [entry for entry in verdict.lost if not any(o in entry for o in opened)]
        assert (verdict.double_charges, lost, verdict.invented, verdict.told_wrong) == (
            [], [], [], [],
        )  # fmt: skip
        assert broken() == []

    def teardown(self):
        """Without further trouble everything is found out, and the books are equal."""
        if not hasattr(self, "invoice"):
            return
        for _ in range(6):
            self.pass_time(100_000)
            settle_unknown()
        verdict = judge(self.gateway.charges(), None, self.invoice.pk)
        assert verdict.wrong == []


def test_any_order_of_events_leaves_the_books_right(gateway, tenant, clerk):
    Machine.world = (gateway, tenant, clerk)
    with scopes_disabled():
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=14,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
