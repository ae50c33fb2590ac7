"""The meaning of an inbound text: a keyword, a refusal in free words, or a message.

A consumer may refuse texts in any reasonable words (47 CFR 64.1200(a)(10)). So a clear refusal
counts at once, anything that could be one is reviewed by a person, and the rest is a message.
"""

from __future__ import annotations

import difflib
import unicodedata
from typing import NamedTuple

from sms.compliance.refusal_phrases import CLEAR, DOUBT, HINT
from sms.models.inbound import InboundText

Kind = InboundText.Kind


class Reading(NamedTuple):
    """The kind of a text, and the language of a request for help ("" when unknown)."""

    kind: InboundText.Kind
    language: str = ""


STOP = frozenset(
    ["stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"]
    + ["arret", "arreter", "alto", "parar", "pare", "cancelar"]
)
START = frozenset(["start", "unstop"])
HELP = {"help": "", "info": "", "aide": "fr", "ayuda": "es"}
# Twilio's default for START, and an ordinary answer: the caller decides.
YES = "yes"
POLITE = frozenset(["please", "pls", "plz", "thanks", "thank", "you", "now", "por", "favor", "svp"])
# Texts without words: stop sign, no entry, prohibited, raised hands, middle finger.
STOP_SIGNS = ("\U0001f6d1", "\u26d4", "\U0001f6ab", "\u270b", "\U0001f91a", "\U0001f595")
ALIKE = 0.75  # the similarity to a keyword from which on a word may be a typing error


def read(body: str, opt_out_type: str = "") -> Reading:
    """The meaning of a text. Twilio's own reading, `opt_out_type`, takes precedence.

    "Yes" alone is a MESSAGE here. It means START from a number that opted out, which the caller
    checks.
    """
    words = plain(body)
    if opt_out_type in ("STOP", "START"):
        return Reading(Kind.STOP if opt_out_type == "STOP" else Kind.START)
    if opt_out_type == "HELP":
        return Reading(Kind.HELP, HELP.get(words, ""))
    return _keyword(words) or Reading(_free(words, body))


def is_yes(body: str) -> bool:
    """Whether it is the word "yes" alone, which may mean START."""
    return plain(body) == YES


def plain(body: str) -> str:
    """Lower case without accents and punctuation, single spaces; "don't" becomes "dont"."""
    kept = []
    for char in unicodedata.normalize("NFKD", body).casefold():
        if char in "'’‘`´" or unicodedata.category(char) in ("Mn", "Cf"):
            continue
        kept.append(char if char.isalnum() else " ")
    return " ".join("".join(kept).split())


def _keyword(words: str) -> Reading | None:
    """The keyword that the whole text consists of, spaced, repeated or with polite words."""
    together = words.replace(" ", "")
    without_polite = set(words.split()) - POLITE - {"all"}
    if together in STOP or (without_polite and without_polite <= STOP):
        return Reading(Kind.STOP)
    if together in START:
        return Reading(Kind.START)
    if together in HELP:
        return Reading(Kind.HELP, HELP[together])
    return None


def _free(words: str, body: str) -> InboundText.Kind:
    """REFUSAL, UNCLEAR or MESSAGE."""
    clear = any(pattern.search(words) for pattern in CLEAR)
    if clear and not DOUBT.search(words):
        return Kind.REFUSAL
    sign = not words and any(sign in body for sign in STOP_SIGNS)
    typing_error = words.isalpha() and difflib.get_close_matches(words, STOP, n=1, cutoff=ALIKE)
    return Kind.UNCLEAR if clear or sign or typing_error or HINT.search(words) else Kind.MESSAGE
