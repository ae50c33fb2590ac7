"""Hypothesis plays payer, office, bank, clock, crash and gateway; every rule after every step."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Any
from unittest import mock

import hypothesis
import pytest
import requests
from django.db import connection
from django_scopes import scope, scopes_disabled
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit.clock import db_now
from bench import killing
from invoices.models import InvoiceError, PaymentLink
from invoices.models.invoice import LineValues
from invoices.tasks import expire_links
from payments.gateway import http
from payments.models import CardConnectAccount, Payment, Refund, payment_state
from payments.reconciliation import verify
from payments.tasks import settle_bank_payments, settle_refunds, settle_unknown
from sms.models import TextMessage
from sms.outbox.queue import queue_text
from sms.recipient import Recipient
from sms.tasks import deliver
from tests.addresses import reverse
from tests.conftest import ScopedClient, signed_in
from tests.factories import MOBILE, PASSWORD, make_invoice, make_link
from tests.payments.conftest import BANK, address
from tests.proof import meanwhile
from tests.proof.books import broken, judge
from tests.proof.conftest import KILLED, in_a_process
from tests.proof.test_kill_points import POINTS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a process needs a server"),
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

# Uniform waits miss the bugs that live at the edges of the time-outs.
WAITS = st.sampled_from([5, 31, 33, 41, 44, 46, 89, 91, 3600])
DAYS = st.sampled_from([1, 3, 12, 61])
CHARGE_FAULTS = st.sampled_from(
    ["", "", "", "drop_before", "drop_after", "http_500", "html", "truncated", "timeout_62"]
    + ["timeout_62_authorized", "timeout_62_late", "late_commit"]
)
BACK_FAULTS = st.sampled_from(
    ["", "", "", "drop_before", "drop_after", "http_503", "http_500_after", "late_commit"]
)
ASK_FAULTS = st.sampled_from(["", "", "inquireByOrderid", "inquire", "funding"])
METHODS = st.sampled_from(["card", "ach"])
STATEMENTS = st.integers(0, 45)
SWEEPS = {
    "charges": settle_unknown,
    "refunds": settle_refunds,
    "settlement": settle_bank_payments,
}
CENT = Decimal("0.01")
DAY = 86_400
EXAMPLES, STEPS = 12, 18


class Machine(RuleBasedStateMachine):
    """One invoice, its payers, an office of two, and a gateway that may commit late."""

    world: tuple = ()
    held: Any = None  # the question whose answer came late
    wish: Any = None  # what the office asked for last: a payment, and the form

    @initialize(method=METHODS, lived=st.sampled_from(["", "paid", "settled", "funded"]))
    def begin(self, method, lived):
        self.gateway, self.time, self.tenant, self.clerk, self.people = self.world
        self.time.begin_anew()
        CardConnectAccount.objects.update(funding_read_to=None, next_funding_at=None)
        self.link = make_link(make_invoice(self.tenant))
        self.invoice = self.link.invoice
        self.balance = "182.50"
        self.form = {"key": str(uuid.uuid4()), "expiry": "203012", "authorized": "yes"}
        self.form |= {"account": "ECHK", "name": "Dana Whitfield"}
        self.tokens = {"card": self.gateway.token(), "ach": self.gateway.token(BANK)}
        self.steps = 0
        self.known = self.rules_broken()  # by an example that failed, so that this one may shrink
        if lived:
            self.submit(method, "", stale=False)
        if lived in ("settled", "funded"):
            self.close_the_batch(reject=False, fund=lived == "funded")
            self.days_pass(12 if lived == "funded" else 1)

    # --- the payer ----------------------------------------------------------------------------
    def post(self, **more):
        self.form |= more
        ScopedClient().post(address(self.link), self.form | {"amount": self.balance})

    def open_page(self):
        self.invoice.refresh_from_db()
        self.balance = f"{self.invoice.balance:.2f}"

    def submit_by(self, method):
        self.post(key=str(uuid.uuid4()), method=method, token=self.tokens[method])

    @rule(method=METHODS, fault=CHARGE_FAULTS, stale=st.booleans())
    def submit(self, method, fault, stale):
        if not stale:
            self.open_page()
        if fault:
            self.gateway.fault("auth", fault)
        self.submit_by(method)

    @precondition(lambda self: "token" in self.form)
    @rule()
    def click_twice(self):
        self.post()

    @precondition(lambda self: self.invoice.is_payable)
    @rule(point=st.sampled_from(sorted(POINTS)), method=METHODS)
    def pay_and_die(self, point, method):
        self.open_page()
        self.form |= {"key": str(uuid.uuid4()), "method": method, "token": self.tokens[method]}
        self.die(POINTS[point], self.post)

    # --- the office ---------------------------------------------------------------------------
    @rule()
    def expire(self):
        PaymentLink.objects.get(pk=self.link.pk).expire(actor=self.clerk)

    @rule(goes_out=st.booleans())
    def resend(self, goes_out):
        last = TextMessage.objects.filter(invoice=self.invoice).order_by("-id").first()
        seen = str(last.public_id) if last else ""
        with contextlib.suppress(InvoiceError):
            text, _ = queue_text(
                self.invoice, Recipient(MOBILE, self.invoice.customer), actor=self.clerk,
                key=uuid.uuid4(), seen=seen, confirmed=True,
            )  # fmt: skip
            self.link = text.link or self.link
            if goes_out:
                with scope():
                    deliver(text.pk)

    @rule(cents=st.integers(10_000, 30_000))
    def edit(self, cents):
        price = Decimal(cents) / 100
        line = LineValues(description="Labor", quantity=Decimal(1), unit_price=price)
        with contextlib.suppress(InvoiceError):
            self.invoice.revise(
                lines=[line], tax=Decimal(0), actor=None, read_payments=payment_state
            )

    @precondition(lambda self: self.steps > 12)
    @rule()
    def void_the_invoice(self):
        with contextlib.suppress(InvoiceError):
            self.invoice.void(actor=self.clerk, reason="Written twice", read_payments=payment_state)

    def payments(self, **wanted):
        return Payment.objects.filter(invoice=self.invoice, **wanted)

    def refunds(self, **wanted):
        return Refund.objects.filter(payment__invoice=self.invoice, **wanted)

    def requested(self):
        return self.refunds(status="requested")

    def office(self, what, about, data, who=0):
        data = {"confirm_password": PASSWORD, "reason": "A mistake", **data}
        browser = signed_in(self.people[who])
        browser.post(reverse(f"payments:{what}", args=[about.public_id]), data)

    @rule(part=st.booleans())
    def take_cash_or_void_it(self, part):
        taken = self.payments(method="cash", status="captured").first()
        if taken is not None:
            self.office("void_record", taken, {})
            return
        self.open_page()
        amount = (self.invoice.balance / (2 if part else 1)).quantize(CENT)
        data = {"method": "cash", "amount": amount, "received_on": "2026-01-02"}
        self.office("record", self.invoice, {"key": str(uuid.uuid4()), **data})

    def taken(self):
        return [one for one in self.payments(method__in=["card", "ach"]) if one.is_booked]

    def worth_giving_back(self, part):
        """A wish: all or a part of a payment that has something left, else of the newest."""
        payment = next((one for one in self.taken() if one.left), self.taken()[0])
        amount = (payment.left or payment.amount) / (2 if part else 1)
        data = {"amount": amount.quantize(CENT), "key": str(uuid.uuid4())}
        self.wish = (payment, data)
        return payment

    @precondition(lambda self: self.taken())
    @rule(part=st.booleans(), fault=BACK_FAULTS, released=st.booleans())
    def give_back(self, part, fault, released):
        payment = self.worth_giving_back(part)
        if fault:
            self.gateway.fault("void" if payment.is_unsettled else "refund", fault)
        self.office("give_back", *self.wish)
        if released:
            self.decide(1, "release")

    @precondition(lambda self: self.wish)
    @rule()
    def give_back_again(self):
        self.office("give_back", *self.wish)

    @precondition(lambda self: self.taken())
    @rule(part=st.booleans(), number=st.none() | STATEMENTS)
    def give_back_and_die(self, part, number):
        self.worth_giving_back(part)
        trap = killing.before_reading if number is None else self.trap_at(number)
        self.die(trap, lambda: self.office("give_back", *self.wish))

    @precondition(lambda self: self.requested().exists())
    @rule(who=st.sampled_from([0, 1, 1, 1]), decision=st.sampled_from(["release"] * 3 + ["cancel"]))
    def decide(self, who, decision):
        for refund in self.requested():
            self.office("release", refund, {"decision": decision}, who)

    # --- gateway and bank ---------------------------------------------------------------------
    @rule(reject=st.sampled_from([False, False, True]), fund=st.booleans())
    def close_the_batch(self, reject, fund):
        cards = [row["retref"] for row in self.gateway.charges(kind="sale", account_kind="card")]
        rejected = cards if reject else []
        self.gateway.sandbox.control("close-batch", merchid=self.gateway.merchid, reject=rejected)
        if fund:
            self.gateway.sandbox.control("fund", merchid=self.gateway.merchid)

    @precondition(lambda self: self.payments(method="ach").exclude(retref="").exists())
    @rule(code=st.sampled_from(["R01", "R10"]), heard=st.booleans())
    def the_bank_returns_it(self, code, heard):
        """Once, or once more."""
        retref = self.payments(method="ach").exclude(retref="")[0].retref
        with contextlib.suppress(requests.HTTPError):  # it was voided, and cannot come back
            self.gateway.sandbox.control("return", retref=retref, code=code, again=True)
        if heard:
            self.days_pass(1)

    # --- time ---------------------------------------------------------------------------------
    @rule(seconds=WAITS, sweeps=st.booleans(), silent=ASK_FAULTS)
    def wait(self, seconds, sweeps, silent):
        self.time.pass_by(seconds)
        if sweeps and silent:
            self.gateway.fault(silent, "http_500")
        if sweeps:
            self.sweep()

    def sweep(self):
        for sweep in (*SWEEPS.values(), expire_links):
            with scope():
                sweep()

    @rule(which=st.sampled_from(sorted(SWEEPS)), number=st.none() | STATEMENTS)
    def die_in_a_sweep(self, which, number):
        self.time.pass_by(1000)  # its turn has come
        trap = killing.inside_the_outcome if number is None else self.trap_at(number)
        self.die(trap, SWEEPS[which])

    @rule(
        what=st.sampled_from(["inquire", "inquire", "inquireByOrderid", "funding", "refund"]),
        days=st.sampled_from([0, 4]),
        then=st.sampled_from(["", "office", "bank", "payer"]),
    )
    def hear_late(self, what, days, then):
        """An answer of the gateway's is held up; meanwhile somebody else hears it, and goes on."""

        def meanwhile():
            self.time.pass_by(1000)
            self.sweep()
            if then == "office" and self.taken():
                self.worth_giving_back(part=False)
                self.office("give_back", *self.wish)
                self.decide(1, "release")
            elif then == "bank" and self.payments(method="ach").exclude(retref="").exists():
                self.the_bank_returns_it("R02", heard=False)
            elif then == "payer":
                self.submit("card", "", stale=False)

        if days:
            self.settle_down()  # no attempt is left alone for so long
        self.time.pass_by(days * DAY + 1000)
        with answer_held_up(what, meanwhile) as self.held:
            self.sweep()

    @rule(days=DAYS)
    def days_pass(self, days):
        self.time.pass_by(days * DAY)
        self.settle_down()

    def settle_down(self):
        """Without further trouble everything is found out."""
        self.sweep()
        for _ in range(25):
            if not self.is_behind():
                break
            self.time.pass_by(1000)  # a few days' reports are read at once, and not too often
            self.sweep()
        for _ in range(6):
            if not self.is_open():
                break
            self.time.pass_by(DAY + 60)
            self.sweep()

    def is_behind(self):
        """Whether what banks returned has not been read up to today."""
        read_to = CardConnectAccount.objects.get(tenant=self.tenant).funding_read_to
        return read_to is not None and read_to < db_now().date()

    def is_open(self):
        waiting = ["pending", "unknown"]
        attempts = self.payments(status__in=waiting)
        return attempts.exists() or self.refunds(status__in=waiting).exists()

    def trap_at(self, number):
        def trap():
            connection.ensure_connection()
            killing.at_statement(number)

        return trap

    def die(self, trap, work):
        def doomed():
            trap()
            with scope():
                work()

        assert in_a_process(doomed) in (KILLED, 0)

    def rules_broken(self):
        return [*broken(), *map(str, verify.check(self.tenant))]

    # --- what is always true --------------------------------------------------------------------
    @precondition(lambda self: hasattr(self, "invoice"))
    @invariant()
    def the_books_hold(self):
        self.steps += 1
        ledger = self.gateway.sandbox.ledger()
        assert meanwhile.wrong(ledger["charges"], self.invoice.pk) == []
        assert [words for words in self.rules_broken() if words not in self.known] == []
        texts = ledger["messages"]
        sent = TextMessage.objects.filter(invoice=self.invoice).exclude(sid="")
        assert sorted(row["sid"] for row in texts) == sorted(sent.values_list("sid", flat=True))

    def teardown(self):
        """In the end both ledgers say the same."""
        if not hasattr(self, "invoice"):
            return
        for refund in self.requested():
            refund.cancel(actor=self.people[1])
        for _ in range(3):
            self.time.pass_by(DAY)
            self.settle_down()
        assert judge(self.gateway.charges(), None, self.invoice.pk).wrong == []
        assert meanwhile.wrong(self.gateway.charges(), self.invoice.pk) == []
        # Nobody asks about it when the next example has emptied the gateway's ledger.
        self.payments().update(next_look_at=dt.datetime(3000, 1, 1, tzinfo=dt.UTC))


@contextlib.contextmanager
def answer_held_up(what, meanwhile):
    """The gateway's first answer to that kind of question arrives after `meanwhile`."""
    call = http.call
    held: list[str] = []

    def slow(account, method, path, *args, **more):
        answer = call(account, method, path, *args, **more)
        if re.split("[/?]", path)[0] == what and not held:
            held.append(path)
            meanwhile()
        return answer

    with mock.patch.object(http, "call", slow):
        yield held


@pytest.mark.usefixtures("twilio")
def test_any_order_of_events_leaves_the_books_right(gateway, our_time, tenant, clerk, people):
    Machine.world = (gateway, our_time, tenant, clerk, people)
    with scopes_disabled():
        run_state_machine_as_test(
            Machine,
            settings=hypothesis.settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
