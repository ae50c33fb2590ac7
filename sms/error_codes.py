"""Twilio's error codes as sentences for staff, and the kind of each. Data only.

The kinds: NUMBER needs another number; OPTED_OUT must not be texted; SETUP needs a change at
Twilio; REQUEST is an error of ours; LATER may be tried again; FILTERED was blocked by a carrier
or Twilio. Textpay repeats none of them by itself, except LATER in the answer to a call.
"""

from __future__ import annotations

from typing import NamedTuple

NUMBER, OPTED_OUT, SETUP = "number", "opted_out", "setup"
REQUEST, LATER, FILTERED = "request", "later", "filtered"


WHOSE = {
    NUMBER: "the customer's number",
    OPTED_OUT: "the customer's opt-out",
    SETUP: "your Twilio account",
    REQUEST: "Textpay",
    LATER: "the network",
    FILTERED: "a filter",
}


class Code(NamedTuple):
    """One code: its kind and the sentence staff read."""

    kind: str
    sentence: str

    @property
    def whose(self) -> str:
        """What the error is about, or who must correct it."""
        return WHOSE[self.kind]


_INVALID = Code(NUMBER, "This phone number does not exist. Check it and send again.")
_LANDLINE = Code(NUMBER, "This number cannot receive texts. It looks like a landline.")
_STOPPED = Code(
    OPTED_OUT,
    "The customer replied STOP. By law, this number cannot be texted until they text START.",
)
_ACCOUNT = Code(SETUP, "Your Twilio account rejected the text. Ask Support to check it.")
_SENDER = Code(
    SETUP, "Twilio does not allow texts from your sender number. Ask Support to check it."
)
_UNREGISTERED = Code(
    SETUP, "Carriers reject texts from your sender number until it is registered with them."
)
_TRIAL = Code(SETUP, "A Twilio trial account can only text numbers verified in Twilio's console.")
_WRONG = Code(REQUEST, "Twilio did not accept the text. Tell Support the error code.")
_BUSY = Code(LATER, "Too many texts were waiting. Send it again in a few minutes.")
_CARRIER = Code(LATER, "The carrier could not accept the text. Send it again later.")
_TWILIO = Code(LATER, "Twilio had a problem and did not send the text. Send it again.")
_FILTERED = Code(
    FILTERED, "A carrier's filter stopped the text. Reach the customer another way this time."
)
_BLOCKED = Code(FILTERED, "The phone or its carrier blocks these texts. Reach them another way.")

CODES: dict[int, Code] = {
    14107: _FILTERED,
    20003: Code(SETUP, "Twilio did not accept your account's credentials. Ask Support."),
    20005: _ACCOUNT,
    20008: _ACCOUNT,
    20404: _ACCOUNT,
    20429: _BUSY,
    20500: _TWILIO,
    20503: _TWILIO,
    20504: _TWILIO,
    21211: _INVALID,
    21212: _SENDER,
    21214: Code(NUMBER, "This number cannot be reached. Check it and send again."),
    21217: _INVALID,
    21219: _TRIAL,
    21265: Code(NUMBER, "This is a short code, not a person's number."),
    21266: Code(NUMBER, "This is your own sender number. Choose the customer's."),
    21408: Code(SETUP, "Your Twilio account cannot text this country. Turn it on in Twilio."),
    21601: _SENDER,
    21602: _WRONG,
    21603: _SENDER,
    21604: _WRONG,
    21606: _SENDER,
    21608: _TRIAL,
    21609: Code(SETUP, "Twilio cannot reach this site's address. Ask Support to check it."),
    21610: _STOPPED,
    21611: _BUSY,
    21612: Code(NUMBER, "Twilio cannot reach this number from your sender. Try another number."),
    21614: _LANDLINE,
    21617: _WRONG,
    21618: _FILTERED,
    21619: _WRONG,
    21624: _WRONG,
    21635: _LANDLINE,
    21654: _WRONG,
    21655: _WRONG,
    21656: _WRONG,
    21657: _SENDER,
    21658: _WRONG,
    21659: _SENDER,
    21660: _SENDER,
    21661: _SENDER,
    21703: _SENDER,
    21704: _SENDER,
    21705: _SENDER,
    30001: _BUSY,
    30002: Code(SETUP, "Your Twilio account is suspended. Ask Twilio."),
    30003: Code(LATER, "The phone is off or out of reach. Send it again later."),
    30004: _BLOCKED,
    30005: Code(NUMBER, "This number is not in use. Ask the customer for the right one."),
    30006: _LANDLINE,
    30007: _FILTERED,
    30008: Code(
        LATER, "The carrier did not say why. Send it once more, or reach them another way."
    ),
    30017: _CARRIER,
    30018: _UNREGISTERED,
    30019: _WRONG,
    30020: _TWILIO,
    30021: _TWILIO,
    30022: _BUSY,
    30023: Code(LATER, "Your daily text limit has been reached. Send it again tomorrow."),
    30024: _UNREGISTERED,
    30027: Code(
        LATER, "Your daily limit with this carrier has been reached. Send it again tomorrow."
    ),
    30032: _UNREGISTERED,
    30033: _UNREGISTERED,
    30034: _UNREGISTERED,
    30035: Code(
        SETUP, "Your sender number is still being registered. Send it again in a few hours."
    ),
    30036: Code(LATER, "The text waited too long and was dropped. Send it again."),
    30037: _ACCOUNT,
    30040: _UNREGISTERED,
    30041: _UNREGISTERED,
    30042: _UNREGISTERED,
    30400: _WRONG,
    30404: _ACCOUNT,
    30409: _WRONG,
    30410: Code(
        LATER, "The carrier did not answer in time. Ask the customer before sending again."
    ),
    30450: Code(
        LATER, "Twilio is holding texts to this number for a few hours. Send it again later."
    ),
    30453: Code(
        LATER, "Twilio is holding texts to this number for a few hours. Send it again later."
    ),
    30454: _TRIAL,
    30485: Code(
        LATER, "Twilio is holding texts to this number for a few hours. Send it again later."
    ),
    30500: _TWILIO,
    35111: _WRONG,
    35114: _WRONG,
    35115: _WRONG,
    35117: _WRONG,
    35118: _WRONG,
    35125: _BUSY,
    35126: _WRONG,
    63038: Code(
        LATER, "Your Twilio account's daily limit has been reached. Send it again tomorrow."
    ),
    90007: _WRONG,
    90010: _ACCOUNT,
}
# Errors after which Twilio has processed nothing, so the same text may be sent again: after these
# seconds, or with the usual backoff. A full queue of a sender needs long to empty.
TRY_AGAIN: dict[int, int | None] = {20429: None, 21611: 600}
UNKNOWN = Code(REQUEST, "Twilio could not send it, for a reason we do not recognize.")
NO_REASON = Code(LATER, "It was not delivered, and no reason was given.")


def explain(code: int | None) -> Code:
    """The kind and the sentence of a code, also of an unknown one."""
    if not code:
        return NO_REASON
    return CODES.get(code) or Code(UNKNOWN.kind, f"{UNKNOWN.sentence} (Twilio error {code})")
