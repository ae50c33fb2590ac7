"""**Send Text**: what staff see and what a click does."""

import re
import uuid

import pytest

from customers.models import Contact
from sms.models import TextMessage
from tenants.addresses import company_path
from tenants.models import Tenant
from tests.addresses import reverse
from tests.factories import MOBILE, long_ago, make_customer, make_invoice, make_text

pytestmark = pytest.mark.django_db
ROB = "+19785550177"
LONDON = "+447400123456"


@pytest.fixture
def invoice(tenant):
    return make_invoice(customer=make_customer(tenant))


@pytest.fixture
def maya(clerk, browser_of):
    return browser_of(clerk)


def url(invoice):
    return reverse("sms:send", args=[invoice.public_id])


def hidden(answer):
    """The fields of the form as a browser would send them unchanged."""
    page = answer.content.decode()
    pairs = re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page)
    data = {name: value for name, value in pairs if name != "csrfmiddlewaretoken"}
    for name in ("to", "country"):
        select = re.search(rf'<select name="{name}".*?</select>', page, re.S)
        chosen = select and re.search(r'value="([^"]*)" selected', select.group())
        if chosen:
            data[name] = chosen.group(1)
    return data


def send(browser, invoice, **fields):
    """Open the pop-up, fill it in, press Send; without script."""
    return browser.post(url(invoice), hidden(browser.get(url(invoice))) | fields)


def add_contact(invoice, **fields):
    return Contact.objects.create(
        tenant=invoice.tenant, customer=invoice.customer, **{"name": "Rob Fields", **fields}
    )


def test_the_billing_contacts_mobile_is_chosen_and_plus_one_stands_beside_it(maya, invoice):
    add_contact(invoice, mobile=ROB)
    page = maya.get(url(invoice)).content.decode()
    assert re.search(r"selected>\(978\) 555-0142, Dana Whitfield, Billing Contact", page)
    assert "(978) 555-0177, Rob Fields" in page
    assert re.search(r'<option value="US" selected>\+1 \(US\)', page)
    assert page.count("<option") > 240
    assert "Enter another number" in page


def test_the_message_is_shown_and_is_no_field(maya, invoice):
    page = maya.get(url(invoice)).content.decode()
    assert f"$182.50 for invoice {invoice.number}" in page
    assert "<textarea" not in page
    assert 'name="body"' not in page
    assert "Sender" in page
    assert "(978) 555-01" in page


def test_a_click_sends_and_says_so(maya, invoice):
    answer = send(maya, invoice)
    assert answer.status_code == 302
    assert answer["Location"] == company_path(invoice.tenant, "invoices:detail", invoice.public_id)
    text = TextMessage.objects.get()
    assert (text.to, text.status, text.sent_by.name) == (MOBILE, "queued", "Maya Torres")
    assert "Invoice SMS sent successfully" in maya.get(answer["Location"]).content.decode()


def test_the_menu_says_resend_afterwards(maya, invoice):
    detail = reverse("invoices:detail", args=[invoice.public_id])
    assert "Send SMS" in maya.get(detail).content.decode()
    send(maya, invoice)
    assert "Resend Invoice via SMS" in maya.get(detail).content.decode()


def test_what_the_browser_sends_as_text_is_ignored(maya, invoice):
    send(maya, invoice, body="Send me your password", message="x", template="x")
    assert TextMessage.objects.get().template.startswith("Harbor Plumbing & Heating: $182.50")


def test_the_same_post_twice_is_one_text_and_two_good_answers(maya, invoice):
    data = hidden(maya.get(url(invoice)))
    for _ in range(2):
        answer = maya.post(url(invoice), data)
        assert answer.status_code == 302
    assert TextMessage.objects.count() == 1
    page = maya.get(answer["Location"]).content.decode()
    assert page.count("Invoice SMS sent successfully") == 1


def test_a_second_person_is_told_that_one_is_on_its_way(maya, invoice, admin_user, browser_of):
    send(maya, invoice)
    alma = browser_of(admin_user)
    answer = send(alma, invoice)
    page = alma.get(answer["Location"]).content.decode()
    assert "already on its way" in page
    assert "Invoice SMS sent successfully" not in page
    assert TextMessage.objects.count() == 1


def test_a_resend_asks_and_continue_sends(maya, invoice, clerk):
    first = make_text(invoice, clerk)
    first.claim()
    first.mark_delivered("SM" + "a" * 32)
    long_ago(first)
    question = send(maya, invoice, to="other", number="(978) 555-0177")
    assert question.status_code == 409
    assert "This invoice was already sent" in question.content.decode()
    assert "(978) 555-0142" in question.content.decode()
    assert ">Continue<" in question.content.decode()
    assert TextMessage.objects.count() == 1
    data = hidden(question)
    for _ in range(2):
        assert maya.post(url(invoice), data).status_code == 302
    second = TextMessage.objects.first()
    assert (TextMessage.objects.count(), second.to) == (2, ROB)
    assert second.link.status == "live"


def test_confirmed_without_having_seen_the_last_text_is_asked_again(maya, invoice, clerk):
    first = make_text(invoice, clerk)
    first.claim()
    first.mark_sent("SM" + "a" * 32)
    long_ago(first)
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": uuid.uuid4()}
    assert maya.post(url(invoice), data | {"confirmed": "on", "seen": ""}).status_code == 409
    assert TextMessage.objects.count() == 1


def test_another_number_of_the_customer(maya, invoice):
    rob = add_contact(invoice, mobile=ROB)
    send(maya, invoice, to=f"{rob.public_id}-mobile")
    assert TextMessage.objects.get().to == ROB


@pytest.mark.parametrize(
    ("country", "number", "to"),
    [
        ("US", "(978) 555-0177", "+19785550177"),
        ("US", "+1 978 555 0177", "+19785550177"),
        ("", "9785550177", "+19785550177"),
        ("GB", "07400 123456", "+447400123456"),
        ("DE", "01512 3456789", "+4915123456789"),
    ],
)
def test_a_typed_number(maya, invoice, country, number, to):
    assert send(maya, invoice, to="other", country=country, number=number).status_code == 302
    assert TextMessage.objects.get().to == to


@pytest.mark.parametrize(
    ("country", "number", "words"),
    [
        ("US", "", "Enter a phone number"),
        ("US", "978 555", "digits are missing"),
        ("US", "(123) 456-7890", "This is not a valid +1 (US)"),
        ("US", "(978) 555-01777", "Too many digits"),
        ("US", "+44 7400 123456", "Choose +44 (GB)"),
        ("US", "call me", "Enter digits only"),
        ("US", "800 555 0199", "toll-free number"),
        ("GB", "020 7946 0958", "landline number"),
        ("XX", "9785550177", "Select a valid choice"),
    ],
)
def test_a_number_that_cannot_be_texted_is_refused_in_words(maya, invoice, country, number, words):
    answer = send(maya, invoice, to="other", country=country, number=number)
    assert answer.status_code == 422
    assert words in answer.content.decode().replace("&amp;", "&")
    assert not TextMessage.objects.exists()


def test_a_number_of_another_customer_cannot_be_chosen(maya, invoice, tenant):
    other = make_customer(tenant, "Someone Else", mobile=ROB)
    choice = f"{other.billing_contact.public_id}-mobile"
    assert send(maya, invoice, to=choice).status_code == 422
    assert not TextMessage.objects.exists()


def test_a_landline_on_file_is_marked_and_refused(maya, tenant):
    invoice = make_invoice(customer=make_customer(tenant, mobile="+442079460958"))
    page = maya.get(url(invoice)).content.decode()
    assert "landline number, which cannot receive texts" in page
    assert re.search(r'<option value="GB" selected>', page)
    assert send(maya, invoice).status_code == 422


def test_the_country_follows_the_chosen_number_unless_it_was_changed(maya, tenant):
    invoice = make_invoice(customer=make_customer(tenant))
    rob = add_contact(invoice, mobile=LONDON)
    choice = f"{rob.public_id}-mobile"
    page = maya.get(url(invoice), {"to": choice}).content.decode()
    assert re.search(r'<option value="GB" selected>\+44 \(GB\)', page)
    answer = send(maya, invoice, to=choice, country="DE")
    assert answer.status_code == 422
    assert "Choose +44 (GB)" in answer.content.decode()
    assert send(maya, invoice, to=choice, country="US").status_code == 302
    assert TextMessage.objects.get().to == LONDON


def test_a_customer_without_any_number_gets_a_way_out(maya, tenant):
    invoice = make_invoice(customer=make_customer(tenant, mobile=""))
    page = maya.get(url(invoice)).content.decode()
    contact = invoice.customer.billing_contact
    assert "has no phone number on file" in page
    assert reverse("customers:contact_edit", args=[contact.public_id]) in page
    assert send(maya, invoice, number="(978) 555-0177").status_code == 302


def test_in_the_dialog_it_is_a_part_and_success_goes_back_to_the_invoice(maya, invoice):
    part = maya.get(url(invoice), headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    data = hidden(part)
    answer = maya.post(url(invoice), data, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == company_path(
        invoice.tenant, "invoices:detail", invoice.public_id
    )


def test_in_the_dialog_questions_and_errors_come_with_the_status_htmx_shows(maya, invoice, clerk):
    wrong = maya.post(url(invoice), {"to": "other"}, headers={"HX-Request": "true"})
    assert wrong.status_code == 422
    first = make_text(invoice, clerk)
    first.claim()
    first.mark_sent("SM" + "a" * 32)
    long_ago(first)
    data = hidden(maya.get(url(invoice)))
    question = maya.post(url(invoice), data, headers={"HX-Request": "true"})
    assert question.status_code == 422
    assert "Continue" in question.content.decode()


def test_until_enabled_there_is_a_button_to_support_and_no_text(maya, invoice, tenant):
    Tenant.objects.filter(pk=tenant.pk).update(text_to_pay_enabled=False)
    page = maya.get(url(invoice)).content.decode()
    assert "Contact Support to enable Text-to-Pay" in page
    assert reverse("tenants:request_text_to_pay") in page
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": uuid.uuid4()}
    assert maya.post(url(invoice), data).status_code == 409
    assert not TextMessage.objects.exists()


def test_without_a_sender_it_says_who_must_act(maya, invoice, tenant):
    tenant.twilio.delete()
    assert "does not have a number to text from yet" in maya.get(url(invoice)).content.decode()
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": uuid.uuid4()}
    assert maya.post(url(invoice), data).status_code == 409


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("draft", "is a draft"),
        ("void", "is void"),
        ("paid", "is paid"),
        ("pending", "bank payment"),
    ],
)
def test_an_invoice_that_asks_for_nothing_says_why(maya, invoice, state, words):
    type(invoice)._base_manager.filter(pk=invoice.pk).update(status=state)
    assert words in maya.get(url(invoice)).content.decode()
    assert words in maya.get(reverse("invoices:detail", args=[invoice.public_id])).content.decode()
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": uuid.uuid4()}
    assert maya.post(url(invoice), data).status_code == 409
    assert not TextMessage.objects.exists()


def test_a_viewer_may_not(viewer, invoice, browser_of):
    victor = browser_of(viewer)
    assert victor.get(url(invoice)).status_code == 403
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": uuid.uuid4()}
    assert victor.post(url(invoice), data).status_code == 403
    assert not TextMessage.objects.exists()


def test_a_stranger_finds_nothing(stranger, invoice, browser_of):
    sam = browser_of(stranger)
    assert sam.get(url(invoice)).status_code == 404
    assert sam.post(url(invoice), {"to": "other"}).status_code == 404
    assert not TextMessage.objects.exists()


def test_nobody_signed_in_is_sent_to_sign_in(payer, invoice):
    assert payer.get(url(invoice)).status_code == 302
    assert payer.post(url(invoice), {}).status_code == 302
    assert not TextMessage.objects.exists()


def test_the_pop_up_asks_the_database_little(maya, invoice, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        maya.get(url(invoice))
