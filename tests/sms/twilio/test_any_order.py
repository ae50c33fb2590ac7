"""Twilio's reports in any order, any number of times, before and after our own answer."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEntry
from sms.models import TextMessage
from sms.models.text import LAST_POLL
from sms.twilio.client import Accepted
from sms.twilio.status import record_report, record_state
from tests.factories import make_customer, make_invoice, make_member, make_ready_tenant, make_text

STORIES = [
    (("queued", "sending", "sent", "delivered"), None),
    (("accepted", "queued", "sending", "sent", "delivered"), None),
    (("sending", "sent", "undelivered"), 30003),
    (("sending", "failed"), 30008),
    (("sending", "sent", "delivered", "read"), None),
    (("sent",), None),
]
ENDS = {"read": "delivered"}
OURS = "our own answer"


@st.composite
def tellings(draw):
    """One story of a text as it may reach us: shuffled, repeated, the answer anywhere, or lost."""
    reports, code = draw(st.sampled_from(STORIES))
    final = ENDS.get(reports[-1], reports[-1])
    told = list(reports) + draw(st.lists(st.sampled_from(reports), max_size=4))
    polls = draw(st.lists(st.sampled_from(reports), max_size=2))
    steps = [("report", status) for status in told] + [("poll", status) for status in polls]
    steps += draw(st.sampled_from([[], [(OURS, "")]]))
    bare = draw(st.booleans())  # one report of the end came without its reason
    return draw(st.permutations(steps)), final, code, bare


class AnyOrder(TestCase):
    """One text per example."""

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(tellings())
    def test_ends_in_the_same_state_with_one_entry_for_each_move(self, telling):
        steps, final, code, bare = telling
        tenant = make_ready_tenant()
        message = make_text(
            make_invoice(customer=make_customer(tenant)), make_member(tenant, "Office")
        )
        message.claim()
        sid = f"SM{uuid.uuid4().hex}"
        for kind, status in steps:
            # Each step is another process, with what it read of the row before.
            now = TextMessage.objects.get(pk=message.pk)
            reason = code if status in ("failed", "undelivered") else None
            if kind == OURS:
                now.mark_sent(sid, segments=1, sender="+19785550190")
            elif kind == "poll":
                record_state(now, Accepted(sid, status, 1, "+19785550190", reason, None, ""))
            elif bare and reason and steps.count((kind, status)) > 1:
                bare = False
                record_report(now, status, sid, None)
            else:
                record_report(now, status, sid, reason)
        message.refresh_from_db()
        assert (message.status, message.sid, message.error_code) == (final, sid, code)
        assert message.sent_at
        entries = AuditEntry.objects.about(message.audit_subject).filter(action__startswith="text.")
        actions = sorted(entries.values_list("action", flat=True))
        assert actions == sorted({"text.queued", "text.sending", "text.sent", f"text.{final}"})


@pytest.mark.django_db
def test_an_old_copy_of_the_row_changes_nothing(text):
    message = text()
    message.claim()
    old = TextMessage.objects.get(pk=message.pk)
    message.mark_sent("SM" + "a" * 32)
    message.mark_delivered("SM" + "a" * 32)
    assert not old.mark_sent("SM" + "a" * 32, segments=2)
    assert (old.status, old.segments) == ("delivered", 2)
    assert not old.back_to_queue(LAST_POLL)
    assert TextMessage.objects.get(pk=message.pk).status == "delivered"
