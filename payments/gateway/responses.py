"""The gateway's responses as our own types.

An attempt to take money ends as Approved, as Declined, or as http.Unknown; there is no fourth.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from payments.gateway import decline_codes, http
from payments.gateway.http import Unknown
from payments.models import Payment

_RETREF = re.compile(r"[0-9A-Za-z]{1,14}")
_ZERO = Decimal("0.00")
# "Txn Settled" and "Txn not settled" have both been seen marked as approved: nothing was done.
_NOTHING_DONE = frozenset({"26", "27", "28", "29", "39", "45", "46"})


@dataclass(frozen=True)
class Approved:
    """Money was taken; `amount` may differ from the requested one."""

    amount: Decimal
    retref: str
    authcode: str = ""
    respproc: str = ""
    respcode: str = ""
    resptext: str = ""
    # What the gateway itself added, and what kind of fee it calls it.
    fee: Decimal = _ZERO
    fee_type: str = ""
    fee_format: str = ""
    fee_value: Decimal = _ZERO

    def total(self, asked: Decimal) -> Decimal:
        """What the payer was charged in all, when `asked` was requested.

        The gateway reports a fee either within the amount (which then exceeds the requested one)
        or beside it.
        """
        return self.amount + self.fee if self.amount == asked else self.amount


@dataclass(frozen=True)
class Declined:
    """Nothing was charged. `sentence` is for the payer; code and text are the gateway's own."""

    respproc: str
    respcode: str
    resptext: str
    sentence: str
    may_retry: bool = True
    retref: str = ""
    staff: str = ""


@dataclass(frozen=True)
class Refunded:
    """A refund went through, under a reference of its own."""

    retref: str
    amount: Decimal
    authcode: str = ""
    respproc: str = ""
    respcode: str = ""
    resptext: str = ""


@dataclass(frozen=True)
class Voided:
    """A charge was voided before it settled."""

    retref: str
    authcode: str = ""
    respproc: str = ""
    respcode: str = ""
    resptext: str = ""


Answer = Approved | Declined


@dataclass(frozen=True)
class Transaction:
    """One transaction in the gateway's records."""

    retref: str
    orderid: str
    merchid: str
    amount: Decimal | None
    respstat: str
    respproc: str
    respcode: str
    resptext: str
    setlstat: str
    authcode: str
    fee: Decimal = _ZERO

    @property
    def is_approved(self) -> bool:
        """Whether the bank approved it, whatever happened later."""
        return self.respstat == "A"

    @property
    def is_voided(self) -> bool:
        """Whether it was voided before settlement."""
        return self._stands("voided")

    @property
    def is_settled(self) -> bool:
        """Whether it settled."""
        return self._stands("accepted")

    @property
    def is_rejected(self) -> bool:
        """Whether settlement rejected it; for a bank payment, `funding` has the reason."""
        return self._stands("rejected", "format error", "token decrypt", "pin debit")

    def _stands(self, *words: str) -> bool:
        return " ".join(self.setlstat.lower().split()) in words


def attempt(row: object, payment: Payment) -> Answer | None:
    """The outcome of one attempt; None for the gateway's B, "try later"; raises Unknown."""
    respstat = http.field(row, "respstat")
    if respstat not in ("A", "B", "C"):
        raise Unknown("The answer does not say how it went.")
    about(row, payment, {payment.orderid})
    if respstat == "B":
        return None
    retref = reference(row)
    if respstat == "C":
        return _declined(row)
    amount = http.money(row, "amount")
    if not retref or amount is None or amount < 0:
        raise Unknown("The answer approves without an amount or a reference.")
    return Approved(
        amount,
        retref,
        http.field(row, "authcode", 16),
        **codes(row),
        fee=http.money(row, "fee_amount") or _ZERO,
        fee_type=http.field(row, "fee_type", 1).upper(),
        fee_format=http.field(row, "fee_format", 10).lower(),
        fee_value=http.rate(row, "fee_value") or _ZERO,
    )


def refunded(row: object, payment: Payment, orderid: str) -> Refunded | Declined:
    """The response to a refund; raises Unknown."""
    if verdict(row, payment, {payment.orderid, orderid}) == "C":
        return refused(row, "refund")
    retref, amount = reference(row), http.money(row, "amount")
    if retref in ("", payment.retref) or amount is None:
        raise Unknown("The answer refunds without an amount or a reference of its own.")
    # Some processors write a refund as a negative amount.
    return Refunded(retref, abs(amount), http.field(row, "authcode", 16), **codes(row))


def voided(row: object, payment: Payment) -> Voided | Declined:
    """The response to a void; raises Unknown."""
    if verdict(row, payment, {payment.orderid}) == "C":
        return refused(row, "void")
    return Voided(reference(row), http.field(row, "authcode", 16), **codes(row))


def verdict(row: object, payment: Payment, orderids: Collection[str]) -> str:
    """A or C; an approval by a code that means "nothing done" is a C. Raises Unknown."""
    respstat = http.field(row, "respstat")
    about(row, payment, orderids)
    if respstat not in ("A", "C"):
        raise Unknown("The answer does not say how it went.")
    return "C" if respstat == "A" and http.field(row, "respcode") in _NOTHING_DONE else respstat


def transaction(row: object) -> Transaction | None:
    """One transaction from the gateway's records; None for "Txn not found"; raises Unknown."""
    if is_not_found(row):
        return None
    retref = reference(row)
    if not retref or http.field(row, "respstat") not in ("A", "B", "C"):
        raise Unknown("The answer does not say which transaction it is about.")
    return Transaction(
        retref=retref,
        orderid=orderid_of(row),
        merchid=http.field(row, "merchid", 16),
        amount=http.money(row, "amount"),
        respstat=http.field(row, "respstat"),
        setlstat=http.field(row, "setlstat", 40),
        authcode=http.field(row, "authcode", 16),
        fee=http.money(row, "fee_amount") or _ZERO,
        **codes(row),
    )


def about(row: object, payment: Payment, orderids: Collection[str]) -> None:
    """Raise Unknown when the response is about another transaction."""
    value = orderid_of(row)
    if value and value not in orderids:
        raise Unknown("The answer is about another order.")
    merchid = http.field(row, "merchid")
    # A bank payment may be booked under a linked merchant ID.
    if merchid and merchid != payment.merchid and payment.method == Payment.Method.CARD:
        raise Unknown("The answer is about another merchant.")


def is_not_found(row: object) -> bool:
    """The gateway's "Txn not found"."""
    return (http.field(row, "respproc"), http.field(row, "respcode")) == ("PPS", "29")


def is_voided(row: object) -> bool:
    """Whether a row is about a voided charge."""
    return http.field(row, "setlstat").lower() == "voided"


def orderid_of(row: object) -> str:
    """The order number, which is written in two ways."""
    return http.field(row, "orderId", 50) or http.field(row, "orderid", 50)


def reference(row: object) -> str:
    """The gateway's own reference; "" unless it is one."""
    value = http.field(row, "retref")
    return value if _RETREF.fullmatch(value) else ""


def codes(row: object) -> dict[str, str]:
    """Processor, code and text, as staff see them."""
    respproc = http.field(row, "respproc", 4) or http.field(row, "cardproc", 4)
    respcode = http.field(row, "respcode", 4)
    text = http.text(row, "resptext") or decline_codes.original(respproc, respcode)
    return {"respproc": respproc, "respcode": respcode, "resptext": text}


def _declined(row: object) -> Declined:
    processor, code, text = codes(row).values()
    words = decline_codes.find(processor, code, text, http.field(row, "declineCategory"))
    found = reference(row)
    return Declined(processor, code, text, words.sentence, words.may_retry, found, words.staff)


def refused(row: object, verb: str) -> Declined:
    """A refusal of a void or refund, in words for staff."""
    processor, code, text = codes(row).values()
    sentence = decline_codes.for_staff(verb, processor, code)
    return Declined(processor, code, text, sentence, retref=reference(row))
