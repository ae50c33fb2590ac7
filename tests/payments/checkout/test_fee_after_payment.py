"""What becomes of a surcharge after the payment: given back with its part, matched and verified."""

import uuid
from decimal import Decimal

import pytest
from django.core import mail

from invoices.models import Invoice
from payments.gateway import client
from payments.models import Finding, MatchRow, Payment, Refund
from payments.models.refund import new_orderid
from payments.reconciliation import resolve, verify
from payments.refunding import execute, receipt
from payments.refunding.request import request_refund
from tests.conftest import signed_in
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import address
from tests.payments.reconciliation.test_match import agreed, forget, match_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(payer, link, form, surcharged):
    """$182.50 and a surcharge of $5.48."""
    payer.post(address(link), form | {"postal": "85003", "fee": "5.48"})
    return Payment.objects.get()


@pytest.fixture
def settled(paid, gateway):
    gateway.sandbox.control("close-batch")
    assert paid.mark_settled()
    return paid


def give_back(payment, amount, actor):
    refund, _ = request_refund(
        payment, amount=Decimal(amount), reason="Wrong part", actor=actor, key=uuid.uuid4()
    )
    execute.send(refund)
    refund.refresh_from_db()
    payment.refresh_from_db()
    return refund


def given(gateway):
    return [row["amount"] for row in gateway.charges() if row["kind"] == "refund"]


def books_agree(tenant):
    """Neither the rules, nor CardConnect's answers, nor its reports find anything; the figures."""
    found, silent = verify.verify(tenant, gateway=True)
    assert (found, silent) == ([], 0)
    return agreed(tenant)


def test_a_void_gives_all_of_it_back(paid, gateway, admin_user, tenant):
    refund = give_back(paid, "182.50", admin_user)
    assert (refund.kind, refund.fee) == ("void", Decimal("5.48"))
    assert "will not be charged $187.98" in refund.outcome_message
    assert gateway.taken() == []
    assert Invoice.objects.get().balance == Decimal("182.50")
    assert verify.verify(tenant, gateway=True) == ([], 0)


def test_a_full_refund_gives_the_surcharge_back(settled, gateway, admin_user, tenant):
    refund = give_back(settled, "182.50", admin_user)
    assert given(gateway) == ["187.98"]
    assert (settled.status, settled.refunded) == ("refunded", Decimal("182.50"))
    assert "$187.98 is on its way back" in refund.outcome_message
    gateway.sandbox.control("close-batch")
    assert books_agree(tenant)


def test_parts_give_their_part_of_it_back(settled, gateway, admin_user, tenant):
    # 5.48 * 50 / 182.50 = 1.5014; 5.48 * 0.50 / 182.50 = 0.0150; the rest of 5.48 comes last.
    for amount in ("50.00", "0.50", "0.50", "131.50"):
        give_back(settled, amount, admin_user)
    assert given(gateway) == ["51.50", "0.52", "0.52", "135.44"]
    assert sum(map(Decimal, given(gateway))) == Decimal("187.98")
    assert (settled.status, settled.refunded) == ("refunded", Decimal("182.50"))
    gateway.sandbox.control("close-batch")
    assert books_agree(tenant)


def test_a_refund_without_an_answer_is_found(settled, gateway, admin_user, tenant):
    gateway.fault("refund", "drop_after")
    refund = give_back(settled, "50.00", admin_user)
    assert refund.status == "unknown"
    execute.inquire(refund)
    refund.refresh_from_db()
    assert (refund.status, given(gateway)) == ("done", ["51.50"])
    assert Invoice.objects.get().balance == Decimal("50.00")


def test_what_goes_back_in_all_counts_for_the_second_person(settled, admin_user, tenant, gateway):
    tenant.refund_release_over = Decimal("51.00")
    tenant.save()
    refund = give_back(settled, "50.00", admin_user)
    assert (refund.status, given(gateway)) == ("requested", [])
    page = words_of(signed_in(admin_user).get(f"/refunds/{refund.public_id}/release/"))
    assert "$51.50" in page


def test_the_receipt_of_a_refund_has_three_lines(settled, admin_user, link):
    contact = link.invoice.customer.billing_contact
    contact.email = "dana@example.com"
    contact.save()
    refund = give_back(settled, "50.00", admin_user)
    assert receipt.send(refund)
    [sent] = mail.outbox
    assert "refunded $51.50" in sent.subject
    assert "Amount: $50.00\nSurcharge: $1.50\nTotal: $51.50\nPaid: $187.98" in sent.body


def test_both_ledgers_agree_about_a_payment_with_a_surcharge(settled, tenant):
    assert books_agree(tenant)
    verify.record_findings(tenant, [])
    assert not Finding.objects.exists()


def test_verify_sees_another_surcharge_than_was_agreed_to(settled, tenant):
    Payment.objects.update(fee=Decimal("9.00"))
    found, _ = verify.verify(tenant, gateway=True)
    assert {violation.invariant for violation in found} == {1, 3, 7}
    match_now(tenant)
    [row] = MatchRow.objects.all()
    assert (row.bucket, row.our_amount, row.their_amount) == (
        "differs",
        Decimal("191.50"),
        Decimal("187.98"),
    )


def test_verify_sees_more_of_it_given_back_than_was_taken(settled, tenant, admin_user):
    give_back(settled, "50.00", admin_user)
    Refund.objects.update(fee=Decimal("6.00"))
    assert 8 in {violation.invariant for violation in verify.check(tenant)}


@pytest.mark.django_db(transaction=True)
def test_a_forgotten_payment_is_booked_without_its_surcharge(settled, tenant, link, gateway):
    """After a restored backup: the gateway knows a charge of $187.98, the invoice asks $182.50."""
    gateway.sandbox.control("fund")
    forget(link.invoice)
    match_now(tenant)
    found = Payment.objects.get()
    assert (found.amount, found.fee) == (Decimal("182.50"), Decimal("5.48"))
    link.invoice.refresh_from_db()
    assert link.invoice.paid == Decimal("182.50")


def test_a_refund_made_at_cardconnect_gives_back_the_surcharge_of_its_part(
    settled, tenant, admin_user, gateway
):
    """Recorded from money match, which knows the total only; the last part takes the rest."""
    for total, amount, fee in (("51.50", "50.00", "1.50"), ("136.48", "132.50", "3.98")):
        client.refund(settled, Decimal(total), orderid("ZZZZ"))
        gateway.sandbox.control("close-batch")
        gateway.sandbox.control("fund")
        match_now(tenant)
        row = MatchRow.objects.problems().get()
        refund = resolve.record_refund(row, actor=admin_user)
        assert (refund.amount, refund.fee) == (Decimal(amount), Decimal(fee))
    settled.refresh_from_db()
    assert settled.status == "refunded"
    assert books_agree(tenant)


def orderid(start):
    """An order number that no row of ours has."""
    return start + new_orderid()[4:]
