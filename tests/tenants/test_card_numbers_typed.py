"""What staff, the API and Support are told when they type a card number: nothing of it is kept."""

import uuid

import pytest

from audit.models import AuditEntry
from customers.models import Customer
from invoices.models import Invoice
from sms.models import TextMessage
from tenants.models import Tenant
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.factories import MOBILE, make_invoice, make_text
from tests.tenants.test_roles import VIEWS, address

pytestmark = pytest.mark.django_db
CARD = "4111 1111 1111 1111"
WORDS = "There is a card or bank number in what you typed"
DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}
AS_TYPED = {"HX-Request": "true", "HX-Target": "count"}


@pytest.fixture
def invoice(tenant):
    return make_invoice(tenant)


@pytest.mark.parametrize("name", [row[0] for row in VIEWS])
def test_no_form_of_the_office_takes_one(name, invoice, admin_user, caplog):
    history = AuditEntry.objects.count()
    answer = signed_in(admin_user).post(
        address(name, invoice, admin_user), {"note": "", "reason": f"card {CARD} 12/27"}
    )
    assert answer.status_code in (405, 422)
    if answer.status_code == 422:
        page = answer.content.decode()
        assert WORDS in page
        assert "Nothing was saved or sent" in page
        assert "1111" not in page
    assert "1111" not in caplog.text
    assert AuditEntry.objects.count() == history


@pytest.mark.parametrize(
    "form", [{"name[]": ["ok", CARD]}, {CARD: "x"}, {"note": "036001808/1234567894412"}]
)
def test_in_whatever_field_it_stands(form, admin_user, tenant):
    assert signed_in(admin_user).post(reverse("customers:create"), form).status_code == 422
    assert not Customer.objects.exists()


def test_a_note_with_one_leaves_the_customer_as_it_was(invoice, clerk):
    form = {"name": "Dana Whitfield", "note": f"pays with {CARD}"}
    page = reverse("customers:edit", args=[invoice.customer.public_id])
    assert signed_in(clerk).post(page, form).status_code == 422
    assert Customer.objects.get().note == invoice.customer.note


def test_the_dialog_says_so_in_its_place(invoice, clerk):
    page = reverse("invoices:void", args=[invoice.public_id])
    answer = signed_in(clerk).post(page, {"reason": CARD}, headers=DIALOG)
    assert answer.status_code == 422
    assert answer.content.decode().lstrip().startswith("<header><h2>" + WORDS)
    assert Invoice.objects.get().status == "open"


def test_what_is_checked_while_typing_stays_as_it_is(clerk):
    answer = signed_in(clerk).post(reverse("replies:count"), {"body": CARD}, headers=AS_TYPED)
    assert (answer.status_code, answer.content) == (422, b"")
    assert answer["HX-Reswap"] == "none"


def test_numbers_of_another_kind_are_taken(invoice, clerk):
    words = (
        "Call 978-555-0134\r\n978-555-0142 or +8613800138008 about INV-1042, $1,182.50 of "
        f"2026-11-24 2026-12-26, key {uuid.uuid4()}"
    )
    page = reverse("customers:edit", args=[invoice.customer.public_id])
    answer = signed_in(clerk).post(page, {"name": "Dana Whitfield", "note": words})
    assert answer.status_code == 302
    assert "+8613800138008" in Customer.objects.get().note


def test_a_password_is_nobodys_business(invoice, admin_user):
    page = reverse("invoices:void", args=[invoice.public_id])
    form = {"reason": "billed twice", "confirm_password": "4111111111111111"}
    assert signed_in(admin_user).post(page, form).status_code == 302


def test_who_may_not_is_told_that_first(invoice, viewer):
    page = reverse("invoices:void", args=[invoice.public_id])
    assert signed_in(viewer).post(page, {"reason": CARD}).status_code == 403


@pytest.mark.parametrize("more", [{"note": CARD}, {"deep": [{"er": {"x": CARD}}]}, {CARD: 1}])
def test_nor_does_the_api(invoice, clerk, more):
    body = {"invoice": str(invoice.public_id), "to": MOBILE, "key": str(uuid.uuid4()), **more}
    answer = signed_in(clerk).post("/api/v1/texts/", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["code"] == "card_number"
    assert "Nothing was saved or sent" in answer.json()["detail"]
    assert not TextMessage.objects.exists()


def test_nor_does_the_support_desk(tenant, support):
    page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    answer = signed_in(support).post(page, {"refund_policy": CARD})
    assert answer.status_code == 422
    assert WORDS in answer.content.decode()
    assert CARD not in Tenant.objects.get(pk=tenant.pk).refund_policy


def test_an_answer_with_one_is_not_texted(invoice, clerk):
    make_text(invoice, clerk)
    count = TextMessage.objects.count()
    page = reverse("replies:answer", args=[uuid.uuid4()])
    answer = signed_in(clerk).post(page, {"body": f"is it {CARD}?", "key": str(uuid.uuid4())})
    assert answer.status_code == 422
    assert TextMessage.objects.count() == count
