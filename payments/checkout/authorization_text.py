"""The payment authorization: the same words on the page and in the stored evidence.

The page renders it as HTML with a few parts that change while the payer types (the tokenizer frame
reports card brand and last four digits). The server builds the stored sentence from the same
parts. Any change of words needs a new VERSION.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers.phones import national
from invoices.models import Invoice

CARD, ACH = "card", "ach"
VERSIONS = {CARD: "card-en-1", ACH: "ach-en-1"}
WITH_SURCHARGE = "card-surcharge-en-1"
ZERO = Decimal("0.00")
ACCOUNT_TYPES = {"ECHK": "checking", "ESAV": "savings"}
TEXTS = {
    CARD: (
        "I authorize {merchant} to charge {amount}{surcharge} once to the {account} for invoice "
        "{number} on {date}. I am an authorized user of this card and accept the {policy}."
    ),
    ACH: (
        "I, {name}, authorize {merchant} to make {one} electronic debit of {amount} on or after "
        "{date} from my {kind} account {account} for invoice {number}, and to credit it if needed "
        "to correct an error. I can revoke before it is submitted by calling {phone}. "
        "Date: {date}. I may print or save this page."
    ),
}
TO_COME = "the total shown above"
NAME_TO_COME = "the account holder named above"
CARD_KNOWN, CARD_TO_COME = "{brand} card ending {last}", "card entered above"
BANK_KNOWN, BANK_TO_COME = "ending {last}", "entered above"
WITH_FEE = " (including a surcharge of {fee})"
ONE = SafeString("<strong>one</strong>")
POLICY = SafeString('<a href="#refunds">refund policy</a>')
BRANDS = (
    ("American Express", re.compile("3[47]")),
    ("Diners Club", re.compile("3[0689]")),
    ("JCB", re.compile("35")),
    ("Visa", re.compile("4")),
    ("Mastercard", re.compile("5[1-5]|2[2-7]")),
    ("Discover", re.compile("6[0245]")),
)


@dataclass(frozen=True)
class Agreement:
    """What the payer agreed to and from where; stored as the payment's Authorization."""

    text: str
    version: str
    payer_name: str = ""
    ip: str | None = None
    user_agent: str = ""
    language: str = "en"


def brand_of(token: str) -> str:
    """The card's brand from its token: after the 9 come the card's first two digits."""
    return next((name for name, start in BRANDS if start.match(token[1:3])), "")


def card_words(token: str) -> str:
    """ "Visa card ending 1111"; "card entered above" before there is a token."""
    if not token:
        return CARD_TO_COME
    return CARD_KNOWN.format(brand=brand_of(token), last=token[-4:]).strip()


def bank_words(token: str) -> str:
    """ "ending 4412" of a bank account; "entered above" before there is a token."""
    return BANK_KNOWN.format(last=token[-4:]) if token else BANK_TO_COME


def surcharge_words(fee: Decimal) -> str:
    """ " (including a surcharge of $5.48)"; "" for none."""
    return WITH_FEE.format(fee=f"${fee:,.2f}") if fee else ""


def version(method: str, fee: Decimal = ZERO) -> str:
    """The version of the wording that was agreed to."""
    return WITH_SURCHARGE if fee else VERSIONS[method]


def long_date(day: dt.date) -> str:
    """November 24, 2026"""
    return f"{day:%B} {day.day}, {day.year}"


def sentence(
    invoice: Invoice,
    method: str,
    amount: Decimal,
    day: dt.date,
    *,
    token: str = "",
    name: str = "",
    account_type: str = "ECHK",
    fee: Decimal = ZERO,
) -> str:
    """The sentence as plain text, for the evidence; its amount is the total with the surcharge."""
    return TEXTS[method].format(
        **_fixed(invoice, amount + fee, day),
        surcharge=surcharge_words(fee),
        one="one",
        policy="refund policy",
        **_moving(method, token, name, account_type),
    )


def sentence_html(
    invoice: Invoice,
    method: str,
    amount: Decimal,
    day: dt.date,
    *,
    name: str = "",
    account_type: str = "ECHK",
    to_come: bool = False,
) -> SafeString:
    """The same sentence for the page; js/pay.js finds the changing parts by data-part.

    `to_come`: the total is unknown until CardConnect quotes the surcharge.
    """
    fixed: dict[str, str] = _fixed(invoice, amount, day)
    if to_come:
        fixed["amount"] = TO_COME
    fixed["surcharge"] = SafeString('<span data-part="surcharge"></span>')
    fixed["amount"] = format_html(
        '<strong class="money" data-part="amount">{}</strong>', fixed["amount"]
    )
    moving = {
        part: format_html('<span data-part="{}">{}</span>', part, words)
        for part, words in _moving(method, "", name, account_type).items()
    }
    return format_html(
        TEXTS[method],
        **fixed,
        one=ONE,
        policy=POLICY,
        **moving,
    )


def _fixed(invoice: Invoice, amount: Decimal, day: dt.date) -> dict[str, str]:
    return {
        "merchant": invoice.tenant.name,
        "amount": f"${amount:,.2f} {invoice.tenant.currency}",
        "number": invoice.number,
        "date": long_date(day),
        "phone": national(invoice.tenant.phone),
    }


def _moving(method: str, token: str, name: str, account_type: str) -> dict[str, str]:
    if method == CARD:
        return {"account": card_words(token)}
    return {
        "account": bank_words(token),
        "name": name or NAME_TO_COME,
        "kind": ACCOUNT_TYPES[account_type],
    }
