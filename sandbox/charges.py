"""Money at the gateway: authorize, capture, void, refund, settle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from sandbox import cards, clock, emulator, vault
from sandbox.models import (
    ACCEPTED,
    ACH,
    AUTHORIZED,
    CARD,
    DECLINED,
    QUEUED_FOR_CAPTURE,
    REJECTED,
    VOIDED,
    ZERO_AMOUNT,
    Charge,
    Merchant,
    new_retref,
    note,
)

CENT = Decimal("0.01")


def stored_orderid(orderid: str) -> str:
    """Mask an order id that looks like a card number, as the gateway does: it is then lost."""
    if re.fullmatch(r"\d{12,}", orderid) and vault.luhn_ok(orderid):
        return "X" * (len(orderid) - 4) + orderid[-4:]
    return orderid


def wants_capture(request: dict[str, Any]) -> bool:
    """Tell whether the caller asked for auth and capture in one."""
    return str(request.get("capture") or "").upper() == "Y"


@dataclass(frozen=True)
class Late:
    """A commit that comes late: until then an inquiry finds it "missing" or "timed_out"."""

    seen_as: str
    seconds: float

    def put_off(self, charge: Charge) -> None:
        """Delay this charge's commit."""
        charge.late_as = self.seen_as
        charge.commits_at = clock.now() + timedelta(seconds=self.seconds)


def authorize(
    merchant: Merchant,
    request: dict[str, Any],
    outcome: emulator.Outcome | None = None,
    late: Late | None = None,
) -> Charge:
    """Run an auth request and record it, approved or not; duplicates are new charges."""
    outcome = outcome or emulator.decide(merchant, request)
    charge = Charge(merchant=merchant, kind="sale", **outcome_fields(outcome))
    if late:
        late.put_off(charge)
    fill_request(charge, request, outcome)
    charge.setlstat = first_setlstat(charge, wants_capture(request))
    if charge.setlstat == QUEUED_FOR_CAPTURE:
        queue_for_capture(charge)
    save_new(charge)
    note("charge", charge.retref, **facts(charge))
    return charge


def facts(charge: Charge) -> dict[str, str]:
    """Return what the trail says of a new charge."""
    names = ("orderid", "respstat", "setlstat", "amount", "commits_at")
    return {name: str(getattr(charge, name) or "") for name in names}


def outcome_fields(outcome: emulator.Outcome) -> dict[str, Any]:
    """Return the charge's columns that the processor decides."""
    names = (
        "respproc",
        "respcode",
        "respstat",
        "resptext",
        "amount",
        "avsresp",
        "cvvresp",
        "extra",
    )
    return {name: getattr(outcome, name) for name in names}


def fill_request(charge: Charge, request: dict[str, Any], outcome: emulator.Outcome) -> None:
    """Copy what the caller sent; never the card number or the security code."""
    token = outcome.token
    charge.retref = new_retref()
    charge.orderid = stored_orderid(str(request.get("orderid") or "")[:50])
    charge.invoiceid = str(request.get("invoiceid") or "")[:12]
    charge.currency = charge.merchant.currency
    charge.expiry = outcome.expiry
    charge.name = str(request.get("name") or "")[:64]
    charge.ecomind = str(request.get("ecomind") or "")[:1]
    charge.userfields = request.get("userfields") or []
    try:
        charge.requested = emulator.read_amount(request.get("amount"))
    except emulator.Refusal:
        charge.requested = Decimal("0.00")
    if token:
        charge.account_kind = token.kind
        charge.token, charge.masked, charge.last_four = token.token, token.masked, token.last_four
        if charge.approved:
            charge.authcode = cards.authcode(token.first_six, charge.retref)
        if token.kind == ACH and re.fullmatch(r"99\d\d", token.last_four):
            charge.returns_with = f"R{token.last_four[2:]}"


def first_setlstat(charge: Charge, capture: bool) -> str:
    """Return the first settlement status of a charge; ACH is queued at once, with or without
    capture.
    """
    if not charge.approved:
        return DECLINED
    if charge.requested == 0:
        return ZERO_AMOUNT
    return QUEUED_FOR_CAPTURE if capture or charge.account_kind == ACH else AUTHORIZED


def queue_for_capture(charge: Charge) -> None:
    """Put a charge into the open batch of its merchant."""
    charge.setlstat = QUEUED_FOR_CAPTURE
    charge.captured_at = clock.now()
    charge.batchid = charge.merchant.open_batch


def save_new(charge: Charge) -> None:
    """Insert a charge; on the rare clash of retrefs draw another."""
    for _ in range(5):
        try:
            with transaction.atomic():
                charge.save(force_insert=True)
            return
        except IntegrityError:
            charge.retref = new_retref()
    raise RuntimeError("no free retref")


def find(merchant: Merchant, retref: str) -> Charge | None:
    """Return the merchant's charge with this retref."""
    return Charge.objects.findable().filter(merchant=merchant, retref=retref).first()


def capture(charge: Charge, amount: Decimal | None) -> None:
    """Queue an authorization for settlement; capturing twice succeeds and changes nothing."""
    done = charge.setlstat in (AUTHORIZED, QUEUED_FOR_CAPTURE, ACCEPTED)
    if not charge.approved or charge.pending or not done:
        raise emulator.refuse("PPS", "29")
    if amount is not None and amount > charge.amount:
        raise emulator.refuse("PPS", "42")
    if charge.setlstat == AUTHORIZED:
        charge.amount = amount or charge.amount
        queue_for_capture(charge)
        charge.save()
        note("capture", charge.retref, amount=str(charge.amount), setlstat=charge.setlstat)


def void(charge: Charge, amount: Decimal) -> None:
    """Undo a charge before settlement; zero means all of it, part only while Authorized."""
    if not charge.approved or charge.pending:
        raise emulator.refuse("PPS", "29")
    if charge.setlstat in (ACCEPTED, REJECTED):
        raise emulator.refuse("PPS", "26")
    if charge.setlstat == VOIDED:
        raise emulator.refuse("PPS", "25")
    partial = 0 < amount < charge.amount
    if amount > charge.amount or (partial and charge.setlstat != AUTHORIZED):
        raise emulator.refuse("PPS", "24")
    charge.amount = charge.amount - amount if partial else Decimal("0.00")
    charge.setlstat = charge.setlstat if partial else VOIDED
    charge.save()
    note("void", charge.retref, amount=str(charge.amount), setlstat=charge.setlstat)


def refund(
    charge: Charge,
    amount: Decimal | None,
    orderid: str,
    late: Late | None = None,
    retref: str = "",
) -> Charge:
    """Refund a settled charge; never more than is left of it."""
    gone = charge.setlstat in (VOIDED, REJECTED)
    if not charge.approved or charge.pending or charge.kind == "refund" or gone:
        raise emulator.refuse("PPS", "29")
    if not charge.refundable:
        raise emulator.refuse("PPS", "28")
    kept = charge.refunds.filter(returned_at=None).exclude(setlstat__in=[VOIDED, DECLINED])
    left = charge.amount - sum((r.amount for r in kept), Decimal("0.00"))
    wanted = left if amount is None else amount
    if wanted <= 0:
        raise emulator.refuse("PPS", "43")
    if wanted > left:
        raise emulator.refuse("PPS", "42")
    return record_refund(charge, wanted, orderid, late, retref)


def record_refund(
    charge: Charge, amount: Decimal, orderid: str, late: Late | None, retref: str = ""
) -> Charge:
    """Write the refund; 1nnn.00 of a charge of 2000.00 or more asks for decline code nnn."""
    outcome = emulator.result("PPS", "00", amount=amount)
    if charge.amount >= 2000 and charge.account_kind == CARD:
        judged = emulator.by_amount(charge.merchant.processor, amount)
        outcome = outcome if judged.respstat == "A" else judged
    new = Charge(merchant=charge.merchant, kind="refund", **outcome_fields(outcome))
    new.parent, new.account_kind, new.currency = charge, charge.account_kind, charge.currency
    new.token, new.masked, new.last_four = charge.token, charge.masked, charge.last_four
    new.orderid = stored_orderid(orderid) or charge.orderid
    new.requested, new.retref = amount, retref or new_retref()
    if late:
        late.put_off(new)
    new.setlstat = DECLINED
    if new.approved:
        new.authcode = "REFUND"
        queue_for_capture(new)
    save_new(new)
    note("refund", new.retref, parent=charge.retref, **facts(new))
    return new
