"""What the server gives the scripts of the Pay Now page, so that each rule and sentence exists
once: `{{ page_data|json_script:"pay-data" }}`, read by js/pay.js and js/pay_fee.js.
"""

from __future__ import annotations

from decimal import Decimal

from payments.checkout import amounts, authorization_text, forms
from tenants.models import Tenant

# Heading of the error list, by the number of errors.
TO_FIX = (
    "",
    "One thing to fix",
    "Two things to fix",
    "Three things to fix",
    "Four things to fix",
    "Five things to fix",
)
WORDS = {
    "card": forms.CARD_MISSING,
    "ach": forms.BANK_MISSING,
    "postal": forms.NO_ZIP,
    "total": forms.NO_TOTAL,
    "name": forms.NO_NAME,
    "agree": forms.TICK,
    "early": "Enter your card and ZIP code first: you need to see the total before you agree.",
    "newTotal": "The total may have changed. Read the authorization and check the box again.",
    "newAmount": "The amount has changed. Read the authorization and check the box again.",
    "newName": "The name has changed. Read the authorization and check the box again.",
    "changed": "The card or account has changed. Read the authorization and check the box again.",
    "silent": "CardPointe did not answer. Nothing was charged. Please enter it again in a moment.",
    "lapsed": "Two minutes have passed. To keep your card safe, please enter it again.",
    "wrongCode": (
        "Check the security code: 3 digits on the back, or 4 on the front of an American Express."
    ),
    "wrongDate": "Check the expiration date. It is wrong or has passed.",
    "wrongBank": "Check the routing number and the account number, with a slash between them.",
    "wrongCard": "Check the card number. It is incomplete or has a wrong digit.",
    "amountToCome": "the amount entered above",
    "totalToCome": authorization_text.TO_COME,
    "nameToCome": authorization_text.NAME_TO_COME,
    "withSurcharge": authorization_text.WITH_FEE,
    "paying": "Paying",
}
ACCOUNT = {
    "card": {
        "known": authorization_text.CARD_KNOWN,
        "missing": authorization_text.CARD_TO_COME,
        "entered": "{account} is entered.",
    },
    "ach": {
        "known": authorization_text.BANK_KNOWN,
        "missing": authorization_text.BANK_TO_COME,
        "entered": "Bank account {account} is entered.",
    },
    "kinds": authorization_text.ACCOUNT_TYPES,
}
SURCHARGE = {
    "asking": "looking it up…",
    "notYet": "after card and ZIP",
    "unknown": "not known yet",
    "none": "No surcharge is added to this card.",
    "silence": "The surcharge could not be looked up. Check your connection and try again.",
    "total": "The total with surcharge is {total}.",
}


def page_data(tenant: Tenant, balance: Decimal) -> dict[str, object]:
    """Words, card brands and amount rules; money is in whole cents."""
    return {
        "words": WORDS,
        "toFix": TO_FIX,
        "surcharge": SURCHARGE,
        "account": ACCOUNT,
        "brands": [(name, start.pattern) for name, start in authorization_text.BRANDS],
        "amount": {
            "shape": amounts.TYPED.pattern,
            "due": int(balance * 100),
            "least": int(tenant.partial_minimum * 100),
            "unreadable": amounts.NOT_AN_AMOUNT,
            "tooMuch": amounts.too_much(balance),
            "tooLittle": amounts.too_little(tenant.partial_minimum),
        },
    }
