"""Messages: what staff see of replies, and what they can do with them."""

import datetime as dt
import re

import pytest
from django.utils import timezone
from django.utils.html import escape

from audit.models import AuditEntry
from sms.models import InboundText, OptOut
from sms.models.opt_out import opt_out
from tenants import live
from tenants.roles import Permission
from tests.addresses import reverse
from tests.factories import (
    MOBILE,
    make_customer,
    make_invoice,
    make_member,
    make_ready_tenant,
    make_text,
)
from tests.sms.conftest import act, page
from textpay.pages.home import may_be_refusals

pytestmark = pytest.mark.django_db
STRANGER = "+16175550100"


def test_an_empty_inbox_says_what_will_come(browser):
    assert "No messages yet" in page(browser, "replies:inbox")
    assert "Nothing to review" in page(browser, "replies:review")
    assert "No one has opted out" in page(browser, "replies:opt_outs")


def test_conversations_by_number_the_newest_first(browser, tenant, take):
    make_customer(tenant)
    take("first words")
    take("Do you fix boilers?", STRANGER)
    take("newest words")
    html = page(browser, "replies:inbox")
    assert html.index("newest words") < html.index("Do you fix boilers?")
    assert "first words" not in html
    assert "Dana Whitfield" in html
    assert "(617) 555-0100" in html
    assert "2 unread conversations" in html


def test_the_menu_counts_what_nobody_has_read(browser, take):
    take("one")
    take("two", STRANGER)
    take("HELP", STRANGER)  # answered by itself
    assert "2<span" in page(browser, "home")


def test_opening_a_conversation_reads_it(browser, take):
    text = take("hello")
    page(browser, "replies:conversation", text.public_id)
    assert not InboundText.objects.unread().exists()


def test_marking_it_unread_again(browser, take):
    take("older")
    text = take("newer")
    page(browser, "replies:conversation", text.public_id)
    assert act(browser, "replies:unread", text.public_id).status_code == 302
    assert [row.body for row in InboundText.objects.unread()] == ["newer"]


def test_what_is_unread_can_be_listed_alone(browser, take):
    read = take("already read")
    take("not yet", STRANGER)
    page(browser, "replies:conversation", read.public_id)
    html = page(browser, "replies:inbox", show="unread")
    assert "not yet" in html
    assert "already read" not in html


@pytest.mark.parametrize("words", ["boilers", "555-0100", "Whitfield"])
def test_search_by_words_number_and_customer(browser, tenant, take, words):
    make_customer(tenant)
    take("hello from Dana")
    take("Do you fix boilers?", STRANGER)
    take("other", "+14135550111")
    html = page(browser, "replies:inbox", q=words)
    assert ("hello from Dana" in html) == (words == "Whitfield")
    assert ("Do you fix boilers?" in html) == (words != "Whitfield")
    assert "other</span>" not in html


def test_both_sides_of_a_conversation(browser, tenant, clerk, take):
    invoice = make_invoice(customer=make_customer(tenant))
    ours = make_text(invoice, clerk)
    text = take("Why so much?", media=1)
    html = page(browser, "replies:conversation", text.public_id)
    assert html.index("Pay here:") < html.index("Why so much?")
    assert "1 picture, not shown" in html
    assert ours.link.url not in html  # the end of the link is hidden here too
    assert invoice.number in html
    assert reverse("customers:detail", args=[invoice.customer.public_id]) in html


def test_the_box_for_an_answer_is_empty(browser, take):
    page = browser.get(f"/messages/{take('Hello').public_id}/").content.decode()
    assert re.search(r"<textarea[^>]*></textarea>", page)


def test_a_live_conversation_shows_and_reads_what_arrives(browser, take):
    text = take("hello")
    answer = browser.get(reverse("replies:live", args=[text.public_id]))
    version = answer["X-Version"]
    again = browser.get(reverse("replies:live", args=[text.public_id]), {"v": version})
    assert again.status_code == 204
    take("still there?")
    changed = browser.get(reverse("replies:live", args=[text.public_id]), {"v": version})
    assert "still there?" in changed.content.decode()
    assert not InboundText.objects.unread().exists()


def test_one_click_says_that_it_is_a_refusal(browser, clerk, take):
    text = take("I'll stop by tomorrow")
    act(browser, "replies:decide", text.public_id, refused="yes", next="review")
    text.refresh_from_db()
    found = OptOut.objects.of(text.tenant, MOBILE)
    assert (found.source, found.wording) == ("words", "I'll stop by tomorrow")
    assert found.recorded_by == clerk
    assert (text.kind, text.waits_for_review) == ("refusal", False)


def test_one_click_says_that_it_is_none(browser, tenant, clerk, take):
    customer = make_customer(tenant)
    text = take("I'll stop by tomorrow")
    assert "I&#x27;ll stop by" in page(browser, "replies:review")
    act(browser, "replies:decide", text.public_id, refused="no")
    text.refresh_from_db()
    assert (text.kind, text.reviewed_by) == ("message", clerk)
    assert OptOut.objects.of(tenant, MOBILE) is None
    assert AuditEntry.objects.about(customer.audit_subject).first().action == "text.reviewed"
    assert "Nothing to review" in page(browser, "replies:review")


def test_the_second_of_two_people_changes_nothing(browser, browser_of, admin_user, take):
    text = take("cancel my visit")
    act(browser, "replies:decide", text.public_id, refused="no")
    act(browser_of(admin_user), "replies:decide", text.public_id, refused="no")
    assert AuditEntry.objects.filter(action="text.reviewed").count() == 1


def test_an_opt_out_from_the_conversation(browser, clerk, take):
    text = take("hello")
    act(browser, "replies:stop", text.public_id, wording="Told me on the phone")
    found = OptOut.objects.of(text.tenant, MOBILE)
    assert (found.source, found.wording, found.recorded_by) == (
        "staff",
        "Told me on the phone",
        clerk,
    )


def test_an_opt_out_from_the_customers_page(browser, tenant):
    customer = make_customer(tenant)
    value = f"{customer.billing_contact.public_id}-mobile"
    html = page(browser, "customers:detail", customer.public_id)
    assert "Can be texted" in html
    assert value in html
    data = {"number": value, "wording": "At the counter"}
    act(browser, "replies:from_customer", customer.public_id, **data)
    assert OptOut.objects.of(tenant, MOBILE).wording == "At the counter"
    html = page(browser, "customers:detail", customer.public_id)
    assert "Opted out" in html
    assert "Opted out of texts" in html  # in the history


def test_a_number_that_is_not_the_customers(browser, tenant):
    customer = make_customer(tenant)
    other = make_customer(tenant, "Frank Delgado")
    value = f"{other.billing_contact.public_id}-mobile"
    answer = act(browser, "replies:from_customer", customer.public_id, number=value)
    assert answer.status_code == 404
    assert not OptOut.objects.exists()


def test_an_opt_out_of_a_typed_number(browser, tenant):
    data = {"country": "US", "number": "978 555 0142", "wording": "By email"}
    assert act(browser, "replies:opt_out", **data).status_code == 302
    assert OptOut.objects.of(tenant, MOBILE).source == "staff"
    wrong = act(browser, "replies:opt_out", country="US", number="555", wording="")
    assert wrong.status_code == 422


def test_the_list_shows_no_number_but_finds_one(browser, tenant, clerk):
    opt_out(tenant, MOBILE, source="reply", wording="STOP it")
    opt_out(tenant, STRANGER, source="staff", actor=clerk)
    html = page(browser, "replies:opt_outs")
    assert "ending in 42" in html
    assert "ending in 00" in html
    assert "STOP it" in html
    assert "Maya Torres" in html
    assert "555" not in html.split("<main")[1]
    found = act(browser, "replies:opt_outs", number="(978) 555-0142").content.decode()
    assert "ending in 42" in found
    assert "ending in 00" not in found
    abroad = act(browser, "replies:opt_outs", number="+1 617 555 0100").content.decode()
    assert "ending in 00" in abroad
    none = act(browser, "replies:opt_outs", number="978 555 0199").content.decode()
    assert "has not opted out" in none
    wrong = act(browser, "replies:opt_outs", number="12")
    assert wrong.status_code == 422
    assert "digits are missing" in wrong.content.decode()


def test_resuming_takes_evidence(browser, tenant, clerk):
    row = opt_out(tenant, MOBILE, source="staff")
    today = timezone.now().astimezone(tenant.zone).date()
    for wrong in (
        {},
        {"given_on": today, "wording": ""},
        {"given_on": today, "wording": "ok"},
        {"given_on": "", "wording": "Called and asked for texts"},
        {"given_on": today + dt.timedelta(days=2), "wording": "Called and asked for texts"},
        {"given_on": today - dt.timedelta(days=2), "wording": "Called and asked for texts"},
    ):
        assert act(browser, "replies:resume", row.pk, **wrong).status_code == 422
        assert OptOut.objects.of(tenant, MOBILE)
    good = {"given_on": today, "wording": "Called and asked for texts"}
    assert act(browser, "replies:resume", row.pk, **good).status_code == 302
    assert OptOut.objects.of(tenant, MOBILE) is None
    assert "Called and asked for texts" in page(browser, "replies:opt_outs")


def test_where_twilio_refuses_too_the_page_says_what_helps(browser, tenant):
    row = opt_out(tenant, MOBILE, source="reply", wording="STOP")
    assert "texts START" in page(browser, "replies:resume", row.pk)
    by_hand = opt_out(tenant, STRANGER, source="staff")
    assert "texts START" not in page(browser, "replies:resume", by_hand.pk)


PAGES = ["replies:inbox", "replies:review", "replies:opt_outs", "replies:opt_out"]


@pytest.mark.parametrize("name", PAGES)
def test_it_takes_the_permission(browser_of, viewer, name):
    answer = browser_of(viewer).get(reverse(name))
    assert answer.status_code == 403
    assert escape(Permission.ANSWER_TEXTS.label) in answer.content.decode()


def test_a_viewer_sees_no_messages_in_the_menu(browser_of, viewer, take):
    take("hello")
    assert reverse("replies:inbox") not in page(browser_of(viewer), "home")


def test_another_company_sees_nothing(browser_of, take):
    text = take("hello")
    other = make_member(make_ready_tenant("Mesa Verde Electric"), "Office", name="Nadia Brooks")
    html = page(browser_of(other), "replies:inbox")
    assert "No messages yet" in html
    url = reverse("replies:conversation", args=[text.public_id])
    assert browser_of(other).get(url).status_code == 404


def test_send_sms_is_grey_with_the_reason_once_they_opted_out(browser, tenant, take):
    invoice = make_invoice(customer=make_customer(tenant))
    url = reverse("invoices:live", args=[invoice.public_id])
    before = browser.get(url)
    assert 'id="send-sms"' in before.content.decode()
    take("STOP")
    after = browser.get(url, {"v": before["X-Version"]}).content.decode()
    assert 'id="send-sms"' not in after
    assert "Dana replied STOP" in after
    answer = browser.post(reverse("sms:send", args=[invoice.public_id]), {"to": "x"})
    assert answer.status_code == 409
    take("START")
    assert 'id="send-sms"' in browser.get(url).content.decode()


def test_a_poll_that_finds_nothing_renders_nothing(
    browser, tenant, take, django_assert_max_num_queries
):
    """Every open page asks every second: session, person, company, invoice, newest entry."""
    invoice = make_invoice(customer=make_customer(tenant))
    url = reverse("invoices:live", args=[invoice.public_id])
    version = browser.get(url)["X-Version"]
    with django_assert_max_num_queries(5):
        assert browser.get(url, {"v": version}).status_code == 204
    take("STOP")
    assert browser.get(url, {"v": version}).status_code == 200


def test_a_change_without_an_entry_is_seen_a_little_later(browser, tenant, monkeypatch):
    invoice = make_invoice(customer=make_customer(tenant))
    url = reverse("invoices:live", args=[invoice.public_id])
    version = browser.get(url)["X-Version"]
    tenant.twilio.delete()  # as Support may; the menu has to say so
    assert browser.get(url, {"v": version}).status_code == 204
    now = live.time.time()
    monkeypatch.setattr(live.time, "time", lambda: now + live.LOOK_AGAIN)
    assert browser.get(url, {"v": version}).status_code == 200


@pytest.mark.parametrize("version", ["", ".", "...", "x.0.y", "x.0.99999999999999", "a.b.c.d.e"])
def test_nonsense_about_the_version_is_answered_in_full(browser, tenant, version):
    invoice = make_invoice(customer=make_customer(tenant))
    url = reverse("invoices:live", args=[invoice.public_id])
    assert browser.get(url, {"v": version}).status_code == 200


def test_the_invoices_history_holds_what_they_said(browser, tenant, clerk, take):
    invoice = make_invoice(customer=make_customer(tenant))
    make_text(invoice, clerk)
    take("I will pay on Friday")
    html = page(browser, "invoices:detail", invoice.public_id)
    assert "Text received from the customer" in html
    assert "I will pay on Friday" in html


@pytest.mark.parametrize(
    ("received", "today", "late"),
    [
        ("2026-11-20", "2026-11-24", 0),  # a Friday: Mon, Tue
        ("2026-11-20", "2026-11-27", 0),  # Thanksgiving is none of the five
        ("2026-11-20", "2026-11-30", 1),  # Mon, Tue, Wed, Fri, Mon
        ("2026-11-21", "2026-11-27", 0),  # a Saturday
        ("2026-12-24", "2026-12-31", 0),  # Christmas and a weekend between
        ("2026-12-24", "2027-01-04", 1),  # New Year's Day too
        ("2026-07-06", "2026-07-13", 1),  # an ordinary week
        ("2026-07-06", "2026-07-10", 0),
    ],
)
def test_home_raises_its_voice_after_five_business_days(
    browser, tenant, take, monkeypatch, received, today, late
):
    text = take("cancel my visit")
    noon = dt.time(12, tzinfo=tenant.zone)
    at = dt.datetime.combine(dt.date.fromisoformat(received), noon)
    InboundText.objects.filter(pk=text.pk).update(received_at=at)
    now = dt.datetime.combine(dt.date.fromisoformat(today), noon)
    assert may_be_refusals(now) == {"count": 1, "late": late}


def test_home_names_what_waits_for_a_decision(browser, take):
    text = take("cancel my visit")
    html = page(browser, "home")
    assert "1 text to review: possible opt-out" in html
    assert "older than 5 business days" not in html
    InboundText.objects.filter(pk=text.pk).update(received_at=timezone.now() - dt.timedelta(20))
    assert "1 older than 5 business days" in page(browser, "home")
