"""Fees a merchant id adds by itself: surcharge, convenience fee and service fee."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.models import ACH, Merchant, Token

Body = dict[str, Any]
CENT = Decimal("0.01")
SURCHARGE, CONVENIENCE, SERVICE, NONE = "S", "C", "F", "N"
KINDS = {"surcharge": SURCHARGE, "convenience": CONVENIENCE, "service": SERVICE}
# Connecticut, Massachusetts and Maine stand for the places where a surcharge is not allowed.
RESTRICTED = re.compile(r"0(6|1[0-9]|2[0-7]|39|4)")


def read_flag(flag: str) -> Body:
    """Read a flag such as ``surcharge3`` (percent) or ``convenience2.50flat``; {} for another."""
    match = re.fullmatch(r"(surcharge|convenience|service)(\d+(?:\.\d+)?)(flat)?", flag)
    if not match:
        return {}
    kind, value, flat = match.groups()
    shape = "flat" if flat else "percent"
    return {"fee_type": KINDS[kind], "fee_format": shape, "fee_value": value}


def fee_merchid(merchant: Merchant) -> str:
    """Return the merchant id a service fee is paid to, or ""."""
    return f"{merchant.merchid[:15]}9" if merchant.fee_type == SERVICE else ""


def of(merchant: Merchant, amount: Decimal) -> Decimal:
    """Return the fee on an amount, half up at the second decimal."""
    value = Decimal(merchant.fee_value)
    fee = value if merchant.fee_format == "flat" else amount * value / 100
    return fee.quantize(CENT, ROUND_HALF_UP)


def debit(token: Token) -> bool:
    """Tell whether this is one of the debit test cards, on which no surcharge may fall."""
    return token.behaviour == "debit"


def restricted(postal: str) -> bool:
    """Tell whether a surcharge is not allowed at this postal code."""
    return RESTRICTED.match(postal) is not None


def merchant_fields(merchant: Merchant) -> Body:
    """Return what inquireMerchant says of the fee."""
    if merchant.fee_type == NONE:
        return {"fee_type": NONE}
    fields: Body = {
        "fee_type": merchant.fee_type,
        "fee_format": merchant.fee_format,
        "fee_value": str(merchant.fee_value),
    }
    return fields | ({"fee_merchid": fee_merchid(merchant)} if fee_merchid(merchant) else {})


def due(merchant: Merchant, token: Token, postal: str) -> bool:
    """Tell whether this payment carries the merchant's fee: a surcharge is for credit cards."""
    if merchant.fee_type != SURCHARGE:
        return merchant.fee_type != NONE
    return token.kind != ACH and not debit(token) and not restricted(postal)


def charged(merchant: Merchant, token: Token, postal: str, amount: Decimal) -> tuple[Decimal, Body]:
    """Return what is added to the amount, and the fields of the answer that say so."""
    if amount == 0 or not due(merchant, token, postal):
        return Decimal("0.00"), {}
    fee = of(merchant, amount)
    fields = merchant_fields(merchant) | {"fee_amount": f"{fee:.2f}"}
    return (Decimal("0.00") if merchant.fee_type == SERVICE else fee), fields


def surcharge_body(merchant: Merchant, query: Any) -> Body:
    """Answer GET /surcharge: what would be added, for information."""
    number, postal, sum_text = (str(query.get(n, "")) for n in ("token", "postal", "amount"))
    token = Token.objects.filter(token=number).first() if number else None
    kind = "UNKNOWN"
    if token and token.kind != ACH:
        kind = "DEBIT" if debit(token) else "CREDIT"
    place = "RESTRICTED" if restricted(postal) else "NOT_RESTRICTED"
    body: Body = {"token": kind, "postal": place if postal else "UNKNOWN"}
    body["messages"] = messages(number, postal, token)
    if token and re.fullmatch(r"\d+\.\d{2}", sum_text) and merchant.fee_type == SURCHARGE:
        free = not postal or not due(merchant, token, postal)
        fee = Decimal("0.00") if free else of(merchant, Decimal(sum_text))
        body["fee_amount"] = f"{fee:.2f}"
    return body


def messages(number: str, postal: str, token: Token | None) -> list[Body]:
    """Return what was wrong with the question."""
    told = []
    if not number:
        told.append({"field": "token", "message": "token is missing or empty"})
    elif token is None:
        told.append({"field": "token", "message": "Invalid Token"})
    elif token.kind == ACH:
        told.append({"field": "token", "message": "Bin info not found for token"})
    if not postal:
        told.append({"field": "postal", "message": "postal is missing or empty"})
    return told


def bin_body(token: Token | None) -> Body:
    """Answer GET /bin: what the first digits of a card tell."""
    if token is None or token.kind == ACH or not token.brand:
        return {"success": True, "errormsg": "No bin information found."}
    first = token.first_six
    uses = ("True credit, No PIN capability", "Debit, PIN and Signature capability")
    return {
        "country": "USA",
        "product": {"VISA": "V", "MC": "M", "AMEX": "A", "DISC": "D"}.get(token.brand, "N"),
        "bin": first,
        "cardusestring": uses[debit(token)],
        "gsa": False,
        "corporate": False,
        "fsa": False,
        "subtype": "Debit" if debit(token) else "Credit",
        "purchase": False,
        "prepaid": False,
        "issuer": "Practice Bank",
        "binlo": first + "0" * (token.length - 6),
        "binhi": first + "9" * (token.length - 6),
    }
