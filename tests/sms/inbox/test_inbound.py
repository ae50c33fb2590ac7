"""Texts from handsets: believed when signed, kept once, acted upon, shown to people."""

import uuid
from urllib.parse import urlencode

import pytest
from django_scopes import scope
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from audit.models import AuditEntry
from sms.compliance.send_check import recheck
from sms.inbox.receive import Incoming, receive
from sms.models import Consent, InboundText, OptOut, TextMessage
from sms.models.opt_out import opt_out
from tests.addresses import reverse
from tests.factories import (
    MOBILE,
    TWILIO_TOKEN,
    make_customer,
    make_invoice,
    make_ready_tenant,
    make_tenant,
    make_text,
    make_twilio,
)
from tests.sms.inbox import phrases

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
URL = reverse("sms:inbound")


def sid():
    return f"SM{uuid.uuid4().hex}"


def fields(tenant, body="hello", **more):
    """What Twilio sends, see "Inbound message" in its documentation."""
    return {
        "MessageSid": sid(),
        "AccountSid": tenant.twilio.account_sid,
        "From": MOBILE,
        "To": tenant.twilio.sender,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "FromCountry": "US",
        **more,
    }


def text_us(payer, values, *, signature=None, token=TWILIO_TOKEN, **headers):
    """Post a text as Twilio does, signed unless told otherwise."""
    validator = RequestValidator(token)
    address = f"https://pay.textpay.example{URL}"
    signature = validator.compute_signature(address, values) if signature is None else signature
    headers["X-Twilio-Signature"] = signature
    return payer.post(URL, urlencode(values), content_type=FORM, headers=headers)


@pytest.fixture(autouse=True)
def _address(settings):
    settings.PUBLIC_BASE_URL = "https://pay.textpay.example"


def take(tenant, body, **more):
    """A text as `receive` gets it from the webhook."""
    with scope(tenant=tenant):
        return receive(tenant, Incoming(**{"sid": sid(), "number": MOBILE, "body": body, **more}))[
            0
        ]


def helped():
    return TextMessage.objects.filter(kind="help")


def test_a_text_is_kept_with_everything(payer, tenant):
    answer = text_us(payer, fields(tenant, "When will you come?", NumMedia="2"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    assert answer.content.endswith(b"<Response/>")
    row = InboundText.objects.get()
    assert (row.tenant, row.number, row.to) == (tenant, MOBILE, tenant.twilio.sender)
    assert (row.body, row.media, row.kind, row.read_at) == (
        "When will you come?",
        2,
        "message",
        None,
    )
    assert row.words == "When will you come?\n[2 pictures, not shown]"


def test_told_again_it_is_the_same_text(payer, tenant):
    values = fields(tenant, "HELP")
    for _ in range(3):
        assert text_us(payer, values).status_code == 200
    assert InboundText.objects.count() == 1
    assert helped().count() == 1


@pytest.mark.parametrize("signature", ["", "x", "ключ", "A" * 5000])
def test_without_a_good_signature_nothing_is_believed(payer, tenant, signature):
    answer = text_us(payer, fields(tenant, "STOP"), signature=signature)
    assert answer.status_code == 403
    assert not InboundText.objects.exists()
    assert not OptOut.objects.exists()


def test_a_changed_word_breaks_the_signature(payer, tenant):
    values = fields(tenant, "hello")
    good = RequestValidator(TWILIO_TOKEN).compute_signature(
        f"https://pay.textpay.example{URL}", values
    )
    assert text_us(payer, {**values, "Body": "STOP"}, signature=good).status_code == 403


def test_signed_by_sha_256_with_the_key_of_the_account(payer, tenant):
    account = tenant.twilio
    account.set_webhook_key("a-key-for-webhooks")
    account.save()
    values = fields(tenant)
    validator = RequestValidator("a-key-for-webhooks")
    address = f"https://pay.textpay.example{URL}"
    good = validator.compute_signature(address, values, "HMAC_SHA256")
    named = {"X-Twilio-Webhooks-Signature-Settings": "key=K1,algorithm=HMAC_SHA256"}
    assert text_us(payer, values, signature=good, **named).status_code == 200
    wrong = RequestValidator(TWILIO_TOKEN).compute_signature(address, values, "HMAC_SHA256")
    assert text_us(payer, fields(tenant), signature=wrong, **named).status_code == 403


def test_another_account_cannot_speak_for_this_company(payer, tenant):
    other = make_ready_tenant("Mesa Verde Electric")
    other.twilio.set_auth_token("another-token")
    other.twilio.save()
    values = {**fields(other, "STOP"), "AccountSid": tenant.twilio.account_sid}
    assert text_us(payer, values, token="another-token").status_code == 403


def test_the_number_decides_between_companies_of_one_account(payer, tenant):
    second = make_tenant("Mesa Verde Electric")
    make_twilio(second, account_sid=tenant.twilio.account_sid, sender="+13125550190")
    assert text_us(payer, fields(second)).status_code == 200
    assert InboundText.objects.get().tenant == second
    nobody = {**fields(second), "To": "+13125550199"}
    assert text_us(payer, nobody).status_code == 403


def test_a_number_of_the_messaging_service(payer, tenant):
    service = "MG" + "5" * 32
    second = make_tenant("Mesa Verde Electric")
    make_twilio(
        second,
        account_sid=tenant.twilio.account_sid,
        sender="",
        messaging_service_sid=service,
    )
    for to in ("+13125550198", tenant.twilio.sender):  # the service tells more than the number
        values = {**fields(second), "To": to, "MessagingServiceSid": service}
        assert text_us(payer, values).status_code == 200
    assert {row.tenant for row in InboundText.objects.all()} == {second}


@pytest.mark.parametrize(
    "wrong",
    [{"MessageSid": "x"}, {"MessageSid": ""}, {"From": ""}, {"From": "+1 978"}, {"From": "x" * 50}],
)
def test_a_signed_request_that_is_no_text(payer, tenant, wrong):
    assert text_us(payer, {**fields(tenant), **wrong}).status_code == 404
    assert not InboundText.objects.exists()


def test_another_companys_sid(payer, tenant):
    values = fields(tenant)
    InboundText.objects.create(
        tenant=make_ready_tenant("Mesa Verde Electric"),
        sid=values["MessageSid"],
        number=MOBILE,
        kind="message",
    )
    assert text_us(payer, values).status_code == 404


def test_only_posts_of_a_sensible_size(payer, tenant):
    assert payer.get(URL).status_code == 405
    assert text_us(payer, fields(tenant, "x" * 40_000)).status_code == 403
    assert text_us(payer, fields(tenant, "x" * 1600)).status_code == 200


@pytest.mark.parametrize("media", ["", "x", "-1", "1e9", "99999999", "²"])
def test_nonsense_about_media_is_none(payer, tenant, media):
    assert text_us(payer, fields(tenant, NumMedia=media)).status_code == 200
    assert InboundText.objects.get().media == 0


def test_a_nul_byte_and_emoji_are_survived(payer, tenant):
    assert text_us(payer, fields(tenant, "ST\0OP \U0001f64f")).status_code == 200
    assert OptOut.objects.of(tenant, MOBILE)


@pytest.mark.parametrize(
    ("number", "left"),
    [
        ("4111 1111 1111 1111 12/27 123", "[card ending 1111]"),
        ("4111111111111111 12/27", "[card ending 1111]"),
        ("4111 1111 1111 1111 123", "[card ending 1111]"),
        ("4111  1111  1111  1111", "[card ending 1111]"),
        ("4111\n1111\n1111\n1111", "[card ending 1111]"),
        ("4111–1111–1111–1111", "[card ending 1111]"),
        ("378282246310005 1234", "[card ending 0005]"),
        ("036001808/1234567894412", "[bank account ending 4412]"),
    ],
)
@pytest.mark.parametrize("words", ["{}", "my card is {} please", "stop texting me, here: {}"])
def test_a_card_number_is_not_kept(tenant, number, left, words):
    make_customer(tenant)
    row = take(tenant, words.format(number))
    assert row.body == words.format(left)
    assert AuditEntry.objects.filter(action="text.received").exists()
    kept = f"{AuditEntry.objects.values_list('data')} {OptOut.objects.values_list('wording')}"
    parts = ["4111 ", "4111111", "1111 1", "1111–", "378282", "123456789", "12/27", "036001808"]
    for part in parts:
        assert part not in kept.replace("\\n", " ")


def test_a_phone_number_stays(tenant):
    words = "call +1 978 555 0142 or 9785550142\n978-555-0134"
    assert take(tenant, words).body == words


def test_it_belongs_to_the_customer_and_the_invoice_texted_last(tenant, clerk):
    customer = make_customer(tenant)
    make_text(make_invoice(customer=customer), clerk)
    newest = make_invoice(customer=customer)
    make_text(newest, clerk)
    row = take(tenant, "Thanks!")
    assert (row.customer, row.invoice) == (customer, newest)
    for subject in (customer, newest):
        entry = AuditEntry.objects.about(subject.audit_subject).first()
        assert (entry.action, entry.data["message"]) == ("text.received", "Thanks!")
        assert entry.who == "Dana Whitfield"


def test_a_typed_number_belongs_to_whom_it_was_texted(tenant, clerk):
    invoice = make_invoice(customer=make_customer(tenant))
    make_text(invoice, clerk, to="+19785550199")
    row = take(tenant, "ok", number="+19785550199")
    assert (row.customer, row.invoice) == (invoice.customer, invoice)


def test_a_stranger_is_kept_too(tenant):
    row = take(tenant, "Do you fix boilers?", number="+16175550100")
    assert (row.customer, row.invoice, row.read_at) == (None, None, None)


def test_stop_stops(tenant, clerk):
    waiting = make_text(make_invoice(customer=make_customer(tenant)), clerk)
    row = take(tenant, "Stop.")
    found = OptOut.objects.of(tenant, MOBILE)
    assert (found.source, found.wording, row.kind) == ("reply", "Stop.", "stop")
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    assert row.read_at  # nobody needs to do anything about it


def test_stop_is_answered_by_twilio_and_never_by_us(tenant):
    take(tenant, "STOP")
    take(tenant, "STOP")
    assert not TextMessage.objects.exists()


@pytest.mark.parametrize("word", ["START", "unstop", "Yes"])
def test_start_resumes(tenant, word):
    take(tenant, "STOP")
    assert take(tenant, word).kind == "start"
    assert OptOut.objects.of(tenant, MOBILE) is None
    assert Consent.objects.of(tenant, MOBILE).get().source == "start"


def test_yes_is_a_plain_answer_to_who_may_be_texted(tenant):
    row = take(tenant, "Yes")
    assert (row.kind, row.read_at) == ("message", None)


def test_help_is_answered_once_with_name_and_contact(tenant):
    take(tenant, "HELP")
    answer = helped().get()
    assert answer.to == MOBILE
    assert tenant.name in answer.body
    assert "(978) 555-0134" in answer.body
    assert "STOP" in answer.body


def test_help_works_after_stop(tenant):
    take(tenant, "STOP")
    take(tenant, "HELP")
    with scope(tenant=tenant):
        assert recheck(helped().get()) == ""


@pytest.mark.parametrize(
    ("word", "words"), [("AIDE", "une question"), ("ayuda", "factura"), ("info", "questions")]
)
def test_help_in_the_language_of_the_word(tenant, word, words):
    take(tenant, word)
    assert words in helped().get().body


def test_help_in_the_language_of_the_contact(tenant):
    make_customer(tenant).contacts.update(language="es")
    take(tenant, "HELP")
    assert helped().get().language == "es"


def test_two_machines_do_not_help_each_other_for_ever(tenant):
    for _ in range(20):
        take(tenant, "HELP")
    assert InboundText.objects.count() == 20
    assert helped().count() == 5
    other = make_ready_tenant("Mesa Verde Electric").twilio.sender
    take(tenant, "HELP", number=other)
    assert not helped().filter(to=other).exists()


def test_no_answer_of_ours_asks_for_help(tenant):
    """What HELP is answered with is no keyword itself, should it ever come back."""
    for word in phrases.HELP:
        take(tenant, word, number=f"+1978555{hash(word) % 10000:04d}")
    for answer in helped():
        row = take(tenant, answer.body, number="+16175550100")
        assert row.kind not in ("help", "stop", "start")


@pytest.mark.parametrize("kind", ["STOP", "START", "HELP"])
def test_what_twilio_made_of_it_counts(payer, tenant, kind):
    opt_out(tenant, MOBILE, source="staff")
    assert text_us(payer, fields(tenant, "BASTA", OptOutType=kind)).status_code == 200
    assert InboundText.objects.get().kind == kind.lower()
    assert bool(OptOut.objects.of(tenant, MOBILE)) == (kind != "START")
    assert helped().count() == (kind == "HELP")


def test_a_refusal_in_words_counts_at_once_and_is_shown(tenant):
    row = take(tenant, "please don't text me")
    found = OptOut.objects.of(tenant, MOBILE)
    assert (found.source, found.wording) == ("words", "please don't text me")
    assert row.read_at is None


def test_what_may_be_a_refusal_waits_for_a_person(tenant):
    row = take(tenant, "I'll stop by tomorrow")
    assert OptOut.objects.of(tenant, MOBILE) is None
    assert list(InboundText.objects.to_review()) == [row]


def test_who_has_opted_out_needs_no_review(tenant):
    unclear = take(tenant, "I'll stop by tomorrow")
    take(tenant, "STOP")
    unclear.refresh_from_db()
    assert unclear.reviewed_at
    take(tenant, "and cancel everything")
    assert not InboundText.objects.to_review().exists()


def outcome(tenant, row):
    """What became of a text: what the law and the customer care about."""
    if OptOut.objects.of(tenant, row.number):
        return "suppressed"
    if TextMessage.objects.filter(tenant=tenant, to=row.number, kind="help").exists():
        return "answered"
    if row.waits_for_review:
        return "in review"
    return "resumed" if row.kind == "start" else "dropped"


WANTED = {
    "stop": "suppressed",
    "refusal": "suppressed",
    "help": "answered",
    "unclear": "in review",
    "start": "resumed",
}


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    known=st.sampled_from(phrases.KNOWN),
    shout=st.booleans(),
    after=st.sampled_from(["", ".", "!!", " ", "\n", " \U0001f621", "..."]),
)
def test_every_phrase_ends_suppressed_answered_or_in_review(tenant, known, shout, after):
    phrase, kind = known
    number = f"+1978{uuid.uuid4().int % 10**7:07d}"
    body = (phrase.upper() if shout and phrase.isascii() else phrase) + after
    row = take(tenant, body, number=number)
    assert outcome(tenant, row) == WANTED[kind], body
