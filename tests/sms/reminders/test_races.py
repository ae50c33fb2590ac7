"""Reminders while many workers run, and while one is killed, on a real PostgreSQL."""

import functools
import uuid

import pytest
from django.db import connection
from django_scopes import scope

from invoices.models import PaymentLink
from payments.staff.cash import record_by_hand
from sms.compliance.send_check import recheck
from sms.models import Reminder, TextMessage
from sms.reminders import run
from sms.reminders.run import OVERTAKEN, decide, remind
from tests.factories import make_customer
from tests.race import run_together
from tests.sms.reminders.reminded import add_step, later, november_invoice, texted
from textpay.demo.clock import on

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks need PostgreSQL"),
]


@pytest.fixture
def step(tenant):
    """`step("after_sending", 3)` adds a step; the company sends reminders."""
    return functools.partial(add_step, tenant)


@pytest.fixture
def invoice(tenant, clerk):
    """Texted and delivered on November 20."""
    return texted(november_invoice(make_customer(tenant)), clerk)


def reminders():
    return TextMessage.objects.filter(kind="reminder")


def work(tenant):
    with scope():
        return remind(tenant.pk)


def test_many_workers_and_reruns_remind_everybody_once(tenant, clerk, step):
    step("after_sending", 3)
    step("before_due", 27)  # the same day: one of the two goes out
    invoices = [
        texted(november_invoice(make_customer(tenant, f"Customer {n}")), clerk) for n in range(6)
    ]
    with on(later(3)):
        begun = run_together(*(lambda: work(tenant) for _ in range(8)))
        assert sum(begun) == len(invoices), begun
        assert work(tenant) == 0
    assert reminders().count() == len(invoices)
    assert set(reminders().values_list("invoice", flat=True)) == {one.pk for one in invoices}
    assert Reminder.objects.filter(message=None, reason=OVERTAKEN).count() == len(invoices)
    assert PaymentLink.objects.live().count() == len(invoices)


def test_a_worker_killed_before_the_commit_leaves_nothing_and_the_next_one_reminds(
    tenant,
    invoice,
    step,
    monkeypatch,
):
    step("after_sending", 3)

    class Killed(BaseException):
        pass

    def killed(*_, **__):
        raise Killed

    with on(later(3)):
        with monkeypatch.context() as patch:
            patch.setattr(run, "_record", killed)
            with pytest.raises(Killed):
                decide(invoice)
        assert not reminders().exists()
        assert work(tenant) == 1
        assert work(tenant) == 0
    assert reminders().count() == Reminder.objects.count() == 1


def test_a_reminder_and_a_payment_at_the_same_moment(tenant, clerk, invoice, step):
    step("after_sending", 3)

    def pay():
        return record_by_hand(
            invoice,
            method="cash",
            amount=invoice.balance,
            document="",
            received_on=later(3).date(),
            actor=clerk,
            key=uuid.uuid4(),
        )

    with on(later(3)):
        begun, _ = run_together(lambda: decide(invoice), pay)
    text = reminders().first()
    assert (begun is None) == (text is None)
    if text is not None:  # it was first; what is handed over is checked again
        assert "no longer open" in recheck(TextMessage.objects.get(pk=text.pk))
