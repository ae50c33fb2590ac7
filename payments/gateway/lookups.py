"""What the gateway knows before a charge: the merchant, the card behind a token, the surcharge."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from django.views.decorators.debug import sensitive_variables

from payments.gateway import http
from payments.gateway.http import Unknown
from payments.models.account import CardConnectAccount

_CENT = Decimal("0.01")
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Merchant:
    """A merchant account as the gateway has it set up."""

    merchid: str
    site: str
    is_enabled: bool
    processor: str
    takes_bank_payments: bool
    checks_address: bool
    checks_code: bool
    updates_cards: bool
    # N none, S surcharge, C convenience fee, F service fee; the value is percent or flat.
    fee_type: str
    fee_format: str
    fee_value: Decimal
    fee_merchid: str

    @property
    def has_surcharge(self) -> bool:
        """Whether the gateway adds a fee of its own to a credit card payment."""
        return self.fee_type == "S" and self.fee_value > 0


@dataclass(frozen=True)
class Bin:
    """What the first digits of a card tell."""

    country: str
    product: str
    bin: str
    issuer: str
    card_use: str
    is_prepaid: bool
    is_corporate: bool


@dataclass(frozen=True)
class Surcharge:
    """What the gateway would add to a payment by itself.

    `fee` is zero for a debit card and for a postal code where surcharges are not allowed.
    """

    fee: Decimal
    restricted: bool
    is_debit: bool = False
    messages: tuple[str, ...] = ()
    # Whether `fee` is an answer, and not only the absence of one.
    is_certain: bool = True


def merchant(account: CardConnectAccount) -> Merchant:
    """How the gateway has the company's account set up; raises NotSent or Unknown."""
    row = http.ask(account, "GET", f"inquireMerchant/{account.merchid}")
    told = http.field(row, "merchid", 16)
    if told != account.merchid:
        raise Unknown("The answer is about another merchant.")
    return Merchant(
        merchid=told,
        site=http.field(row, "site", 40),
        is_enabled=http.flag(row, "enabled"),
        processor=http.field(row, "cardproc", 4),
        takes_bank_payments=http.flag(row, "echeck"),
        checks_address=http.flag(row, "avs"),
        checks_code=http.flag(row, "cvv"),
        updates_cards=http.flag(row, "acctupdater"),
        fee_type=http.field(row, "fee_type", 1).upper(),
        fee_format=http.field(row, "fee_format", 10).lower(),
        fee_value=http.rate(row, "fee_value") or _ZERO,
        fee_merchid=http.field(row, "fee_merchid", 16),
    )


@sensitive_variables()
def bin_of(account: CardConnectAccount, token: str) -> Bin | None:
    """What kind of card a token stands for; None when nobody knows. Raises NotSent or Unknown."""
    row = http.ask(account, "GET", f"bin/{account.merchid}/{quote(token, safe='')}")
    if http.field(row, "errormsg").lower().startswith("no bin"):
        return None
    if http.field(row, "errormsg") or not http.field(row, "bin"):
        raise Unknown("The gateway does not tell the kind of card.")
    return Bin(
        country=http.field(row, "country", 20),
        product=http.field(row, "product", 1),
        bin=http.field(row, "bin", 8),
        issuer=http.field(row, "issuer", 80),
        card_use=http.field(row, "cardusestring", 80),
        is_prepaid=http.flag(row, "prepaid"),
        is_corporate=http.flag(row, "corporate"),
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
    kind = http.field(row, "token").upper()
    is_debit = kind == "DEBIT"
    free = restricted or is_debit
    fee = http.rate(row, "fee_amount")
    if fee is not None and fee < 0:
        raise Unknown("The gateway answers with a negative fee.")
    return Surcharge(
        fee=_ZERO if free or fee is None else fee.quantize(_CENT, ROUND_HALF_UP),
        restricted=restricted,
        is_debit=is_debit,
        messages=_messages(row.get("messages")),
        is_certain=free or (fee is not None and "UNKNOWN" not in (kind, place)),
    )


def _messages(told: Any) -> tuple[str, ...]:
    """The messages, each a text or an object of texts; long numbers are left out."""
    found = []
    for each in told if isinstance(told, list) else [told]:
        parts = each if isinstance(each, dict) else {"message": each}
        names = ["message"] if "message" in parts else list(parts)
        words = " ".join(filter(None, (http.text(parts, name) for name in names)))
        if words:
            found.append(words)
    return tuple(found)
