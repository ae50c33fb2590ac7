"""Settlement: batches settle, deposits arrive, bank payments are returned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal

from sandbox import clock
from sandbox.books import writing
from sandbox.models import (
    ACCEPTED,
    ACH,
    QUEUED_FOR_CAPTURE,
    REJECTED,
    Batch,
    Charge,
    Event,
    Funding,
    FundingRow,
    Merchant,
    new_retref,
    note,
)

AT_ONCE = 500
RETURN_CODES = {
    "R01": "Insufficient funds",
    "R02": "Account closed",
    "R03": "No account",
    "R04": "Invalid account number",
    "R07": "Authorization revoked",
    "R08": "Payment stopped",
    "R09": "Uncollected funds",
    "R10": "Not authorized",
    "R16": "Account frozen",
    "R20": "Non-payment account",
    "R29": "Not authorized (business)",
}


class Impossible(ValueError):
    """Nothing at the gateway or a bank would ever do this."""


def close_batch(
    merchid: str = "", reject: Iterable[str] = (), code: str = "", only: str = ""
) -> list[Charge]:
    """Send off every open batch: each queued charge becomes Accepted, or Rejected when named.

    `code` is the return code of rejected bank payments, `only` the one charge to send off.
    """
    rejected = set(reject)
    with writing():
        queued = Charge.objects.committed().filter(setlstat=QUEUED_FOR_CAPTURE).order_by("pk")
        queued = queued.filter(merchant__merchid=merchid) if merchid else queued
        queued = queued.select_related("merchant")
        moved = list(queued.filter(retref=only) if only else queued)
        accept(moved)
        for charge in moved:
            bounce(charge, charge.retref in rejected, code)
    return moved


def accept(charges: list[Charge]) -> None:
    """Move charges from the open batch of each merchant to where settled money is."""
    moment = clock.now()
    for owner in {charge.merchant for charge in charges}:
        mine = [charge for charge in charges if charge.merchant_id == owner.pk]
        batch = send_batch(owner)
        for charge in mine:
            charge.setlstat, charge.settled_at = ACCEPTED, moment
            charge.batch, charge.batchid = batch, batch.batchid
        for some in batched(mine):
            Charge.objects.filter(pk__in=[charge.pk for charge in some]).update(
                setlstat=ACCEPTED, settled_at=moment, batch=batch, batchid=batch.batchid
            )
        notes("settle", mine, lambda one: {"setlstat": ACCEPTED, "batchid": one.batchid})


def send_batch(owner: Merchant) -> Batch:
    """Close the open batch of a merchant; the next charge opens the next one."""
    owner.refresh_from_db()
    batch = Batch.objects.create(merchant=owner, batchid=owner.open_batch)
    owner.batches_closed += 1
    owner.save(update_fields=["batches_closed"])
    note("batch", batch.batchid, merchid=owner.merchid)
    return batch


def batched(charges: list[Charge]) -> Iterator[list[Charge]]:
    """Cut a long list into pieces that fit one statement."""
    for start in range(0, len(charges), AT_ONCE):
        yield charges[start : start + AT_ONCE]


def notes(kind: str, charges: list[Charge], facts: Callable[[Charge], dict[str, str]]) -> None:
    """Append one event for each charge."""
    events = [Event(kind=kind, subject=charge.retref, data=facts(charge)) for charge in charges]
    Event.objects.bulk_create(events, batch_size=AT_ONCE)


def bounce(charge: Charge, rejected: bool, code: str) -> None:
    """Reject a settled charge that was named, or whose test bank account returns payments."""
    if charge.account_kind == ACH and (rejected or charge.returns_with):
        reject_unfunded(charge, (rejected and code) or charge.returns_with or "R01")
    elif rejected:
        charge.setlstat = REJECTED
        charge.save()
        note("reject", charge.retref, setlstat=REJECTED)


def fund(merchid: str = "") -> list[FundingRow]:
    """Deposit everything accepted and not yet paid out, one deposit per merchant and day."""
    with writing():
        due = Charge.objects.filter(setlstat=ACCEPTED, funded_at=None).order_by("pk")
        due = due.filter(merchant__merchid=merchid) if merchid else due
        return pay_out(list(due.select_related("merchant", "parent")))


def pay_out(charges: list[Charge]) -> list[FundingRow]:
    """Put these charges into the day's deposit of their merchants."""
    for some in batched(charges):
        paid = Charge.objects.filter(pk__in=[charge.pk for charge in some])
        paid.update(funded_at=clock.now())
    notes("fund", charges, lambda one: {"amount": str(one.signed)})
    reports = {owner: report_of(owner) for owner in {charge.merchant for charge in charges}}
    rows = [deposit(charge, reports[charge.merchant]) for charge in charges]
    return FundingRow.objects.bulk_create(rows, batch_size=AT_ONCE)


def report_of(merchant: Merchant, day: date | None = None) -> Funding:
    """Return the funding report of a merchant's day, today's unless another is named."""
    return Funding.objects.get_or_create(merchant=merchant, day=day or clock.today())[0]


def deposit(charge: Charge, funding: Funding) -> FundingRow:
    """Return the line that pays one charge out."""
    return FundingRow(
        funding=funding,
        charge=charge,
        retref=charge.retref,
        amount=charge.signed,
        kind="REFUND" if charge.kind == "refund" else "SALE",
        status="Settled",
        parentretref=charge.parent.retref if charge.parent else "",
    )


def report(
    charge: Charge,
    amount: Decimal,
    kind: str,
    status: str,
    retref: str = "",
    achreturncode: str = "",
    parentretref: str = "",
    day: date | None = None,
) -> FundingRow:
    """Write one line of a returned payment into a report of the charge's merchant."""
    return FundingRow.objects.create(
        funding=report_of(charge.merchant, day),
        charge=charge,
        retref=retref or charge.retref,
        amount=amount,
        kind=kind,
        status=status,
        achreturncode=achreturncode,
        parentretref=parentretref,
    )


def return_payment(
    retref: str, code: str, again: bool = False, day: date | None = None
) -> FundingRow:
    """Let the payer's bank send a payment back; `again` repeats a return already reported.

    It stands in the report of `day`, which may have been read already; today's when none is named.
    """
    if not re.fullmatch(r"R\d\d", code):
        raise Impossible("a return code is R and two digits")
    with writing():
        known = Charge.objects.committed().select_related("merchant", "parent")
        charge = known.filter(retref=retref).first()
        if charge is None or charge.account_kind != ACH:
            raise Impossible("no bank payment has this retref")
        if charge.returned_at and again:
            return repeat(charge, code, day)
        if not charge.returnable:
            raise Impossible(f"this payment cannot come back: {charge.setlstat}")
        if charge.setlstat == QUEUED_FOR_CAPTURE:
            close_batch(only=retref)
            charge.refresh_from_db()
        reject = reject_funded if charge.funded_at else reject_unfunded
        return reject(charge, code, day)


def reject_unfunded(charge: Charge, code: str, day: date | None = None) -> FundingRow:
    """Return a payment that was not paid out yet: no new record, the original is Rejected."""
    charge.setlstat, charge.achreturncode, charge.returned_at = REJECTED, code, clock.now()
    charge.save()
    note("return", charge.retref, setlstat=REJECTED, achreturncode=code)
    return report_rejected(charge, code, day)


def report_rejected(charge: Charge, code: str, day: date | None) -> FundingRow:
    """Write the original itself into the report as Rejected; a refund's line names its payment."""
    kind = "REFUND" if charge.kind == "refund" else "SALE"
    parent = charge.parent.retref if charge.parent else ""
    return report(charge, charge.signed, kind, "Rejected", "", code, parent, day)


def reject_funded(charge: Charge, code: str, day: date | None = None) -> FundingRow:
    """Return a payment already paid out: a record of its own, the other way, names the original."""
    charge.achreturncode, charge.returned_at = code, clock.now()
    charge.save()
    row = report_returned(charge, code, day)
    note("return", charge.retref, achreturncode=code, record=row.retref)
    return row


def report_returned(charge: Charge, code: str, day: date | None) -> FundingRow:
    """Write a record of the return itself, the other way, which names what came back."""
    twin = (charge, -charge.signed, "RETURN", "Settled", new_retref(), code, charge.retref)
    return report(*twin, day)


def repeat(charge: Charge, code: str, day: date | None) -> FundingRow:
    """Report a return a second time, as a feed may; the payment itself stays as it is."""
    note("return again", charge.retref, achreturncode=code)
    return (report_returned if charge.funded_at else report_rejected)(charge, code, day)
