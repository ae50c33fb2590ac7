"""A form that was overtaken saves nothing, and shows what was, what is and what was typed."""

from __future__ import annotations

import datetime as dt
import html
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import pytest

from audit import clock
from audit.models import AuditEntry
from customers.models import Contact, Customer
from invoices.models import Invoice
from sms.models import ReminderStep, TextRules
from tenants.models import Membership, Role, Tenant, User
from tenants.versions import MOVED_ON, UNKNOWN_VERSION
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.factories import PASSWORD, make_invoice, make_member
from tests.pages import form_on
from tests.race import run_together

pytestmark = pytest.mark.django_db


class Case(NamedTuple):
    """One form that changes something: its page, its address, and what two people type in it."""

    page: str
    sent_to: str
    field: str
    theirs: str
    mine: str
    extra: dict[str, str] = {}


def cases(tenant: Tenant) -> dict[str, Case]:
    """Every form of the office that changes something which exists."""
    invoice = make_invoice(tenant)
    about = [invoice.public_id]
    customer = [invoice.customer.public_id]
    contact = [invoice.customer.contacts.get().public_id]
    step = ReminderStep.objects.create(
        tenant=tenant,
        when="after_sending",
        days=3,
        words_en="{amount} {invoice}",
        words_es="{amount} {invoice}",
    )
    today = clock.today(tenant.zone)
    tomorrow, later = (str(today + dt.timedelta(days=days)) for days in (1, 9))
    edit = reverse("invoices:edit", args=about)
    promise = reverse("invoices:promise", args=about)
    customer_page = reverse("customers:edit", args=customer)
    contact_page = reverse("customers:contact_edit", args=contact)
    money, texts = "/settings/payments/", "/settings/texts/"
    steps = f"/settings/reminders/steps/{step.public_id}/"
    viewer = Role.objects.get(tenant=tenant, name="Viewer")
    spare = Role.objects.create(tenant=tenant, name="Spare", permissions=["view_invoices"])
    spare_page = "/settings/roles/Spare/"
    person = make_member(tenant, "Office", name="Otto Lane").memberships.get()
    person_page = f"/settings/people/{person.public_id}/"
    password = {"confirm_password": PASSWORD}
    return {
        "person": Case(person_page, person_page, "role", str(viewer.pk), str(spare.pk), password),
        "role": Case(
            spare_page, spare_page, "permissions", "send_texts", "view_customers", password
        ),
        "invoice": Case(edit, edit, "description", "Boiler", "Water heater"),
        "lines": Case(edit, edit, "lines-0-unit_price", "150.00", "175.00"),
        "promise": Case(promise, promise, "promised_on", tomorrow, later),
        "customer": Case(customer_page, customer_page, "note", "Gate code 1", "Ring twice"),
        "contact": Case(contact_page, contact_page, "mobile", "(978) 555-0143", "(978) 555-0144"),
        "company": Case(
            "/settings/company/", "/settings/company/", "phone", "(978) 555-0143", "(978) 555-0144"
        ),
        "parts": Case(money, money, "partial_minimum", "25.00", "30.00"),
        "limit": Case(
            money,
            f"{money}money-back/",
            "refund_release_over",
            "100.00",
            "900.00",
            password,
        ),
        "texts": Case(texts, f"{texts}rules/", "outside_hours", "refuse", "later"),
        "step": Case(steps, steps, "days", "5", "6"),
    }


NAMES = [
    *("invoice", "lines", "promise", "customer", "contact"),
    *("company", "parts", "limit", "texts", "step", "person", "role"),
]
ENDINGS = {"limit": "money-back/", "texts": "rules/"}


@pytest.fixture
def colleague(tenant: Tenant) -> User:
    return make_member(tenant, "Administrator", name="Cora Blake")


def words(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def rows() -> list[Any]:
    """Everything that these forms change."""
    models = (Invoice, Customer, Contact, Tenant, TextRules, ReminderStep, Membership, Role)
    lines = Invoice.objects.get().lines.order_by("pk").values("description", "unit_price")
    return [list(model._base_manager.order_by("pk").values()) for model in models] + [list(lines)]


@pytest.mark.parametrize("name", NAMES)
def test_an_overtaken_form_saves_nothing(
    name: str, tenant: Tenant, admin_user: User, colleague: User
) -> None:
    case = cases(tenant)[name]
    mine, theirs = signed_in(admin_user), signed_in(colleague)
    opened = {who: form_on(who.get(case.page), ENDINGS.get(name, "")) for who in (mine, theirs)}
    answer = theirs.post(case.sent_to, opened[theirs] | case.extra | {case.field: case.theirs})
    assert answer.status_code == 302, words(answer)
    before, entries = rows(), AuditEntry.objects.count()

    overtaken = mine.post(case.sent_to, opened[mine] | case.extra | {case.field: case.mine})
    assert overtaken.status_code == 422
    page = words(overtaken)
    assert MOVED_ON in page
    assert all(label in page for label in ("When you opened the page", "Stored now", "You typed"))
    assert rows() == before
    assert AuditEntry.objects.count() == entries

    # One click goes on from what was typed; the colleague's version was seen.
    again = form_on(overtaken, ENDINGS.get(name, ""))
    assert again[case.field] == case.mine
    assert mine.post(case.sent_to, again | case.extra).status_code == 302
    assert rows() != before


def test_another_field_of_the_same_row_is_no_exception(
    tenant: Tenant, admin_user: User, colleague: User
) -> None:
    """The older page holds the older price, although only the description was typed."""
    invoice = make_invoice(tenant)
    address = reverse("invoices:edit", args=[invoice.public_id])
    mine, theirs = signed_in(admin_user), signed_in(colleague)
    opened = form_on(mine.get(address))
    theirs.post(address, form_on(theirs.get(address)) | {"lines-0-unit_price": "250.00"})
    answer = mine.post(address, opened | {"description": "Water heater"})
    assert answer.status_code == 422
    page = words(answer)
    for line in ("at 182.50", "at 250.00"):
        assert line in page
    assert Invoice.objects.get().total == Decimal("250.00")


def test_a_form_from_before_the_update_says_so(admin_user: User, tenant: Tenant) -> None:
    customer = make_invoice(tenant).customer
    address = reverse("customers:edit", args=[customer.public_id])
    browser = signed_in(admin_user)
    form = form_on(browser.get(address)) | {"name": "New name"}
    for version in ("", "made up", form_on(browser.get("/settings/company/"))["version"]):
        answer = browser.post(address, form | {"version": version})
        assert answer.status_code == 422
        assert UNKNOWN_VERSION in words(answer)
    assert Customer.objects.get().name != "New name"


def test_the_history_holds_old_and_new(admin_user: User, tenant: Tenant) -> None:
    customer = make_invoice(tenant).customer
    contact = customer.contacts.get()
    browser = signed_in(admin_user)
    address = reverse("customers:contact_edit", args=[contact.public_id])
    browser.post(address, form_on(browser.get(address)) | {"mobile": "(978) 555-0143"})
    entry = AuditEntry.objects.get(action="contact.edited")
    assert entry.data["changes"] == {"Mobile number": ["+1 (978) 555-0142", "+1 (978) 555-0143"]}
    page = words(browser.get(reverse("customers:detail", args=[customer.public_id])))
    assert "+1 (978) 555-0142 → +1 (978) 555-0143" in page


@pytest.mark.django_db(transaction=True)
def test_two_people_save_at_the_same_moment(
    tenant: Tenant, admin_user: User, colleague: User
) -> None:
    customer = make_invoice(tenant).customer
    address = reverse("customers:edit", args=[customer.public_id])
    browsers = [signed_in(user) for user in (admin_user, colleague)]
    forms = [form_on(browser.get(address)) for browser in browsers]
    answers = run_together(
        *(
            partial(browser.post, address, form | {"note": f"Note {number}"})
            for number, (browser, form) in enumerate(zip(browsers, forms, strict=True))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    saved = [answer.status_code for answer in answers].index(302)
    assert Customer.objects.get().note == f"Note {saved}"
