"""kill -9 at every step of a charge, under every fault of the gateway; then the sweeps heal it."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection

from bench import killing
from payments.checkout import charge, public
from payments.gateway import client, http
from payments.models import Payment
from payments.tasks import settle_unknown
from tests.factories import make_invoice, make_link
from tests.payments.conftest import address, backdate
from tests.proof.books import broken, judge
from tests.proof.conftest import FINISHED, KILLED, in_a_process

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a process needs a server"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

DEADLINE = 0.5


def before_the_call():
    charge.charge = killing.die


def sent():
    client.auth = killing.die


def answered():
    charge.record_outcome = killing.die
    Payment.mark_unknown = killing.die  # type: ignore[method-assign]
    Payment.not_charged = killing.die  # type: ignore[method-assign]


def told():
    public.redirect = killing.die


POINTS = {
    "after the claim": before_the_call,
    "after it was marked as sent": sent,
    "after the gateway did its part": killing.before_reading,
    "before the answer is kept": answered,
    "while the answer is kept": killing.inside_the_outcome,
    "before the payer is told": told,
}
FAULTS = [
    "",
    "refuse",
    "drop_before",
    "drop_after",
    "http_401",
    "http_429",
    "http_500",
    "http_500_after",
    "html",
    "empty",
    "truncated",
    "timeout_62",
    "timeout_62_authorized",
    "slow",
]


def settled(payment):
    """Sweep early, when "not found" proves nothing, and then until the outcome is known."""
    for seconds in (46, 89, 91, 200, 400):
        if payment.is_in_flight:
            backdate(payment, seconds)
            settle_unknown()
            payment.refresh_from_db()
    return payment


def books_agree(gateway):
    assert judge(gateway.charges()).wrong == []
    assert broken() == []


def expected(gateway, payment):
    """What our payment must say, by the gateway's ledger alone."""
    taken = [c for c in gateway.taken() if c["orderid"] == payment.orderid]
    return "captured" if taken else "not_charged"


def pay_and_die(payer, link, form, trap):
    def work():
        trap()
        payer.post(address(link), form)

    assert in_a_process(work) == KILLED


@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name or "no_fault")
@pytest.mark.parametrize("point", POINTS)
def test_the_payer_s_process_dies(payer, link, form, gateway, point, fault, monkeypatch):
    # Waiting for the answer's last byte, it must not give up first.
    patience = 20 if point == "after the gateway did its part" else DEADLINE
    monkeypatch.setattr(http, "DEADLINE_SECONDS", patience)
    if fault:
        gateway.fault("auth", fault, seconds=DEADLINE * 2 if fault == "slow" else 0)
    pay_and_die(payer, link, form, POINTS[point])
    payment = Payment.objects.get()
    if point != "before the payer is told":
        assert payment.status == "pending"
        again = payer.post(address(link), form | {"key": str(uuid.uuid4())})
        assert again.status_code == 409  # do not pay twice
    assert settled(payment).status == expected(gateway, payment)
    books_agree(gateway)
    for _ in range(2):  # the fault strikes here when the first process died before its call
        payer.post(address(link), form | {"key": str(uuid.uuid4())})
        settled(Payment.objects.first())
    assert len(gateway.taken()) == 1
    books_agree(gateway)


SWEEP_POINTS = {
    "after the turn was taken": lambda: setattr(client, "inquire_by_orderid", killing.die),
    "after the gateway answered": killing.before_reading,
    "before the answer is kept": answered,
    "while the answer is kept": killing.inside_the_outcome,
}


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
@pytest.mark.parametrize("point", SWEEP_POINTS)
def test_the_sweep_dies_as_well(payer, link, form, gateway, point, fault):
    gateway.fault("auth", fault)
    payer.post(address(link), form)
    payment = Payment.objects.get()
    backdate(payment, 100)

    def sweep():
        SWEEP_POINTS[point]()
        settle_unknown()

    assert in_a_process(sweep) == KILLED
    payment.refresh_from_db()
    assert payment.status == "unknown"
    assert settled(payment).status == expected(gateway, payment)
    books_agree(gateway)


def test_death_before_any_statement(payer, tenant, form, gateway):
    """Every statement of a payment, so every boundary of every transaction, one after another."""
    number, ended = 0, KILLED
    while ended == KILLED:
        link = make_link(make_invoice(tenant))
        mine = form | {"key": str(uuid.uuid4())}

        def work(number=number, link=link, mine=mine):
            connection.ensure_connection()
            killing.at_statement(number)
            payer.post(address(link), mine)

        ended = in_a_process(work)
        payment = Payment.objects.filter(link=link).first()
        if payment is not None:
            assert settled(payment).status == expected(gateway, payment)
        number += 1
    assert ended == FINISHED
    assert number > 25
    assert payment.status == "captured"
    books_agree(gateway)
