"""Two at once on a real PostgreSQL: the money moves once, and the books agree with the gateway."""

import uuid
from decimal import Decimal

import pytest
from django.db import connection

from payments.models import CannotRefund, CardConnectAccount, Payment, Refund
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.tasks import settle_bank_payments
from tests.factories import make_member
from tests.payments.conftest import address
from tests.race import run_together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="row locks are PostgreSQL's"),
]


def refunder(payment, amount, actor):
    """Somebody who asks for money back and sends it."""
    mine = Payment.objects.select_related("tenant__cardconnect").get(pk=payment.pk)

    def go():
        refund, _ = request_refund(
            mine, amount=Decimal(amount), reason="x", actor=actor, key=uuid.uuid4()
        )
        execute.send(refund)
        return refund

    return go


def books_agree(gateway, payment):
    """What we say went back is what the gateway gave back."""
    payment.refresh_from_db()
    theirs = sum((Decimal(row["amount"]) for row in gateway.charges(kind="refund")), Decimal(0))
    ours = sum(Refund.objects.filter(status="done", kind="refund").values_list("amount", flat=True))
    assert theirs == ours == payment.refunded <= payment.amount
    payment.invoice.refresh_from_db()
    assert payment.invoice.paid == payment.invoice.payments.booked_total()


@pytest.mark.parametrize("turn", range(4))
def test_ten_refunds_at_once_never_exceed_the_payment(settled, admin_user, gateway, turn):
    answers = run_together(*[refunder(settled, "100.00", admin_user) for _ in range(10)])
    assert all(isinstance(answer, Refund | CannotRefund) for answer in answers)
    assert len(gateway.charges(kind="refund")) == 1
    books_agree(gateway, settled)


@pytest.mark.parametrize("turn", range(4))
def test_two_voids_at_once_are_one(payer, link, form, gateway, admin_user, turn):
    payer.post(address(link), form)
    payment = Payment.objects.get()
    run_together(*[refunder(payment, "182.50", admin_user) for _ in range(4)])
    assert gateway.taken() == []
    assert list(Refund.objects.values_list("kind", "status")) == [("void", "done")]
    payment.refresh_from_db()
    assert (payment.status, payment.invoice.paid) == ("voided", 0)


@pytest.mark.parametrize("turn", range(4))
def test_a_void_and_the_closing_batch_have_one_winner(payer, link, form, gateway, admin_user, turn):
    payer.post(address(link), form)
    payment = Payment.objects.get()
    run_together(
        refunder(payment, "182.50", admin_user),
        lambda: gateway.sandbox.control("close-batch", merchid=gateway.merchid),
    )
    refund = Refund.objects.get()
    assert refund.status == "done"
    payment.refresh_from_db()
    assert payment.status == ("voided" if refund.kind == "void" else "refunded")
    books_agree(gateway, payment)


@pytest.mark.parametrize("turn", range(4))
def test_a_refund_and_a_return_leave_a_true_balance(
    payer, link, bank_form, gateway, admin_user, turn
):
    payer.post(address(link), bank_form)
    payment = Payment.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    gateway.sandbox.control("fund", merchid=gateway.merchid)
    payment.mark_cleared()
    gateway.sandbox.control("return", retref=payment.retref, code="R10")
    CardConnectAccount.objects.update(next_funding_at=None)
    run_together(refunder(payment, "182.50", admin_user), settle_bank_payments)
    payment.refresh_from_db()
    assert (payment.status, payment.return_code) == ("returned", "R10")
    payment.invoice.refresh_from_db()
    assert (payment.invoice.paid, payment.invoice.status) == (0, "open")
    refund = Refund.objects.first()
    given = gateway.charges(kind="refund", respstat="A")
    assert connection.vendor == "postgresql"
    assert len(given) == (1 if refund is not None and refund.status == "done" else 0)


def test_two_people_release_once(settled, tenant, admin_user, gateway):
    tenant.refund_release_over = Decimal("1.00")
    tenant.save()
    refund, _ = request_refund(
        Payment.objects.get(), amount=Decimal("9.00"), reason="x", actor=admin_user,
        key=uuid.uuid4(),
    )  # fmt: skip
    people = [make_member(tenant, "Administrator", name=f"P{n} Q") for n in range(4)]

    def releaser(person):
        mine = Refund.objects.select_related("payment__tenant").get(pk=refund.pk)

        def go():
            if mine.release(actor=person):
                execute.send(mine)

        return go

    run_together(*[releaser(person) for person in people])
    assert len(gateway.charges(kind="refund")) == 1
    books_agree(gateway, settled)


@pytest.mark.parametrize("turn", range(3))
def test_two_tasks_at_once_tell_a_return_once(payer, link, bank_form, gateway, turn):
    payer.post(address(link), bank_form)
    payment = Payment.objects.get()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    gateway.sandbox.control("return", retref=payment.retref, code="R02")
    run_together(*[settle_bank_payments for _ in range(4)])
    payment.refresh_from_db()
    assert (payment.status, payment.return_code) == ("returned", "R02")
