"""The rail on Invoice Details: what has happened to a text, in words that are true."""

import re

import pytest
from django.utils import timezone

from invoices.models import Invoice
from sms.models import OptOut, TextMessage
from sms.models.opt_out import opt_out
from sms.templatetags.texts import rail
from tenants.addresses import company_path
from tests.addresses import reverse
from tests.factories import MOBILE, make_invoice, make_text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "words"), [("pending", "Bank payment started"), ("paid", "Paid"), ("open", "Paid")]
)
def test_the_rail_never_calls_a_started_bank_payment_paid(clerk, status, words):
    message = make_text(make_invoice(clerk.memberships.get().tenant), clerk)
    paid_at = None if status == "open" else timezone.now()
    assert message.invoice
    Invoice.objects.filter(pk=message.invoice.pk).update(status=status, paid_at=paid_at)
    last = rail(TextMessage.objects.select_related("invoice").get(pk=message.pk))[-1]
    assert (last.words, last.style) == (words, "" if status == "open" else "done")


def words_of_the_text_card(browser, invoice):
    """The card that tells how far the text got."""
    page = browser.get(reverse("invoices:detail", args=[invoice.public_id])).content.decode()
    card = page[page.index('aria-labelledby="h-text"') :]
    return card[: card.index("</section>")]


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["clerk", "viewer"])
def test_a_customer_who_gets_no_texts_is_promised_none(request, who, tenant, browser_of):
    invoice = make_invoice(tenant)
    browser = browser_of(request.getfixturevalue(who))
    assert "usually arrives within 10 seconds" in words_of_the_text_card(browser, invoice)
    opt_out(tenant, MOBILE, source=OptOut.Source.REPLY, wording="STOP")
    card = words_of_the_text_card(browser, invoice)
    assert "this customer does not want texts. Dana replied STOP" in card
    assert "10 seconds" not in card
    assert ("Email instead" in card) is ("Print letter" in card) is (who == "clerk")


@pytest.mark.django_db
def test_the_refusal_offers_the_e_mail_and_a_letter(tenant, clerk, browser_of):
    invoice = make_invoice(tenant)
    opt_out(tenant, MOBILE, source=OptOut.Source.REPLY, wording="STOP")
    address = reverse("sms:send", args=[invoice.public_id])
    page = browser_of(clerk).get(address).content.decode()
    assert "Dana replied STOP" in page
    for name, words in (("send_email", "Email instead"), ("letter", "Print letter")):
        way = company_path(invoice.tenant, f"invoices:{name}", invoice.public_id)
        assert re.search(rf'href="{way}"[^>]*>.*{words}\s*</a>', page, re.DOTALL)
