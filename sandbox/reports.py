"""The gateway's reports: settlestat (batches) and funding (deposits)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from sandbox import clock, wire
from sandbox.books import writing
from sandbox.models import ACCEPTED, ACH, Batch, Charge, Funding, FundingRow, Merchant

Body = dict[str, Any]
NOTHING_FUNDED = {"errormsg": "No deposits match your request"}
CARD_TYPES = {"3": "AMEX", "4": "VISA", "5": "MC", "6": "DISC"}


def read_day(text: str) -> date | None:
    """Read MMDD (the newest such day, up to today) or YYYYMMDD; None for anything else."""
    if re.fullmatch(r"\d{8}", text):
        return _day(int(text[:4]), text[4:])
    if re.fullmatch(r"\d{4}", text):
        today = clock.today()
        # February 29 may be eight years back.
        days = (_day(year, text) for year in range(today.year, today.year - 9, -1))
        return next((day for day in days if day and day <= today), None)
    return None


def _day(year: int, text: str) -> date | None:
    try:
        return date(year, int(text[:2]), int(text[2:]))
    except ValueError:
        return None


def settlestat(merchant: Merchant, request: HttpRequest) -> HttpResponse:
    """GET /settlestat: batches of a day, one batch, or those not listed before."""
    batchid, day = request.GET.get("batchid", ""), request.GET.get("date", "")
    with writing():
        batches = chosen(merchant.batches.order_by("pk"), batchid, day)
        if not batchid and not day:
            merchant.batches.filter(pk__in=[batch.pk for batch in batches]).update(told=True)
    if not batches:
        return null_batches()
    return wire.reply([batch_body(batch) for batch in batches])


def null_batches() -> HttpResponse:
    """Return what the gateway says of no batches: bare text under a JSON content type."""
    return HttpResponse("Null batches", content_type="application/json")


def chosen(batches: QuerySet[Batch], batchid: str, day: str) -> list[Batch]:
    """Return the batches asked for; the day is the gateway's local one."""
    if batchid:
        return list(batches.filter(batchid=batchid))
    if not day:
        return list(batches.filter(told=False))
    wanted = read_day(day)
    if wanted is None:
        return []
    zone = timezone.get_current_timezone()
    start = datetime(wanted.year, wanted.month, wanted.day, tzinfo=zone)
    return list(batches.filter(closed_at__gte=start, closed_at__lt=start + timedelta(days=1)))


def batch_body(batch: Batch) -> Body:
    """Return one batch: GB when all of it was accepted, BB when none, MB when some."""
    charges = list(batch.charges.order_by("pk"))
    accepted = sum(charge.setlstat == ACCEPTED for charge in charges)
    hoststat = "GB" if accepted == len(charges) else "MB" if accepted else "BB"
    return {
        "batchid": batch.batchid,
        "hostbatch": batch.batchid[-6:],
        "hoststat": hoststat,
        "merchid": batch.merchant.merchid,
        "respproc": charges[0].respproc if charges else "",
        "txns": [settled_body(charge) for charge in charges],
    }


def settled_body(charge: Charge) -> Body:
    """Return one transaction of a batch: Y accepted, N rejected; refunds are negative."""
    return {
        "retref": charge.retref,
        "setlstat": "Y" if charge.setlstat == ACCEPTED else "N",
        "setlamount": wire.money(charge.signed),
        "salesdoc": charge.orderid,
        "cardtype": card_type(charge),
        "authcode": charge.authcode,
    }


def card_type(charge: Charge) -> str:
    """Return the brand, which the second digit of a token tells."""
    return "ECHK" if charge.account_kind == ACH else CARD_TYPES.get(charge.token[1:2], "")


def funding(merchant: Merchant, request: HttpRequest) -> HttpResponse:
    """GET /funding: the report of a day, or the newest one."""
    text = request.GET.get("date", "")
    found, day = merchant.fundings.order_by("-day"), read_day(text)
    if text:
        found = found.filter(day=day) if day else found.none()
    report = found.first()
    return wire.reply(funding_body(report) if report else dict(NOTHING_FUNDED))


def funding_body(report: Funding) -> Body:
    """Return one day's report: the deposit and its transactions."""
    rows = list(report.rows.select_related("charge").order_by("pk"))
    cents = report.merchant.funding_cents
    number = 70000000 + report.pk
    return {
        "fundingdate": report.day.isoformat(),
        "datechanged": report.day.isoformat(),
        "merchid": report.merchant.merchid,
        "fundingmasterid": number if cents else str(number),
        "fundings": [deposit_body(report, rows, number, cents)],
        "txns": [row_body(row, number, cents) for row in rows],
    }


def deposit_body(report: Funding, rows: list[FundingRow], number: int, cents: bool) -> Body:
    """Return the deposit itself; rejected payments were never part of it."""
    paid = [row for row in rows if row.status != "Rejected"]
    sums = {
        "netsales": sum((r.amount for r in paid if r.kind != "RETURN"), Decimal("0.00")),
        "reversal": sum((r.amount for r in paid if r.kind == "RETURN"), Decimal("0.00")),
        "totalfunding": sum((r.amount for r in paid), Decimal("0.00")),
    }
    none = ("thirdparty", "adjustment", "interchangefee", "servicecharge", "fee", "otheradjustment")
    amounts = {name: amount(Decimal("0.00"), cents) for name in none}
    amounts |= {name: amount(value, cents) for name, value in sums.items()}
    return amounts | {
        "fundingid": number + 1 if cents else str(number + 1),
        "fundingmasterid": number if cents else str(number),
        "currency": report.merchant.currency,
        "ddanumber": "XXXXXX4321",
        "abanumber": "036001808",
        "dateadded": report.day.isoformat(),
        "datechanged": report.day.isoformat(),
        "deposittrancode": "22",
        "depositachtracenumber": f"03600180{number:07d}"[-15:],
    }


def amount(value: Decimal, cents: bool) -> int | str:
    """Return an amount in the notation of the report."""
    return int(value * 100) if cents else wire.money(value)


def row_body(row: FundingRow, number: int, cents: bool) -> Body:
    """Return one transaction of the report."""
    charge, identity = row.charge, 90000000 + row.pk
    body = {
        "fundingtxnid": identity if cents else str(identity),
        "fundingid": number + 1 if cents else str(number + 1),
        "retref": row.retref,
        "authcode": charge.authcode,
        "authdate": wire.stamp(charge.created_at, "%Y-%m-%d"),
        "respcode": charge.respcode,
        "batchid": charge.batchid,
        "cardproc": charge.respproc,
        "interchangeunitfee": amount(Decimal("0.00"), cents),
        "interchangepercentfee": amount(Decimal("0.00"), cents),
        "date": wire.stamp(row.at, "%Y-%m-%d"),
        "cardnumber": charge.masked,
        "cardtype": "Bank" if charge.account_kind == ACH else "Credit",
        "cardbrand": card_type(charge),
        "amount": amount(row.amount, cents),
        "currency": charge.currency,
        "type": row.kind,
        "status": row.status,
        "invoicenumber": charge.invoiceid or charge.orderid,
    }
    more = {"achreturncode": row.achreturncode, "parentretref": row.parentretref}
    return body | {name: value for name, value in more.items() if value}
