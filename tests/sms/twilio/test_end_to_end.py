"""A text and its real, signed reports: from our worker's hands to the sandbox and back."""

import pytest

from audit.models import AuditEntry
from sms.models import TextMessage
from sms.tasks import deliver, reconcile
from tests.sms.conftest import control
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("00", "delivered", None),
        ("11", "delivered", None),  # the reports come in the wrong order
        ("12", "delivered", None),  # each comes twice
        ("01", "failed", 30001),
        ("03", "undelivered", 30003),
        ("06", "undelivered", 30006),
        ("07", "undelivered", 30007),
        ("09", "failed", 21610),
        ("14", "undelivered", None),  # without a code, with a field nobody knows
    ],
)
def test_reports_reach_the_text(twilio, live_server, settings, text, work, ending, status, code):
    settings.PUBLIC_BASE_URL = live_server.url
    message = work(deliver, text(to=control(ending)))
    eventually(lambda: told(twilio, status), "all reports have been sent")
    message.refresh_from_db()
    assert (message.status, message.error_code) == (status, code)
    assert {row["answer"] for row in twilio.ledger()["callbacks"]} == {"204"}
    actions = [e.action for e in AuditEntry.objects.about(message.audit_subject)]
    assert actions.count("text.sent") == actions.count(f"text.{status}") == 1


def told(twilio, status):
    """Whether the last report has been made and every one been answered."""
    rows = twilio.ledger()["callbacks"]
    last = any(row["params"]["MessageStatus"] == status for row in rows)
    return last and all(row["done"] for row in rows)


def test_a_report_settles_a_text_whose_answer_was_lost(twilio, live_server, settings, text, work):
    settings.PUBLIC_BASE_URL = live_server.url
    message = work(deliver, text(to=control("21")))
    eventually(lambda: told(twilio, "delivered"), "all reports have been sent")
    message.refresh_from_db()
    assert message.status == "delivered"
    assert message.sid == twilio.ledger()["messages"][0]["sid"]
    work(reconcile, message)
    assert TextMessage.objects.get().status == "delivered"
    assert len(twilio.ledger()["messages"]) == 1
