"""Charges from before the sandbox's time: told once, written as if they had happened then."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sandbox import charges, clock, emulator, fees, settlement
from sandbox.books import writing
from sandbox.models import ACH, CARD, Charge, Merchant, note
from sandbox.settlement import Impossible

MOMENTS = ("at", "settled", "voided", "returned")
WORDS = ("retref", "orderid", "kind", "account", "authcode", "invoiceid", "code", "parent")
FIELDS = {"merchid", *MOMENTS, *WORDS, "amount", "fee"}
PAID_OUT_AFTER = timedelta(days=1)
ZERO = Decimal("0.00")
Step = tuple[datetime, Callable[[], object]]


@dataclass(frozen=True)
class Told:
    """One charge, or the refund of its `parent`, and when what happened to it."""

    merchant: Merchant
    retref: str
    orderid: str
    amount: Decimal
    fee: Decimal
    kind: str
    account: str
    authcode: str
    invoiceid: str
    parent: str
    at: datetime
    settled: datetime | None
    voided: datetime | None
    returned: datetime | None
    code: str


def tell(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write what is not known yet, in the order of time; return the retrefs. All of it or nothing.

    Raises Impossible, or ValueError for what cannot be read.
    """
    with writing():
        new = [told for told in map(read, rows) if not known(told)]
        for moment, verb in sorted(steps(new), key=lambda step: step[0]):
            with clock.then(moment):
                try:
                    verb()
                except emulator.Refusal as refusal:
                    raise Impossible(f"the gateway would say: {refusal}") from refusal
    return [told.retref for told in new]


def steps(new: list[Told]) -> Iterator[Step]:
    """Yield all that happened, each with its moment; what settled together is one batch."""
    batches: dict[datetime, list[str]] = defaultdict(list)
    for told in new:
        yield told.at, partial(record, told)
        if told.settled:
            batches[told.settled].append(told.retref)
    for moment, names in batches.items():
        yield moment, partial(settle, names)
        if moment + PAID_OUT_AFTER <= clock.now():
            yield moment + PAID_OUT_AFTER, partial(pay_out, names)
    for told in new:
        if told.voided:
            yield told.voided, partial(void, told)
        if told.returned:
            yield told.returned, partial(come_back, told)


def record(told: Told) -> None:
    """Write the charge or refund itself, queued for capture."""
    merchant = Merchant.objects.get(pk=told.merchant.pk)  # its open batch may be another by now
    if told.parent:
        parent = charges.find(merchant, told.parent)
        if parent is None:
            raise Impossible(f"{told.retref} refunds an unknown charge")
        charges.refund(parent, told.amount, told.orderid, retref=told.retref)
        return
    charge = Charge(
        merchant=merchant,
        retref=told.retref,
        orderid=told.orderid,
        invoiceid=told.invoiceid,
        requested=told.amount,
        account_kind=told.kind,
        authcode=told.authcode,
        currency=merchant.currency,
        **charges.outcome_fields(approval(merchant, told)),
        **account_fields(told.account),
    )
    charges.queue_for_capture(charge)
    charge.save(force_insert=True)
    note("charge", charge.retref, **charges.facts(charge))


def approval(merchant: Merchant, told: Told) -> emulator.Outcome:
    """Return how the processor approved it, with the fee that it added."""
    amount, extra = told.amount + told.fee, {}
    if told.fee:
        extra = fees.merchant_fields(merchant) | {"fee_amount": f"{told.fee:.2f}"}
    if told.kind == ACH:
        return emulator.result("PSTR", "00", "Success", amount=amount, extra=extra)
    code = "000" if merchant.processor == "RPCT" else "00"
    return emulator.result(merchant.processor, code, "Approval", amount=amount, extra=extra)


def account_fields(account: str) -> dict[str, str]:
    """Return the columns of a masked account; its token has the usual shape and is in no vault."""
    if not account:
        return {}
    token = f"9{account[:2]}000000000{account[-4:]}"
    return {"token": token, "masked": account, "last_four": account[-4:]}


def found(names: Iterable[str]) -> list[Charge]:
    """Return these charges as they are now."""
    mine = Charge.objects.filter(retref__in=list(names)).select_related("merchant", "parent")
    return list(mine.order_by("pk"))


def settle(names: Iterable[str]) -> None:
    """Close the batch that these were in."""
    settlement.accept(found(names))


def pay_out(names: Iterable[str]) -> None:
    """Deposit what has not come back before."""
    settlement.pay_out([charge for charge in found(names) if not charge.returned_at])


def void(told: Told) -> None:
    """Undo all of it before settlement."""
    [charge] = found([told.retref])
    charges.void(charge, ZERO)


def come_back(told: Told) -> None:
    """Let the payer's bank send it back."""
    settlement.return_payment(told.retref, told.code)


def known(told: Told) -> bool:
    """Tell whether it was told before; raises Impossible when this retref is another charge's."""
    charge = Charge.objects.filter(retref=told.retref).first()
    if charge is None:
        return False
    same = (charge.merchant_id, charge.orderid, charge.requested)
    if same != (told.merchant.pk, charges.stored_orderid(told.orderid), told.amount):
        raise Impossible(f"{told.retref} is another charge")
    return True


def read(row: Mapping[str, Any]) -> Told:
    """Read one row; raises Impossible, or ValueError for what is no moment."""
    if set(row) - FIELDS:
        raise Impossible(f"unknown fields: {sorted(set(row) - FIELDS)}")
    merchid = str(row.get("merchid") or "")
    moment = {name: read_moment(row[name]) for name in MOMENTS if row.get(name)}
    told = Told(
        merchant=Merchant.objects.filter(merchid=merchid).first() or refuse("no such merchid"),
        amount=read_amount(row["amount"]),
        fee=read_amount(row.get("fee") or "0.00"),
        at=moment.get("at") or refuse("a charge has a moment"),
        settled=moment.get("settled"),
        voided=moment.get("voided"),
        returned=moment.get("returned"),
        **{name: str(row.get(name) or "") for name in WORDS},
    )
    check(told)
    return told


def check(told: Told) -> None:
    """Refuse what no gateway would have in its books."""
    shapes = {
        "retref": (told.retref, r"\d{12}"),
        "orderid": (told.orderid, r".{1,50}"),
        "kind": (told.kind, f"{CARD}|{ACH}"),
        "account": (told.account, r"(\d\dX{3,13}\d{4})?"),
        "authcode": (told.authcode, r"\w{0,16}"),
        "invoiceid": (told.invoiceid, r".{0,12}"),
    }
    for name, (value, shape) in shapes.items():
        if not re.fullmatch(shape, value):
            raise Impossible(f"{value!r} is no {name}")
    after = [moment for moment in (told.settled, told.voided, told.returned) if moment]
    if any(not told.at <= moment <= clock.now() for moment in (told.at, *after)):
        raise Impossible(f"{told.retref}: the past goes from its charge to now")
    if told.amount <= 0 or (told.voided and told.settled):
        raise Impossible(f"{told.retref}: no amount, or voided after its batch was closed")


def read_moment(value: Any) -> datetime:
    """Read a moment with its zone; raises ValueError."""
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else refuse(f"{value} has no time zone")


def read_amount(value: Any) -> Decimal:
    """Read dollars with two decimals; raises Impossible."""
    if not re.fullmatch(r"\d{1,9}\.\d\d", str(value)):
        raise Impossible(f"{value!r} is no amount")
    return Decimal(str(value))


def refuse(why: str) -> Any:
    """Raise Impossible, where an expression is needed."""
    raise Impossible(why)
