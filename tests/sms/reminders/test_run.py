"""Reminders: which are due, what stops them, and that each goes out once."""

import datetime as dt
import functools
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from audit.models import AuditEntry
from invoices.models import PaymentLink
from payments.models import Payment, payment_state
from payments.staff.cash import record_by_hand
from sms.models import OptOut, Reminder, ReminderStep, TextMessage, TextRules
from sms.models import opt_out as opt_outs
from sms.reminders import run as reminding
from sms.reminders.run import companies, decide, remind, remind_everybody
from sms.reminders.schedule import plans
from sms.tasks import deliver
from tests.factories import MOBILE, make_customer, make_ready_tenant
from tests.sms.conftest import bodies
from tests.sms.reminders.reminded import (
    DUE,
    SENT,
    WORDS,
    add_step,
    later,
    moment,
    november_invoice,
    texted,
)
from textpay.demo.clock import on

pytestmark = pytest.mark.django_db


@pytest.fixture
def step(tenant):
    """`step("after_sending", 3)` adds a step; the company sends reminders."""
    return functools.partial(add_step, tenant)


@pytest.fixture
def invoice(tenant, clerk):
    """Texted and delivered on November 20."""
    return texted(november_invoice(make_customer(tenant)), clerk)


def run(tenant, at):
    """Let the reminders of one company run at a moment; the texts they begin arrive."""
    with on(at):
        remind(tenant.pk)
        for message in TextMessage.objects.in_flight():
            message.claim()
            message.mark_sent(f"SM{uuid.uuid4().hex}")
            message.mark_delivered()


def begin_payment(invoice, status):
    return Payment.objects.create(
        tenant=invoice.tenant,
        invoice=invoice,
        link=invoice.links.get(),
        key=uuid.uuid4(),
        method="ach" if status == "started" else "card",
        amount="1.00",
        site="fts-uat",
        merchid="1",
        status=status,
    )


def reminders():
    return list(TextMessage.objects.filter(kind="reminder").order_by("pk"))


def reasons():
    return [row.reason for row in Reminder.objects.order_by("pk")]


def test_a_reminder_goes_out_on_its_day_with_the_link_the_customer_has(tenant, step, invoice):
    step("after_sending", 3)
    run(tenant, later(2))
    run(tenant, later(3, hour=9, minute=59))
    assert reminders() == []
    run(tenant, later(3))
    (text,) = reminders()
    assert (text.to, text.link, text.language) == (MOBILE, invoice.links.get(), "en")
    assert text.body.startswith(f"Harbor Plumbing & Heating: $182.50 for {invoice.number}. Pay her")
    (row,) = Reminder.objects.all()
    assert (row.message, row.reason, row.counted_from) == (text, "", SENT)
    entry = AuditEntry.objects.get(action="reminder.queued")
    assert entry.subject == invoice.audit_subject
    assert entry.data == {"step": "3 days after the invoice was texted"}


def test_however_often_it_runs_a_step_goes_out_once(tenant, step, invoice):
    step("after_sending", 3)
    for hour in (10, 11, 15, 19):
        run(tenant, later(3, hour=hour))
    run(tenant, later(4))
    assert len(reminders()) == 1


@pytest.mark.parametrize(
    ("when", "days", "day"),
    [
        ("after_sending", 5, SENT + dt.timedelta(days=5)),
        ("before_due", 3, dt.date(2026, 12, 17)),
        ("after_due", 0, DUE),
        ("after_due", 4, dt.date(2026, 12, 24)),
        ("before_lapse", 5, dt.date(2027, 1, 14)),
    ],
)
def test_the_day_of_each_kind_of_step(tenant, step, invoice, when, days, day):
    step(when, days)
    run(tenant, moment(day - dt.timedelta(days=1)))
    assert reminders() == []
    run(tenant, moment(day))
    assert len(reminders()) == 1


def test_the_day_is_the_companys_own(clerk):
    honolulu = ZoneInfo("Pacific/Honolulu")
    tenant = make_ready_tenant("Aloha", timezone="Pacific/Honolulu")
    TextRules.objects.create(tenant=tenant, reminds=True, quiet_hours=False)
    ReminderStep.objects.create(tenant=tenant, when="after_sending", days=1, **WORDS)
    late = moment(SENT, 23, 30, honolulu)  # in UTC the next day has begun
    texted(november_invoice(make_customer(tenant)), clerk, at=late)
    run(tenant, moment(SENT + dt.timedelta(days=1), 9, 59, honolulu))
    assert plans(tenant, moment(SENT, 23, 59, honolulu)) == []
    assert len(plans(tenant, moment(SENT + dt.timedelta(days=1), 10, 0, honolulu))) == 1


def test_by_night_the_task_starts_for_nobody(tenant, step, invoice):
    step("after_sending", 3)
    for hour, texts in ((9, 0), (20, 0), (10, 1)):
        with on(later(3, hour=hour)):
            remind_everybody.apply()
            assert [t.name for t in companies()] == [tenant.name] * texts


def test_the_newest_of_several_goes_out_and_the_others_are_left_out(tenant, step, invoice):
    step("after_sending", 28)
    step("after_sending", 29)
    step("before_due", 1)
    run(tenant, moment(dt.date(2026, 12, 19)))
    assert len(reminders()) == 1
    by_step = {str(row.step): row.reason for row in Reminder.objects.all()}
    assert sorted(by_step.values()) == [
        "",
        "A later reminder was due at the same time.",
        "A later reminder was due at the same time.",
    ]
    assert by_step["28 days after the invoice was texted"]
    left_out = AuditEntry.objects.filter(action="reminder.left_out")
    assert {entry.data["reason"] for entry in left_out} == {
        "A later reminder was due at the same time."
    }


def test_a_step_whose_day_is_long_over_does_not_go_out(tenant, step, invoice):
    step("after_sending", 3)
    run(tenant, later(6))
    assert Reminder.objects.count() == 0
    step("before_due", 1)
    run(tenant, moment(dt.date(2026, 12, 21)))  # no longer before
    assert reminders() == []


def test_an_invoice_nobody_texted_gets_none(tenant, step):
    step("after_due", 1)
    november_invoice(make_customer(tenant))
    run(tenant, moment(dt.date(2026, 12, 21)))
    assert Reminder.objects.count() == 0


def test_switched_off_is_off(tenant, step, invoice):
    step("after_sending", 3)
    TextRules.objects.update(reminds=False)
    run(tenant, later(3))
    assert reminders() == []


def paid(invoice, clerk):
    record_by_hand(
        invoice,
        method="cash",
        amount=invoice.balance,
        document="",
        received_on=SENT,
        actor=clerk,
        key=uuid.uuid4(),
    )


def voided(invoice, clerk):
    invoice.void(actor=clerk, reason="Twice", read_payments=payment_state)


@pytest.mark.parametrize("ended", [paid, voided])
def test_what_asks_for_nothing_reminds_of_nothing(tenant, step, invoice, clerk, ended):
    step("after_sending", 3)
    with on(later(1)):
        invoice.refresh_from_db()
        ended(invoice, clerk)
    run(tenant, later(3))
    assert Reminder.objects.count() == 0


def pause(invoice, clerk):
    invoice.customer.pause_reminders(True, actor=clerk)


def expire(invoice, clerk):
    invoice.links.get().expire(actor=clerk)


def opt_out(invoice, clerk):
    opt_outs.opt_out(invoice.tenant, MOBILE, source=OptOut.Source.REPLY, wording="STOP")


def not_delivered(invoice, clerk):
    invoice.text_messages.update(status="undelivered")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (pause, "paused for this customer"),
        (expire, "expired manually"),
        (opt_out, "STOP"),
        (not_delivered, "was not delivered"),
    ],
)
def test_what_stops_a_reminder_for_good_is_kept_with_the_reason(
    tenant, step, invoice, clerk, event, why
):
    step("after_sending", 3)
    with on(later(1)):
        event(invoice, clerk)
    run(tenant, later(3))
    assert reminders() == []
    (reason,) = reasons()
    assert why in reason
    assert AuditEntry.objects.get(action="reminder.left_out").data["reason"] == reason


@pytest.mark.parametrize("status", ["pending", "unknown", "started"])
def test_it_waits_while_money_may_be_on_its_way(tenant, step, invoice, status):
    step("after_sending", 3)
    payment = begin_payment(invoice, status)
    run(tenant, later(3))
    assert Reminder.objects.count() == 0
    Payment.objects.filter(pk=payment.pk).update(status="declined")
    run(tenant, later(4))
    assert len(reminders()) == 1


def test_what_had_to_wait_until_its_last_hour_is_left_out_with_the_reason(tenant, step, invoice):
    step("after_sending", 3)
    begin_payment(invoice, "started")
    run(tenant, later(5, hour=18))
    assert Reminder.objects.count() == 0
    run(tenant, later(5, hour=19))
    assert reasons() == ["A bank payment has been started."]


def test_a_promise_to_pay_puts_it_off_until_the_day_after(tenant, step, invoice, clerk):
    step("after_sending", 3)
    invoice.promise(SENT + dt.timedelta(days=8), actor=clerk)
    for day in range(3, 9):
        run(tenant, later(day))
    assert Reminder.objects.count() == 0
    run(tenant, later(9))
    assert len(reminders()) == 1


def test_after_a_promise_nothing_is_announced_that_has_happened(tenant, step, invoice, clerk):
    step("before_due", 3)
    invoice.promise(dt.date(2026, 12, 22), actor=clerk)
    run(tenant, moment(dt.date(2026, 12, 23)))
    assert reminders() == []


def test_it_waits_for_the_recipients_morning(tenant, step, clerk):
    step("after_sending", 3)
    TextRules.objects.update(quiet_hours=True)
    hawaii = make_customer(tenant, "Leilani", mobile="+18085550142", region="HI")
    texted(november_invoice(hawaii), clerk, to="+18085550142")
    run(tenant, later(3, hour=11))  # six in the morning there
    assert Reminder.objects.count() == 0
    run(tenant, later(3, hour=14))
    assert len(reminders()) == 1


def test_not_on_a_day_it_was_texted_and_not_a_fourth_time_in_a_week(tenant, step, invoice, clerk):
    step("after_sending", 1)
    step("before_due", 29)  # November 21, too
    texted(invoice, clerk, at=later(1, hour=9))
    run(tenant, later(1))
    assert reminders() == []
    run(tenant, later(2))
    assert len(reminders()) == 1
    step("before_due", 26)
    run(tenant, later(4))
    assert len(reminders()) == 1
    assert "3 times in 7 days" in plans(tenant, later(4))[0].reason


@pytest.mark.parametrize("swept", [True, False])
def test_a_link_that_ran_out_ends_the_reminders(tenant, step, invoice, swept):
    step("after_due", 40)
    with on(later(61)):
        if swept:
            PaymentLink.objects.expire_due()
    run(tenant, later(70))
    assert reminders() == []
    assert reasons() == ["Its link has expired. Text the invoice again for a new one."]
    assert invoice.links.count() == 1


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (lambda invoice, clerk: invoice.promise(SENT + dt.timedelta(days=3), actor=clerk),
         "promised to pay"),
        (lambda invoice, clerk: invoice.customer.pause_reminders(True, actor=clerk), "paused"),
        (lambda invoice, clerk: TextRules.objects.update(reminds=False), "turned off"),
        (lambda invoice, clerk: begin_payment(invoice, "unknown"), "being confirmed"),
        (lambda invoice, clerk: begin_payment(invoice, "started"), "has been started"),
    ],
)  # fmt: skip
def test_what_happens_before_it_is_handed_over_holds_it_back(
    tenant, step, invoice, clerk, twilio, work, happens, words
):
    step("after_sending", 3)
    step("after_sending", 8)
    with on(later(3)):
        text = decide(invoice)
        happens(invoice, clerk)
        assert words in work(deliver, text).error
    assert bodies(twilio) == []
    # and it does not stand for a text that could not arrive
    assert "was not delivered" not in [plan.reason for plan in plans(tenant, later(8))]


def test_it_speaks_the_language_of_the_number(tenant, step, invoice):
    invoice.customer.contacts.update(language="es")
    step("after_sending", 3)
    run(tenant, later(3))
    (text,) = reminders()
    assert (text.language, "Pague en:" in text.body) == ("es", True)


def test_a_new_text_is_a_new_occasion(tenant, step, invoice, clerk):
    step("after_sending", 3)
    run(tenant, later(3))
    texted(invoice, clerk, at=later(10))
    run(tenant, later(13))
    assert len(reminders()) == 2


def test_an_edited_bill_is_asked_for_as_it_is_now(tenant, step, invoice, clerk):
    step("after_sending", 3)
    invoice.revise(
        lines=[{"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal(20)}],
        tax=Decimal(0),
        actor=clerk,
        read_payments=payment_state,
    )
    run(tenant, later(3))
    assert "$20.00" in reminders()[0].body


def test_one_invoices_trouble_leaves_the_others_their_reminders(
    tenant, step, invoice, clerk, monkeypatch
):
    step("after_sending", 3)
    other = texted(november_invoice(make_customer(tenant, "Ines")), clerk)
    real = reminding.queue_reminder

    def broken(row, *args, **fields):
        if row.pk == invoice.pk:
            raise RuntimeError
        return real(row, *args, **fields)

    monkeypatch.setattr(reminding, "queue_reminder", broken)
    run(tenant, later(3))
    assert [text.invoice for text in reminders()] == [other]
    assert Reminder.objects.filter(invoice=invoice).count() == 0


def test_another_companys_invoices_are_left_alone(tenant, step, invoice, stranger):
    step("after_sending", 3)
    other = stranger.memberships.get().tenant
    TextRules.objects.create(tenant=other, reminds=True)
    run(other, later(3))
    assert reminders() == []
