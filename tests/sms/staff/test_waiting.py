"""Texts that wait for the end of quiet hours: shown, cancelled, sent at their minute."""

import datetime as dt

import pytest
from django.utils import timezone
from freezegun import freeze_time

from audit.models import AuditEntry
from sms.models import TextMessage
from sms.tasks import deliver
from sms.templatetags.texts import rail
from tests.factories import keep_quiet_hours, make_invoice
from tests.sms.conftest import bodies

pytestmark = pytest.mark.django_db
# Three in the morning in New York, where the customer lives; eight is 13:00 in UTC.
NIGHT = dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)
MORNING = dt.datetime(2026, 11, 24, 13, 0, tzinfo=dt.UTC)


@pytest.fixture
def waiting(text):
    """A text that goes out tomorrow morning."""
    return text(not_before=timezone.now() + dt.timedelta(hours=9))


def page_of(browser, text):
    return browser.get(f"/invoices/{text.invoice.public_id}/").content.decode()


def cancel(browser, text):
    return browser.post(f"/texts/{text.public_id}/cancel/", follow=True)


def test_a_text_that_waits_says_until_when_and_can_be_cancelled(waiting, clerk, browser_of):
    page = page_of(browser_of(clerk), waiting)
    assert "quiet hours where the customer lives" in page
    assert f"/texts/{waiting.public_id}/cancel/" in page
    answer = cancel(browser_of(clerk), waiting)
    assert "The text was canceled. Nothing was sent." in answer.content.decode()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.next_try_at) == ("cancelled", None)
    entry = AuditEntry.objects.about(waiting.audit_subject).get(action="text.cancelled")
    assert entry.actor == clerk


def test_a_cancelled_text_is_never_sent_and_another_may_follow(
    waiting, clerk, browser_of, twilio, work
):
    cancel(browser_of(clerk), waiting)
    work(deliver, waiting)
    assert bodies(twilio) == []
    page = page_of(browser_of(clerk), waiting)
    assert "Canceled before it went out" in page
    assert 'id="rail-again"' in page
    steps = [(step.words, step.style) for step in rail(waiting)]
    assert ("Canceled", "failed") in steps


def test_whoever_may_not_send_may_not_cancel(waiting, viewer, browser_of):
    assert "Cancel</button>" not in page_of(browser_of(viewer), waiting)
    assert cancel(browser_of(viewer), waiting).status_code == 403
    waiting.refresh_from_db()
    assert waiting.status == "queued"


def test_what_has_left_cannot_be_cancelled(text, clerk, browser_of):
    message = text()
    message.claim()
    answer = cancel(browser_of(clerk), message)
    assert "too late to cancel" in answer.content.decode()
    message.refresh_from_db()
    assert message.status == "sending"


def test_cancelling_twice_is_cancelling_once(waiting, clerk, browser_of):
    for _ in range(2):
        assert "too late" not in cancel(browser_of(clerk), waiting).content.decode()
    entries = AuditEntry.objects.about(waiting.audit_subject).filter(action="text.cancelled")
    assert entries.count() == 1


def test_at_the_worker_it_is_the_recipients_clock_that_counts(text, work, tenant, twilio):
    keep_quiet_hours(tenant)
    with freeze_time(NIGHT):
        message = work(deliver, text())
        assert (message.status, message.attempts) == ("queued", 0)
        assert message.not_before == message.next_try_at == MORNING
        assert message.claimed_at is None
    with freeze_time(MORNING):
        assert work(deliver, message).status == "sent"
    assert len(bodies(twilio)) == 1


def test_a_company_that_does_not_send_later_is_told_so(text, work, tenant):
    keep_quiet_hours(tenant, outside_hours="refuse")
    with freeze_time(NIGHT):
        message = work(deliver, text())
    assert message.status == "failed"
    assert "nothing was sent" in message.error


def test_the_rail_shows_opened_between_delivered_and_paid(text):
    message = text()
    message.claim()
    message.mark_delivered("SM" + "a" * 32)
    words = [step.words for step in rail(message)]
    assert words == ["Queued", "Sent", "Delivered", "Opened", "Paid"]
    assert [step.style for step in rail(message)] == ["done"] * 3 + ["", ""]
    assert message.link.mark_opened()
    opened = rail(TextMessage.objects.get(pk=message.pk))[3]
    assert (opened.style, opened.here) == ("done", True)


def test_an_opt_out_of_ours_offers_no_second_text(text, clerk, browser_of):
    message = text()
    message.mark_failed(None, "The customer asked for no more texts; nothing was sent.")
    page = page_of(browser_of(clerk), message)
    assert 'id="rail-again"' not in page
    assert 'id="rail-mail"' in page


def test_a_draft_needs_no_rail(tenant, clerk, browser_of):
    invoice = make_invoice(tenant, opened=False)
    page = browser_of(clerk).get(f"/invoices/{invoice.public_id}/").content.decode()
    assert "Nothing has been sent" in page
