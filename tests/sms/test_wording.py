"""What a text says."""

import inspect
import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms.twilio_codes import CODES, explain
from sms.wording import LINK_MARK, message_template, preview, segments
from tests.factories import make_customer, make_invoice

# Counted with Twilio's own calculator.
VECTORS = [
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
]


@pytest.mark.parametrize(("text", "count"), VECTORS)
def test_segments_as_twilio_counts_them(text, count):
    assert segments(text) == count


@pytest.mark.django_db
def test_the_default_text(tenant):
    invoice = make_invoice(customer=make_customer(tenant), total="1640.00", number="INV-1042")
    assert message_template(invoice) == (
        "Harbor Plumbing & Heating: $1,640.00 for invoice INV-1042. "
        "Pay here: {link} Reply STOP to opt out, HELP for help"
    )


@pytest.mark.django_db
def test_one_segment_for_an_ordinary_company(tenant):
    shown = preview(make_invoice(customer=make_customer(tenant)))
    assert shown["segments"] == 1
    assert shown["link"] == "http://localhost:8000/p/…"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=40))
def test_any_company_name_leaves_name_link_and_way_out_whole(name):
    tenant = type("T", (), {"name": name})
    invoice = type("I", (), {"tenant": tenant, "balance": 1, "number": "INV-1"})
    template = message_template(invoice)  # type: ignore[arg-type]
    assert template.startswith(name)
    assert re.search(r"Pay here: \{link\} Reply STOP to opt out, HELP for help$", template)
    assert segments(template.replace(LINK_MARK, "https://pay.example.com/p/" + "x" * 22)) <= 4


def test_nothing_is_advertised():
    template = inspect.getsource(message_template).lower()
    assert not re.search(r"\b(sale|discount|offer|coupon|% off|promo)", template)


def test_every_code_has_a_sentence_that_fits():
    for code, known in CODES.items():
        assert known.sentence.endswith("."), code
        assert len(known.sentence) <= 200, code
    assert "99999" in explain(99999).sentence
    assert explain(None).sentence
