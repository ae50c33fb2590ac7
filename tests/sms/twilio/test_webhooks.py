"""Delivery reports: believed when signed, harmless otherwise."""

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from audit.models import AuditEntry
from sms.models import OptOut, TextMessage
from sms.twilio import webhooks
from sms.twilio.client import REPEAT_REPORTS
from tests.addresses import reverse
from tests.factories import TWILIO_TOKEN, make_ready_tenant

pytestmark = pytest.mark.django_db
SID = "SM" + "a" * 32
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def message(text):
    message = text()
    message.claim()
    return message


def fields(message, status="delivered", **more):
    return {
        "MessageSid": SID,
        "SmsSid": SID,
        "MessageStatus": status,
        "AccountSid": message.tenant.twilio.account_sid,
        "From": message.tenant.twilio.sender,
        "To": message.to,
        **more,
    }


def sign(url, values, token=TWILIO_TOKEN):
    return RequestValidator(token).compute_signature(url, values)


def report(payer, message, values, *, signature=None, url="", **headers):
    """Post a report as Twilio does; signed correctly unless told otherwise."""
    path = reverse("sms:delivery_status", args=[message.public_id])
    signature = sign(url or message.callback_url, values) if signature is None else signature
    headers["X-Twilio-Signature"] = signature
    return payer.post(path, urlencode(values), content_type=FORM, headers=headers)


def test_a_good_report_is_booked(payer, message):
    assert report(payer, message, fields(message)).status_code == 204
    message.refresh_from_db()
    assert (message.status, message.sid) == ("delivered", SID)


def overtaken(monkeypatch, message, sid):
    """Let the worker commit Twilio's answer after the report has read the text."""
    check = webhooks.is_signed

    def commit_first(request, account):
        TextMessage.objects.get(pk=message.pk).mark_sent(sid)
        return check(request, account)

    monkeypatch.setattr(webhooks, "is_signed", commit_first)


@pytest.mark.parametrize("status", ["sent", "delivered", "undelivered", "failed"])
def test_a_report_that_our_own_commit_overtakes_is_booked(payer, message, monkeypatch, status):
    overtaken(monkeypatch, message, SID)
    assert report(payer, message, fields(message, status)).status_code == 204
    message.refresh_from_db()
    assert (message.status, message.sid) == (status, SID)


def test_a_report_that_the_commit_of_another_sid_overtakes_is_not_booked(
    payer, message, monkeypatch
):
    other = "SM" + "b" * 32
    overtaken(monkeypatch, message, other)
    assert report(payer, message, fields(message)).status_code == 404
    message.refresh_from_db()
    assert (message.status, message.sid) == ("sent", other)


def test_the_address_is_ours_whatever_host_is_claimed(payer, message):
    assert report(payer, message, fields(message), Host="127.0.0.1:9").status_code == 204


def test_twilio_may_sign_with_or_without_the_fragment(payer, message):
    url = message.callback_url + REPEAT_REPORTS
    assert report(payer, message, fields(message), url=url).status_code == 204


def test_fields_we_have_never_heard_of_count_in_the_signature(payer, message):
    values = fields(message, UnheardOf="new", Empty="")
    assert report(payer, message, values).status_code == 204


@pytest.mark.parametrize("signature", ["x", "ключ", "A" * 5000, "GvWf1cFY/Q7PnoempGyD5oXAezc="])
def test_with_a_bad_signature_nothing_happens(payer, message, signature):
    assert report(payer, message, fields(message), signature=signature).status_code == 403
    message.refresh_from_db()
    assert (message.status, message.sid) == ("sending", "")


def test_without_a_signature_nothing_happens(payer, message):
    path = reverse("sms:delivery_status", args=[message.public_id])
    answer = payer.post(path, urlencode(fields(message)), content_type=FORM)
    assert answer.status_code == 403
    message.refresh_from_db()
    assert message.status == "sending"


def test_another_companys_token_does_not_count(payer, message):
    other = make_ready_tenant("Other").twilio
    other.set_auth_token("their-own")
    other.save()
    signature = sign(message.callback_url, fields(message), "their-own")
    assert report(payer, message, fields(message), signature=signature).status_code == 403


NAMED = {"X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}


def by_key(message, key="shared-key", algorithm="HMAC_SHA256"):
    """A signature of the newer kind."""
    validator = RequestValidator(key)
    return validator.compute_signature(message.callback_url, fields(message), algorithm)


@pytest.fixture
def keyed(message):
    """A text whose account has set up a shared key."""
    account = message.tenant.twilio
    account.set_webhook_key("shared-key")
    account.save()
    return message


def test_a_signature_by_sha256_with_the_shared_key(payer, keyed):
    answer = report(payer, keyed, fields(keyed), signature=by_key(keyed), **NAMED)
    assert answer.status_code == 204
    keyed.refresh_from_db()
    assert keyed.status == "delivered"


def test_the_older_signature_still_counts_beside_it(payer, keyed):
    assert report(payer, keyed, fields(keyed)).status_code == 204


@pytest.mark.parametrize(
    ("key", "algorithm", "named"),
    [
        ("other-key", "HMAC_SHA256", NAMED),
        (TWILIO_TOKEN, "HMAC_SHA256", NAMED),  # the token signs by SHA-1 only
        ("shared-key", "HMAC_SHA1", NAMED),
        ("shared-key", "HMAC_SHA256", {}),
        ("shared-key", "HMAC_SHA1", {}),
        ("shared-key", "HMAC_SHA256", {next(iter(NAMED)): "key=x,algorithm=HMAC_MD5"}),
    ],
)
def test_another_key_or_algorithm_does_not_count(payer, keyed, key, algorithm, named):
    signature = by_key(keyed, key, algorithm)
    assert report(payer, keyed, fields(keyed), signature=signature, **named).status_code == 403


def test_without_a_shared_key_nothing_is_signed_by_it(payer, message):
    for key in ("", TWILIO_TOKEN):
        signature = by_key(message, key)
        answer = report(payer, message, fields(message), signature=signature, **NAMED)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "change",
    [{"MessageStatus": "failed"}, {"Extra": "1"}, {"To": "+19785550142 "}],
)
def test_a_changed_field_breaks_the_signature(payer, message, change):
    signature = sign(message.callback_url, fields(message))
    answer = report(payer, message, fields(message) | change, signature=signature)
    assert answer.status_code == 403


def test_https_is_not_http(payer, message, settings):
    values = fields(message)
    signature = sign(message.callback_url, values)
    settings.PUBLIC_BASE_URL = "https://localhost:8000"
    assert report(payer, message, values, signature=signature).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"AccountSid": "AC" + "f" * 32},
        {"MessageSid": "SM" + "g" * 32},
        {"MessageSid": ""},
        {"To": "+19785550199"},
    ],
)
def test_a_signed_report_about_something_else_is_not_ours(payer, message, change):
    assert report(payer, message, fields(message, **change)).status_code == 404
    message.refresh_from_db()
    assert message.status == "sending"


def test_a_text_keeps_its_sid(payer, message):
    message.mark_sent("SM" + "b" * 32)
    assert report(payer, message, fields(message)).status_code == 404


def test_the_sid_of_another_text_is_not_ours(payer, message, text):
    other = text()
    other.claim()
    other.mark_sent(SID)
    assert report(payer, message, fields(message)).status_code == 404


def test_a_refusal_for_stop_is_an_opt_out(payer, message):
    assert report(payer, message, fields(message, "failed", ErrorCode="21610")).status_code == 204
    assert OptOut.objects.of(message.tenant, message.to)
    assert not OptOut.objects.of(make_ready_tenant("Other"), message.to)


def test_a_report_of_what_is_known_costs_one_look(payer, message, django_assert_num_queries):
    report(payer, message, fields(message, "sent"))
    with django_assert_num_queries(1):
        report(payer, message, fields(message, "sending"))


def test_told_twice_it_is_booked_once(payer, message):
    for _ in range(2):
        assert report(payer, message, fields(message)).status_code == 204
    entries = AuditEntry.objects.about(message.audit_subject)
    assert entries.filter(action="text.delivered").count() == 1


def test_the_code_is_kept_and_explained(payer, message):
    report(payer, message, fields(message, "undelivered", ErrorCode="30006"))
    report(payer, message, fields(message, "undelivered"))
    message.refresh_from_db()
    assert message.error_code == 30006
    assert "landline" in message.error


@pytest.mark.parametrize("code", ["", "abc", "-1", "9" * 40, "٣٠٠٠٦"])
def test_a_senseless_code_is_no_code(payer, message, code):
    assert report(payer, message, fields(message, "failed", ErrorCode=code)).status_code == 204
    message.refresh_from_db()
    assert (message.status, message.error_code) == ("failed", None)


def test_an_unknown_state_is_accepted_and_ignored(payer, message):
    assert report(payer, message, fields(message, "teleported")).status_code == 204
    message.refresh_from_db()
    assert message.status == "sending"


def test_an_unknown_text_is_404(payer, db):
    path = "/webhooks/twilio/status/00000000-0000-4000-8000-000000000000/"
    assert payer.post(path, {"MessageSid": SID}).status_code == 404


def test_only_post(payer, message):
    assert payer.get(reverse("sms:delivery_status", args=[message.public_id])).status_code == 405


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"MessageSid": "SM1"}', "application/json"),
        (b"--x\r\ngarbage", "multipart/form-data; boundary=x"),
        (b"\xff\xfe%zz=&&&=", FORM),
        (b"a=1&" * 900, FORM),
        (b"a=1&" * 2000, FORM),
        (b"Body=" + b"x" * 40_000, FORM),
        (b"x" * 3_000_000, FORM),
        (b"", ""),
        (b"a=b", "application/x-www-form-urlencoded; charset=klingon"),
    ],
)
def test_garbage_is_refused_without_an_error(payer, message, body, kind):
    path = reverse("sms:delivery_status", args=[message.public_id])
    answer = payer.generic(
        "POST", path, body, content_type=kind, headers={"X-Twilio-Signature": "x"}
    )
    assert answer.status_code in (400, 403, 413)
    assert TextMessage.objects.get(pk=message.pk).status == "sending"


def test_a_big_body_is_refused_even_when_signed(payer, message):
    assert report(payer, message, fields(message, Note="x" * 40_000)).status_code == 403
