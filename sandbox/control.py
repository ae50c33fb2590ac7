"""Control endpoints for tests, below /sandbox/: accounts, faults, reset, settlement, the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from sandbox import clock, config, inbox, past, settlement, wire, world
from sandbox.books import new_ledger
from sandbox.faults import check_name
from sandbox.models import (
    Account,
    Batch,
    Callback,
    Charge,
    Event,
    Fault,
    Funding,
    FundingRow,
    Hop,
    Mail,
    Merchant,
    Message,
    OptOut,
    Profile,
    Token,
)

FORGOTTEN: tuple[type[Model], ...] = (
    Hop, Callback, Message, OptOut, FundingRow, Funding, Charge, Batch, Profile, Token, Fault, Mail,
    Event,
)  # fmt: skip
Verb = Callable[[dict[str, Any]], dict[str, Any]]


def command(verb: Verb) -> Callable[[HttpRequest], HttpResponse]:
    """Turn a function of a JSON object into a POST endpoint; bad input answers 400."""

    @wraps(verb)
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return JsonResponse({"error": "POST only"}, status=405)
        try:
            return JsonResponse(verb(json.loads(request.body or b"{}")))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            return JsonResponse({"error": f"{type(problem).__name__}: {problem}"}, status=400)

    return view


@command
def merchants(data: dict[str, Any]) -> dict[str, Any]:
    """Register ``{merchid, username, password, ach?, processor?, unsettled_refunds?}``."""
    return {"merchid": config.register_merchant(data).merchid}


@command
def accounts(data: dict[str, Any]) -> dict[str, Any]:
    """Register ``{sid, auth_token, senders: [...], inbound_url?, api_keys?, test?,
    webhook_key?}``."""
    return {"sid": config.register_account(data).sid}


@command
def faults(data: dict[str, Any]) -> dict[str, Any]:
    """Order trouble: ``{target, fault, times?, seconds?}``; see sandbox/README.md."""
    name = check_name(str(data["fault"]))
    fault = Fault.objects.create(
        target=str(data["target"]),
        fault=name,
        times=int(data.get("times", 1)),
        seconds=float(data.get("seconds", 0)),
    )
    return {"target": fault.target, "fault": name, "times": fault.times}


@command
def fault_plan(data: dict[str, Any]) -> dict[str, Any]:
    """Draw faults for every call: ``{seed, mix: {fault: weight}, targets, seconds?}``."""
    for name in data.get("mix") or {}:
        if name != "none":
            check_name(str(name))
    return world.make_plan(data)


@command
def move_clock(data: dict[str, Any]) -> dict[str, Any]:
    """Move the gateway's clock on: ``{advance: seconds}``."""
    world.advance(float(data["advance"]))
    return {"now": clock.now().isoformat(), "ahead": clock.ahead()}


@command
def switches(data: dict[str, Any]) -> dict[str, Any]:
    """Change ``{shuffle?, inject?, per_minute?}``; answers all switches."""
    return world.switch(data)


def state(request: HttpRequest) -> HttpResponse:
    """GET /sandbox/state: the clock, the switches and the fault plan with its calls counted."""
    moment = {"now": clock.now().isoformat(), "ahead": clock.ahead()}
    return JsonResponse({"clock": moment, "switches": world.switch({}), "plan": world.plan()})


@command
def reset(data: dict[str, Any]) -> dict[str, Any]:
    """Forget charges, texts, tokens, mails and faults; with ``{"all": true}`` accounts too."""
    with new_ledger():
        for model in FORGOTTEN:
            model._default_manager.all().delete()
        if data.get("all"):
            Merchant.objects.all().delete()
            Account.objects.all().delete()
            config.load()
        world.reset()
    return {"reset": True}


@command
def tell_past(data: dict[str, Any]) -> dict[str, Any]:
    """Write charges from before the sandbox's time: ``{charges: [...]}``; answers the new ones."""
    return {"written": past.tell(data["charges"])}


@command
def close_batch(data: dict[str, Any]) -> dict[str, Any]:
    """Settle: ``{merchid?, reject?: [retref…], achreturncode?}``; returns the retrefs moved."""
    moved = settlement.close_batch(
        str(data.get("merchid", "")),
        data.get("reject") or (),
        str(data.get("achreturncode", "")),
    )
    return {"settled": {charge.retref: charge.setlstat for charge in moved}}


@command
def fund(data: dict[str, Any]) -> dict[str, Any]:
    """Deposit all that is accepted: ``{merchid?}``; returns what was paid out by retref."""
    rows = settlement.fund(str(data.get("merchid", "")))
    return {"funded": {row.retref: wire.money(row.amount) for row in rows}}


@command
def return_payment(data: dict[str, Any]) -> dict[str, Any]:
    """Let a bank send a payment back: ``{retref, code, again?, day?}``; answers the report's row.

    `day` (YYYY-MM-DD) puts it into the report of an earlier day.
    """
    day = date.fromisoformat(data["day"]) if "day" in data else None
    if day and day > clock.today():
        raise ValueError("there is no report of a day to come")
    row = settlement.return_payment(
        str(data["retref"]), str(data.get("code", "R01")), bool(data.get("again")), day
    )
    return {
        "retref": row.retref,
        "parentretref": row.parentretref,
        "status": row.status,
        "amount": wire.money(row.amount),
        "achreturncode": row.achreturncode,
        "fundingdate": row.funding.day.isoformat(),
    }


@command
def incoming(data: dict[str, Any]) -> dict[str, Any]:
    """Let a phone write: ``{from, to, body, pictures?, opt_out_type?}`` to an account's number."""
    owner = next(a for a in Account.objects.all() if data["to"] in a.numbers)
    message = inbox.receive(
        owner,
        str(data["from"]),
        str(data["to"]),
        str(data["body"]),
        media=int(data.get("pictures", 0)),
        opt_out_type=str(data.get("opt_out_type", "")),
    )
    return {"sid": message.sid}


def ledger(request: HttpRequest) -> HttpResponse:
    """GET /sandbox/ledger.json: everything that happened, oldest first; in pages when asked."""
    if {"since", "limit", "of"} & set(request.GET):
        return ledger_page(request)
    charge_rows = Charge.objects.select_related("merchant", "parent").order_by("pk")
    message_rows = Message.objects.select_related("account").order_by("pk")
    return JsonResponse(
        {
            "charges": [charge_row(charge) for charge in charge_rows],
            "messages": [message_row(message) for message in message_rows],
            "callbacks": [callback_row(c) for c in Callback.objects.order_by("pk")],
            "tokens": [token_row(token) for token in Token.objects.order_by("pk")],
            "optouts": list(OptOut.objects.values("account__sid", "sender", "phone")),
            "mails": [mail_row(mail) for mail in Mail.objects.order_by("pk")],
            "events": [event_row(event) for event in Event.objects.order_by("pk")],
        }
    )


def ledger_page(request: HttpRequest) -> HttpResponse:
    """Answer `?since=<id>&limit=&of=`: the rows after an id, and the id to go on from.

    `of` is charges (the default) or events; `next` is null when there are no more for now.
    """
    try:
        since = int(request.GET.get("since") or 0)
        limit = max(1, min(int(request.GET.get("limit") or 1000), 5000))
        query, row = PAGED[request.GET.get("of") or "charges"]
    except (ValueError, KeyError):
        return JsonResponse({"error": "since and limit are numbers, of is a kind"}, status=400)
    found = list(query().filter(pk__gt=since).order_by("pk")[: limit + 1])
    rows = [row(one) | {"id": one.pk} for one in found[:limit]]
    more = found[limit - 1].pk if len(found) > limit else None
    return JsonResponse({request.GET.get("of") or "charges": rows, "next": more})


def event_row(event: Event) -> dict[str, Any]:
    """Return one line of the trail."""
    return {"kind": event.kind, "subject": event.subject, "data": event.data, "at": event.at}


def charge_row(charge: Charge) -> dict[str, Any]:
    """Return one charge for the ledger."""
    return wire.booked_body(charge) | {
        "orderid": charge.orderid,
        "kind": charge.kind,
        "account_kind": charge.account_kind,
        "voided": charge.setlstat == "Voided",
        "requested": wire.money(charge.requested),
        "parent": charge.parent.retref if charge.parent else "",
        "achreturncode": charge.achreturncode,
        "funded": charge.funded_at is not None,
        "returned": charge.returned_at is not None,
        "committed": not charge.pending,
        "at": charge.created_at.isoformat(),
    }


def message_row(message: Message) -> dict[str, Any]:
    """Return one text for the ledger; `body` is what the phone got, redaction does not hide it."""
    return {
        "sid": message.sid,
        "account": message.account.sid,
        "direction": message.direction,
        "to": message.to_number,
        "from": message.from_number,
        "body": message.phone_body,
        "record_body": message.body,
        "status": message.status,
        "error_code": message.error_code,
        "service": message.service_sid,
        "on_phone": message.on_phone_at is not None,
        "deleted": message.deleted_at is not None,
        "at": message.created_at.isoformat(),
    }


def callback_row(callback: Callback) -> dict[str, Any]:
    """Return one webhook for the ledger."""
    fields = ("url", "params", "attempts", "answer", "done", "token")
    return {field: getattr(callback, field) for field in fields}


def token_row(token: Token) -> dict[str, Any]:
    """Return one token for the ledger, its account masked."""
    return {"token": token.token, "kind": token.kind, "account": token.masked}


def mail_row(mail: Mail) -> dict[str, Any]:
    """Return one email for the ledger."""
    fields = ("id", "sender", "recipients", "subject", "text", "html", "attachments")
    return {field: getattr(mail, field) for field in fields}


def health(request: HttpRequest) -> HttpResponse:
    """GET /healthz: 200 when the database answers."""
    Merchant.objects.exists()
    return JsonResponse({"ok": True, "time": timezone.now().isoformat()})


PAGED: dict[str, tuple[Callable[[], QuerySet[Any]], Callable[[Any], dict[str, Any]]]] = {
    "charges": (lambda: Charge.objects.select_related("merchant", "parent"), charge_row),
    "events": (Event.objects.all, event_row),
}
