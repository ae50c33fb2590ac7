"""The gateway's reports about past days: settlement and funding."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus

from payments.gateway import http, responses
from payments.gateway.http import Unknown
from payments.models.account import CardConnectAccount

_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")
# The name of a bank payment in the field that holds a card's brand.
BANK_TYPES = frozenset({"ECHK", "ESAV", "ACH", "BANK"})
REJECTED = frozenset("NFPTR")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Settled:
    """One line of a settlement batch.

    Codes: Y accepted; N rejected, by F its format, by T its token, by P as a PIN debit, R as a
    duplicate; W under review; none while it is queued.
    """

    batchid: str
    retref: str
    orderid: str
    amount: Decimal
    letter: str
    merchid: str = ""
    cardtype: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether it settled."""
        return self.letter == "Y"

    @property
    def is_rejected(self) -> bool:
        """Whether settlement rejected it; a line that is neither accepted nor rejected waits."""
        return self.letter in REJECTED


@dataclass(frozen=True)
class Funded:
    """One line of a funding report: money to or from the tenant's bank account."""

    retref: str
    amount: Decimal
    kind: str
    status: str
    achreturncode: str
    parentretref: str
    date: dt.date | None
    invoicenumber: str = ""
    is_bank: bool = False

    @property
    def is_rejected(self) -> bool:
        """A bank payment that was returned before it was funded keeps its own line."""
        return self.status.lower() == "rejected"

    @property
    def is_paid_out(self) -> bool:
        """Whether the line is the payout itself, not a later event of it."""
        return not (self.is_rejected or self.achreturncode)


def settlements(account: CardConnectAccount, day: dt.date) -> list[Settled]:
    """Every line of the batches of a day; raises NotSent or Unknown."""
    path = f"settlestat?merchid={account.merchid}&date={day:%m%d}"
    status, body = http.call(account, "GET", path)
    if status == HTTPStatus.OK and _is_null_batches(body):
        return []
    report = http.read_json(status, body)
    lines = []
    for batch in report if isinstance(report, list) else [report]:
        for row in _rows(batch, "txns"):
            lines.append(_settled(batch, row))
    return lines


def funding(account: CardConnectAccount, day: dt.date) -> list[Funded]:
    """Every transaction funded on a day; raises NotSent or Unknown."""
    report = http.look_up(account, "funding", merchid=account.merchid, date=f"{day:%Y%m%d}")
    refusal = http.text(report, "errormsg")
    if refusal.lower().startswith("no deposits"):
        return []
    if refusal:
        raise Unknown(f"The gateway has no report: {refusal}")
    return [_funded(row) for row in _rows(report, "txns")]


def _is_null_batches(body: bytes) -> bool:
    """The gateway's response when nothing settled: labeled as JSON, but not JSON."""
    return body.strip().strip(b'"').lower() == b"null batches"


def _rows(parent: object, name: str) -> list[object]:
    """The list under a name. A report that is read in part would report good payments as lost."""
    rows = parent.get(name, []) if isinstance(parent, dict) and parent else None
    if rows is None or not isinstance(rows, list):
        raise Unknown("The report cannot be read.")
    return rows


def _settled(batch: object, row: object) -> Settled:
    retref, amount = responses.reference(row), amount_in(row, "setlamount")
    if not retref or amount is None:
        raise Unknown("A line of the settlement cannot be read.")
    return Settled(
        batchid=http.field(batch, "batchid", 12),
        retref=retref,
        orderid=http.field(row, "salesdoc", 50),
        amount=amount,
        letter=http.field(row, "setlstat", 1).upper(),
        merchid=http.field(batch, "merchid", 16),
        cardtype=http.field(row, "cardtype", 8).upper(),
    )


def _funded(row: object) -> Funded:
    retref, amount = responses.reference(row), amount_in(row, "amount")
    if not retref or amount is None:
        raise Unknown("A line of the funding cannot be read.")
    return Funded(
        retref=retref,
        amount=amount,
        kind=http.field(row, "type", 20).upper(),
        status=http.field(row, "status", 20),
        achreturncode=http.field(row, "achreturncode", 5).upper(),
        parentretref=responses.reference({"retref": http.field(row, "parentretref")}),
        date=http.day(row, "date"),
        invoicenumber=http.field(row, "invoicenumber", 50),
        is_bank=any(
            http.field(row, name, 8).upper() in BANK_TYPES for name in ("cardtype", "cardbrand")
        ),
    )


def amount_in(row: object, name: str) -> Decimal | None:
    """An amount of a report: 550.14, "550.14", or 55014 in cents; None when it is no amount."""
    value = http.field(row, name)
    if not _AMOUNT.fullmatch(value):
        return None
    return Decimal(value).quantize(_CENT) if "." in value else Decimal(value).scaleb(-2)
