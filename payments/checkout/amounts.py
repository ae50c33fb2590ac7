"""How much of a balance one payment may cover: all, or a part where the tenant allows parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from tenants.models import Tenant

TYPED = re.compile(r"^\$?\s*(\d{1,8}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{1,2}))?$", re.ASCII)
NOT_AN_AMOUNT = "Enter an amount in dollars and cents, such as 50.00"


class AmountRefused(Exception):
    """This amount cannot be paid; str() says which can."""


def read(typed: str) -> Decimal:
    """Parse a typed amount: 50, 50.5, $1,050.00. Raises AmountRefused."""
    found = TYPED.match(typed.strip())
    if found is None:
        raise AmountRefused(NOT_AN_AMOUNT)
    dollars, cents = found[1].replace(",", ""), (found[2] or "").ljust(2, "0")
    return Decimal(f"{dollars}.{cents}")


def may_choose(tenant: Tenant, balance: Decimal) -> bool:
    """Whether a part of this balance may be paid; a balance below the minimum is paid in full."""
    return tenant.partial_payments and balance > tenant.partial_minimum


def check(tenant: Tenant, balance: Decimal, amount: Decimal) -> None:
    """Raise AmountRefused unless the amount is the whole balance or an allowed part."""
    if amount == balance:
        return
    if not may_choose(tenant, balance):
        raise AmountRefused(f"Pay the full ${balance:,.2f}")
    if amount > balance:
        raise AmountRefused(too_much(balance))
    if amount < tenant.partial_minimum:
        raise AmountRefused(too_little(tenant.partial_minimum))


def too_much(balance: Decimal) -> str:
    """What to do about an amount above the balance."""
    return f"Enter ${balance:,.2f} or less, which is all that is left to pay"


def too_little(least: Decimal) -> str:
    """What to do about an amount below the company's minimum."""
    return f"Enter ${least:,.2f} or more"


@dataclass(frozen=True)
class Choice:
    """What the payer chose; `typed` is the text of the field when another amount was chosen."""

    amount: Decimal
    typed: str = ""
    problem: str = ""


def choose(tenant: Tenant, balance: Decimal, typed: str) -> Choice:
    """The whole balance, or the typed part when it is allowed."""
    if not typed or not may_choose(tenant, balance):
        return Choice(balance)
    try:
        amount = read(typed)
        check(tenant, balance, amount)
    except AmountRefused as refused:
        return Choice(balance, typed[:20], str(refused))
    return Choice(amount, "" if amount == balance else f"{amount:.2f}")
