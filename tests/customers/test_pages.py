"""Customers and contacts, as staff see and change them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEntry
from customers.models import Contact, Customer
from tenants.addresses import company_path
from tests.addresses import reverse
from tests.factories import make_customer, make_invoice

PAGES = ["detail", "contacts", "live", "edit", "contact_create"]


def contact_data(**fields: str) -> dict[str, str]:
    """A contact form as the browser sends it."""
    return {
        "name": "Dana Whitfield",
        "mobile_country": "US",
        "mobile": "(978) 555-0142",
        "phone_country": "US",
        "phone": "",
        "email": "dana@whitfield.example",
        "language": "en",
        "role": "",
        **fields,
    }


def test_list_finds_by_name_number_and_phone(clerk: Any, browser_of: Any, tenant: Any) -> None:
    make_customer(tenant, "Dana Whitfield")
    make_customer(tenant, "Marcus Bell", mobile="+19785550177", email="m@bell.example")
    browser = browser_of(clerk)
    for words, wanted, other in [
        ("whit", "Dana Whitfield", "Marcus Bell"),
        ("555-0177", "Marcus Bell", "Dana Whitfield"),
        ("m@bell", "Marcus Bell", "Dana Whitfield"),
    ]:
        page = browser.get(reverse("customers:list"), {"q": words}).content.decode()
        assert wanted in page
        assert other not in page
    page = browser.get(reverse("customers:list"), {"q": "nobody like that"}).content.decode()
    assert "No matching customers" in page


def test_list_takes_the_same_queries_for_one_and_for_forty(
    clerk: Any, browser_of: Any, tenant: Any, django_assert_num_queries: Any
) -> None:
    browser = browser_of(clerk)
    for count in (1, 39):
        for _ in range(count):
            make_customer(tenant)
        with django_assert_num_queries(7):
            assert browser.get(reverse("customers:list")).status_code == 200
    page = browser.get(reverse("customers:list"), {"page": "2"}).content.decode()
    assert "26 to 40 of 40" in page


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_for_the_office_and_is_not_there_for_a_stranger(
    name: str, clerk: Any, stranger: Any, browser_of: Any, tenant: Any
) -> None:
    customer = make_customer(tenant)
    address = reverse(f"customers:{name}", args=[customer.public_id])
    assert browser_of(clerk).get(address).status_code == 200
    assert browser_of(stranger).get(address).status_code == 404
    contact = reverse("customers:contact_edit", args=[customer.billing_contact.public_id])
    assert browser_of(clerk).get(contact).status_code == 200
    assert browser_of(stranger).get(contact).status_code == 404
    assert browser_of(stranger).post(contact, contact_data(name="Mine now")).status_code == 404
    assert Contact.objects.get(customer=customer).name == "Dana Whitfield"


def test_a_viewer_looks_but_does_not_edit(viewer: Any, browser_of: Any, tenant: Any) -> None:
    customer = make_customer(tenant)
    browser = browser_of(viewer)
    page = browser.get(reverse("customers:contacts", args=[customer.public_id]))
    assert page.status_code == 200
    assert b"Edit Contact" not in page.content
    for name in ("edit", "contact_create"):
        answer = browser.post(reverse(f"customers:{name}", args=[customer.public_id]))
        assert answer.status_code == 403
        assert "Create and edit customers and contacts" in answer.content.decode()
    assert browser.get(reverse("customers:create")).status_code == 403


def test_detail_shows_what_is_owed_and_the_poll_says_nothing_until_it_changes(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    customer = make_customer(tenant)
    invoice = make_invoice(customer=customer)
    browser = browser_of(clerk)
    page = browser.get(reverse("customers:detail", args=[customer.public_id]))
    assert "$182.50" in page.content.decode()
    version = page.context["live"].version
    address = reverse("customers:live", args=[customer.public_id])
    assert browser.get(address, {"v": version}).status_code == 204
    make_invoice(customer=customer, total="17.50")
    answer = browser.get(address, {"v": version})
    assert answer.status_code == 200
    assert "$200.00" in answer.content.decode()
    assert answer["X-Version"] != version
    assert browser.get(address, {"v": answer["X-Version"]}).status_code == 204
    assert invoice.number in answer.content.decode()


def test_a_new_customer_comes_with_the_billing_contact(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    data = {"name": "Coastline Dental", "city": "Gloucester"}
    data |= {f"contact-{name}": value for name, value in contact_data(name="Ida Coe").items()}
    answer = browser_of(clerk).post(reverse("customers:create"), data)
    customer = Customer.objects.get(name="Coastline Dental")
    assert answer["Location"] == company_path(
        customer.tenant, "customers:detail", customer.public_id
    )
    assert customer.billing_contact is not None
    assert customer.billing_contact.mobile == "+19785550142"
    actions = AuditEntry.objects.about(customer.audit_subject).values_list("action", flat=True)
    assert list(actions) == ["contact.created", "customer.created"]


def test_a_wrong_billing_contact_makes_no_customer(clerk: Any, browser_of: Any) -> None:
    data = {"name": "Coastline Dental"}
    data |= {f"contact-{name}": value for name, value in contact_data(mobile="12").items()}
    answer = browser_of(clerk).post(reverse("customers:create"), data)
    assert answer.status_code == 422
    assert "digits are missing" in answer.content.decode()
    assert not Customer.objects.exists()


def test_edit_contact_stores_e164_and_writes_history(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    contact = make_customer(tenant).billing_contact
    address = reverse("customers:contact_edit", args=[contact.public_id])
    page = browser_of(clerk).get(address).content.decode()
    assert 'value="(978) 555-0142"' in page
    assert '<option value="US" selected>+1 (US)</option>' in page
    data = contact_data(mobile="07400 123456", mobile_country="GB")
    answer = browser_of(clerk).post(address, data)
    assert answer.status_code == 302
    contact.refresh_from_db()
    assert contact.mobile == "+447400123456"
    entry = AuditEntry.objects.get(action="contact.edited")
    assert entry.actor == clerk
    assert "mobile" in entry.data["fields"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mobile": "(978) 555-014"}, "One digit is missing."),
        ({"mobile": "(111) 555-0142"}, "This is not a valid +1 (US) number"),
        ({"mobile": "020 7946 0000", "mobile_country": "GB"}, "This is a landline number"),
        ({"mobile": "800 555 0100"}, "This is a toll-free number"),
        ({"phone": "12"}, "digits are missing"),
        ({"mobile_country": "ZZ"}, "not one of the available choices"),
        ({"name": ""}, "Enter the person&#x27;s name."),
        ({"email": "dana"}, "Enter an email address such as"),
    ],
)
def test_edit_contact_refuses_in_words_and_keeps_what_was(
    fields: dict[str, str], words: str, clerk: Any, browser_of: Any, tenant: Any
) -> None:
    contact = make_customer(tenant).billing_contact
    address = reverse("customers:contact_edit", args=[contact.public_id])
    answer = browser_of(clerk).post(address, contact_data(**fields))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    contact.refresh_from_db()
    assert contact.mobile == "+19785550142"


def test_there_is_exactly_one_billing_contact(clerk: Any, browser_of: Any, tenant: Any) -> None:
    customer = make_customer(tenant)
    first = customer.billing_contact
    browser = browser_of(clerk)
    add = reverse("customers:contact_create", args=[customer.public_id])
    browser.post(add, contact_data(name="Rob", mobile="978 555 0177", is_billing="on"))
    assert [c.name for c in Contact.objects.filter(is_billing=True)] == ["Rob"]
    edit = reverse("customers:contact_edit", args=[Contact.objects.get(name="Rob").public_id])
    browser.post(edit, contact_data(name="Rob"))  # the tick cannot simply be taken away
    assert [c.name for c in Contact.objects.filter(is_billing=True)] == ["Rob"]
    back = reverse("customers:contact_edit", args=[first.public_id])
    browser.post(back, contact_data(is_billing="on"))
    assert [c.name for c in Contact.objects.filter(is_billing=True)] == ["Dana Whitfield"]


def test_editing_a_customer_leaves_the_balance_alone(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    customer = make_customer(tenant)
    make_invoice(customer=customer)
    address = reverse("customers:edit", args=[customer.public_id])
    answer = browser_of(clerk).post(address, {"name": "Dana W.", "balance": "0"})
    assert answer.status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.balance) == ("Dana W.", Decimal("182.50"))
    refused = browser_of(clerk).post(address, {"name": ""})
    assert refused.status_code == 422
    assert "Enter the customer&#x27;s name." in refused.content.decode()
