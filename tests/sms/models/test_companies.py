"""Several companies, each with its own Twilio account, sender or Messaging Service."""

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from sms.models import OptOut
from sms.tasks import catch_up, deliver
from tests.addresses import reverse
from tests.factories import make_customer, make_invoice, make_member, make_ready_tenant, make_text

pytestmark = pytest.mark.django_db
SERVICE = "MG" + "d" * 32


@pytest.fixture
def companies(twilio):
    """Three: with a number, with a service, with a number drawn from a service."""
    found = []
    for number, name in enumerate(["Harbor", "Mesa Verde", "Cedar"]):
        tenant = make_ready_tenant(name)
        account = tenant.twilio
        account.set_auth_token(f"token of {name}")
        if number:
            account.messaging_service_sid = SERVICE[:-1] + str(number)
            account.sender = "" if number == 1 else account.sender
        account.save()
        pool = f"+1617555020{number}"
        twilio.control(
            "twilio-accounts",
            sid=account.account_sid,
            auth_token=f"token of {name}",
            senders=[account.sender or pool, account.messaging_service_sid or pool],
        )
        found.append(tenant)
    return found


def texted(tenant, **fields):
    clerk = make_member(tenant, "Office")
    return make_text(make_invoice(customer=make_customer(tenant)), clerk, **fields)


def test_each_text_goes_out_by_its_own_companys_account(companies, twilio, work):
    texts = [work(deliver, texted(tenant)) for tenant in companies]
    assert [text.status for text in texts] == ["sent"] * 3
    rows = {row["sid"]: row for row in twilio.ledger()["messages"]}
    for tenant, text in zip(companies, texts, strict=True):
        row, account = rows[text.sid], tenant.twilio
        assert row["account"] == account.account_sid
        assert row["service"] == account.messaging_service_sid
        assert row["body"].startswith(tenant.name)
        if account.sender:
            assert row["from"] == account.sender


def test_a_service_tells_its_segments_and_sender_later(companies, twilio, work):
    message = work(deliver, texted(companies[1]))
    assert (message.segments, message.sender) == (None, "")
    twilio.wait_for_status(message.sid, "delivered")
    work(catch_up, message)
    assert (message.status, message.segments) == ("delivered", 1)
    assert message.sender == "+16175550201"


def test_reports_signed_by_another_companys_token_are_refused(companies, payer, work):
    texts = [work(deliver, texted(tenant)) for tenant in companies]
    for text in texts:
        for tenant in companies:
            values = {
                "MessageSid": text.sid,
                "MessageStatus": "delivered",
                "AccountSid": text.tenant.twilio.account_sid,
                "To": text.to,
            }
            validator = RequestValidator(tenant.twilio.auth_token)
            answer = payer.post(
                reverse("sms:delivery_status", args=[text.public_id]),
                urlencode(values),
                content_type="application/x-www-form-urlencoded",
                headers={
                    "X-Twilio-Signature": validator.compute_signature(text.callback_url, values)
                },
            )
            assert answer.status_code == (204 if tenant == text.tenant else 403)


def test_what_one_company_learns_of_a_number_is_its_own(companies, twilio, work):
    stopped = work(deliver, texted(companies[0], to="+19075550130"))
    assert stopped.trouble == "opted_out"
    assert OptOut.objects.of(companies[0], stopped.to)
    assert not OptOut.objects.of(companies[1], stopped.to)


def test_one_companys_bad_token_stops_nobody_else(companies, twilio, work):
    account = companies[0].twilio
    account.set_auth_token("changed at Twilio")
    account.save()
    assert work(deliver, texted(companies[0])).error_code == 20003
    assert work(deliver, texted(companies[1])).status == "sent"
    account.set_auth_token("token of Harbor")
    account.save()
    assert work(deliver, texted(companies[0])).status == "sent"
