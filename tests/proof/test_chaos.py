"""A small run under fire, and that the comparison at its end notices books that are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from payments.models import Payment
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.settlement import status
from tests.payments.conftest import address
from tests.proof.books import broken, judge

pytestmark = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="many processes need a server"
)

ROOT = Path(__file__).resolve().parents[2]
SEED = "44"  # in which ten of the sixty pay by bank, so that some payment can come back
RUN = [sys.executable, "-m", "bench.chaos", "--payments", "60", "--seed", SEED, "--scale", "15"]
ZEROS = ["double_charges", "double_refunds", "lost", "invented", "unresolved", "told_wrong"]


def server():
    """The server of the tests' database; the run makes one of its own there."""
    wanted = connection.settings_dict
    user = wanted["USER"] + (f":{wanted['PASSWORD']}" if wanted["PASSWORD"] else "")
    return f"postgres://{user}@{wanted['HOST']}:{wanted['PORT'] or 5432}/postgres"


@pytest.mark.timeout(700)
def test_a_small_run_under_fire_ends_with_equal_books():
    env = {**os.environ, "DATABASE_URL": server()}
    env.pop("REDIS_URL", None)  # it starts one of its own, as on a machine that has none running
    ran = subprocess.run(
        RUN, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    result = json.loads(ran.stdout.splitlines()[-1])
    assert {name: result[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    mix = result["fault_mix"]
    assert result["payments"] == 60
    assert result["approved"] > 20
    assert result["refunds"] + result["voids"] > 0
    assert result["returns"] > 0
    assert sum(mix["gateway"]["auth"].values()) > 5
    assert sum(mix["kill -9"].values()) > 0
    assert mix["banks"]["close-batch"] > 1
    assert mix["payers"]["office_accepted"] > 0


@pytest.fixture
def books(payer, link, form, gateway, tenant, admin_user):
    """A settled payment, half of which went back: both ledgers agree."""
    payer.post(address(link), form)
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    payment = Payment.objects.get()
    status.poll(payment)
    refund, _ = request_refund(
        payment, amount=Decimal("82.50"), reason="Half", actor=admin_user, key=uuid.uuid4()
    )
    execute.send(refund)
    assert judge(gateway.charges()).wrong == []
    assert broken() == []
    return gateway


SPOILT = {
    "a payment's amount": ("payments_payment SET amount = amount + 1", "invented"),
    "a payment taken out": ("payments_payment SET status = 'declined'", "lost"),
    "a charge under another reference": ("payments_payment SET retref = '1'", "invented"),
    "a payment called returned": ("payments_payment SET status = 'returned'", "invented"),
    "a refund forgotten": ("payments_refund SET status = 'declined'", "lost"),
    "a refund's amount": ("payments_refund SET amount = amount - 1", "lost"),
    "a refund of another charge": ("payments_refund SET retref = '1'", "invented"),
    "a refund without an end": ("payments_refund SET status = 'unknown'", "unresolved"),
    "a refund that does not count": ("payments_payment SET refunded = 0", "lost"),
    "an invoice's sum": ("invoices_invoice SET paid = paid + 1", "invented"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", SPOILT)
def test_the_comparison_notices(books, what):
    statement, kind = SPOILT[what]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {statement}")
    assert vars(judge(books.charges()))[kind] != []


@pytest.mark.django_db(transaction=True)
def test_the_comparison_notices_what_only_the_gateway_knows(books):
    [sale] = books.charges(kind="sale")
    [refund] = books.charges(kind="refund")
    twice = [sale, refund, {**refund, "retref": "2"}]
    assert judge(twice).double_refunds != []
    too_much = [sale, refund, {**refund, "retref": "2", "orderid": "X", "amount": "100.01"}]
    assert any("given back of" in what for what in judge(too_much).double_refunds)
    assert judge([{**sale, "returned": True}, refund]).lost != []
