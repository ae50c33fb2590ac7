"""The send check: what stands for or against one text, and that everybody who sends asks it."""

import datetime as dt
import re
import uuid

import pytest
import rest_framework.throttling  # noqa: F401  (loaded while frozen, it keeps that clock)
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from freezegun import freeze_time

from customers.models import Contact
from invoices.models import Invoice
from sms.compliance import send_check
from sms.compliance.send_check import check_many
from sms.models import Consent, OptOut, TextMessage, TextRules, TwilioAccount
from sms.models.opt_out import opt_out
from sms.recipient import Recipient
from sms.tasks import deliver, steps_due
from tests.addresses import reverse
from tests.factories import (
    MOBILE,
    keep_quiet_hours,
    long_ago,
    make_customer,
    make_invoice,
    make_text,
)
from tests.sms.conftest import bodies

pytestmark = pytest.mark.django_db
ROB = "+19785550177"
NOON = "2026-11-23T17:00:00Z"  # in Massachusetts
NIGHT = "2026-11-24T02:30:00Z"  # 9:30 PM there
MORNING = dt.datetime(2026, 11, 24, 13, 0, tzinfo=dt.UTC)


def check(invoice, number):
    return send_check.check(invoice, Recipient.of(invoice.customer, number))


@pytest.fixture
def invoice(tenant):
    return make_invoice(customer=make_customer(tenant))


@pytest.fixture
def maya(clerk, browser_of):
    return browser_of(clerk)


def url(invoice):
    return reverse("sms:send", args=[invoice.public_id])


def typed(number=MOBILE, **fields):
    return {"to": "other", "country": "US", "number": number[2:], "key": uuid.uuid4(), **fields}


def codes(found, level=None):
    return [f.code for f in found.findings if level in (None, f.level)]


def sentence(found, code):
    return next(f.sentence for f in found.findings if f.code == code)


# --- What it finds ---------------------------------------------------------------------------


def test_all_is_well_in_one_green_line(invoice):
    found = check(invoice, MOBILE)
    assert (found.worst, found.red, found.not_before) == ("green", False, None)
    assert codes(found) == ["no_consent"]
    assert "Sending records that Dana gave this number" in sentence(found, "no_consent")
    Consent.objects.note(invoice.tenant, MOBILE, customer=invoice.customer, actor=None)
    assert check(invoice, MOBILE).findings == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (OptOut.Source.REPLY, "Dana replied STOP on Nov 22."),
        (OptOut.Source.WORDS, "Dana asked on Nov 22 for no more texts."),
        (OptOut.Source.STAFF, "Maya Torres recorded on Nov 22 that Dana does not want texts."),
        (OptOut.Source.TWILIO, "Twilio reported on Nov 22 that Dana opted out."),
    ],
)
def test_opted_out_says_who_when_and_how_it_ends(invoice, clerk, source, words):
    with freeze_time("2026-11-22T17:00:00Z"):
        actor = clerk if source == OptOut.Source.STAFF else None
        opt_out(invoice.tenant, MOBILE, source=source, wording="STOP", actor=actor)
    with freeze_time(NOON):
        found = check(invoice, MOBILE)
    assert found.red
    assert not found.only_limits
    assert sentence(found, "opted_out").startswith(words)
    assert "until they reply START" in sentence(found, "opted_out")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+1978555", "impossible"),
        ("+11234567890", "impossible"),
        ("+442079460958", "cannot_text"),
        ("+18005550199", "cannot_text"),
        ("+19005550199", "cannot_text"),
    ],
)
def test_numbers_that_no_text_reaches(invoice, number, code):
    found = check(invoice, number)
    assert found.red
    assert found.reason.code == code


def test_what_is_not_on_file_or_no_mobile_is_amber(invoice):
    assert codes(check(invoice, ROB), "amber") == ["not_on_file"]
    Contact.objects.create(tenant=invoice.tenant, customer=invoice.customer, name="Rob", phone=ROB)
    invoice = Invoice.objects.get(pk=invoice.pk)
    assert codes(check(invoice, ROB), "amber") == ["other_phone"]


def test_a_link_that_ends_before_the_bill_is_due_is_amber(tenant):
    customer = make_customer(tenant)
    with freeze_time(NOON):
        today = dt.date(2026, 11, 23)
        late = make_invoice(customer=customer, due_on=today + dt.timedelta(days=61))
        just = make_invoice(customer=customer, due_on=today + dt.timedelta(days=60))
        assert "link_lapses" not in codes(check(just, MOBILE))
        found = check(late, MOBILE)
    assert (
        sentence(found, "link_lapses")
        == "The link will expire on Jan 22, 2027, before the due date."
    )


def test_two_segments_are_amber(tenant):
    tenant.name = "Ärzte & Töchter 水道 Plumbing and Heating"[:40]
    tenant.save()
    assert "segments" in codes(check(make_invoice(tenant), MOBILE), "amber")


def test_nothing_is_sent_from_a_sender_the_carriers_have_not_approved(invoice, maya):
    TwilioAccount.objects.update(is_registered=False)
    assert check(invoice, MOBILE).reason.code == "not_registered"
    assert "have not approved" in maya.get(url(invoice)).content.decode()
    assert maya.post(url(invoice), typed()).status_code == 409
    assert not TextMessage.objects.exists()


@pytest.mark.parametrize("status", ["draft", "paid", "void", "pending"])
def test_an_invoice_that_asks_for_nothing_is_red(invoice, status):
    Invoice._base_manager.filter(pk=invoice.pk).update(status=status)
    invoice.refresh_from_db()
    assert check(invoice, MOBILE).reason.code == f"invoice_{status}"


def test_the_worst_comes_first_and_names_the_whole(invoice):
    opt_out(invoice.tenant, ROB, source=OptOut.Source.REPLY, wording="STOP")
    found = check(invoice, ROB)
    assert [f.level for f in found.findings] == ["red", "amber"]
    assert found.tone == "bad"


def test_many_ask_the_database_as_little_as_one(tenant):
    invoices = [make_invoice(customer=make_customer(tenant)) for _ in range(25)]
    rows = [(invoice, Recipient.of(invoice.customer, MOBILE)) for invoice in invoices]
    with CaptureQueriesContext(connection) as one:
        check_many(rows[:1])
    with CaptureQueriesContext(connection) as many:
        found = check_many(rows[1:])
    assert len(found) == 24
    assert len(many) <= len(one) + 1 <= 10
    assert check_many([]) == []


# --- Quiet hours, wired ----------------------------------------------------------------------


def test_at_night_the_button_says_when_and_the_text_waits(tenant, clerk, browser_of, invoice):
    keep_quiet_hours(tenant)
    with freeze_time(NIGHT):
        maya = browser_of(clerk)
        page = maya.get(url(invoice)).content.decode()
        assert "Send at 8:00 AM</button>" in page
        assert "It is 9:30 PM where Dana lives. The text will go out tomorrow at 8:00 AM." in page
        answer = maya.post(url(invoice), typed())
        assert answer.status_code == 302
        shown = maya.get(answer["Location"]).content.decode()
        assert "The text will go out tomorrow at 8:00 AM" in shown
        assert "Invoice SMS sent successfully" not in shown
    text = TextMessage.objects.get()
    assert (text.status, text.not_before) == ("queued", MORNING)


def test_it_is_released_once_and_not_a_second_too_early(
    tenant, clerk, browser_of, invoice, twilio, work, django_capture_on_commit_callbacks
):
    keep_quiet_hours(tenant)
    with freeze_time(NIGHT):
        maya = browser_of(clerk)
        maya.post(url(invoice), typed())
    text = TextMessage.objects.get()
    for early in (NIGHT, "2026-11-24T12:59:59Z"):
        with freeze_time(early):
            assert steps_due(timezone.now()) == []
            work(deliver, text)
    assert bodies(twilio) == []
    with freeze_time("2026-11-24T13:00:00Z"):
        assert [step[1] for step in steps_due(timezone.now())] == [text.pk]
        for _ in range(3):
            work(deliver, text)
    assert text.status == "sent"
    assert len(bodies(twilio)) == 1


def test_while_one_waits_no_second_one_is_added(tenant, clerk, browser_of, invoice):
    keep_quiet_hours(tenant)
    with freeze_time(NIGHT):
        maya = browser_of(clerk)
        maya.post(url(invoice), typed())
        page = maya.get(url(invoice)).content.decode()
        assert "A text to (978) 555-0142 is waiting and will go out tomorrow at 8:00 AM." in page
        maya.post(url(invoice), typed())
    assert TextMessage.objects.count() == 1


def test_a_company_may_refuse_instead(tenant, clerk, browser_of, invoice):
    keep_quiet_hours(tenant, outside_hours=TextRules.OutsideHours.REFUSE)
    with freeze_time(NIGHT):
        maya = browser_of(clerk)
        answer = maya.post(url(invoice), typed())
        assert answer.status_code == 409
        assert "can be texted again tomorrow at 8:00 AM" in answer.content.decode()
        found = check(invoice, MOBILE)
    assert (found.reason.code, found.not_before, found.again_at) == ("quiet_hours", None, MORNING)
    assert not TextMessage.objects.exists()


def test_where_no_hour_suits_it_is_refused(tenant, invoice):
    keep_quiet_hours(tenant)
    # Hawaii, Maine and Guam are never awake together with an unknown number's Alaska.
    invoice.customer.region = "GU"
    invoice.customer.save()
    with freeze_time(NOON):
        found = check(invoice, "+12225550100")
    assert "quiet_hours" in codes(found)


def test_what_was_queued_in_time_and_comes_late_waits_for_the_morning(
    tenant, invoice, clerk, twilio, work
):
    keep_quiet_hours(tenant)
    with freeze_time("2026-11-24T01:59:59Z"):
        text = make_text(invoice, clerk)
    with freeze_time(NIGHT):
        work(deliver, text)
    assert (text.status, text.not_before, text.attempts) == ("queued", MORNING, 0)
    assert bodies(twilio) == []
    with freeze_time(MORNING):
        work(deliver, text)
    assert text.status == "sent"


def test_what_comes_late_is_given_up_where_the_company_refuses(
    tenant, invoice, clerk, twilio, work
):
    keep_quiet_hours(tenant, outside_hours=TextRules.OutsideHours.REFUSE)
    with freeze_time("2026-11-24T01:59:59Z"):
        text = make_text(invoice, clerk)
    with freeze_time(NIGHT):
        work(deliver, text)
    assert text.status == "failed"
    assert "outside the hours" in text.error
    assert bodies(twilio) == []


# --- The pop-up ------------------------------------------------------------------------------


def verdict(browser, invoice, **fields):
    data = typed(**fields) if "to" not in fields else {"key": uuid.uuid4(), **fields}
    answer = browser.post(
        reverse("sms:check", args=[invoice.public_id]), data, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_check_follows_what_is_typed(maya, invoice):
    assert "Enter the number" in verdict(maya, invoice, number="+1")
    assert "7 digits are missing" in verdict(maya, invoice, number="+1978")
    assert "Not on file for this customer" in verdict(maya, invoice, number=ROB)
    opt_out(invoice.tenant, ROB, source=OptOut.Source.REPLY, wording="STOP")
    page = verdict(maya, invoice, number=ROB)
    assert "This text cannot be sent" in page
    button = re.search(r'id="send-button" hx-swap-oob="true">.*?</span>', page, re.DOTALL)[0]
    assert 'aria-disabled="true"' in button
    assert 'type="submit"' not in button


def test_a_red_check_sends_nothing_whatever_the_button_says(maya, invoice):
    make_other = Contact.objects.create(
        tenant=invoice.tenant, customer=invoice.customer, name="Rob Fields", mobile=ROB
    )
    opt_out(invoice.tenant, ROB, source=OptOut.Source.REPLY, wording="STOP")
    choice = {"to": f"{make_other.public_id}-mobile", "key": uuid.uuid4(), "override": "on"}
    answer = maya.post(url(invoice), choice)
    assert answer.status_code == 409
    assert "Rob replied STOP" in answer.content.decode()
    assert not TextMessage.objects.exists()


def test_when_every_number_on_file_opted_out_the_menu_says_so(maya, invoice):
    detail = reverse("invoices:detail", args=[invoice.public_id])
    opt_out(invoice.tenant, MOBILE, source=OptOut.Source.REPLY, wording="STOP")
    page = maya.get(detail).content.decode()
    assert 'id="send-sms"' not in page
    assert "Dana replied STOP" in page
    Contact.objects.create(tenant=invoice.tenant, customer=invoice.customer, name="Rob", mobile=ROB)
    assert 'id="send-sms"' in maya.get(detail).content.decode()


def test_a_viewer_and_a_stranger_learn_nothing(viewer, stranger, invoice, browser_of):
    where = reverse("sms:check", args=[invoice.public_id])
    assert browser_of(viewer).post(where, typed()).status_code == 403
    assert browser_of(stranger).post(where, typed()).status_code == 404
    assert browser_of(viewer).get(where).status_code in (403, 405)


# --- The API ---------------------------------------------------------------------------------


def api(browser, invoice, **fields):
    data = {"invoice": str(invoice.public_id), "to": MOBILE, "key": str(uuid.uuid4()), **fields}
    return browser.post("/api/v1/texts/", data, content_type="application/json")


def test_the_api_says_until_when_it_waits(tenant, clerk, browser_of, invoice):
    keep_quiet_hours(tenant)
    with freeze_time(NIGHT):
        maya = browser_of(clerk)
        answer = api(maya, invoice)
    assert answer.status_code == 201
    assert dt.datetime.fromisoformat(answer.json()["not_before"]) == MORNING


def test_the_api_refuses_with_every_finding(tenant, clerk, browser_of, invoice):
    keep_quiet_hours(tenant, outside_hours=TextRules.OutsideHours.REFUSE)
    with freeze_time(NIGHT):
        maya = browser_of(clerk)
        answer = api(maya, invoice)
    assert (answer.status_code, answer.json()["code"]) == (409, "quiet_hours")
    assert dt.datetime.fromisoformat(answer.json()["again_at"]) == MORNING
    assert {f["code"] for f in answer.json()["findings"]} >= {"quiet_hours", "no_consent"}
    assert not TextMessage.objects.exists()


def test_a_day_later_it_is_only_worth_a_look(maya, invoice, clerk):
    first = make_text(invoice, clerk)
    first.claim()
    first.mark_sent("SM" + "a" * 32)
    long_ago(first, hours=2)
    assert codes(check(invoice, MOBILE), "amber") == ["sent_recently"]
    long_ago(first, hours=25)
    assert codes(check(invoice, MOBILE), "amber") == []
