"""What a decline means, in words for the person who was declined.

Each processor has its own codes; they come down to a handful of things a person can do. Nothing
here says "stolen" or "fraud": whoever holds the phone may be either side of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """`may_retry` is False when the same card or account must not be tried again."""

    sentence: str
    may_retry: bool = True


NO_REASON = Words(
    "The bank did not give a reason. Try another card, or call the number on the back of your card."
)
CALL_BANK = Words(
    "The bank wants to talk to you first. Call the number on the back of your card, or use another "
    "card."
)
FUNDS = Words("There is not enough money available. Try another card.")
LIMIT = Words("It would go over a limit set by the bank. Try another card, or call your bank.")
EXPIRED = Words("The card has expired, or the date is wrong. Check it, or use another card.")
CODE = Words("The security code does not match. Enter the card again and check the code.")
NUMBER = Words("The bank does not know this card number. Enter the card again and check it.")
ADDRESS = Words("The address does not match the card. Enter the card again, or use another card.")
NOT_THIS_CARD = Words("This card cannot be used for a payment like this. Use another card.")
NEVER = Words("The bank does not allow this card any more. Use another card.", may_retry=False)
DUPLICATE = Words(
    "The bank takes this for a payment you have already made. Look at your account before you try "
    "again, or call us."
)
OUR_SIDE = Words("The payment could not be taken because of a problem on our side. Please call us.")
STALE = Words("The card details were not accepted. Enter the card again.")
BANK_NUMBERS = Words(
    "The bank does not know this routing or account number. Check both, or pay by card."
)
BANK_CHECK = Words(
    "This bank account could not be confirmed. Use another account, or pay by card.",
    may_retry=False,
)
BANK_NO_REASON = Words("The bank did not give a reason. Check the numbers, or pay by card.")
NO_BANK_HERE = Words("Bank payments are not available here. Please pay by card.")

_GROUPS: dict[tuple[str, Words], str] = {
    ("PPS", NUMBER): "11 13 33 99",
    ("PPS", CODE): "14 37 38",
    ("PPS", EXPIRED): "15 16",
    ("PPS", ADDRESS): "17 35 101",
    ("PPS", CALL_BANK): "18 19",
    ("PPS", DUPLICATE): "36",
    ("PPS", NOT_THIS_CARD): "44 105",
    ("PPS", NO_BANK_HERE): "48",
    ("PPS", STALE): "98",
    ("PPS", OUR_SIDE): "21 22 23 31 32 34 41 42 43 63 64 65 66 91 92 93 94 95 97 102 103 104",
    ("FNOR", CALL_BANK): "01 1A 1B",
    ("FNOR", NO_REASON): "05 51 60",
    ("FNOR", NUMBER): "14 N3",
    ("FNOR", EXPIRED): "54",
    ("FNOR", FUNDS): "NU",
    ("FNOR", LIMIT): "61 NH NQ NR 75",
    ("FNOR", CODE): "C2",
    ("FNOR", NOT_THIS_CARD): "12 57 63 NN",
    ("FNOR", DUPLICATE): "94",
    ("FNOR", OUR_SIDE): "03 13 25 89 NP CE",
    ("RPCT", NO_REASON): "100 500",
    ("RPCT", EXPIRED): "101 132 510 511",
    ("RPCT", CALL_BANK): "102 105 107 108 129 531 727",
    ("RPCT", NUMBER): "118 131 303 526 373",
    ("RPCT", FUNDS): "116",
    ("RPCT", LIMIT): "121 123 152 154 521 528 554 771 782",
    ("RPCT", NOT_THIS_CARD): "104 119 120 124 512 513",
    ("RPCT", CODE): "517 954 958 959",
    ("RPCT", NEVER): "208 209 302 504 509 514 704 767 790 791",
    ("RPCT", DUPLICATE): "913",
    ("RPCT", OUR_SIDE): "001 109 110 130 150 355 402 403 404 527 906 909 921 950",
    ("AMEX", NO_REASON): "100",
    ("AMEX", EXPIRED): "101",
    ("AMEX", CODE): "103 122",
    ("AMEX", CALL_BANK): "107",
    ("AMEX", NUMBER): "111",
    ("AMEX", FUNDS): "116",
    ("AMEX", LIMIT): "121",
    ("AMEX", NEVER): "105 187 188 200",
    ("AMEX", OUR_SIDE): "109 110 115 181",
    ("PSTR", DUPLICATE): "01",
    ("PSTR", BANK_NO_REASON): "02",
    ("PSTR", BANK_NUMBERS): "03 10 28 99",
    ("PSTR", LIMIT): "04 05 13 37",
    ("PSTR", OUR_SIDE): "11 12 14 15 16 17 18 20 21 40",
}
_BY_CODE = {
    (processor, code): words
    for (processor, words), codes in _GROUPS.items()
    for code in codes.split()
}
_BANKS = frozenset({"PSTR", "BPAY"})


def find(respproc: str, respcode: str, resptext: str, category: str = "") -> Words:
    """The words for one decline. Visa's category 1 means: never try this card again."""
    text = resptext.lower()
    if "failed validation" in text or "previously rejected" in text:
        return BANK_CHECK
    if category == "1":
        return NEVER
    default = BANK_NO_REASON if respproc in _BANKS else NO_REASON
    return _BY_CODE.get((respproc, respcode), default)


_STAFF = {
    "26": "It has settled already, so it cannot be voided any more. Refund it instead.",
    "27": "It is in the batch that is settling now. Refund it when it has settled.",
    "28": "It has not settled yet, so it cannot be refunded. Void it, or refund it tomorrow.",
    "29": "CardConnect does not know this charge under this merchant ID, or it is voided.",
    "39": "It is more than 30 days old and cannot be voided. Refund it instead.",
    "42": "CardConnect refuses the amount: more than is left of the charge.",
    "43": "CardConnect refuses the amount.",
    "45": "This merchant account allows no refund without the original charge. Call CardConnect.",
    "46": "This merchant account allows no part refunds. Refund the whole amount.",
    "70": "It was approved by telephone and cannot be voided. Refund it instead.",
    "97": "CardConnect has disabled this merchant account. Call CardConnect.",
}


def for_staff(verb: str, respproc: str, respcode: str) -> str:
    """Why the gateway would not void or refund, and what to do about it."""
    told = _STAFF.get(respcode) if respproc == "PPS" or respcode in ("26", "28") else None
    return told or f"CardConnect refused the {verb}. Try again later, or call CardConnect."
