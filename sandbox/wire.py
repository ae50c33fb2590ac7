"""Gateway answers as they look on the wire: field names, blanks and padding as recorded."""

from __future__ import annotations

import random
import string
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from sandbox import fees, world
from sandbox.emulator import Outcome, Refusal, result
from sandbox.models import ACH, Charge, Merchant

Body = dict[str, Any]


def reply(body: Body | list[Body]) -> HttpResponse:
    """Return JSON; as the switches say, in random order and with a field nobody knows."""
    body = [shaken(one) for one in body] if isinstance(body, list) else shaken(body)
    return JsonResponse(body, safe=False)


def shaken(body: Body) -> Body:
    """Shuffle the fields and add an unknown one, as the vendor's test system does."""
    items = list(body.items())
    if world.switches.inject:
        unknown = "x" + "".join(random.choices(string.ascii_lowercase, k=7))  # noqa: S311
        extra: list[Any] = ["", "0", {}, [], {"key": "value"}, ["value"]]
        items.append((unknown, random.choice(extra)))  # noqa: S311
    if world.switches.shuffle:
        random.shuffle(items)
    return dict(items)


def money(amount: Decimal) -> str:
    """Return an amount the way the gateway prints it: two decimals."""
    return f"{amount:.2f}"


def stamp(moment: datetime | None, shape: str) -> str:
    """Return a moment in gateway local time, or "" when there is none."""
    return timezone.localtime(moment).strftime(shape) if moment else ""


def code_fields(outcome: Outcome | Charge) -> Body:
    """Return the four fields that say how it went."""
    names = ("respproc", "respcode", "respstat", "resptext")
    return {name: getattr(outcome, name) for name in names}


def unknown(retref: str) -> Body:
    """Return "Txn not found" with the retref echoed."""
    return code_fields(result("PPS", "29")) | {"retref": retref}


def refused(charge: Charge, refusal: Refusal) -> Body:
    """Return why a verb on a known charge was refused."""
    ids = {"retref": charge.retref, "merchid": charge.merchant.merchid}
    return code_fields(refusal.outcome) | ids | {"amount": "0.00"}


def account_fields(charge: Charge, body: Body) -> Body:
    """Return token and account; `tokenize: Y` puts the masked number into account."""
    masked = str(body.get("tokenize") or "").upper() == "Y"
    return {"token": charge.token, "account": charge.masked if masked else charge.token}


def auth_body(charge: Charge, request: Body) -> Body:
    """Return the answer to auth: the approved, the timed-out or the declined shape."""
    if charge.respproc == "PPS" and charge.respcode == "62":
        return timed_out_body(charge)
    body = code_fields(charge) | account_fields(charge, request)
    body |= {"retref": charge.retref, "merchid": charge.merchant.merchid}
    body |= approved_fields(charge) if charge.approved else declined_fields(charge)
    body |= charge.extra
    receipt = str(request.get("receipt") or "").upper()
    if charge.orderid or receipt == "Y":
        body["orderId"] = charge.orderid
    if charge.expiry:
        body["expiry"] = charge.expiry
    return body


def approved_fields(charge: Charge) -> Body:
    """Return what only an approval carries. `commcard` is padded in recordings, so it is here."""
    body = {
        "amount": money(charge.amount),
        "authcode": charge.authcode,
        "avsresp": charge.avsresp,
        "cvvresp": charge.cvvresp,
        "commcard": " C ",
    }
    if charge.batchid:
        body["batchid"] = charge.batchid
    if charge.account_kind != ACH:
        body["entrymode"] = entrymode(charge)
        body["bintype"] = ""
    return body


def declined_fields(charge: Charge) -> Body:
    """Return what a decline carries: no authcode, no AVS, no CVV, no batch."""
    return {"amount": "0.00", "commcard": " C ", "cardproc": charge.respproc}


def timed_out_body(charge: Charge) -> Body:
    """Return PPS 62: the answer that says nothing certain about the money."""
    body = code_fields(result("PPS", "62"))
    body |= {"retref": charge.retref, "merchid": charge.merchant.merchid}
    body |= {"token": charge.token, "account": charge.token, "setlstat": "Declined"}
    body |= {"amount": money(charge.requested)}
    return body | ({"orderId": charge.orderid} if charge.orderid else {})


def entrymode(charge: Charge) -> str:
    """Return how the card was entered, from ecomind."""
    return {"T": "Moto", "R": "Recurring", "E": "ECommerce"}.get(charge.ecomind, "Keyed")


def capture_body(charge: Charge) -> Body:
    """Return the answer to a capture."""
    approval = result("FNOR", "00") if charge.respproc == "FNOR" else result("PPS", "00")
    return code_fields(approval) | {
        "merchid": charge.merchant.merchid,
        "account": charge.token,
        "token": charge.token,
        "amount": money(charge.amount),
        "retref": charge.retref,
        "batchid": charge.batchid,
        "setlstat": charge.setlstat,
        "orderId": charge.orderid,
        "commcard": " C ",
        "authcode": charge.authcode,
    }


def void_body(charge: Charge) -> Body:
    """Return the answer to a void: authcode REVERS, amount 0.00 when nothing is left."""
    return code_fields(result("PPS", "00")) | {
        "authcode": "REVERS",
        "amount": money(charge.amount),
        "currency": charge.currency,
        "retref": charge.retref,
        "merchid": charge.merchant.merchid,
        "orderId": charge.orderid,
    }


def refund_body(charge: Charge) -> Body:
    """Return the answer to a refund, which has a retref of its own."""
    body = code_fields(charge) | {
        "retref": charge.retref,
        "merchid": charge.merchant.merchid,
        "amount": money(charge.amount),
        "orderId": charge.orderid,
    }
    return body | ({"authcode": charge.authcode} if charge.authcode else {})


def inquire_body(charge: Charge) -> Body:
    """Return all the gateway tells about one transaction; before a late commit, only "62"."""
    body = booked_body(charge)
    if charge.pending:
        body |= code_fields(result("PPS", "62")) | {"setlstat": "Declined", "amount": "0.00"}
        body |= dict.fromkeys(("authcode", "batchid", "capturedate", "avsresp", "cvvresp"), "")
        body |= {"voidable": "N", "refundable": "N"}
    return body


def booked_body(charge: Charge) -> Body:
    """Return one transaction as the books have it."""
    body = code_fields(charge) | account_fields(charge, {})
    body |= {
        "merchid": charge.merchant.merchid,
        "orderId": charge.orderid,
        "retref": charge.retref,
        "amount": money(charge.amount),
        "currency": charge.currency,
        "setlstat": charge.setlstat,
        "batchid": charge.batchid,
        "authcode": charge.authcode,
        "authdate": stamp(charge.created_at, "%Y%m%d"),
        "capturedate": stamp(charge.captured_at, "%Y%m%d%H%M%S"),
        "settledate": stamp(charge.settled_at, "%Y%m%d%H%M%S"),
        "lastfour": charge.last_four,
        "name": charge.name,
        "expiry": charge.expiry,
        "avsresp": charge.avsresp,
        "cvvresp": charge.cvvresp,
        "entrymode": "" if charge.account_kind == ACH else entrymode(charge),
        "userfields": charge.userfields,
        "voidable": "Y" if charge.voidable else "N",
        "refundable": "Y" if charge.refundable else "N",
    }
    return body | charge.extra


def merchant_body(merchant: Merchant) -> Body:
    """Return the answer to inquireMerchant."""
    return {
        "merchid": merchant.merchid,
        "site": "sandbox",
        "enabled": True,
        "cardproc": merchant.processor,
        "echeck": "Y" if merchant.ach else "N",
        "acctupdater": "N",
        "avs": "Y",
        "cvv": "Y",
    } | fees.merchant_fields(merchant)
