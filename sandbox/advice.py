"""Why a card was declined, in the card brands' own fields: advice codes and decline categories."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

MASTERCARD = {
    "01": "Updated information needed", "02": "Try again later", "03": "Do not try again",
    "04": "Token rules not met", "05": "Card product not allowed", "06": "Transaction not allowed",
    "07": "Not processed", "21": "Payment cancelled", "22": "Product code not valid",
    "24": "Retry after 1 hour", "25": "Retry after 24 hours", "26": "Retry after 2 days",
    "27": "Retry after 4 days", "28": "Retry after 6 days", "29": "Retry after 8 days",
    "30": "Retry after 10 days", "40": "Non-reloadable prepaid", "41": "Single-use virtual card",
}  # fmt: skip
# cents of 2999.NN -> (advice code, its text, decline category)
VISA = {
    "02": ("02", "Try again later", "1"),
    "03": ("03", "Do not try again", "2"),
    "11": ("R0", "Stop this payment", "3"),
    "12": ("R1", "Authorization revoked", "1"),
    "13": ("R3", "All authorizations revoked", "2"),
    "21": ("21", "Payment cancelled", "3"),
}
CATEGORIES = {"1": "Do not retry", "2": "Wait to retry", "3": "Fix the request and retry"}
BY_BEHAVIOUR = {"call": "2", "honor": "2", "funds": "2", "expired": "3"}


def cents(amount: Decimal, dollars: int) -> str:
    """Return the cents of an amount of so many whole dollars, or ""."""
    return f"{amount:.2f}"[-2:] if int(amount) == dollars else ""


def category(code: str) -> dict[str, Any]:
    """Return the two fields of a Visa decline category."""
    return {"declineCategory": code, "declineCategoryText": CATEGORIES[code]}


def decline(behaviour: str, amount: Decimal, repeated: bool) -> tuple[str, dict[str, Any]]:
    """Return (kind of decline, further fields) that an amount asks of a card, or ("", {}).

    `repeated` is a payment the merchant starts with a card stored before.
    """
    mark = cents(amount, 2999)
    if behaviour == "advice_mc" and repeated and mark in MASTERCARD:
        return "honor", {"merchAdviceCode": mark, "merchAdviceText": MASTERCARD[mark]}
    if behaviour == "advice_visa" and mark in VISA:
        code, text, group = VISA[mark]
        return "honor", {"merchAdviceCode": code, "merchAdviceText": text} | category(group)
    mark = cents(amount, 2888)
    if behaviour == "association" and mark:
        return "expired", {"assocRespCode": mark, "assocRespText": "Declined by the card brand"}
    return "", {}
