"""Paying: the invoice, the money, the evidence and the history, against the gateway's own books."""

import hashlib
import re
import uuid
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from audit.models import AppendOnly, AuditEntry
from payments.models import Authorization, Payment, payment_state
from tenants.models import Tenant
from tests.payments.conftest import VISA, address

pytestmark = pytest.mark.django_db


def actions(invoice):
    return list(
        AuditEntry.objects.filter(subject=invoice.audit_subject)
        .order_by("id")
        .values_list("action", flat=True)
    )


def test_a_card_payment_is_taken_once_and_booked_everywhere(payer, link, form, gateway):
    answer = payer.post(address(link), form)
    payment = Payment.objects.get()
    assert answer.status_code == 302
    assert answer.url == f"{address(link)}{payment.public_id}/"
    [charge] = gateway.taken()
    assert (charge["orderid"], charge["amount"]) == (payment.orderid, "182.50")
    assert charge["retref"] == payment.retref
    assert (charge["setlstat"], charge["entrymode"]) == ("Queued for Capture", "ECommerce")
    invoice = link.invoice
    invoice.refresh_from_db()
    assert (payment.status, invoice.status) == ("captured", "paid")
    assert (invoice.balance, invoice.paid) == (Decimal("0.00"), Decimal("182.50"))
    invoice.customer.refresh_from_db()
    assert invoice.customer.balance == 0
    link.refresh_from_db()
    assert link.status == "closed"
    assert actions(invoice)[-4:] == [
        "payment.pending", "payment.captured", "invoice.paid", "link.closed",
    ]  # fmt: skip


def test_a_company_made_inactive_takes_no_money(payer, link, form, gateway, tenant):
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    answer = payer.post(address(link), form)
    assert answer.status_code != 302
    assert "This invoice cannot be paid online" in answer.content.decode()
    assert gateway.charges() == []
    assert not Payment.objects.exists()


def test_the_receipt_tells_all_and_shows_four_digits_only(payer, link, form):
    page = payer.post(address(link), form, follow=True)
    html = page.content.decode()
    payment = Payment.objects.get()
    for words in (
        "Paid. Thank you, Dana.", "$182.50 USD", "Visa ending 1111", payment.authcode,
        "Harbor Plumbing &amp; Heating", "14 Wharf Street", "(978) 555-0134", "Sale, one time",
        "Ask us within 30 days", payment.authorization.text.split(" for invoice")[1][:20],
    ):  # fmt: skip
        assert words in html
    assert VISA[:6] not in html
    assert form["token"] not in html
    assert "203012" not in html


def test_what_was_agreed_is_kept_word_for_word(payer, link, form, tenant):
    payer.post(address(link), form, headers={"User-Agent": "A browser"})
    evidence = Authorization.objects.get()
    assert evidence.text.startswith(
        "I authorize Harbor Plumbing & Heating to charge $182.50 USD once to the "
        f"Visa card ending 1111 for invoice {link.invoice.number} on "
    )
    assert evidence.text.endswith(
        "I am an authorized user of this card and accept the refund policy."
    )
    assert evidence.sha256 == hashlib.sha256(evidence.text.encode()).hexdigest()
    assert (evidence.version, evidence.zone) == ("card-en-1", tenant.timezone)
    assert (evidence.ip, evidence.user_agent) == ("127.0.0.1", "A browser")
    assert evidence.agreed_at <= Payment.objects.get().resolved_at
    with pytest.raises(AppendOnly):
        evidence.save()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE payments_authorization SET text = 'something else'")


def test_a_bank_payment_is_started_and_never_called_paid(payer, link, bank_form, gateway):
    page = payer.post(address(link), bank_form, follow=True)
    html = page.content.decode()
    payment, [charge] = Payment.objects.get(), gateway.taken()
    assert (payment.status, charge["account_kind"]) == ("started", "ach")
    assert (charge["name"], payment.account_label) == ("Dana Whitfield", "Checking ending 4412")
    assert "Bank payment started" in html
    assert "Paid" not in html.replace("Paid to", "")
    link.invoice.refresh_from_db()
    assert link.invoice.status == "pending"
    text = payment.authorization.text
    for fragment in (
        "I, Dana Whitfield, authorize", "one electronic debit of $182.50 USD", "on or after",
        "my checking account ending 4412", "I can revoke", "(978) 555-0134", "Date: ",
    ):  # fmt: skip
        assert fragment in text


def test_the_same_form_again_is_the_same_payment(payer, link, form, gateway):
    first, second = payer.post(address(link), form), payer.post(address(link), form)
    assert first.url == second.url
    assert len(gateway.charges()) == 1
    assert Authorization.objects.count() == 1


OTHER_CARD, DECLINED = "5454545454545454", "4387751111111053"


@pytest.mark.parametrize(
    "other",
    [
        lambda form, bank, gateway: bank,
        lambda form, bank, gateway: form | {"token": gateway.token(OTHER_CARD)},
        lambda form, bank, gateway: form | {"amount": "100.00", "balance": "182.50"},
    ],
    ids=["bank account", "other card", "other amount"],
)
def test_the_same_key_with_another_form_is_refused_in_words(
    payer, link, form, bank_form, gateway, other
):
    payer.post(address(link), form)
    payment = Payment.objects.get()
    answer = payer.post(address(link), other(form, bank_form, gateway))
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in (
        "Nothing more was charged", "$182.50", "with Visa ending 1111", "went through",
        f"{address(link)}{payment.public_id}/",
    ):  # fmt: skip
        assert words in page
    assert len(gateway.charges()) == 1
    assert Payment.objects.count() == Authorization.objects.count() == 1
    assert payer.post(address(link), form).url == f"{address(link)}{payment.public_id}/"


def test_another_form_while_the_first_is_unknown_says_what_is_known(
    payer, link, form, bank_form, gateway
):
    gateway.fault("auth", "drop_before")
    payer.post(address(link), form)
    for words in ("The bank has not answered yet.", "It never got there."):
        answer = payer.post(address(link), bank_form)
        page = answer.content.decode()
        assert (answer.status_code, words in page) == (422, True)
        assert "Nothing more was charged" in page
        Payment.objects.get().not_charged("It never got there.")
    assert gateway.charges() == []


def test_another_form_after_a_decline_goes_on_from_there(payer, link, form, bank_form, gateway):
    payer.post(address(link), form | {"token": gateway.token(DECLINED)})
    answer = payer.post(address(link), bank_form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "It did not go through: <strong>no money has been taken.</strong>" in page
    again = payer.get(re.search(r'href="(/p/[^"]+/[0-9a-f-]{36}/)"', page)[1]).content.decode()
    key = re.search(r'name="key" value="([^"]+)"', again)[1]
    assert payer.post(address(link), bank_form | {"key": key}).status_code == 302
    assert [row["account_kind"] for row in gateway.taken()] == ["ach"]


def test_another_form_for_a_paid_invoice_pays_nothing(payer, link, form, gateway):
    payer.post(address(link), form)
    answer = payer.post(address(link), form | {"key": str(uuid.uuid4())})
    assert answer.status_code == 409
    assert "Already paid" in answer.content.decode()
    assert len(gateway.charges()) == 1


def test_a_changed_amount_is_shown_and_must_be_agreed_anew(payer, link, form, gateway):
    line = {"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal("214.00")}
    link.invoice.revise(lines=[line], tax=Decimal("0.00"), actor=None, read_payments=payment_state)
    answer = payer.post(address(link), form)
    html = answer.content.decode()
    assert answer.status_code == 409
    for words in ("$182.50", "$214.00", "+ $31.50", "No money has been taken."):
        assert words in html
    assert " checked" not in html.split('id="agree"')[1].split(">")[0]
    assert gateway.charges() == []
    assert Payment.objects.count() == 0
    payer.post(address(link), form | {"amount": "214.00"})
    assert [charge["amount"] for charge in gateway.taken()] == ["214.00"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"authorized": ""}, "Check the box"),
        ({"token": ""}, "Enter your card number"),
        ({"token": "8418594164541111"}, "Enter your card number"),
        ({"token": "94185941645411119"}, "Enter your card number"),
        ({"method": "cash"}, "cash"),
        ({"amount": "-1"}, "out of date"),
        ({"key": "no uuid"}, "out of date"),
        ({"day": "2026-01-01"}, "out of date"),
    ],
)
def test_a_form_that_is_not_complete_charges_nothing(payer, link, form, gateway, change, words):
    answer = payer.post(address(link), form | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert gateway.charges() == []
    assert Payment.objects.count() == 0


@pytest.mark.parametrize("name", ["", "4111 1111", "12345678"])
def test_a_bank_payment_needs_a_name_and_not_a_number(payer, link, bank_form, gateway, name):
    answer = payer.post(address(link), bank_form | {"name": name})
    assert answer.status_code == 422
    assert gateway.charges() == []


def test_bank_payments_only_where_they_are_enabled(payer, link, bank_form, gateway, tenant):
    tenant.cardconnect.ach_enabled = False
    tenant.cardconnect.save()
    assert "Bank account (ACH)" not in payer.get(address(link)).content.decode()
    answer = payer.post(address(link), bank_form)
    assert answer.status_code == 409
    assert "Please pay by card" in answer.content.decode()
    assert gateway.charges() == []


def test_what_goes_over_the_wire(payer, link, bank_form, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "payments.gateway.http.call",
        lambda account, verb, path, request=None, site="": (
            sent.append((verb, path, request)) or (500, b"")
        ),
    )
    payer.post(address(link), bank_form)
    [(verb, path, request)] = sent
    payment = Payment.objects.get()
    assert (verb, path) == ("PUT", "auth")
    assert request == {
        "merchid": payment.merchid,
        "account": bank_form["token"],
        "amount": "182.50",
        "currency": "USD",
        "orderid": payment.orderid,
        "invoiceid": payment.invoice.number[:12],
        "capture": "Y",
        "ecomind": "E",
        "accttype": "ECHK",
        "achEntryCode": "WEB",
        "name": "Dana Whitfield",
    }
    assert payment.orderid.isalpha()
    assert len(payment.orderid) == 19
