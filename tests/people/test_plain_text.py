"""Control characters and broken text are answered in words at every door, and never stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django import forms
from django.urls import reverse as root_reverse

from customers import phones
from customers.models import Customer
from sms.models import InboundText
from tenants.models import Tenant, User
from tenants.plain_text import MULTILINE, is_plain, plain
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.customers.test_pages import contact_data
from tests.factories import make_customer
from tests.sms.inbox.test_inbound import fields, text_us
from tests.tenants.test_settings import company_form
from textpay.json_parser import DEEPEST, MOST_BYTES

pytestmark = pytest.mark.django_db
BAD = "\x00\x07\x1b\x7f\x85"


@pytest.mark.parametrize("page", ["/invoices/", "/customers/", "/payments/", "/messages/"])
def test_a_search_for_nul_is_answered(page: str, clerk: User) -> None:
    assert signed_in(clerk).get(f"{page}?q=%00da%00na&page=%00").status_code == 200


@pytest.mark.parametrize("address", ["/settings/roles/a%00b/", "/%00/", "/p/%00/", "/admin/%1b/"])
def test_an_address_with_a_control_character_is_400(address: str, admin_user: User) -> None:
    assert signed_in(admin_user).get(address).status_code in (400, 404)


def test_a_form_is_stored_without_them(clerk: User, tenant: Tenant) -> None:
    contact = contact_data(name=f"Ida{BAD} Coe")
    data = {"name": f"Coast{BAD}line\nDental", "note": f"First{BAD}\nSecond", "city": "Glou\x00"}
    browser = signed_in(clerk)
    theirs = {f"contact-{name}": value for name, value in contact.items()}
    assert browser.post(reverse("customers:create"), data | theirs).status_code == 302
    customer = Customer.objects.get()
    assert customer.name == "Coastline Dental"
    assert customer.note.splitlines() == ["First", "Second"]
    assert customer.contacts.get().name == "Ida Coe"


def test_the_name_of_a_company_has_one_line(admin_user: User, tenant: Tenant) -> None:
    form = company_form(tenant, name="Harbor\r\nBcc: all@evil.example")
    signed_in(admin_user).post("/settings/company/", form)
    assert Tenant.objects.get(pk=tenant.pk).name == "Harbor Bcc: all@evil.example"


def test_the_admin_and_the_sign_in_page_take_none(client: Any, support: User) -> None:
    answer = client.post("/accounts/login/", {"login": "a\x00@b.example", "password": "x\x00"})
    assert answer.status_code == 200
    client.force_login(support, backend="django.contrib.auth.backends.ModelBackend")
    search = root_reverse("admin:tenants_tenant_changelist")
    assert client.get(f"{search}?q=%00").status_code == 200


def test_every_field_of_several_lines_is_known() -> None:
    def forms_of(kind: type) -> set[type]:
        found: set[type] = set(kind.__subclasses__())
        return found | {deeper for each in found for deeper in forms_of(each)}

    ours = [f for f in forms_of(forms.BaseForm) if f.__module__.split(".")[0] in OURS]
    several = {
        name
        for form in ours
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field.widget, forms.Textarea)
    }
    assert several == MULTILINE


OURS = {"textpay", "payments", "sms", "invoices", "customers", "tenants"}


def test_a_signed_text_with_nul_is_kept(tenant: Tenant, client: Any, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://pay.textpay.example"
    customer = make_customer(tenant)
    mobile = customer.contacts.get().mobile
    answer = text_us(client, fields(tenant, body="Thank\x00 you", From=mobile))
    assert answer.status_code == 200
    assert InboundText.objects.get().body == "Thank you"


@pytest.mark.parametrize("field", ["AccountSid", "To", "MessageSid", "MessagingServiceSid"])
def test_a_webhook_with_a_control_character_is_400(client: Any, field: str) -> None:
    assert client.post(root_reverse("sms:inbound"), {field: "AC\x00"}).status_code == 400
    assert not InboundText.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        json.dumps({"key": "x" * MOST_BYTES}),
        json.dumps({"to": "a\x00b"}),
        json.dumps({"a\x00": 1}),
        b'{"to": "\xff\xfe"}',
        "{",
    ],
)
def test_json_that_cannot_be_meant_is_400(body: Any, clerk: User, tenant: Tenant) -> None:
    address = "/api/v1/texts/"
    browser = signed_in(clerk)
    answer = browser.post(address, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "parse_error"
    assert "Nothing was saved" in answer.json()["detail"]


def test_json_may_be_nested_a_little() -> None:
    nested: Any = "end"
    for _ in range(DEEPEST - 1):
        nested = [nested]
    assert json.dumps(nested)


@pytest.mark.parametrize(
    "pasted",
    [
        "\u202a(978)\u00a0555\u20110142\u202c",
        "978\u2013555\u20130142",
        "\uff08\uff19\uff17\uff18\uff09\uff15\uff15\uff15\uff0d\uff10\uff11\uff14\uff12",
        "tel:+1-978-555-0142",
        "TEL: 978\u2212555\u22120142",
        "\ufeff978\u200b 555\u2009\u2014 0142",
        "+1\u3000978.555.0142",
    ],
)
def test_a_pasted_phone_number_is_read(pasted: str) -> None:
    assert phones.parse(pasted) == "+19785550142"


def test_plain_text_keeps_what_people_write() -> None:
    written = "José said: “5 × 3 = 15 €”\n\t🙂"
    assert plain(written) == written
    assert is_plain(written)
    assert plain("one\r\ntwo", one_line=True) == "one two"
