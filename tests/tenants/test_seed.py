"""The practice companies: complete, consistent, dated in order, and only for practice."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import F, QuerySet, Sum
from django.test import Client, TransactionTestCase, override_settings
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from audit.models import AuditEntry
from customers.models import Contact, Customer
from invoices.models import Invoice, PaymentLink
from payments.gateway import client
from payments.models import CardConnectAccount, MatchRow, Payment
from payments.reconciliation import match, verify
from payments.refunding.request import request_refund
from sms.bulk.work import verdicts
from sms.invoice_filters import never_texted
from sms.models import InboundText, OptOut, TextMessage
from tenants.models import Membership, Tenant, User
from tenants.roles import Permission
from tests.flush import empty_tables
from tests.sandbox_process import Sandbox
from textpay.demo import accounts, past
from textpay.pages import invoice_filters

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def filled(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A practice installation in the database, for all tests of this file: filling takes long."""
    folder = tmp_path_factory.mktemp("practice")
    practice = override_settings(PRACTICE_MODE=True, VAR_DIR=folder)
    with django_db_blocker.unblock(), practice, scopes_disabled():
        call_command("seed_demo", verbosity=0)
    yield folder
    with django_db_blocker.unblock():
        empty_tables(TransactionTestCase())


@pytest.fixture
def seeded(filled: Path, db: None, settings: Any, tmp_path: Path) -> Path:
    """The practice installation; gives a folder of the test's own with its logins."""
    settings.PRACTICE_MODE = True
    settings.VAR_DIR = tmp_path
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return tmp_path


def lived_in() -> QuerySet[Tenant]:
    """The companies with months of history, which Bluebird has not."""
    found = Tenant.objects.filter(text_to_pay_enabled=True).exclude(slug="bluebird")
    assert found.count() == 2
    return found


def two_companies_have_everything_a_newcomer_needs() -> None:
    for tenant in lived_in():
        roles = Membership.objects.filter(tenant=tenant).values_list("role__name", flat=True)
        assert sorted(roles) == ["Administrator", "Bookkeeper", "Office", "Viewer"]
        assert Customer.objects.filter(tenant=tenant).count() >= 12
        invoices = Invoice.objects.filter(tenant=tenant)
        assert invoices.count() >= 40
        assert set(invoices.values_list("status", flat=True)) == set(Invoice.Status.values)
        untexted = never_texted(invoices).filter(
            customer__contacts__is_billing=True, customer__contacts__mobile__startswith="+1"
        )
        assert untexted.count() >= 12


def history_looks_lived_in() -> None:
    for tenant in lived_in():
        texts = Counter(TextMessage.objects.filter(tenant=tenant).values_list("status", flat=True))
        assert texts["delivered"] > 20
        assert texts["undelivered"] == texts["failed"] == 1
        assert set(texts) == {"delivered", "undelivered", "failed"}  # nothing for a sweep to send
        links = set(PaymentLink.objects.filter(tenant=tenant).values_list("status", flat=True))
        assert links == set(PaymentLink.Status.values)
        paid = set(Payment.objects.filter(tenant=tenant).values_list("status", flat=True))
        assert {"captured", "settled", "started", "cleared", "declined"} == paid
        # What the sweep asks about: no more than it can ask at once, for both companies.
        assert Payment.objects.filter(tenant=tenant).to_poll(timezone.now()).count() == 2


def books_agree() -> None:
    for invoice in Invoice.objects.all():
        assert invoice.paid == invoice.payments.booked_total()
        assert invoice.total == sum(line.amount for line in invoice.lines.all()) + invoice.tax
    for customer in Customer.objects.all():
        owed = customer.invoices.open().aggregate(owed=Sum(F("total") - F("paid")))["owed"] or 0
        assert customer.balance == owed


def history_is_dated_when_it_happened() -> None:
    for tenant in Tenant.objects.all():
        entries = list(
            AuditEntry.objects.filter(tenant=tenant)
            .order_by("id")
            .values_list("created_at", flat=True)
        )
        assert entries == sorted(entries)
        assert entries[-1] <= timezone.now()
        assert entries[0] < timezone.now() - dt.timedelta(days=1)
    for link in PaymentLink.objects.filter(status="expired"):
        assert link.closed_at
        assert link.expires_at <= link.closed_at <= link.expires_at + dt.timedelta(minutes=1)
    assert not PaymentLink.objects.live().filter(expires_at__lte=timezone.now()).exists()


def a_large_refund_takes_two_people_who_are_there() -> None:
    for tenant in lived_in():
        large = Payment.objects.filter(tenant=tenant, amount__gt=tenant.refund_release_over)
        assert large.filter(status="settled").exists()
        people = Membership.objects.filter(tenant=tenant).select_related("role")
        may = {
            permission: sorted(one.role.name for one in people if one.allows(permission))
            for permission in (Permission.REFUND_PAYMENTS, Permission.RELEASE_REFUNDS)
        }
        assert set(map(tuple, may.values())) == {("Administrator", "Bookkeeper")}


def one_company_takes_parts() -> None:
    tenant = Tenant.objects.get(partial_payments=True)
    [invoice] = Invoice.objects.filter(tenant=tenant, status="open", paid__gt=0)
    assert tenant.slug == "mesa-verde"
    assert 0 < invoice.balance < invoice.total
    assert PaymentLink.objects.live().filter(invoice=invoice).exists()


def one_company_has_200_invoices_to_text_at_once() -> None:
    tenant = Tenant.objects.get(slug="bluebird")
    assert (tenant.text_to_pay_enabled, tenant.twilio.is_registered) == (True, True)
    with scope(tenant=tenant):
        found = verdicts(invoice_filters.find("", "open", timezone.now().date()))
    assert len(found) == len({one.recipient.number for one in found}) == 200
    assert {(one.reason, one.not_before, one.texted_before) for one in found} == {("", None, False)}
    assert {contact.language for contact in Contact.objects.filter(tenant=tenant)} == {"en", "es"}
    # Long enough to watch it and to kill the worker, short enough to see the end.
    assert 20 <= len(found) / tenant.twilio.texts_per_second <= 40
    office = Membership.objects.get(tenant=tenant, role__name="Office")
    assert office.allows(Permission.SEND_MANY)


def customers_have_texted_back() -> None:
    for tenant in lived_in():
        replies = InboundText.objects.filter(tenant=tenant)
        assert replies.to_review().count() == 1
        assert replies.unread().count() == 2
        [out] = OptOut.objects.active().filter(tenant=tenant)
        assert out.source == "reply"
        assert TextMessage.objects.filter(tenant=tenant, kind="answer").count() == 1


def the_next_customer_gets_a_number_of_their_own() -> None:
    for tenant in Tenant.objects.all():
        Customer(tenant=tenant, name="Newcomer").save_as(actor=None)
        assert Customer.objects.filter(tenant=tenant, name="Newcomer").exists()


def phone_numbers_are_valid_and_nobodys() -> None:
    numbers = {n for pair in Contact.objects.values_list("mobile", "phone") for n in pair if n}
    assert len(numbers) > 230
    for number in numbers:
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))
        assert number[5:10] == "55501"


def test_the_demo(seeded: Path) -> None:
    """One seeding for all checks that only look: it takes seconds."""
    two_companies_have_everything_a_newcomer_needs()
    history_looks_lived_in()
    books_agree()
    history_is_dated_when_it_happened()
    a_large_refund_takes_two_people_who_are_there()
    one_company_takes_parts()
    one_company_has_200_invoices_to_text_at_once()
    customers_have_texted_back()
    phone_numbers_are_valid_and_nobodys()
    accounts_are_the_sandboxs()
    the_next_customer_gets_a_number_of_their_own()


def test_the_gateway_that_is_told_of_the_past_has_nothing_against_the_books(
    seeded: Path, gateway: Sandbox
) -> None:
    gateway.reset()
    told = json.loads((seeded / "demo_past.json").read_text())
    assert len(gateway.control("past", charges=told)["written"]) == len(told) > 20
    for tenant in lived_in():
        assert verify.verify(tenant, gateway=True) == ([], 0)
        with scope(tenant=tenant):
            run = match.begin(tenant)
            assert run
            match.run(run)
            run.refresh_from_db()
            assert run.matched_count
            assert not MatchRow.objects.filter(run=run).exists()
            for payment in Payment.objects.all():
                if payment.retref:
                    seen = client.inquire(payment)
                    assert seen
                    is_over = past.night_after(payment.begun, tenant) < timezone.now()
                    assert seen.is_settled == is_over, payment


def test_a_gateway_made_anew_is_told_what_has_happened_since(
    seeded: Path, gateway: Sandbox
) -> None:
    """Somebody deletes the pretend gateway's database and keeps the demo's."""
    gateway.reset()
    kept = {payment.status: payment for payment in Payment.objects.order_by("pk")}
    kept["captured"].mark_voided(reason="Paid in cash")
    kept["started"].mark_returned("R01")
    actor = User.objects.get(email="books@harbor.example")
    wanted: Any = {"amount": Decimal("10.00"), "reason": "Too much", "actor": actor}
    refund, _ = request_refund(kept["settled"], key=uuid.uuid4(), **wanted)
    refund.mark_sent()
    refund.done(retref="633199999999")
    call_command("seed_demo", verbosity=0)
    told = json.loads((seeded / "demo_past.json").read_text())
    assert len(gateway.control("past", charges=told)["written"]) == len(told)
    there = {row["retref"]: row for row in gateway.ledger()["charges"]}
    assert there[kept["captured"].retref]["setlstat"] == "Voided"
    assert there[kept["started"].retref]["achreturncode"] == "R01"
    assert there["633199999999"]["parent"] == kept["settled"].retref
    assert (there["633199999999"]["amount"], there["633199999999"]["kind"]) == ("10.00", "refund")


def test_a_second_run_changes_nothing(seeded: Path) -> None:
    before = (Invoice.objects.count(), AuditEntry.objects.count(), User.objects.count())
    call_command("seed_demo", verbosity=0)
    assert before == (Invoice.objects.count(), AuditEntry.objects.count(), User.objects.count())

    logins_work_and_are_for_their_owner_only(seeded / "demo_logins.json")
    nobody_is_listed_who_is_not_there(seeded / "demo_logins.json")


def nobody_is_listed_who_is_not_there(path: Path) -> None:
    """A demo that an older version made has no bookkeeper."""
    email = "books@harbor.example"
    assert email in path.read_text()
    User.objects.filter(email=email).update(email="somebody@harbor.example")
    call_command("seed_demo", verbosity=0)
    assert email not in path.read_text()


def logins_work_and_are_for_their_owner_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    logins = json.loads(path.read_text())
    assert {"company", "name", "role", "email", "password"} == set(logins[0])
    for login in logins:
        assert Client().login(username=login["email"], password=login["password"])


def accounts_are_the_sandboxs() -> None:
    account = CardConnectAccount.objects.get(tenant__slug="harbor")
    assert (account.merchid, account.username, account.password) == (
        "496160873888",
        "testing",
        "testing123",
    )
    assert account.ach_enabled
    other = CardConnectAccount.objects.get(tenant__slug="mesa-verde")
    assert (other.ach_enabled, other.fee_words) == (False, "a surcharge of 3% on credit cards")
    theirs = (Path(settings.BASE_DIR) / "sandbox/settings.py").read_text().replace('"\n    "', "")
    assert accounts.MERCHANTS in theirs
    assert accounts.TWILIO in theirs


def test_refused_outside_practice() -> None:
    assert not settings.PRACTICE_MODE
    before = set(Tenant.objects.all())
    with pytest.raises(CommandError, match="practice only"):
        call_command("seed_demo")
    assert set(Tenant.objects.all()) == before
