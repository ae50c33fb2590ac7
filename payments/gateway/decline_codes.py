"""What a decline means, in words for the payer and in words for staff.

Each processor has its own codes (decline_codes.csv); they map to a handful of next steps. No
sentence says "stolen" or "fraud": the person with the phone may be the owner or the thief.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Words:
    """What the payer reads and what staff read.

    `may_retry` is False when the same card or account must not be tried again.
    """

    sentence: str
    staff: str
    may_retry: bool = True


NO_REASON = Words(
    "The bank did not give a reason. Try another card, or call the number on the back of your "
    "card.",
    "The bank declined the card without giving a reason.",
)
CALL_BANK = Words(
    "The bank wants to speak with you first. Call the number on the back of your card, or use "
    "another card.",
    "The bank declined the card: the cardholder has to call the bank.",
)
FUNDS = Words(
    "There is not enough money available. Try another card.",
    "The bank declined the card: insufficient funds.",
)
LIMIT = Words(
    "This payment would go over a limit set by the bank. Try another card, or call your bank.",
    "The bank declined the payment: over a limit set by the bank.",
)
EXPIRED = Words(
    "The card has expired, or the date is wrong. Check it, or use another card.",
    "The bank declined the card: expired, or the wrong expiration date.",
)
CODE = Words(
    "The security code does not match. Enter the card again and check the code.",
    "The bank declined the card: the security code did not match.",
)
NUMBER = Words(
    "The bank does not recognize this card number. Enter the card again and check it.",
    "The bank declined the card: the card number was not recognized.",
)
ADDRESS = Words(
    "The address does not match the card. Enter the card again, or use another card.",
    "The bank declined the card: the billing address did not match.",
)
NOT_THIS_CARD = Words(
    "This card cannot be used for a payment like this. Use another card.",
    "The bank declined the card: it cannot be used for this type of payment.",
)
NEVER = Words(
    "The bank no longer allows this card. Use another card.",
    "The bank declined the card and does not want it tried again.",
    may_retry=False,
)
DUPLICATE = Words(
    "The bank considers this a payment you have already made. Check your account before you try "
    "again, or call us.",
    "The bank declined the payment: it looks like a duplicate of an earlier one.",
)
TRY_LATER = Words(
    "The bank could not answer just now. Try again in a few minutes, or use another card.",
    "The bank could not answer, so the card was declined. The customer can pay again later.",
)
OUR_SIDE = Words(
    "The payment could not be taken because of a problem on our end. Please call us.",
    "CardConnect could not process the payment because of a problem on our end. Tell Support.",
)
STALE = Words(
    "The card details were not accepted. Enter the card again.",
    "CardConnect did not accept the card details. The customer has to enter the card again.",
)
BANK_NUMBERS = Words(
    "The bank does not recognize this routing or account number. Check both, or pay by card.",
    "The bank payment was declined: the routing or account number was not recognized.",
)
BANK_CHECK = Words(
    "This bank account could not be confirmed. Use another account, or pay by card.",
    "The bank payment was declined: the account could not be verified.",
    may_retry=False,
)
BANK_NO_REASON = Words(
    "The bank did not give a reason. Check the numbers, or pay by card.",
    "The bank payment was declined without a reason.",
)
NO_BANK_HERE = Words(
    "Bank payments are not available here. Please pay by card.",
    "The bank payment was declined: this merchant account does not take bank payments.",
)

_WORDS = {name: words for name, words in globals().items() if isinstance(words, Words)}


@dataclass(frozen=True)
class _Code:
    words: Words | None  # None when the code is not a decline
    text: str


def _read(path: Path) -> dict[tuple[str, str], _Code]:
    """The processors' codes, each with our words and the processor's own text."""
    with path.open(encoding="ascii", newline="") as file:
        return {
            (row["respproc"], row["respcode"]): _Code(
                _WORDS[row["words"]] if row["words"] else None, row["resptext"]
            )
            for row in csv.DictReader(file)
        }


_CODES = _read(Path(__file__).with_name("decline_codes.csv"))
_BANKS = frozenset({"PSTR", "BPAY"})


def find(respproc: str, respcode: str, resptext: str, category: str = "") -> Words:
    """The words for one decline. Visa's category 1 means: never try this card again."""
    text = resptext.lower()
    if "failed validation" in text or "previously rejected" in text:
        return BANK_CHECK
    if category == "1":
        return NEVER
    known = _CODES.get((respproc, respcode))
    if known and known.words:
        return known.words
    return BANK_NO_REASON if respproc in _BANKS else NO_REASON


def declined(respproc: str, respcode: str, resptext: str, sentence: str, *, may_retry: bool) -> str:
    """What staff read about a decline whose payer read `sentence`; "" for what is no decline.

    A payment that was approved and then canceled has an approval's codes.
    """
    words = find(respproc, respcode, resptext, "" if may_retry else "1")
    known = _CODES.get((respproc, respcode))
    is_decline = words.sentence == sentence or bool(known and known.words)
    return words.staff if is_decline else ""


def original(respproc: str, respcode: str) -> str:
    """The processor's text for a code, for staff, when the response has none."""
    known = _CODES.get((respproc, respcode))
    return known.text if known else ""


_STAFF = {
    "26": "It has already settled, so it can no longer be voided. Refund it instead.",
    "27": "It is in the batch that is settling now. Refund it once it has settled.",
    "28": "It has not settled yet, so it cannot be refunded. Void it, or refund it tomorrow.",
    "29": "CardConnect has no such charge under this merchant ID, or it was voided.",
    "39": "It is more than 30 days old and cannot be voided. Refund it instead.",
    "42": "CardConnect rejected the amount: it is more than is left of the charge.",
    "43": "CardConnect rejected the amount.",
    "45": "This merchant account does not allow refunds without the original charge. "
    "Call CardConnect.",
    "46": "This merchant account does not allow partial refunds. Refund the full amount.",
    "70": "It was approved by phone and cannot be voided. Refund it instead.",
    "97": "CardConnect has disabled this merchant account. Call CardConnect.",
}


def for_staff(verb: str, respproc: str, respcode: str) -> str:
    """Why the gateway did not void or refund, and what to do about it."""
    sentence = _STAFF.get(respcode) if respproc == "PPS" or respcode in ("26", "28") else None
    return sentence or f"CardConnect refused the {verb}. Try again later, or call CardConnect."
