"""What a text means: a corpus of what people write, and any spelling of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.compliance.keywords import is_yes, plain, read
from tests.sms.inbox import phrases


def test_the_corpus_is_large_enough():
    assert len({phrase for phrase, _ in phrases.KNOWN}) >= 120


@pytest.mark.parametrize(
    ("phrase", "kind"), [*phrases.KNOWN, *[(phrase, "message") for phrase in phrases.MESSAGE]]
)
def test_each_phrase_is_what_it_is(phrase, kind):
    assert read(phrase).kind == kind


@pytest.mark.parametrize(("phrase", "language"), phrases.HELP.items())
def test_help_is_answered_in_the_language_it_is_asked_in(phrase, language):
    assert (read(phrase).language or "en") == language


@pytest.mark.parametrize("kind", ["STOP", "START", "HELP"])
@pytest.mark.parametrize("body", ["hello", "", "BYE", "stop"])
def test_what_twilio_made_of_it_counts(kind, body):
    assert read(body, kind).kind == kind.lower()


def test_an_unknown_opt_out_type_changes_nothing():
    assert read("stop", "WHAT").kind == "stop"
    assert read("hello", "stop").kind == "message"


@pytest.mark.parametrize("body", ["Yes", "yes!", " YES "])
def test_yes(body):
    assert is_yes(body)
    assert not is_yes("yes please")


def spaced(words, gaps):
    """The words with other gaps between them."""
    parts = words.split(" ")
    return "".join(part + gaps[n % len(gaps)] for n, part in enumerate(parts))


@given(
    known=st.sampled_from(phrases.KNOWN),
    change=st.sampled_from([str.upper, str.lower, str.title, str.swapcase, str]),
    gaps=st.lists(st.sampled_from([" ", "  ", "\n", "\t", " ... ", " - "]), min_size=1, max_size=4),
    before=st.text(alphabet=' .!?*\n¡¿"(', max_size=4),
    after=st.text(alphabet=' .!?*\n"),❤️\U0001f64f\U0001f621', max_size=4),
)
def test_case_spacing_punctuation_and_emoji_change_nothing(known, change, gaps, before, after):
    """Suppressed stays suppressed, answered stays answered, review stays review."""
    phrase, kind = known
    written = before + spaced(change(phrase), gaps) + after
    if change in (str.upper, str.title, str.swapcase) and plain(written) != plain(phrase):
        return  # a letter whose upper case is another letter
    assert read(written).kind == kind


@given(st.text(max_size=400))
def test_any_text_can_be_read(body):
    assert read(body).kind in ("stop", "start", "help", "refusal", "unclear", "message")
