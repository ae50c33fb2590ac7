"""The processor behind the gateway: reads an auth request and decides how it ends.

Order of checks: the gateway's own (PPS codes), then the card or bank emulator. Unless said
otherwise the rules are those of the CardPointe developer guide's test section.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sandbox import advice, cards, fees, vault
from sandbox.models import ACH, Charge, Merchant, Token

LENGTHS = {
    "orderid": 50, "amount": 14, "expiry": 8, "cvv2": 4, "currency": 3, "ecomind": 1,
    "accttype": 6, "bankaba": 9, "name": 30, "company": 128, "address": 30, "address2": 30,
    "city": 30, "region": 20, "country": 2, "postal": 10, "phone": 15, "email": 128,
    "invoiceid": 12, "ponumber": 36, "account": 19,
}  # fmt: skip
ECHECKS = ("ECHK", "ESAV")
PARTIAL_LIMIT, PARTIAL_AMOUNT = Decimal("6.00"), Decimal("5.00")


@dataclass
class Outcome:
    """How an authorization ends: processor, code and the money that was approved."""

    respproc: str
    respcode: str
    resptext: str
    respstat: str
    amount: Decimal = Decimal("0.00")
    avsresp: str = ""
    cvvresp: str = ""
    token: Token | None = None
    expiry: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    """The gateway refuses the request itself; carries the finished outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.resptext)
        self.outcome = outcome


@cache
def codes() -> dict[tuple[str, str], tuple[str, str]]:
    """Return (respstat, resptext) by (respproc, respcode), from the data file."""
    path = Path(__file__).parent / "data" / "response_codes.csv"
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {(r["respproc"], r["respcode"]): (r["respstat"], r["resptext"]) for r in rows}


def result(respproc: str, respcode: str, text: str = "", **values: Any) -> Outcome:
    """Build the outcome for a code of the table."""
    respstat, resptext = codes()[respproc, respcode]
    return Outcome(respproc, respcode, text or resptext, respstat, **values)


def refuse(respproc: str, respcode: str, text: str = "") -> Refusal:
    """Build the exception for a code of the table."""
    return Refusal(result(respproc, respcode, text))


def read_amount(value: Any) -> Decimal:
    """Read "10.00" as ten dollars and "1000" as ten dollars too; raises Refusal (PPS 43)."""
    text = str(value if value is not None else "").strip()
    if re.fullmatch(r"-?\d{1,12}", text):
        return Decimal(text) / 100
    if re.fullmatch(r"-?\d{0,11}\.\d{1,2}", text) and re.search(r"\d", text):
        return Decimal(text)
    raise refuse("PPS", "43")


def read_expiry(text: str) -> str:
    """Turn MMYY, YYYYM, YYYYMM or YYYYMMDD into MMYY; raises Refusal.

    The gateway does not refuse dates in the past (response code guide); neither does this.
    """
    if not text.isascii() or not text.isdigit():
        raise refuse("PPS", "15")
    shapes = {4: (text[2:], text[:2]), 5: (text[2:4], text[4:]), 6: (text[2:4], text[4:])}
    year, month = shapes.get(len(text), (text[2:4], text[4:6]))
    if len(text) not in (4, 5, 6, 8) or not 1 <= int(month) <= 12:
        raise refuse("PPS", "34")
    return f"{int(month):02d}{year}"


def decide(merchant: Merchant, request: dict[str, Any]) -> Outcome:
    """Return the outcome of an auth request; never raises for bad input."""
    token = None
    try:
        check_fields(merchant, request)
        amount = read_amount(request.get("amount"))
        if amount < 0:
            raise refuse("PPS", "43")
        token = find_token(request)
        if str(request.get("accttype") or "").upper() in ECHECKS:
            outcome = decide_bank(merchant, token, amount)
        else:
            outcome = decide_card(merchant, request, token, amount)
        add_fee(merchant, request, token, amount, outcome)
    except Refusal as refusal:
        outcome = refusal.outcome
    outcome.token = token
    return outcome


def add_fee(
    merchant: Merchant, request: dict[str, Any], token: Token, amount: Decimal, outcome: Outcome
) -> None:
    """Add the merchant's own fee to a payment approved in full, and echo a stored card's mark."""
    cof = str(request.get("cof") or "").upper()
    outcome.extra |= {"cof": cof} if cof in ("C", "M") else {}
    if outcome.respstat == "A" and outcome.amount == amount:
        postal = re.sub(r"[\s-]", "", str(request.get("postal") or ""))
        fee, fields = fees.charged(merchant, token, postal, amount)
        outcome.amount += fee
        outcome.extra |= fields


def check_fields(merchant: Merchant, request: dict[str, Any]) -> None:
    """Refuse fields that are too long or malformed before looking at the account."""
    for name, limit in LENGTHS.items():
        if len(str(request.get(name) or "")) > limit and name != "account":
            raise refuse("PPS", "43" if name == "amount" else "34")
    currency = str(request.get("currency") or merchant.currency)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise refuse("PPS", "31")
    if currency != merchant.currency:
        raise refuse("PPS", "32")
    postal = re.sub(r"[\s-]", "", str(request.get("postal") or ""))
    american = str(request.get("country") or "US").upper() == "US"
    if postal and american and not re.fullmatch(r"\d{5}(\d{4})?", postal):
        raise refuse("PPS", "17")


def find_token(request: dict[str, Any]) -> Token:
    """Return the vault's row for the account given: a token, a card or a bank account."""
    account = re.sub(r"[\s-]", "", str(request.get("account") or ""))
    known = Token.objects.filter(token=account).first()
    if known:
        return known
    if re.fullmatch(r"9\d{15}", account) and not request.get("bankaba"):
        raise refuse("PPS", "98")
    if str(request.get("accttype") or "").upper() in ECHECKS:
        return clear_bank_account(account, str(request.get("bankaba") or ""))
    try:
        return vault.tokenize(account)
    except vault.Refused as error:
        raise refuse("PPS", "13" if error.code == 54 else "11") from error


def clear_bank_account(account: str, routing: str) -> Token:
    """Tokenize a bank account sent in the clear; judge its shape as the bank emulator does."""
    if not re.fullmatch(r"\d{9}", routing) or not account.isdigit():
        raise refuse("PPS", "11")
    if not 4 <= len(account) <= 17:
        raise refuse("PSTR", "99", account_text(account))
    return vault.tokenize(f"{routing}/{account}")


def account_text(account: str) -> str:
    """Return the ACH processor's text for an account number of the wrong length."""
    return f"The AccountNumber ({account}) must be between 4 and 17 digits long."


def decide_bank(merchant: Merchant, token: Token, amount: Decimal) -> Outcome:
    """Judge an ACH debit. Our own triggers: accounts ending 0002 decline, 0062 time out."""
    if not merchant.ach:
        raise refuse("PPS", "48")
    if token.kind != ACH or len(token.routing) != 9:
        raise refuse("PPS", "11")
    if amount == 0:
        raise refuse("PPS", "43")
    if not routing_ok(token.routing):
        text = f"The RoutingNumber ({token.routing}) is not a valid Routing Number."
        raise refuse("PSTR", "99", text)
    if token.last_four == "0062":
        return result("PPS", "62", amount=amount)
    if token.last_four == "0002":
        return result("PSTR", "02")
    return result("PSTR", "00", "Success", amount=amount, avsresp="U", cvvresp="U")


def routing_ok(routing: str) -> bool:
    """Check an ABA routing number's weighted checksum (weights 3, 7, 1)."""
    weighted = sum(int(d) * w for d, w in zip(routing, (3, 7, 1) * 3, strict=True))
    return weighted % 10 == 0 and routing != "000000000"


def decide_card(
    merchant: Merchant, request: dict[str, Any], token: Token, amount: Decimal
) -> Outcome:
    """Judge a card: its expiry and security code first, then what the test card says."""
    if token.kind == ACH:
        raise refuse("PPS", "11")
    if not token.brand:
        raise refuse("PPS", "33")
    kept_cvv, kept_expiry = token.take_extras()
    cvv = str(request.get("cvv2") or kept_cvv)
    if cvv and not re.fullmatch(r"\d{3,4}", cvv):
        raise refuse("PPS", "14")
    if amount == 0 and not cvv:
        raise refuse("PPS", "38")
    expiry = read_expiry(str(request.get("expiry") or kept_expiry))
    postal = re.sub(r"[\s-]", "", str(request.get("postal") or ""))
    if merchant.fee_type == fees.SURCHARGE and amount and not postal:
        raise refuse("PPS", "104")
    outcome = judge_card(merchant.processor, token, amount, started_by_merchant(merchant, request))
    outcome.expiry = expiry
    if outcome.respstat == "A":
        outcome.avsresp = cards.avs(str(request.get("address") or ""), postal)
        outcome.cvvresp = cards.cvv(cvv)
    return outcome


def started_by_merchant(merchant: Merchant, request: dict[str, Any]) -> bool:
    """Tell whether this repeats a payment whose card the customer let the merchant store."""
    if str(request.get("cof") or "").upper() != "M":
        return False
    account = str(request.get("account") or "")
    return Charge.objects.filter(
        merchant=merchant, token=account, respstat="A", extra__cof="C"
    ).exists()


def judge_card(processor: str, token: Token, amount: Decimal, repeated: bool) -> Outcome:
    """Return what the emulator makes of a test card and an amount."""
    second = int(processor == "RPCT")
    kind, extra = advice.decline(token.behaviour, amount, repeated)
    if kind:
        return result(processor, cards.DECLINE_CODES[kind][second], extra=extra)
    if token.behaviour == "timeout":
        return result("PPS", "62", amount=amount)
    if token.behaviour in cards.DECLINE_CODES:
        extra = advice.category(advice.BY_BEHAVIOUR[token.behaviour])
        extra = extra if token.brand == "VISA" else {}
        return result(processor, cards.DECLINE_CODES[token.behaviour][second], extra=extra)
    if token.behaviour == "partial" and amount >= PARTIAL_LIMIT:
        text = ("Partial Approval", "Approve for Partial Amount")[second]
        return result(processor, ("10", "002")[second], text, amount=PARTIAL_AMOUNT)
    return by_amount(processor, amount)


def by_amount(processor: str, amount: Decimal) -> Outcome:
    """Approve, unless whole dollars 1000-1999 name a response code in their last three digits."""
    approval = ("00", "000")[processor == "RPCT"]
    code = approval
    if 1000 <= amount < 2000:
        digits = f"{int(amount) - 1000:03d}"
        code = digits if processor == "RPCT" else digits[1:] if digits[0] == "0" else digits
    if (processor, code) not in codes():
        code = approval
    found = result(processor, code)
    if found.respstat == "A":
        found.amount = amount
        found.resptext = "Approval" if code == approval else found.resptext
    return found
