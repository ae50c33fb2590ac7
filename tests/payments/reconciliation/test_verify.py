"""Every rule about money, broken once behind the product's back, and seen by the check."""

from __future__ import annotations

import io
import uuid

import pytest
from django.core.management import call_command
from django.db import connection

from payments.checkout import authorization_text, claim
from payments.models import Finding, Payment, payment_state
from payments.reconciliation import verify
from payments.reconciliation.verify import check, record_findings
from tests.factories import make_customer, make_invoice, make_link, make_ready_tenant
from tests.payments.conftest import address, check_everybody

pytestmark = pytest.mark.django_db
AGREED = authorization_text.Agreement("I agree to pay $182.50.", "1")


def start(invoice, key=None):
    """One attempt, claimed and sent."""
    payment, _ = claim.start(
        make_link(invoice),
        method="card",
        amount=invoice.balance,
        key=key or uuid.uuid4(),
        token="9411111111111111",
        agreement=AGREED,
    )
    payment.mark_sent()
    return payment


def pay(invoice):
    """An invoice paid by card."""
    payment = start(invoice)
    payment.confirm(retref=str(uuid.uuid4().int)[:12], authcode="PPS123", respcode="00")
    payment.refresh_from_db()
    return payment


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def paid(tenant):
    return pay(make_invoice(tenant))


def kinds():
    return {violation.invariant for violation in check_everybody()}


def test_right_books_are_right(tenant, paid):
    start(make_invoice(tenant))
    declined = start(make_invoice(tenant))
    declined.decline("No.", respcode="05")
    lost = start(make_invoice(tenant))
    lost.mark_unknown()
    lost.not_charged("Never arrived.")
    lost.confirm(retref="123456789012", authcode="")
    make_invoice(tenant, opened=False)
    make_invoice(tenant).void(actor=None, reason="Twice", read_payments=payment_state)
    make_invoice(make_ready_tenant("Mesa Verde Electric"))
    assert check_everybody() == []


BREAKS = {
    "booked more than agreed": ("UPDATE payments_payment SET amount = amount + 5", {1, 4, 7}),
    "no reference": ("UPDATE payments_payment SET retref = ''", {3}),
    "paid by nobody": ("UPDATE invoices_invoice SET paid = paid + 1", {4}),
    "paid but open": (
        "UPDATE invoices_invoice SET status = 'open'",
        {4, 9},
    ),
    "paid but void": ("UPDATE invoices_invoice SET status = 'void'", {4, 9}),
    "customer's balance": ("UPDATE customers_customer SET balance = 9.99", {4}),
    "a link open after paying": (
        "UPDATE invoices_paymentlink SET status = 'live', closed_at = NULL",
        {5},
    ),
    "an attempt after paying": (
        "UPDATE payments_payment SET created_at = created_at + INTERVAL '1 hour'",
        {5},
    ),
    "a move off the graph": (
        "INSERT INTO audit_auditentry (tenant_id, subject, action, actor_label, data, created_at)"
        " SELECT tenant_id, subject, 'payment.declined', '', data, NOW() FROM audit_auditentry"
        " WHERE action = 'payment.captured'",
        {6, 9},
    ),
    "an agreement of another amount": (
        "ALTER TABLE payments_authorization DISABLE TRIGGER USER;"
        "UPDATE payments_authorization SET amount = 1;"
        "ALTER TABLE payments_authorization ENABLE TRIGGER USER",
        {1, 7},
    ),
    "no agreement": (
        "ALTER TABLE payments_authorization DISABLE TRIGGER USER;"
        "DELETE FROM payments_authorization;"
        "ALTER TABLE payments_authorization ENABLE TRIGGER USER",
        {7},
    ),
    "agreed afterwards": (
        "UPDATE payments_payment SET resolved_at = resolved_at - INTERVAL '1 day'",
        {7},
    ),
    "refunded out of thin air": ("UPDATE payments_payment SET refunded = 5", {4, 8}),
    "moved without history": ("UPDATE payments_payment SET status = 'settled'", {9}),
    "total without lines": ("UPDATE invoices_lineitem SET unit_price = unit_price + 1", {13}),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_is_seen_by_each_company_for_itself(name, tenant, paid):
    other = make_ready_tenant("Mesa Verde Electric")
    theirs = pay(make_invoice(customer=make_customer(other, "Rosa Delgado")))
    statement, expected = BREAKS[name]
    assert check_everybody() == []
    for part in statement.split(";"):
        sql(part)
    for company, payment, customer in (
        (tenant, paid, "Dana Whitfield"),
        (other, theirs, "Rosa Delgado"),
    ):
        seen = check(company)
        assert {violation.invariant for violation in seen} == expected
        for violation in seen:
            assert payment.invoice.number in str(violation) or customer in str(violation)
            assert violation.step.endswith(".")


def test_an_attempt_of_which_nobody_knows_for_a_day(tenant):
    start(make_invoice(tenant))
    assert check_everybody() == []
    sql("UPDATE payments_payment SET created_at = created_at - INTERVAL '25 hours'")
    [violation] = check_everybody()
    assert violation.invariant == 2
    assert "182.50" in str(violation)


@pytest.mark.django_db(transaction=True)
def test_two_bookings_of_one_charge_and_two_open_attempts(tenant, paid):
    other, third = start(make_invoice(tenant)), start(make_invoice(tenant))
    definitions = {}
    for name in ("payments_payment_retref", "payments_payment_one_in_flight"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
            definitions[name] = cursor.fetchone()[0]
        sql(f"DROP INDEX {name}")
    try:
        sql(
            "UPDATE payments_payment SET retref = '1', status = 'captured', merchid = '1'"
            " WHERE id IN (%s, %s)",
            paid.pk,
            other.pk,
        )
        assert 1 in kinds()
        sql("UPDATE payments_payment SET status = 'pending', invoice_id = %s", third.invoice_id)
        assert 5 in kinds()
    finally:
        for definition in definitions.values():
            sql("UPDATE payments_payment SET status = 'declined'")
            sql(definition)


def test_another_companys_money(tenant, paid):
    other = make_ready_tenant("Mesa Verde Electric")
    sql("UPDATE payments_payment SET merchid = %s", other.cardconnect.merchid)
    assert kinds() == {10}
    sql("UPDATE payments_payment SET tenant_id = %s", other.pk)
    assert 10 in kinds()
    assert check(make_ready_tenant("Third")) == []


@pytest.mark.django_db(transaction=True)
def test_a_part_of_a_cent(tenant, paid):
    sql("ALTER TABLE payments_payment ALTER amount TYPE numeric(12, 4)")
    try:
        sql("UPDATE payments_payment SET amount = amount + 0.001")
        assert 13 in kinds()
    finally:
        sql("ALTER TABLE payments_payment ALTER amount TYPE numeric(12, 2)")


def test_the_command_says_it_and_ends_with_one(tenant, paid):
    out = io.StringIO()
    call_command("verify_money", gateway=False, stdout=out)
    assert "every cent is accounted for" in out.getvalue()
    sql("UPDATE invoices_invoice SET paid = paid + 1")
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_money", tenant=tenant.slug, gateway=False, stdout=out)
    assert end.value.code == 1
    line = out.getvalue().splitlines()[0]
    assert line.startswith(f"{tenant.slug}: INV-4 {paid.invoice.number}: ")
    assert "$183.50" in line
    assert "Match now" in line
    other = make_ready_tenant("Mesa Verde Electric")
    call_command("verify_money", tenant=other.slug, gateway=False, stdout=io.StringIO())


def test_silence_of_the_gateway_is_no_success(tenant, payer, link, form, gateway):
    """A cron job whose credentials have died must not look well."""
    payer.post(address(link), form)
    gateway.fault("inquireByOrderid", "http_500")
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_money", stdout=out, stderr=io.StringIO())
    assert end.value.code == 2
    assert "CardConnect gave no answer about 1" in out.getvalue()
    call_command("verify_money", stdout=io.StringIO())
    gateway.fault("inquireByOrderid", "http_500")
    call_command("verify_money", "--no-gateway", stdout=io.StringIO())


def test_a_company_sees_what_was_found_until_it_is_right(tenant, paid, caplog):
    sql("UPDATE invoices_invoice SET paid = paid + 1")
    record_findings(tenant, check(tenant))
    finding = Finding.objects.get()
    assert (finding.invariant, finding.invoice) == (4, paid.invoice)
    assert paid.invoice.number in caplog.text
    sql("UPDATE invoices_invoice SET paid = paid - 1")
    record_findings(tenant, check(tenant))
    assert not Finding.objects.exists()


def test_the_gateway_is_asked_as_well(tenant, payer, link, form, gateway):
    payer.post(address(link), form)
    assert verify.verify(tenant, gateway=True) == ([], 0)
    gateway.fault("inquireByOrderid", "http_500")
    assert verify.verify(tenant, gateway=True) == ([], 1)
    payment = Payment.objects.get()
    requests_made = gateway.charges()
    assert len(requests_made) == 1
    sql("UPDATE payments_payment SET retref = '999999999999'")
    found, _ = verify.verify(tenant, gateway=True)
    assert {violation.invariant for violation in found} == {3}
    sql("UPDATE payments_payment SET status = 'not_charged', retref = ''")
    found, _ = verify.verify(tenant, gateway=True)
    assert 11 in {violation.invariant for violation in found}
    assert payment.invoice.number in str(found[-1])
