"""What a text from a handset means: a keyword, a refusal in free words, or a message.

Whoever refuses texts may do so in any reasonable words (47 CFR 64.1200(a)(10)). So a clear refusal
counts at once, anything that could be one goes to a person, and only the rest is a plain message.
"""

from __future__ import annotations

import difflib
import unicodedata
from typing import NamedTuple

from sms.compliance.refusal_phrases import CLEAR, DOUBT, HINT
from sms.models.inbound import InboundText

Kind = InboundText.Kind


class Reading(NamedTuple):
    """What a text means, and in which language it asks for help ("" when it does not tell)."""

    kind: InboundText.Kind
    language: str = ""


STOP = frozenset(
    ["stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"]
    + ["arret", "arreter", "alto", "parar", "pare", "cancelar"]
)
START = frozenset(["start", "unstop"])
HELP = {"help": "", "info": "", "aide": "fr", "ayuda": "es"}
# Said to a question of ours, or to end an opt-out: the caller knows which.
YES = "yes"
POLITE = frozenset(["please", "pls", "plz", "thanks", "thank", "you", "now", "por", "favor", "svp"])
# All of a text that holds no word: stop sign, no entry, prohibited, raised hands, middle finger.
STOP_SIGNS = ("\U0001f6d1", "\u26d4", "\U0001f6ab", "\u270b", "\U0001f91a", "\U0001f595")
ALIKE = 0.75  # how much of a word must be that of a keyword to be a slip of the thumb


def read(body: str, opt_out_type: str = "") -> Reading:
    """What the text means. `opt_out_type` is what Twilio made of it, where it does: that counts.

    "Yes" alone is START only from who has opted out, which is for the caller to find out: it is
    a MESSAGE here.
    """
    words = plain(body)
    if opt_out_type in ("STOP", "START"):
        return Reading(Kind.STOP if opt_out_type == "STOP" else Kind.START)
    if opt_out_type == "HELP":
        return Reading(Kind.HELP, HELP.get(words, ""))
    return _keyword(words) or Reading(_free(words, body))


def is_yes(body: str) -> bool:
    """Whether it is the one word that may also mean START."""
    return plain(body) == YES


def plain(body: str) -> str:
    """The words alone: lower case, no accents, no punctuation, single spaces; "don't" is "dont"."""
    kept = []
    for char in unicodedata.normalize("NFKD", body).casefold():
        if char in "'’‘`´" or unicodedata.category(char) in ("Mn", "Cf"):
            continue
        kept.append(char if char.isalnum() else " ")
    return " ".join("".join(kept).split())


def _keyword(words: str) -> Reading | None:
    """The keyword that the whole text is, however it is spaced, repeated or asked for politely."""
    together = words.replace(" ", "")
    asked = set(words.split()) - POLITE - {"all"}
    if together in STOP or (asked and asked <= STOP):
        return Reading(Kind.STOP)
    if together in START:
        return Reading(Kind.START)
    if together in HELP:
        return Reading(Kind.HELP, HELP[together])
    return None


def _free(words: str, body: str) -> InboundText.Kind:
    """A refusal, maybe one, or none."""
    clear = any(pattern.search(words) for pattern in CLEAR)
    if clear and not DOUBT.search(words):
        return Kind.REFUSAL
    sign = not words and any(sign in body for sign in STOP_SIGNS)
    slip = words.isalpha() and difflib.get_close_matches(words, STOP, n=1, cutoff=ALIKE)
    return Kind.UNCLEAR if clear or sign or slip or HINT.search(words) else Kind.MESSAGE
