"""Lookups before a charge: the merchant account's setup and the surcharge."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.views.decorators.debug import sensitive_variables

from payments.gateway import http
from payments.gateway.http import Unknown
from payments.models.account import CardConnectAccount

_CENT = Decimal("0.01")
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Merchant:
    """A merchant account as it is set up at the gateway."""

    merchid: str
    checks_address: bool
    checks_code: bool
    # N none, S surcharge, C convenience fee, F service fee; the value is percent or flat.
    fee_type: str
    fee_format: str
    fee_value: Decimal

    @property
    def has_surcharge(self) -> bool:
        """Whether the gateway adds a surcharge to a credit card payment."""
        return self.fee_type == "S" and self.fee_value > 0


@dataclass(frozen=True)
class Surcharge:
    """What the gateway would add to a payment.

    `fee` is zero for a debit card and for a postal code where surcharges are not allowed.
    """

    fee: Decimal
    restricted: bool
    is_debit: bool = False


def merchant(account: CardConnectAccount) -> Merchant:
    """The setup of the tenant's account at the gateway; raises NotSent or Unknown."""
    row = http.ask(account, "GET", f"inquireMerchant/{account.merchid}")
    answered = http.field(row, "merchid", 16)
    if answered != account.merchid:
        raise Unknown("The answer is about another merchant.")
    return Merchant(
        merchid=answered,
        checks_address=http.flag(row, "avs"),
        checks_code=http.flag(row, "cvv"),
        fee_type=http.field(row, "fee_type", 1).upper(),
        fee_format=http.field(row, "fee_format", 10).lower(),
        fee_value=http.rate(row, "fee_value") or _ZERO,
    )


@sensitive_variables()
def surcharge(account: CardConnectAccount, token: str, postal: str, amount: Decimal) -> Surcharge:
    """What the gateway would add to `amount` for this card; raises NotSent or Unknown."""
    row = http.look_up(
        account,
        "surcharge",
        merchid=account.merchid,
        token=token,
        postal=postal,
        amount=f"{amount:.2f}",
    )
    if not isinstance(row, dict):
        raise Unknown("The answer cannot be read.")
    place = http.field(row, "postal").upper()
    restricted = place not in ("", "NOT_RESTRICTED", "UNKNOWN")
    is_debit = http.field(row, "token").upper() == "DEBIT"
    free = restricted or is_debit
    fee = http.rate(row, "fee_amount")
    if fee is not None and fee < 0:
        raise Unknown("The gateway answers with a negative fee.")
    return Surcharge(
        fee=_ZERO if free or fee is None else fee.quantize(_CENT, ROUND_HALF_UP),
        restricted=restricted,
        is_debit=is_debit,
    )
