"""What a text says, and what it costs."""

import datetime as dt
import re
from decimal import Decimal
from string import Formatter

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from customers.models import Contact
from sms.content.campaign_samples import samples
from sms.content.message_text import (
    LANGUAGES,
    PROMOTIONAL,
    check_words,
    help_answer,
    message_template,
    preview,
    reminder_template,
)
from sms.content.segments import GSM7, clusters, outside_gsm7, segments, utf16
from sms.error_codes import CODES, explain
from sms.models.reminder import DEFAULTS, ReminderStep
from sms.models.text import LINK_MARK
from sms.recipient import Recipient
from tests.factories import make_customer, make_invoice, make_text

FAMILY = "👨‍👩‍👧‍👦"  # one character to the eye, eleven units
# Counted with Twilio's own calculator.
VECTORS = [
    ("", 1),
    ("a" * 160, 1),
    ("a" * 161, 2),
    ("a" * 306, 2),
    ("a" * 307, 3),
    ("€" * 80, 1),
    ("€" * 81, 2),
    ("a" * 152 + "{" + "a" * 152, 3),
    ("ł" * 70, 1),
    ("ł" * 71, 2),
    ("ł" * 134, 2),
    ("ł" * 135, 3),
    ("😀" * 35, 1),
    ("😀" * 36, 2),
    ("😀" * 67, 3),
    ("a" * 66 + "😀" + "a" * 66, 3),
    ("`", 1),
    # By its rule that what looks like one character stays in one segment.
    (FAMILY * 6, 1),
    (FAMILY * 7, 2),
    (FAMILY * 12, 2),
    (FAMILY * 13, 3),
    ("a" * 56 + FAMILY + "a" * 67, 2),
    ("a" * 57 + FAMILY + "a" * 60, 3),
    ("e\u0301" * 35, 1),
    ("e\u0301" * 36, 2),
    ("a" * 66 + "e\u0301" + "a" * 65, 2),
    ("a" * 66 + "e\u0301" + "a" * 66, 3),
]


class Paper:
    """As much of an invoice as a text tells, without a database."""

    def __init__(self, name="Harbor Plumbing & Heating", amount="182.50", number="INV-1042"):
        self.tenant = type("T", (), {"name": name, "phone": "+19785550134", "email": "a@b.example"})
        self.balance, self.number = Decimal(amount), number
        self.due_on = dt.date(2026, 12, 20)


def whole(template):
    return template.replace(LINK_MARK, f"http://localhost:8000/p/{'x' * 22}/")


def test_a_text_is_as_long_as_it_was_counted(text):
    text = text()
    assert text.link.url == whole(LINK_MARK).replace("x" * 22, text.link.token)
    assert preview(text.invoice)["length"] == len(text.body)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["Harbor Plumbing & Heating", "Łódź Plumbing Company of the North"]
)
def test_every_text_about_a_bill_matches_a_sample_that_was_registered(tenant, name):
    tenant.name = name
    ReminderStep.start_with_defaults(tenant)
    shapes = [
        re.sub(r"\\\[.*?\\\]", ".+", re.escape(sample).replace(r"\ ", " "))
        for sample in samples(tenant)
    ]
    paper = make_invoice(customer=make_customer(tenant))
    paper.tenant = tenant
    texts = [text for text in every_text(paper) if LINK_MARK in text]
    assert len(texts) == len(shapes) == 10
    for text in texts:
        assert any(re.fullmatch(shape, whole(text)) for shape in shapes), text


def every_text(paper):
    """Every text that Textpay writes by itself, in both languages."""
    for language in LANGUAGES:
        yield message_template(paper, language)
        yield help_answer(paper.tenant, language)
        for step in DEFAULTS:
            yield reminder_template(paper, step.words[language], language)


@pytest.mark.parametrize(("text", "count"), VECTORS)
def test_segments_as_twilio_counts_them(text, count):
    assert segments(text) == count


@pytest.mark.parametrize("char", "“”‘’–—…`\t\u00a0çêîôûáíóúï₹😀")
def test_the_traps_that_make_a_text_dear(char):
    assert outside_gsm7(f"a{char}a") == char
    assert segments(char * 71) > 1


@given(st.text(max_size=400))
def test_the_count_is_never_below_what_the_units_need_nor_far_above(text):
    count = segments(text)
    if outside_gsm7(text):
        assert count >= -(-utf16(text) // 70)
        longest = max((utf16(cluster) for cluster in clusters(text)), default=1)
        assert count <= utf16(text) // max(67 - min(longest, 66), 1) + 1
    else:
        assert -(-len(text) // 160) <= count <= len(text) * 2 // 152 + 1


def test_the_default_texts():
    paper = Paper(amount="1640.00")
    assert message_template(paper) == (
        "Harbor Plumbing & Heating: $1,640.00 for invoice INV-1042. "
        "Pay here: {link} Reply STOP to opt out, HELP for help"
    )
    assert message_template(paper, "es") == (
        "Harbor Plumbing & Heating: factura INV-1042, $1,640.00. "
        "Pague en: {link} Responda STOP para baja, AYUDA para ayuda"
    )
    assert reminder_template(paper, "{amount} for {invoice} is due {due}.") == (
        "Harbor Plumbing & Heating: $1,640.00 for INV-1042 is due Dec 20. "
        "Pay here: {link} Reply STOP to opt out, HELP for help"
    )
    assert "vence el 20 dic." in reminder_template(
        paper, "{amount}, {invoice}, vence el {due}.", "es"
    )
    assert help_answer(paper.tenant) == (
        "Harbor Plumbing & Heating: questions about your bill? Call (978) 555-0134 or write to "
        "a@b.example. Reply STOP to opt out"
    )


def test_our_own_words_are_cheap():
    for text in every_text(Paper()):
        assert set(text) <= GSM7, text
        assert segments(whole(text)) == 1, text


# Latin, Greek, Cyrillic, Arabic, Chinese, Spanish capitals: names as companies have them.
NAMES = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text("ÁÉÍÓÚÑáéíóú’– abcdefgh", min_size=40, max_size=40),
    st.text("工程公司水电服务", min_size=40, max_size=40),
    st.text("{}link[]€", min_size=1, max_size=40),
)


@given(
    name=NAMES,
    amount=st.decimals("0.01", "999999.99", places=2),
    number=st.integers(1, 99_999_999),
)
def test_any_name_leaves_sender_amount_link_and_way_out_in_two_segments(name, amount, number):
    paper = Paper(name, str(amount), f"INV-{number}")
    for text in every_text(paper):
        assert segments(whole(text)) <= 2, text
        assert "STOP" in text
        if utf16(name) <= 40:
            assert text.startswith(name.replace(LINK_MARK, "(link)") + ": ")
        else:  # only emoji and the like: cut, never within a character
            start = text[: text.index(": ")] if ": " in text else ""
            assert name.startswith(start)
    for language in LANGUAGES:
        text = message_template(paper, language)
        assert text.count(LINK_MARK) == 1
        assert f"${amount:,.2f}" in text
        assert paper.number in text


@given(words=st.text("abc á😀€{", max_size=80), name=NAMES)
def test_words_that_leave_no_room_give_way_to_the_bill(words, name):
    for language in LANGUAGES:
        text = reminder_template(Paper(name), words + "{amount} {invoice}", language)
        assert segments(whole(text)) <= 2
        assert LINK_MARK in text
        assert "$182.50" in text
        assert "INV-1042" in text


def test_nothing_is_advertised():
    for text in every_text(Paper(name="Firm")):
        assert not PROMOTIONAL.search(text), text


def test_a_text_names_nothing_but_what_is_needed():
    allowed = {"name", "amount", "invoice", "due", "link", "words", "phone", "email"}
    fixed = [(language.bill, language.reminder, language.help) for language in LANGUAGES.values()]
    named = {
        field
        for group in fixed
        for rungs in group
        for rung in rungs
        for _, field, _, _ in Formatter().parse(rung)
        if field
    }
    assert named <= allowed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("Please pay {amount}.", "{invoice} once"),
        ("Please pay {invoice}.", "{amount} once"),
        ("{amount} {amount} {invoice}", "{amount} once"),
        ("{amount} {invoice} {due} {due}", "{due} once"),
        ("{amount} {invoice} {address}", "Only {amount}"),
        ("{amount} {invoice} {", "Only {amount}"),
        ("{amount} {invoice}, 20% off today", "% off"),
        ("{amount} {invoice} Big SALE", "SALE"),
        ("{amount} {invoice} con descuento", "descuento"),
        ("{amount} {invoice} bit.ly/x", "web addresses"),
        ("{amount} {invoice} https://x", "web addresses"),
    ],
)
def test_words_a_reminder_may_not_say(words, complaint):
    with pytest.raises(ValidationError) as refused:
        check_words(words)
    assert complaint in refused.value.messages[0]


def test_words_a_reminder_may_say():
    check_words("We would be glad of {amount} for {invoice} by {due}, thank you.")


@pytest.mark.django_db
def test_one_segment_for_an_ordinary_company(tenant):
    shown = preview(make_invoice(customer=make_customer(tenant)))
    assert shown["segments"] == 1
    assert shown["link"] == "http://localhost:8000/p/…"
    assert shown["dear"] == ""


@pytest.mark.django_db
def test_a_text_speaks_the_language_of_the_number_it_goes_to(tenant, clerk):
    customer = make_customer(tenant)
    customer.contacts.update(language="es")
    Contact.objects.create(
        tenant=tenant, customer=customer, name="Sam", mobile="+19785550143", language="en"
    )
    assert Recipient.of(customer, "+19785550142").language == "es"
    assert Recipient.of(customer, "+19785550143").language == "en"
    assert Recipient.of(customer, "+19785550199").language == "es"
    text = make_text(make_invoice(customer=customer), clerk)
    assert text.language == "es"
    assert re.search("Pague en: .*AYUDA", text.body)


def test_every_code_has_a_sentence_that_fits():
    for code, known in CODES.items():
        assert known.sentence.endswith("."), code
        assert len(known.sentence) <= 200, code
    assert "99999" in explain(99999).sentence
    assert explain(None).sentence
