"""Every address of the product: nobody gets in without signing in, and nobody from another company
gets anything but 404, with nothing changed. A new route fails here until it has a sample."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db.models import Model, Q
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from audit.models import record
from payments.models import MatchRow, MatchRun, Payment, Refund
from payments.staff.cash import record_by_hand
from sms.models import BulkSend, InboundText, OptOut, ReminderStep
from tenants.models import Membership, Role, Tenant, User
from tests.addresses import reverse
from tests.conftest import ScopedClient, signed_in
from tests.factories import (
    PASSWORD,
    make_invoice,
    make_link,
    make_member,
    make_ready_tenant,
    make_text,
)
from textpay.account_urls import KEPT
from textpay.public_urls import PUBLIC

pytestmark = pytest.mark.django_db

# allauth's pages for people who are not signed in, or have just left.
DOORS = KEPT - {"account_reauthenticate", "account_change_password", "account_set_password"}


def routes(patterns: Any = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address with its name: a company's and those of no company."""
    if patterns is None:
        patterns = [
            *get_resolver(settings.COMPANY_URLCONF).url_patterns,
            *get_resolver(settings.ROOT_URLCONF).url_patterns,
        ]
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from routes(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name or ''}", pattern


NAMES = sorted({name for name, _ in routes() if not name.startswith("admin:")})
ADMIN = sorted({name for name, _ in routes() if name.startswith("admin:") and name != "admin:"})


class Victim:
    """A company with one of everything."""

    def __init__(self) -> None:
        self.tenant = make_ready_tenant("Secret Harbor")
        self.clerk = make_member(self.tenant, "Office", name="Maya Torres")
        self.role = Role.objects.create(tenant=self.tenant, name="Night shift")
        self.invoice = make_invoice(self.tenant, number="INV-SECRET", description="Hidden work")
        self.customer = self.invoice.customer
        self.contact = self.customer.contacts.get()
        self.text = make_text(self.invoice, self.clerk)
        self.link = self.text.link
        self._pay()
        self._talk()
        self.membership = Membership.objects.get(user=self.clerk)
        record("tenant.edited", tenant=self.tenant, subject=self.tenant.audit_subject)

    def _pay(self) -> None:
        """Money of every kind."""
        self.payment = Payment.objects.create(
            tenant=self.tenant,
            invoice=self.invoice,
            link=self.link,
            key=uuid.uuid4(),
            method="card",
            amount="1.00",
            site="fts-uat",
            merchid="1",
        )
        today = dt.date(2026, 11, 20)
        self.row = MatchRow.objects.create(
            tenant=self.tenant,
            run=MatchRun.objects.create(tenant=self.tenant, from_day=today, to_day=today),
            bucket="theirs",
            cause="unknown_charge",
            day=today,
            retref="1",
            their_amount="1.00",
            payment=self.payment,
            invoice=self.invoice,
        )
        self.by_hand, _ = record_by_hand(
            self.invoice,
            method="check",
            amount=Decimal("2.00"),
            document="77",
            received_on=dt.date(2026, 11, 20),
            actor=self.clerk,
            key=uuid.uuid4(),
        )
        self.refund = Refund.objects.create(
            tenant=self.tenant,
            payment=self.payment,
            key=uuid.uuid4(),
            kind="refund",
            amount="1.00",
            reason="Hidden work",
            status="requested",
            requested_by=self.clerk,
        )

    def _talk(self) -> None:
        """Texts of every kind."""
        self.bulk, _ = BulkSend.objects.start(
            self.tenant, [self.invoice], actor=self.clerk, key=uuid.uuid4()
        )
        self.step = ReminderStep.objects.create(
            tenant=self.tenant,
            when="after_sending",
            days=3,
            words_en="{amount} {invoice}",
            words_es="{amount} {invoice}",
        )
        self.reply = InboundText.objects.create(
            tenant=self.tenant,
            sid="SM" + "e" * 32,
            number="+19785550142",
            body="Hidden work",
            kind="unclear",
            customer=self.customer,
        )
        self.opt_out = OptOut.objects.create(
            tenant=self.tenant, digest="e" * 64, hint="42", source="staff", wording="Hidden work"
        )

    @property
    def samples(self) -> dict[str, dict[str, Any]]:
        """What to fill into each address that has a gap."""
        invoice = {"public_id": self.invoice.public_id}
        customer = {"public_id": self.customer.public_id}
        return {
            "customers:detail": customer,
            "customers:live": customer,
            "customers:edit": customer,
            "customers:reminders": customer,
            "customers:contacts": customer,
            "customers:contact_create": customer,
            "customers:contact_edit": {"public_id": self.contact.public_id},
            "invoices:detail": invoice,
            "invoices:live": invoice,
            "invoices:edit": invoice,
            "invoices:void": invoice,
            "invoices:promise": invoice,
            "invoices:send_email": invoice,
            "invoices:letter": invoice,
            "invoices:expire_link": invoice,
            "sms:send": invoice,
            "sms:check": invoice,
            **{
                f"sms:bulk{step}": {"public_id": self.bulk.public_id}
                for step in ("", "_live", "_csv", "_pause", "_go_on", "_stop")
            },
            "payments:record": invoice,
            "payments:give_back": {"public_id": self.payment.public_id},
            "payments:void_record": {"public_id": self.by_hand.public_id},
            "payments:ask": {"public_id": self.payment.public_id},
            "payments:ask_refund": {"public_id": self.refund.public_id},
            "payments:repaid": {"public_id": self.refund.public_id},
            "payments:release": {"public_id": self.refund.public_id},
            **{
                f"payments:match_{verb}": {"public_id": self.row.public_id}
                for verb in ("keep", "book", "ask", "refund", "seen")
            },
            "sms:cancel": {"public_id": self.text.public_id},
            **{
                f"replies:{name}": {"public_id": self.reply.public_id}
                for name in ("conversation", "live", "answer", "unread", "decide", "stop")
            },
            "replies:from_customer": customer,
            "replies:resume": {"pk": self.opt_out.pk},
            "sms:delivery_status": {"message": self.text.public_id},
            "payments:pay": {"token": "x" * 22},
            "payments:opened": {"token": "x" * 22},
            "payments:fee": {"token": "x" * 22},
            "payments:pay_status": {"token": "x" * 22, "payment": self.payment.public_id},
            "tenants:brand_css": {"color": "0b6470"},
            "former_address": {"former": f"invoices/{self.invoice.public_id}/"},
            "tenants:person": {"public_id": self.membership.public_id},
            "tenants:reminder_edit": {"public_id": self.step.public_id},
            "tenants:reminder_remove": {"public_id": self.step.public_id},
            "tenants:role": {"name": self.role.name},
            "api:invoice-detail": invoice,
            "api:customer-detail": customer,
            "api:text-detail": {"public_id": self.text.public_id},
            "api:payment-detail": {"public_id": self.payment.public_id},
            "account_reset_password_from_key": {"uidb36": "1", "key": "no-such-key"},
        }

    @property
    def poison(self) -> dict[str, Any]:
        """A form that names the victim's rows wherever it can."""
        return {
            "tenant": self.tenant.pk,
            "tenant_id": self.tenant.pk,
            "customer": str(self.customer.public_id),
            "invoice": str(self.invoice.public_id),
            "role": self.role.pk,
            "to": "+12125550123",
            "key": str(uuid.uuid4()),
            "number": "555-0123",
            "country": "US",
            "name": "Mallory",
            "email": "mallory@evil.example",
            "first_name": "Mal",
            "last_name": "Lory",
            "reason": "because",
            "status": "paid",
            "paid": "999",
            "is_staff": "on",
            "is_superuser": "on",
            "confirmed": "1",
            "confirm_password": PASSWORD,
            "amount": "1.00",
            "method": "cash",
            "received_on": "2026-11-20",
            "decision": "release",
            "description": "Mallory",
            "issued_on": "2026-11-20",
            "due_on": "2026-12-20",
            "tax": "0",
            "lines-TOTAL_FORMS": "1",
            "lines-INITIAL_FORMS": "0",
            "lines-0-description": "Mallory",
            "lines-0-quantity": "1",
            "lines-0-unit_price": "1.00",
        }


@pytest.fixture
def victim(db: None) -> Victim:
    return Victim()


def books(tenant: Tenant | None = None) -> str:
    """A digest of every row there is, or of every row that belongs to `tenant`."""
    seen = hashlib.sha256()
    for model in apps.get_models():
        if model._meta.app_label in ("sessions", "contenttypes"):
            continue
        rows = model._base_manager.order_by("pk")
        if tenant is not None:
            rows = rows.filter(_belongs(model, tenant))
        for row in json.loads(serializers.serialize("json", rows)):
            row["fields"].pop("last_login", None)
            seen.update(json.dumps(row, sort_keys=True).encode())
    return seen.hexdigest()


def _belongs(model: type[Model], tenant: Tenant) -> Q:
    if model is Tenant:
        return Q(pk=tenant.pk)
    if model is User:
        return Q(memberships__tenant=tenant)
    names = {field.name for field in model._meta.fields}
    return Q(tenant=tenant) if "tenant" in names else Q(pk__in=[])


def address(name: str, victim: Victim) -> str:
    """The route's address, filled with the victim's ids."""
    gaps = next(pattern for known, pattern in routes() if known == name).pattern.converters
    regex_gaps = next(p for known, p in routes() if known == name).pattern.regex.groupindex
    if gaps or regex_gaps:
        assert name in victim.samples, f"{name} has no sample: add one to Victim.samples"
    return reverse(name, kwargs=victim.samples.get(name))


@pytest.mark.parametrize("name", NAMES)
def test_nobody_gets_in(name: str, victim: Victim) -> None:
    if name in PUBLIC | DOORS:
        return
    page = address(name, victim)
    before = books()
    for method in ("get", "post"):
        answer = getattr(ScopedClient(), method)(page, victim.poison if method == "post" else {})
        if answer.status_code == 405:
            continue  # a page that takes only the other method says so to everybody
        if name.startswith("api:"):
            assert answer.status_code == 403, f"{method} {page}"
        else:
            assert answer.status_code == 302, f"{method} {page}"
            assert answer["Location"].startswith("/accounts/"), f"{method} {page}"
        assert "SECRET" not in answer.content.decode()
    assert books() == before


@pytest.mark.parametrize("name", NAMES)
def test_strangers_get_404(name: str, victim: Victim, stranger: User) -> None:
    if name in PUBLIC | KEPT:
        return
    page = address(name, victim)
    browser = signed_in(stranger)
    has_ids = name in victim.samples
    mine = None if has_ids else victim.tenant
    before = books(mine)
    for method in ("get", "post"):
        answer = getattr(browser, method)(page, victim.poison if method == "post" else {})
        if has_ids:
            assert answer.status_code in (404, 405), f"{method} {page}: {answer.status_code}"
        text = answer.content.decode()
        for secret in ("INV-SECRET", "Hidden work", "Secret Harbor", "Night shift"):
            assert secret not in text, f"{method} {page}"
    assert books(mine) == before
    if has_ids and name not in ("api:invoice-detail",):
        statuses = {browser.get(page).status_code, browser.post(page, {}).status_code}
        assert 404 in statuses or statuses == {405}, f"{page}: {statuses}"


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_are_real(name: str, victim: Victim) -> None:
    """The same addresses open for the company's own administrator, so that 404 means something."""
    if name in PUBLIC | KEPT or name not in victim.samples:
        return
    answer = signed_in(make_member(victim.tenant, "Administrator")).get(address(name, victim))
    assert answer.status_code in (200, 302, 405), f"{name}: {answer.status_code}"


def test_platform_pages_are_closed_to_companies(victim: Victim, stranger: User) -> None:
    gaps = {"object_id": victim.tenant.pk, "id": stranger.pk, "app_label": "tenants"}
    before = books()
    for name in ADMIN:
        if name == "admin:login":
            continue
        pattern = next(pattern for known, pattern in routes() if known == name).pattern
        names = set(pattern.converters) | set(pattern.regex.groupindex)
        values = {"content_type_id": 1, "url": "x", **gaps}
        page = reverse(name, kwargs={key: values[key] for key in names} or None)
        for browser in (ScopedClient(), signed_in(stranger)):
            for method in ("get", "post"):
                answer = getattr(browser, method)(page)
                assert answer.status_code in (302, 403, 404, 405), f"{method} {page}"
                assert "SECRET" not in answer.content.decode()
            browser.logout()
    assert books() == before


def test_every_public_name_exists() -> None:
    assert set(NAMES) >= PUBLIC


def test_posting_without_a_csrf_token_is_refused(victim: Victim) -> None:
    """All pages that change something, except what providers call and sign."""
    admin_of = make_member(victim.tenant, "Administrator")
    before = books()
    for name in NAMES:
        if name == "sms:delivery_status" or name in KEPT:
            continue
        browser = ScopedClient(enforce_csrf_checks=True)
        browser.force_login(admin_of, backend="django.contrib.auth.backends.ModelBackend")
        answer = browser.post(address(name, victim), victim.poison)
        assert answer.status_code in (403, 405), f"{name}: {answer.status_code}"
    assert books() == before


def test_a_person_of_two_companies_sees_one_at_a_time(victim: Victim, stranger: User) -> None:
    Membership.objects.create(
        user=stranger,
        tenant=victim.tenant,
        role=Role.objects.get(tenant=victim.tenant, name="Viewer"),
    )
    browser = signed_in(stranger)
    page = reverse("invoices:detail", kwargs={"public_id": victim.invoice.public_id})
    own = stranger.memberships.exclude(tenant=victim.tenant).get().tenant
    assert browser.get(f"/{own.slug}{page}").status_code == 404
    assert browser.get(f"/{victim.tenant.slug}{page}").status_code == 200
    Membership.objects.filter(tenant=victim.tenant, user=stranger).update(is_active=False)
    assert browser.get(f"/{victim.tenant.slug}{page}").status_code == 404


def test_without_a_company_a_page_says_so(db: None) -> None:
    browser = signed_in(User.objects.create_user("alone@staff.example"))
    for path in ("/", reverse("invoices:list"), reverse("tenants:company")):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "do not have access to any company" in answer.content.decode()


def test_links_of_other_companies_look_like_unknown_ones(victim: Victim, payer: Client) -> None:
    unknown = payer.get(reverse("payments:pay", args=["y" * 22]))
    assert unknown.status_code == 404
    assert payer.get(f"/p/{make_link(victim.invoice).token}/").status_code == 200
