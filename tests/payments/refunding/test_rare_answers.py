"""What CardConnect seldom says about a void or a refund: nobody is told that money moved, unless it
did, and nothing is sent a second time."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from django.contrib.admin.sites import site as admin_site
from django.db import IntegrityError

from payments.gateway import client
from payments.gateway.client import Declined, NotSent, Refunded, Unknown
from payments.gateway.responses import Transaction
from payments.models import CannotRefund, Payment, Refund
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.tasks import settle_refunds
from tests.addresses import reverse
from tests.factories import make_member
from tests.payments.refunding.test_refunds import ask, later, said

pytestmark = pytest.mark.django_db


def declined(code="05", processor="RPCT", text="Do not honor"):
    return Declined(respproc=processor, respcode=code, resptext=text, sentence=text)


def transaction_of(payment, **changes):
    fields = {
        "retref": payment.retref,
        "orderid": payment.orderid,
        "merchid": payment.merchid,
        "amount": payment.total,
        "respstat": "A",
        "respproc": "RPCT",
        "respcode": "000",
        "resptext": "Approval",
        "setlstat": "Queued for Capture",
        "authcode": "PPS123",
    }
    return Transaction(**fields | changes)


@pytest.fixture
def answers(monkeypatch):
    """`answers(try_void=...)`: what the client's functions return, or raise."""

    def give(**wanted):
        for name, answer in wanted.items():

            def said_so(*_, _answer=answer, **__):
                if isinstance(_answer, Exception):
                    raise _answer
                return _answer

            monkeypatch.setattr(client, name, said_so)

    return give


def test_a_declined_void_whose_charge_nobody_can_show_is_unknown(
    paid, admin_user, browser_of, answers
):
    answers(try_void=declined(), inquire=Unknown("HTTP 500"))
    page = said(ask(browser_of(admin_user), paid))
    assert "Do not try again" in page
    assert Refund.objects.get().status == "unknown"


def test_a_charge_that_cardconnect_no_longer_has_needs_a_person(
    paid, admin_user, browser_of, answers
):
    answers(try_void=declined(), inquire=None)
    page = said(ask(browser_of(admin_user), paid))
    refund = Refund.objects.get()
    assert refund.status == "needs_attention"
    assert f"CardConnect has no charge {paid.retref}." in page
    paid.refresh_from_db()
    assert paid.status == "captured"


def test_a_declined_void_of_a_charge_that_stands_may_be_tried_again(
    paid, admin_user, browser_of, answers, gateway
):
    answers(try_void=declined(), inquire=transaction_of(paid))
    page = said(ask(browser_of(admin_user), paid))
    assert "CardConnect has neither voided nor settled it. Try again." in page
    assert "No money has moved" in page
    assert Refund.objects.get().status == "declined"
    assert [charge["retref"] for charge in gateway.taken()] == [paid.retref]


def test_a_void_that_is_asked_about_too_early_waits(paid, admin_user, browser_of, answers):
    answers(try_void=Unknown("timeout"), inquire=transaction_of(paid))
    ask(browser_of(admin_user), paid)
    Refund.objects.update(next_inquiry_at=None)
    settle_refunds()
    assert Refund.objects.get().status == "unknown"


def test_a_refund_that_was_never_sent_moved_nothing(settled, admin_user, browser_of, answers):
    answers(refund=NotSent("refused"))
    page = said(ask(browser_of(admin_user), settled, "50.00"))
    assert "No money has moved. CardConnect could not be reached." in page
    assert Refund.objects.get().status == "declined"


def test_another_amount_than_asked_for_needs_a_person(settled, admin_user, browser_of, answers):
    answers(refund=Refunded(retref="112233445566", amount=Decimal("40.00")))
    page = said(ask(browser_of(admin_user), settled, "50.00"))
    assert "CardConnect refunded $40.00 instead (reference 112233445566)." in page
    refund = Refund.objects.get()
    assert (refund.status, refund.retref) == ("needs_attention", "112233445566")
    settled.refresh_from_db()
    assert settled.refunded == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (declined("28", "PPS", "Txn not settled"), "not settled yet. Try again the next business"),
        (declined(), "CardConnect declined the refund (RPCT 05 Do not honor)."),
    ],
)
def test_a_declined_part_says_why(settled, admin_user, browser_of, answers, answer, words):
    answers(refund=answer)
    assert words in said(ask(browser_of(admin_user), settled, "50.00"))
    assert Refund.objects.get().status == "declined"


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ([("1", "50.00"), ("2", "50.00")], "needs_attention", "different refunds than this one: 1"),
        ([("1", "40.00")], "needs_attention", "different refunds than this one: 1"),
        ([], "declined", "never reached CardConnect"),
    ],
)
def test_what_an_inquiry_finds(settled, admin_user, browser_of, answers, found, status, words):
    answers(refund=Unknown("timeout"))
    ask(browser_of(admin_user), settled, "50.00")
    refund = Refund.objects.get()
    answers(find=[transaction_of(settled, retref=ref, amount=Decimal(each)) for ref, each in found])
    later(refund)
    assert refund.status == status
    assert words in refund.outcome


def test_a_refund_that_is_neither_taken_nor_declined_stays_unknown(
    settled, admin_user, browser_of, answers
):
    answers(refund=Unknown("timeout"))
    ask(browser_of(admin_user), settled, "50.00")
    answers(find=[transaction_of(settled, retref="1", respstat="B")])
    assert later(Refund.objects.get()).status == "unknown"


def test_an_answer_that_comes_after_the_outcome_changes_nothing(
    settled, admin_user, browser_of, monkeypatch, caplog
):
    def cancelled_meanwhile(payment, *_):
        """Money match has recorded the outcome while the call was under way."""
        Refund.objects.get().decline("Declined by the bank.")
        Refund.objects.update(status="cancelled")
        return Refunded(retref="112233445566", amount=Decimal("50.00"))

    monkeypatch.setattr(client, "refund", cancelled_meanwhile)
    ask(browser_of(admin_user), settled, "50.00")
    assert Refund.objects.get().status == "cancelled"
    assert "but now hears otherwise" in caplog.text


def test_a_second_process_sends_nothing(settled, admin_user, browser_of, answers, gateway):
    ask(browser_of(admin_user), settled, "50.00")
    refund = Refund.objects.select_related("payment").get()
    execute.send(refund)
    assert len(gateway.charges(kind="refund")) == 1


def requested(payment, admin_user, tenant):
    """A refund that waits for its second person."""
    tenant.refund_release_over = 0
    tenant.save()
    return Refund.objects.create(
        tenant=tenant,
        payment=payment,
        key="7a6b5c4d-0000-4000-8000-000000000001",
        kind="refund",
        amount="182.50",
        reason="Wrong",
        status="requested",
        requested_by=admin_user,
    )


def test_a_release_of_more_than_is_left_is_refused(settled, admin_user, tenant):
    refund = requested(settled, admin_user, tenant)
    Payment.objects.update(refunded="100.00")
    second = make_member(tenant, "Administrator", name="Cora Blake")
    with pytest.raises(CannotRefund, match=r"Only \$82.50 is left"):
        refund.release(actor=second)
    assert Refund.objects.get().status == "requested"


def test_what_was_released_is_neither_released_again_nor_withdrawn(settled, admin_user, tenant):
    refund = requested(settled, admin_user, tenant)
    second = make_member(tenant, "Administrator", name="Cora Blake")
    assert refund.release(actor=second)
    assert refund.release(actor=second) is False
    assert refund.cancel(actor=admin_user) is False
    assert Refund.objects.get().status == "pending"


def test_a_second_open_refund_that_only_the_index_stops_is_refused_in_words(
    settled, admin_user, monkeypatch
):
    """Two requests that both passed the check: the unique index lets one in."""

    def taken(*_, **__):
        raise IntegrityError("payments_refund_one_open")

    monkeypatch.setattr(Refund, "save", taken)
    with pytest.raises(CannotRefund, match="is still open"):
        request_refund(
            settled,
            amount=Decimal("10.00"),
            reason="Again",
            actor=admin_user,
            key=uuid.uuid4(),
        )
    assert not Refund.objects.exists()


def test_support_checks_again_in_the_admin(
    settled, admin_user, browser_of, support, client, monkeypatch
):
    monkeypatch.setattr("payments.gateway.client.refund", _timeout)
    ask(browser_of(admin_user), settled, "50.00")
    refund = Refund.objects.get()
    monkeypatch.undo()
    Refund.objects.update(next_inquiry_at=None)
    client.force_login(support, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(
        reverse("admin:payments_refund_changelist"),
        {"action": "ask_again", "_selected_action": [refund.pk]},
        follow=True,
    )
    assert "Checking with CardConnect" in said(answer)
    assert admin_site.is_registered(Refund)


def _timeout(*_):
    raise Unknown("timeout")
