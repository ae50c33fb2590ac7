"""One text in ten minutes and three in seven days for each invoice, unless somebody may lift it."""

import datetime as dt
import uuid

import pytest
from django.db import connection
from django_scopes import scopes_disabled
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditEntry
from sms.compliance import frequency, send_check
from sms.models import TextMessage
from sms.recipient import Recipient
from sms.staff import send as sender
from sms.staff.send import send_text
from tests.addresses import reverse
from tests.factories import MOBILE, long_ago, make_customer, make_invoice, make_text
from tests.race import run_together

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 23, 17, tzinfo=dt.UTC)


def check(invoice, number):
    return send_check.check(invoice, Recipient.of(invoice.customer, number))


@pytest.fixture
def invoice(tenant):
    return make_invoice(customer=make_customer(tenant))


@pytest.fixture
def maya(clerk, browser_of):
    return browser_of(clerk)


@pytest.fixture
def alma(admin_user, browser_of):
    return browser_of(admin_user)


def sent(invoice, actor, hours=0.0, **fields):
    """One more text that went out so many hours ago."""
    last = invoice.text_messages.first()
    seen = {"seen": str(last.public_id), "confirmed": True} if last else {}
    text = make_text(invoice, actor, **seen, **fields)
    text.claim()
    text.mark_sent(f"SM{uuid.uuid4().hex}")
    return long_ago(text, hours) if hours else text


def api(browser, invoice, **fields):
    last = invoice.text_messages.first()
    data = {"invoice": str(invoice.public_id), "to": MOBILE, "key": str(uuid.uuid4()), **fields}
    data |= {"seen": str(last.public_id)} if last else {}
    return browser.post("/api/v1/texts/", data, content_type="application/json")


def form(invoice, **fields):
    last = invoice.text_messages.first()
    seen = {"seen": last.public_id, "confirmed": "on"} if last else {}
    number = {"to": "other", "country": "US", "number": MOBILE[2:]}
    return {**number, "key": uuid.uuid4(), **seen, **fields}


AGO = st.integers(0, 10 * 24 * 60).map(lambda minutes: NOW - dt.timedelta(minutes=minutes))
TEXTS = st.builds(frequency.Sent, at=AGO, to=st.just(MOBILE), in_vain=st.booleans())


@given(texts=st.lists(TEXTS, max_size=6))
def test_when_a_limit_ends_the_next_may_follow_and_not_before(texts):
    limit = frequency.reached(texts, NOW)
    if limit is None:
        assert len([t for t in texts if t.at > NOW - frequency.WEEK]) < frequency.MOST
        assert not any(t.at > NOW - frequency.PAUSE and not t.in_vain for t in texts)
        return
    assert limit.until > NOW
    assert frequency.reached(texts, limit.until - dt.timedelta(seconds=1)) is not None
    after = frequency.reached(texts, limit.until)
    assert after is None or after.code != limit.code


def test_the_second_within_ten_minutes_is_429_with_the_time_to_wait(maya, invoice, clerk):
    sent(invoice, clerk)
    answer = api(maya, invoice)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_soon")
    assert "less than 10 minutes ago" in answer.json()["detail"]
    assert 500 < int(answer["Retry-After"]) <= 600
    assert TextMessage.objects.count() == 1


def test_the_fourth_in_seven_days_is_429(maya, invoice, clerk):
    for hours in (150, 100, 50):
        sent(invoice, clerk, hours)
    answer = api(maya, invoice)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_often")
    assert "texted 3 times in 7 days" in answer.json()["detail"]
    assert 17 * 3600 < int(answer["Retry-After"]) <= 18 * 3600
    assert TextMessage.objects.count() == 3


def test_what_surely_did_not_go_out_does_not_count(invoice, clerk):
    text = make_text(invoice, clerk)
    text.claim()
    text.mark_failed(21211)
    assert not check(invoice, MOBILE).red
    lost = sent(invoice, clerk)
    lost.mark_undelivered(None, reason="Twilio could not tell us.")
    assert check(invoice, MOBILE).reason.code == "too_soon"


def test_after_one_that_did_not_arrive_or_was_ended_the_next_may_follow_but_the_week_counts(
    invoice, clerk
):
    undelivered = sent(invoice, clerk)
    undelivered.mark_undelivered(30003, undelivered.sid)
    assert not check(invoice, MOBILE).red
    second = sent(invoice, clerk)
    assert check(invoice, MOBILE).reason.code == "too_soon"
    second.link.expire(actor=clerk)
    assert not check(invoice, MOBILE).red
    sent(invoice, clerk)
    assert check(invoice, MOBILE).reason.code == "too_often"


def test_each_invoice_has_its_own_limit(tenant, invoice, clerk):
    sent(invoice, clerk)
    assert not check(make_invoice(customer=invoice.customer), MOBILE).red


def test_a_clerk_sees_until_when_and_no_way_round(maya, invoice, clerk):
    sent(invoice, clerk)
    page = maya.get(reverse("sms:send", args=[invoice.public_id])).content.decode()
    assert "It can be texted again" in page
    assert "Send anyway" not in page
    answer = maya.post(reverse("sms:send", args=[invoice.public_id]), form(invoice, override="on"))
    assert answer.status_code == 409
    assert api(maya, invoice, override=True).status_code == 403
    assert TextMessage.objects.count() == 1


def test_who_may_ticks_send_anyway_and_the_history_says_so(alma, invoice, clerk, admin_user):
    sent(invoice, clerk)
    where = reverse("sms:send", args=[invoice.public_id])
    assert "Send anyway" in alma.get(where).content.decode()
    assert alma.post(where, form(invoice)).status_code == 409  # not without the tick
    checked = alma.post(
        reverse("sms:check", args=[invoice.public_id]),
        form(invoice, override="on"),
        headers={"HX-Request": "true"},
    ).content.decode()
    assert "checked" in checked
    assert 'type="submit"' in checked
    question = alma.post(where, form(invoice, override="on", confirmed="", seen=""))
    assert "This invoice was already sent" in question.content.decode()
    assert '<input type="hidden" name="override" value="on">' in question.content.decode()
    assert alma.post(where, form(invoice, override="on")).status_code == 302
    assert TextMessage.objects.count() == 2
    entry = AuditEntry.objects.about(invoice.audit_subject).get(action="text.sent_anyway")
    assert entry.actor == admin_user


def test_the_tick_lifts_nothing_but_the_limits(alma, invoice, clerk):
    sent(invoice, clerk)
    where = reverse("sms:send", args=[invoice.public_id])
    answer = alma.post(where, form(invoice, override="on", number="(800) 555-0199"))
    assert answer.status_code == 422
    assert TextMessage.objects.count() == 1


def test_an_answered_form_is_answered_again_and_not_limited(maya, invoice):
    data = form(invoice)
    where = reverse("sms:send", args=[invoice.public_id])
    assert maya.post(where, data).status_code == 302
    text = TextMessage.objects.get()
    text.claim()
    text.mark_sent("SM" + "b" * 32)
    assert maya.post(where, data).status_code == 302
    assert TextMessage.objects.count() == 1


def test_a_text_that_leaves_at_this_moment_makes_no_room_for_another(invoice, clerk, monkeypatch):
    flying = make_text(invoice, clerk)
    queue_text = sender.queue_text

    def left_meanwhile(*args, **fields):
        flying.claim()
        flying.mark_sent("SM" + "c" * 32)
        return queue_text(*args, **fields)

    monkeypatch.setattr(sender, "queue_text", left_meanwhile)
    agreed = {"seen": str(flying.public_id), "confirmed": True}
    answer = send_text(
        invoice, Recipient.of(invoice.customer, MOBILE), actor=clerk, key=uuid.uuid4(), **agreed
    )
    assert answer == (flying, False)
    assert TextMessage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks need PostgreSQL")
def test_twenty_resends_at_once_are_one_text(invoice, clerk, browser_of):
    sent(invoice, clerk, hours=24)
    browsers = [browser_of(clerk) for _ in range(20)]
    forms = [form(invoice) for _ in browsers]

    def click(browser, data):
        with scopes_disabled():
            return browser.post(f"/invoices/{invoice.public_id}/text/", data).status_code

    calls = zip(browsers, forms, strict=True)
    answers = run_together(*(lambda b=b, d=d: click(b, d) for b, d in calls))
    assert TextMessage.objects.count() == 2
    assert set(answers) == {302}
