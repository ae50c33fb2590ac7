"""The schedule, the look at tomorrow, pausing and promising, and the demo's clock."""

import datetime as dt

import pytest
from django.utils import timezone

from audit import clock
from audit.models import AuditEntry
from payments.models import payment_state
from sms.models import ReminderStep, TextMessage, TextRules
from sms.reminders import demo_clock
from sms.reminders.run import remind
from tests.factories import make_customer, make_invoice, make_text
from tests.sms.reminders.reminded import add_step, later, november_invoice, texted
from textpay.demo.clock import on

pytestmark = pytest.mark.django_db

STEP = {
    "days": "5",
    "when": "after_due",
    "words_en": "{amount} for {invoice} is late.",
    "words_es": "{amount}, {invoice}, pendiente.",
}


@pytest.fixture
def boss(browser_of, admin_user):
    return browser_of(admin_user)


@pytest.fixture
def invoice(tenant, clerk):
    return texted(november_invoice(make_customer(tenant)), clerk)


def history(action):
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


# --- The schedule ---------------------------------------------------------------------------


def test_switching_on_for_the_first_time_proposes_a_schedule(tenant, boss):
    assert "No steps yet" in boss.get("/settings/reminders/").content.decode()
    boss.post("/settings/reminders/", {"reminds": "on"})
    assert TextRules.of(tenant).reminds
    page = boss.get("/settings/reminders/").content.decode()
    assert page.count("Pague en:") == page.count("Pay here:") == 4
    assert "1 segment" in page
    assert "2 segments" not in page
    boss.post("/settings/reminders/", {})
    assert not TextRules.of(tenant).reminds
    boss.post("/settings/reminders/", {"reminds": "on"})  # nothing is added a second time
    assert ReminderStep.objects.filter(tenant=tenant).count() == 4
    assert [entry.data["step"] for entry in history("tenant.reminders_changed")] == [
        "Reminders turned on",
        "Reminders turned off",
        "Reminders turned on",
    ]


def test_a_company_that_took_all_steps_out_keeps_it_so(tenant, boss):
    boss.post("/settings/reminders/", {"reminds": "on"})
    for step in ReminderStep.objects.all():
        boss.post(f"/settings/reminders/steps/{step.public_id}/remove/")
    boss.post("/settings/reminders/", {"reminds": "on"})
    assert not ReminderStep.objects.filter(is_active=True).exists()


def test_adding_changing_and_removing_a_step(tenant, boss):
    assert boss.post("/settings/reminders/steps/new/", STEP).status_code == 302
    step = ReminderStep.objects.get()
    assert (step.tenant, str(step)) == (tenant, "5 days after it was due")
    address = f"/settings/reminders/steps/{step.public_id}/"
    boss.post(address, {**STEP, "days": "1", "words_en": "Soon: {amount}, {invoice}"})
    step.refresh_from_db()
    assert (str(step), step.words("en")) == ("1 day after it was due", "Soon: {amount}, {invoice}")
    boss.post(f"{address}remove/")
    assert boss.get(address).status_code == 404
    assert [entry.data["step"] for entry in history("tenant.reminders_changed")] == [
        "Added: 5 days after it was due",
        "Changed: 1 day after it was due",
        "Removed: 1 day after it was due",
    ]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"days": "61"}, "60 days or fewer"),
        ({"days": "0", "when": "before_due"}, "1 day or more"),
        ({"words_en": "Pay us"}, "Write {amount} once"),
        ({"words_es": "{amount} {invoice} gratis"}, "gratis"),
        ({"words_en": ""}, "required"),
        ({"words_en": "x" * 61 + "{amount} {invoice}"}, ""),
        ({"words_en": "x" * 81 + "{amount} {invoice}"}, "80 characters"),
        ({"words_es": "á" * 50 + " {amount} {invoice}"}, "With “á”"),
        ({"days": "3"}, "already a step on this day"),
    ],
)
def test_a_step_that_does_not_do_is_refused_with_what_to_do(tenant, boss, change, complaint):
    add_step(tenant, "after_due", 3)
    answer = boss.post("/settings/reminders/steps/new/", {**STEP, **change})
    if not complaint:
        assert answer.status_code == 302
        return
    assert answer.status_code == 422
    assert complaint in answer.content.decode()
    assert ReminderStep.objects.count() == 1


def test_the_preview_follows_what_is_typed(boss):
    answer = boss.post(
        "/settings/reminders/preview/", {**STEP, "words_es": "Pagó {amount}, {invoice}"}
    )
    page = answer.content.decode()
    assert "$182.50 for INV-1042 is late." in page
    assert "because of “ó”" in page
    assert (
        "Write {amount} once"
        in boss.post("/settings/reminders/preview/", {**STEP, "words_en": "Hello"}).content.decode()
    )


def test_settings_texts_shows_both_languages(boss):
    page = boss.get("/settings/texts/").content.decode()
    assert "Pay here:" in page
    assert "Pague en:" in page


# --- Who gets what --------------------------------------------------------------------------


def test_tomorrow_is_told_beforehand_and_today_afterwards(tenant, invoice, browser_of, viewer):
    add_step(tenant, "after_sending", 3)
    paused = texted(november_invoice(make_customer(tenant, "Paul")), viewer)
    paused.customer.pause_reminders(True, actor=None)
    with on(later(2)):
        tomorrow = part(browser_of(viewer), "tomorrow")
    assert invoice.number in tomorrow
    assert "$182.50 for " in tomorrow
    assert "Scheduled" in tomorrow
    assert "paused for this customer" in tomorrow
    assert invoice.links.get().token not in tomorrow
    with on(later(3, hour=9)):
        assert "Scheduled" in part(browser_of(viewer), "today")
        assert invoice.number not in part(browser_of(viewer), "tomorrow")
    with on(later(3)):
        remind(tenant.pk)
        today = part(browser_of(viewer), "today")
    assert "Queued" in today
    assert "Skipped" in today
    assert invoice.links.get().token not in today


def part(person, name):
    """One region of the page."""
    page = person.get("/reminders/").content.decode()
    assert "Reminders" in page
    start = page.index(f'id="live-{name}"')
    return page[start : page.index("</section>", start)]


def test_a_company_without_reminders_is_told_so(boss, invoice):
    assert "No reminders go out" in boss.get("/reminders/").content.decode()


def test_the_page_keeps_itself_up_to_date(tenant, boss, invoice):
    add_step(tenant, "after_sending", 3)
    first = boss.get("/reminders/live/")
    assert boss.get(f"/reminders/live/?v={first['X-Version']}").status_code == 204


# --- A customer's wish ----------------------------------------------------------------------


def test_pausing_and_going_on(browser_of, clerk, viewer, invoice):
    address = f"/customers/{invoice.customer.public_id}/reminders/"
    person = browser_of(clerk)
    for wish in ("yes", "yes", "no"):
        person.post(address, {"paused": wish})
    invoice.customer.refresh_from_db()
    assert not invoice.customer.reminders_paused
    assert len(history("customer.reminders_paused")) == 1
    assert len(history("customer.reminders_resumed")) == 1
    assert browser_of(viewer).post(address, {"paused": "yes"}).status_code == 403


def test_a_promise_is_noted_and_taken_back(browser_of, clerk, invoice, tenant):
    address = f"/invoices/{invoice.public_id}/promise/"
    person = browser_of(clerk)
    day = timezone.now().astimezone(tenant.zone).date() + dt.timedelta(days=5)
    assert person.post(address, {"promised_on": day.isoformat()}).status_code == 302
    page = person.get(f"/invoices/{invoice.public_id}/").content.decode()
    assert f"Promised to pay on {day:%b} {day.day}, {day.year}" in page
    (entry,) = history("invoice.promised")
    assert (entry.actor, entry.data) == (clerk, {"promised_on": day.isoformat()})
    person.post(address, {"promised_on": ""})
    invoice.refresh_from_db()
    assert invoice.promised_on is None
    assert len(history("invoice.promise_removed")) == 1


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01", "soon"])
def test_a_promise_that_cannot_be_is_refused(browser_of, clerk, invoice, day):
    answer = browser_of(clerk).post(f"/invoices/{invoice.public_id}/promise/", {"promised_on": day})
    assert answer.status_code == 422
    assert "Choose" in answer.content.decode()


def test_a_paid_invoice_takes_no_promise(browser_of, clerk, invoice):
    invoice.void(actor=clerk, reason="Twice", read_payments=payment_state)
    day = timezone.now().date() + dt.timedelta(days=5)
    answer = browser_of(clerk).post(
        f"/invoices/{invoice.public_id}/promise/", {"promised_on": day.isoformat()}
    )
    assert answer.status_code == 422
    assert "nothing to pay" in answer.content.decode()


# --- The demo's clock -----------------------------------------------------------------------


def test_outside_practice_nobody_moves_the_clock(settings, boss):
    assert not settings.PRACTICE_MODE
    assert boss.post("/reminders/clock/", {"by": "day"}).status_code == 404
    assert "demo" not in boss.get("/reminders/").content.decode()
    assert clock.ahead() == dt.timedelta(0)


def test_the_clock_is_moved_by_settings_people_only(settings, browser_of, clerk):
    settings.PRACTICE_MODE = True
    assert browser_of(clerk).post("/reminders/clock/", {"by": "day"}).status_code == 403


def test_moving_the_clock_and_back(settings, boss, tenant):
    settings.PRACTICE_MODE = True
    assert "Real time" in boss.get("/reminders/").content.decode()
    boss.post("/reminders/clock/", {"by": "week"})
    local = clock.now().astimezone(tenant.zone)
    assert (local.hour, local.minute) == (10, 0)
    assert local.date() == timezone.now().astimezone(tenant.zone).date() + dt.timedelta(days=7)
    page = boss.get("/").content.decode()
    assert "The demo clock shows" in page
    boss.post("/reminders/clock/", {"by": "now"})
    assert clock.ahead() == dt.timedelta(0)
    assert "The demo clock shows" not in boss.get("/").content.decode()
    for _ in range(70):
        boss.post("/reminders/clock/", {"by": "week"})
    assert clock.ahead() < clock.FURTHEST
    boss.post("/reminders/clock/", {"by": "century"})
    assert clock.ahead() < clock.FURTHEST


def test_a_text_that_waits_for_the_morning_goes_out_when_the_clock_is_moved_there(
    settings, tenant, clerk
):
    settings.PRACTICE_MODE = True
    morning = timezone.now() + dt.timedelta(hours=9)
    text = make_text(make_invoice(customer=make_customer(tenant)), clerk, not_before=morning)
    assert not text.claim()
    demo_clock.move(tenant, "day")
    demo_clock.move(tenant, "day")
    text.refresh_from_db()
    assert text.next_try_at < timezone.now()
    demo_clock.move(tenant, "now")
    text.refresh_from_db()
    assert text.next_try_at == morning


def test_a_reminder_and_the_end_of_a_link_can_be_watched(settings, tenant, invoice, clerk):
    settings.PRACTICE_MODE = True
    add_step(tenant, "after_sending", 1)
    fresh = texted(make_invoice(customer=make_customer(tenant, "Ines")), clerk, at=timezone.now())
    demo_clock.move(tenant, "day")
    remind(tenant.pk)
    assert TextMessage.objects.filter(kind="reminder", invoice=fresh).count() == 1
    for _ in range(9):
        demo_clock.move(tenant, "week")
    assert fresh.links.get().has_expired
