"""An installation of version 0.1.0 that is upgraded keeps every cent, link, text and entry.

The database was filled by 0.1.0 itself, see from_0_1_0/make.py. Where a later version stores
something in another way on purpose, name it in GONE or CHANGED and compare here what people see.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
import responses
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.test import Client

from audit.models import AuditEntry
from customers.models import Customer
from invoices.models import Invoice, PaymentLink
from payments.models import CardConnectAccount, MatchRow, MatchRun, Payment, Refund
from sms.models import OptOut, TextMessage, TwilioAccount
from tenants.models import Membership, Tenant, User
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.upgrade.databases import Row, old, unhex
from textpay import housekeeping
from textpay.demo import clock

pytestmark = pytest.mark.usefixtures("upgraded")

# Rows that an upgrade takes away, by table: whether a row of 0.1.0 is gone.
GONE: dict[str, Callable[[Row], bool]] = {
    # The run keeps their figures, see below.
    "payments_matchrow": lambda row: row["bucket"] == "matched",
}
# Columns of 0.1.0 whose values an upgrade changes, as (table, column).
CHANGED: set[tuple[str, str]] = set()
# Django writes to these itself.
GROWING = {"auth_permission", "django_content_type"}

ZERO = Decimal("0.00")
GATEWAY = "https://gateway.test"


def tables() -> dict[str, type[models.Model]]:
    """Today's models by their tables."""
    found = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: model for model in found}


def value_of(column: models.Field, stored: Any) -> Any:
    """What Django reads where 0.1.0 has stored this."""
    if stored is None:
        return None
    if isinstance(column, models.ForeignKey):
        return value_of(column.target_field, stored)
    if isinstance(column, models.JSONField):
        return json.loads(stored)
    if isinstance(column, models.BinaryField):
        return unhex(stored)
    if isinstance(column, models.DateTimeField):
        return dt.datetime.fromisoformat(stored).replace(tzinfo=dt.UTC)
    return column.to_python(stored)


def rows_now(model: type[models.Model], columns: list[str]) -> dict[Any, tuple[Any, ...]]:
    """What the database holds today in these columns, by primary key."""
    fields = {field.column: field for field in model._meta.concrete_fields}
    names = [fields[column].attname for column in columns]
    return {
        row[0]: tuple(bytes(value) if isinstance(value, memoryview) else value for value in row[1:])
        for row in model._base_manager.values_list("pk", *names)
    }


def test_every_row_is_what_it_was() -> None:
    """All that 0.1.0 stored is in the same table, under the same key, with the same value."""
    for table, rows in old().tables.items():
        if table == "django_migrations":
            continue
        model = tables()[table]
        fields = {field.column: field for field in model._meta.concrete_fields}
        columns = [column for column in rows[0] if (table, column) not in CHANGED]
        key = model._meta.pk
        assert key is not None
        before = {
            value_of(key, row[key.column]): tuple(
                value_of(fields[column], row[column]) for column in columns
            )
            for row in rows
            if not (table in GONE and GONE[table](row))
        }
        now = rows_now(model, columns)
        assert {pk: row for pk, row in now.items() if pk in before} == before, table
        assert table in GROWING or now.keys() == before.keys(), table


def test_the_copy_has_everything_that_0_1_0_can_store() -> None:
    """So that a migration of any status or kind meets a row of it."""
    for model in (Invoice, PaymentLink, Payment, Refund, TextMessage):
        found = {row["status"] for row in old().tables[model._meta.db_table]}
        assert len(found) >= 5
        assert found <= set(model.Status.values)


# --- Money ------------------------------------------------------------------------------------


def test_totals_and_balances_are_the_same() -> None:
    """What each company is owed and was paid, added up by hand from the old rows."""
    owed: dict[int, Decimal] = defaultdict(Decimal)
    by_customer: dict[int, Decimal] = defaultdict(Decimal)
    invoices = Invoice.objects.in_bulk()
    for row in old().tables["invoices_invoice"]:
        balance = max(Decimal(row["total"]) - Decimal(row["paid"]), ZERO)
        invoice = invoices[row["id"]]
        assert (invoice.number, invoice.status) == (row["number"], row["status"])
        assert invoice.balance == balance
        if row["status"] == "open":
            owed[row["tenant_id"]] += balance
            by_customer[row["customer_id"]] += balance
    for customer in Customer.objects.all():
        assert customer.balance == by_customer[customer.pk]
    for tenant in Tenant.objects.all():
        mine = Customer.objects.filter(tenant=tenant)
        assert sum((customer.balance for customer in mine), ZERO) == owed[tenant.pk]


def test_what_was_booked_on_each_invoice_is_the_same() -> None:
    kept: dict[int, Decimal] = defaultdict(Decimal)
    for row in old().tables["payments_payment"]:
        if row["status"] in ("captured", "settled", "started", "cleared", "refunded"):
            kept[row["invoice_id"]] += Decimal(row["amount"]) - Decimal(row["refunded"])
    assert len(kept) > 30
    for invoice in Invoice.objects.filter(pk__in=list(kept)):
        assert invoice.paid == kept[invoice.pk]
        assert invoice.payments.booked_total() == kept[invoice.pk]
    assert not Invoice.objects.exclude(pk__in=list(kept)).exclude(paid=ZERO).exists()


def test_the_money_is_verified(capsys: Any) -> None:
    call_command("verify_money", "--no-gateway")
    assert capsys.readouterr().out == "Checked 4 companies: every cent is accounted for.\n"


def test_money_match_shows_the_same_figures() -> None:
    """Of each bucket: the rows of the last whole match, and those of others that still wait."""
    tenant = Tenant.objects.get(slug="harbor")
    runs = [row for row in old().tables["payments_matchrun"] if row["tenant_id"] == tenant.pk]
    last = max(row["id"] for row in runs if row["finished_at"] and not row["problem"])
    count: Counter[str] = Counter()
    total: dict[str, Decimal] = defaultdict(Decimal)
    for row in old().tables["payments_matchrow"]:
        waits = row["handled_at"] is None and not row["superseded"] and row["bucket"] != "matched"
        if row["run_id"] == last or waits:
            count[row["bucket"]] += 1
            amount = row["our_amount"] if row["their_amount"] is None else row["their_amount"]
            total[row["bucket"]] += Decimal(amount)
    page = signed_in(person("books@harbor.example")).get(reverse("payments:match"))
    figure = re.compile(
        r'\?bucket=(\w+)".*?<strong>(\d+)</strong>\s*<small class="money">\$?([\d,.]+)<', re.DOTALL
    )
    shown = {name: (int(n), amount) for name, n, amount in figure.findall(page.content.decode())}
    assert shown == {bucket: (count[bucket], f"{total[bucket]:,.2f}") for bucket in count}
    assert set(shown) == {"differs", "theirs", "ours", "matched"}
    assert MatchRun.objects.filter(tenant=tenant).count() == len(runs)


def test_each_match_keeps_its_matched_figures() -> None:
    """0.1.0 counted the rows each time; since 0.2.0 the run has the figures."""
    compare_matched_figures()
    assert not MatchRow.objects.filter(bucket="matched").exists()


def compare_matched_figures() -> None:
    """Hold the figures of each run against the matched rows of 0.1.0."""
    count: Counter[tuple[int, str]] = Counter()
    total: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for row in old().tables["payments_matchrow"]:
        if row["bucket"] == "matched":
            amount = row["our_amount"] if row["their_amount"] is None else row["their_amount"]
            came_back = "Returns" if row["note"] else ""
            kind = came_back or ("Refunds" if Decimal(amount) < 0 else "Charges")
            for key in ((row["run_id"], kind), (row["run_id"], "")):
                count[key] += 1
                total[key] += Decimal(amount)
    assert len({run for run, _ in count}) > 2
    for run in MatchRun.objects.all():
        assert (run.matched_count, run.matched_total) == (count[run.pk, ""], total[run.pk, ""])
        for kind, number, amount in run.matched_by_kind():
            assert (number, amount) == (count[run.pk, kind], total[run.pk, kind])


def test_who_was_paid_out_is_still_known() -> None:
    """From the first run with a deposit on: only then a missing deposit is a problem."""
    first: dict[int, int] = {}
    for row in old().tables["payments_matchrow"]:
        if row["paid_out"] is not None:
            first[row["tenant_id"]] = min(row["run_id"], first.get(row["tenant_id"], 10**9))
    assert first
    for run in MatchRun.objects.all():
        assert run.has_deposits == (run.pk >= first.get(run.tenant_id, 10**9))


def test_housekeeping_keeps_what_waits_and_what_people_handled() -> None:
    """Years later, on either database."""
    stays = {
        row["id"]
        for row in old().tables["payments_matchrow"]
        if row["bucket"] != "matched" and (row["handled_at"] or not row["superseded"])
    }
    history = AuditEntry.objects.count()
    with clock.on(old().made_at + dt.timedelta(days=1000)):
        removed = housekeeping.run()
        assert set(housekeeping.run().values()) == {0}
    assert removed["expired sessions"] == len(old().tables["django_session"])
    assert removed["old number lookups"] == len(old().tables["sms_numberlookup"])
    assert removed["old match runs"] > 0
    assert {row.pk for row in MatchRow.objects.all()} == stays
    assert AuditEntry.objects.count() == history
    test_totals_and_balances_are_the_same()


# --- Links, texts, history --------------------------------------------------------------------


def test_links_open_by_the_same_tokens() -> None:
    """A digest is keyed, so a token that fits the old digest is the one that was texted."""
    for row in old().tables["invoices_paymentlink"]:
        link = PaymentLink.objects.get(pk=row["id"])
        assert (link.status, link.digest) == (row["status"], row["digest"])
        opened = PaymentLink.objects.opened_by(link.token)
        assert opened is not None
        assert opened.pk == link.pk
        expires_at = dt.datetime.fromisoformat(row["expires_at"]).replace(tzinfo=dt.UTC)
        is_live = row["status"] == "live" and expires_at > old().made_at
        assert opened.is_live_at(old().made_at) is is_live


def test_every_link_shows_its_page() -> None:
    """One of each status: the amount where it takes payments, and never an error."""
    browser = Client()
    by_status = {row["status"]: row for row in old().tables["invoices_paymentlink"]}
    assert set(by_status) == {"live", "expired", "disabled", "superseded", "closed"}
    for row in by_status.values():
        link = PaymentLink.objects.get(pk=row["id"])
        page = browser.get(reverse("payments:pay", args=[link.token]))
        assert page.status_code in (200, 410), row["status"]


def test_history_is_read_as_before() -> None:
    """Each invoice's, customer's and company's, newest first, and every entry in words."""
    before: dict[str, list[int]] = defaultdict(list)
    for row in sorted(old().tables["audit_auditentry"], key=lambda row: -row["id"]):
        before[row["subject"]].append(row["id"])
    now: dict[str, list[int]] = defaultdict(list)
    for entry in AuditEntry.objects.select_related("actor").order_by("-id"):
        now[entry.subject].append(entry.pk)
        assert entry.label != entry.action
        assert entry.who
    assert now == before
    for pk in one_of_each_kind():
        entries = AuditEntry.objects.about(f"invoice:{pk}")
        assert [entry.pk for entry in entries] == before[f"invoice:{pk}"]


@pytest.mark.parametrize("table", ["audit_auditentry", "payments_authorization"])
def test_history_still_cannot_be_changed(table: str) -> None:
    """The database refuses it, whoever asks."""
    for change in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
        with (
            pytest.raises(DatabaseError, match="never changed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


def test_who_opted_out_still_gets_no_texts() -> None:
    """The number itself is not stored: the customers' numbers must still fit the digests."""
    harbor = Tenant.objects.get(slug="harbor")
    numbers = {row["mobile"] for row in old().tables["customers_contact"] if row["mobile"]}
    numbers |= {row["number"] for row in old().tables["sms_inboundtext"]}
    standing = [
        row
        for row in old().tables["sms_optout"]
        if row["tenant_id"] == harbor.pk and row["ended_at"] is None
    ]
    assert len(standing) > 2
    found = {OptOut.objects.of(harbor, number) for number in numbers} - {None}
    assert {each.pk for each in found if each} == {row["id"] for row in standing}


# --- People and secrets -----------------------------------------------------------------------


def person(email: str) -> User:
    return User.objects.get(email=email)


def test_people_sign_in_with_their_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    form = {"login": "office@mesaverde.example", "password": "textpay-practice"}
    page = Client().post(reverse("account_login"), form)
    assert (page.status_code, page["Location"]) == (302, reverse("home"))


def test_who_was_signed_in_still_is() -> None:
    stored = old().tables["django_session"]
    users = {SessionStore(row["session_key"]).load()["_auth_user_id"] for row in stored}
    wanted = {person("office@harbor.example"), person("support@textpay.example")}
    assert users == {str(user.pk) for user in wanted}


def test_credentials_open() -> None:
    harbor = Tenant.objects.get(slug="harbor")
    assert CardConnectAccount.objects.get(tenant=harbor).password == "testing123"
    twilio = TwilioAccount.objects.get(tenant=harbor)
    assert twilio.auth_token == "sandbox-auth-token"
    assert twilio.webhook_key == "webhook-key-of-harbor"


# --- Today's code at work on it ---------------------------------------------------------------


@cache
def one_of_each_kind() -> list[int]:
    """A few invoices that have every status of invoice, payment, refund, text and email."""
    kinds: dict[int, set[tuple[str, str]]] = defaultdict(set)
    payments = old().by_id("payments_payment")
    for row in old().tables["invoices_invoice"]:
        kinds[row["id"]].add(("invoice", row["status"]))
    for table in ("payments_payment", "sms_textmessage", "invoices_invoiceemail"):
        for row in old().tables[table]:
            if row["invoice_id"]:
                kinds[row["invoice_id"]].add((table, row["status"]))
    for row in old().tables["payments_refund"]:
        kinds[payments[row["payment_id"]]["invoice_id"]].add(("refund", row["status"]))
    missing, chosen = set().union(*kinds.values()), []
    while missing:
        chosen.append(max(kinds, key=lambda pk: len(kinds[pk] & missing)))
        missing -= kinds[chosen[-1]]
    return chosen


def test_pages_of_invoices_open() -> None:
    admin = {
        row.tenant_id: signed_in(row.user)
        for row in Membership.objects.filter(role__name="Administrator").select_related("user")
    }
    for invoice in Invoice.objects.filter(pk__in=one_of_each_kind()).select_related("customer"):
        address = reverse("invoices:detail", args=[invoice.public_id])
        page = admin[invoice.tenant_id].get(address)
        words = html.unescape(page.content.decode())
        assert page.status_code == 200
        assert invoice.number in words
        assert invoice.customer.name in words
        assert invoice.status == "void" or f"${invoice.balance:,.2f}" in words


@pytest.mark.parametrize(
    "name",
    [
        *("home", "invoices:list", "customers:list", "payments:list"),
        *("replies:inbox", "replies:opt_outs", "replies:review", "sms:reminders", "sms:bulk_list"),
    ],
)
def test_lists_open(name: str) -> None:
    page = signed_in(person("admin@harbor.example")).get(reverse(name))
    assert page.status_code == 200


def live_link() -> PaymentLink:
    """Of an invoice that was texted and not paid."""
    live = PaymentLink.objects.live().filter(tenant__slug="harbor", invoice__status="open")
    link = live.filter(invoice__payments=None, expires_at__gt=old().made_at).first()
    assert link is not None
    return link


def test_the_rest_is_paid_by_check() -> None:
    link = live_link()
    invoice, owed = link.invoice, link.invoice.customer.balance
    form = {
        "key": str(uuid.uuid4()),
        "method": "check",
        "amount": str(invoice.balance),
        "document": "1042",
        "received_on": old().made_at.astimezone(invoice.tenant.zone).date().isoformat(),
    }
    address = reverse("payments:record", args=[invoice.public_id])
    signed_in(person("books@harbor.example")).post(address, form)
    paid = Invoice.objects.get(pk=invoice.pk)
    assert (paid.status, paid.balance) == ("paid", ZERO)
    assert Customer.objects.get(pk=invoice.customer_id).balance == owed - invoice.balance
    assert PaymentLink.objects.get(pk=link.pk).status == "closed"
    call_command("verify_money", "--no-gateway")


def approves(request: Any) -> tuple[int, dict[str, str], str]:
    """CardPointe, which knows the password that 0.1.0 sealed."""
    assert request.headers["Authorization"] == "Basic dGVzdGluZzp0ZXN0aW5nMTIz"
    asked = json.loads(request.body)
    answer = {"respstat": "A", "respcode": "00", "respproc": "FNOR", "resptext": "Approval"}
    answer |= {"retref": "335212345678", "authcode": "PPS123", "token": asked["account"]}
    answer |= {"merchid": asked["merchid"], "orderId": asked["orderid"], "amount": asked["amount"]}
    return 200, {}, json.dumps(answer)


def test_a_card_pays_through_an_old_link(settings: Any) -> None:
    settings.CARDCONNECT_URL = GATEWAY
    link = live_link()
    address = reverse("payments:pay", args=[link.token])
    browser = Client()
    assert f"${link.invoice.balance:,.2f}" in browser.get(address).content.decode()
    form = {
        "key": str(uuid.uuid4()),
        "amount": str(link.invoice.balance),
        "method": "card",
        "token": "9411111111111111",
        "expiry": "203012",
        "authorized": "yes",
    }
    with responses.RequestsMock() as mock:
        mock.add_callback("PUT", re.compile(GATEWAY), approves, content_type="application/json")
        browser.post(address, form)
    assert Invoice.objects.get(pk=link.invoice_id).status == "paid"
    assert Payment.objects.get(link=link).status == "captured"
    call_command("verify_money", "--no-gateway")
