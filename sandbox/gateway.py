"""The CardPointe Gateway REST interface under /cardconnect/rest/.

Order of judgement: Basic credentials, the merchid they cover (401 for both), readable JSON (400),
known endpoint (404), then the gateway's own PPS codes. Declines are HTTP 200: read `respstat`.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from sandbox import charges, emulator, fees, profiles, reports, settlement, wire, world
from sandbox.books import writing
from sandbox.models import DECLINED, Charge, Merchant, Token

SERVLET = "<h1>CardConnect REST Servlet</h1>"
Body = dict[str, Any]


class Answer(Exception):
    """Ends the request early with this HTTP response."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


def endpoint(request: HttpRequest, path: str) -> HttpResponse:
    """Answer any call below /cardconnect/rest/."""
    name, _, rest = path.strip("/").partition("/")
    if name in world.LIMITED and world.switches.per_minute:
        return limited(request, name, rest)
    return admitted(request, name, rest)


def limited(request: HttpRequest, name: str, rest: str) -> HttpResponse:
    """Answer while the caller keeps within so many calls a minute; 429 beyond."""
    caller = str(request.META.get("REMOTE_ADDR"))
    left, wait = world.limiter.left(caller, world.switches.per_minute)
    if wait:
        response = HttpResponse(status=429)
        response["X-Rate-Limit-Retry-After-Seconds"] = str(wait)
        return response
    response = admitted(request, name, rest)
    response["X-Rate-Limit-Remaining"] = str(left)
    return response


def admitted(request: HttpRequest, name: str, rest: str) -> HttpResponse:
    """Answer a call by its verb and its name."""
    try:
        username, password = credentials(request)
        if request.method in ("PUT", "POST"):
            return answer_write(request, name, username, password)
        if request.method == "GET":
            return answer_read(request, name, rest, username, password)
        parts = rest.split("/")
        if request.method == "DELETE" and name == "profile" and len(parts) == 3:
            merchant = merchant_for(username, password, parts[2])
            with writing():
                return wire.reply(profiles.delete(merchant, parts[0], parts[1]))
        return not_found(request.path)
    except Answer as early:
        return early.response


def credentials(request: HttpRequest) -> tuple[str, str]:
    """Return the Basic user name and password of some merchant; raises Answer (401)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        username = password = ""
    if scheme.lower() != "basic" or not covered(username, password):
        raise Answer(unauthorized())
    return username, password


def covered(username: str, password: str) -> list[Merchant]:
    """Return the merchants these credentials open."""
    mine = Merchant.objects.filter(username=username)
    return [m for m in mine if constant_time_compare(m.password, password)]


def unauthorized() -> HttpResponse:
    """Return the answer to bad credentials and to a foreign merchid alike."""
    response = HttpResponse("<h1>401 Unauthorized</h1>", status=401)
    response["WWW-Authenticate"] = 'Basic realm="CardConnect REST Servlet"'
    return response


def not_found(path: str) -> HttpResponse:
    """Return the envelope for an unknown endpoint (gateway change log, 2022-05 and 2023-08)."""
    stamp = timezone.now().isoformat(timespec="milliseconds")
    envelope = {"timestamp": stamp, "status": 404, "error": "Not Found", "path": path}
    return JsonResponse(envelope, status=404)


def merchant_for(username: str, password: str, merchid: str) -> Merchant:
    """Return the merchant named, when the credentials cover it; raises Answer (401)."""
    for merchant in covered(username, password):
        if merchant.merchid == merchid:
            return merchant
    raise Answer(unauthorized())


def read_json(request: HttpRequest) -> Body:
    """Return the request's JSON object; raises Answer (400)."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Answer(JsonResponse({"message": "Invalid JSON", "errorcode": 77}, status=400))
    return body


def answer_write(request: HttpRequest, name: str, username: str, password: str) -> HttpResponse:
    """Answer PUT and POST, which the gateway treats alike."""
    body = read_json(request)
    if name == "" and "merchid" not in body:
        return HttpResponse(SERVLET)
    if name not in ("", "auth", *WRITERS):
        return not_found(request.path)
    merchant = merchant_for(username, password, str(body.get("merchid") or ""))
    if name == "":
        return HttpResponse(SERVLET)
    if name == "auth":
        return auth(request, merchant, body)
    with writing():
        answer = WRITERS[name](merchant, body | {"late": late(request)})
    return wire.reply(answer)


def answer_read(
    request: HttpRequest, name: str, rest: str, username: str, password: str
) -> HttpResponse:
    """Answer GET: the credential check, the inquiries and the reports."""
    parts = rest.split("/") if rest else []
    if name == "":
        return HttpResponse(SERVLET)
    if name in REPORTS and not parts:
        merchant = merchant_for(username, password, request.GET.get("merchid", ""))
        return REPORTS[name](merchant, request)
    if name == "inquire" and len(parts) == 2:
        return inquire(merchant_for(username, password, parts[1]), parts[0])
    if name == "inquireByOrderid" and len(parts) in (2, 3):
        merchant = merchant_for(username, password, parts[1])
        own = parts[2:] == ["1"]
        scope = [merchant] if own else covered(username, password)
        return inquire_by_orderid(scope, parts[0])
    if name == "profile" and len(parts) == 3:
        merchant = merchant_for(username, password, parts[2])
        return wire.reply(profiles.get(merchant, parts[0], parts[1]))
    if name in LOOKUPS and parts:
        merchant = merchant_for(username, password, parts[0])
        with writing():
            return wire.reply(LOOKUPS[name](merchant, "/".join(parts[1:])))
    return not_found(f"/cardconnect/rest/{name}/{rest}".rstrip("/"))


def auth(request: HttpRequest, merchant: Merchant, body: Body) -> HttpResponse:
    """Authorize, and capture when asked; a processor that times out is answered late."""
    fault = getattr(request, "sandbox_fault", "")
    with writing():
        body, outcome = stored_account(merchant, body)
        if fault == "timeout_62":
            outcome = timed_out(merchant, body)
        charge = charges.authorize(merchant, body, outcome, late(request))
        profiles.remember(charge, body)
    if fault in ("timeout_62_authorized", "timeout_62_late"):
        return wire.reply(wire.timed_out_body(charge))
    if charge.respcode == "62" and charge.respproc == "PPS":
        time.sleep(settings.TIMEOUT_SECONDS)
    return wire.reply(wire.auth_body(charge, body))


def stored_account(merchant: Merchant, body: Body) -> tuple[Body, emulator.Outcome | None]:
    """Return the request with its stored account filled in, or the refusal of an unknown one."""
    try:
        return profiles.fill(merchant, body), None
    except emulator.Refusal as refusal:
        return body, refusal.outcome


def late(request: HttpRequest) -> charges.Late | None:
    """Return how late a fault makes this call, if one does."""
    seen = {"late_commit": "missing", "timeout_62_late": "timed_out"}
    fault = getattr(request, "sandbox_fault", "")
    if fault not in seen:
        return None
    return charges.Late(seen[fault], getattr(request, "sandbox_seconds", 0.0))


def timed_out(merchant: Merchant, body: Body) -> emulator.Outcome:
    """Return the outcome of a processor that did not answer, for any card."""
    judged = emulator.decide(merchant, body)
    return emulator.result("PPS", "62", token=judged.token, expiry=judged.expiry)


def capture(merchant: Merchant, body: Body) -> Body:
    """Queue an authorization for settlement."""
    charge = charges.find(merchant, str(body.get("retref") or ""))
    if charge is None:
        return wire.unknown(str(body.get("retref") or "")) | {"batchid": "-1", "account": ""}
    try:
        amount = emulator.read_amount(body["amount"]) if body.get("amount") else None
        charges.capture(charge, amount)
    except emulator.Refusal as refusal:
        return wire.refused(charge, refusal) | {"setlstat": charge.setlstat}
    return wire.capture_body(charge)


def void(merchant: Merchant, body: Body) -> Body:
    """Void by retref."""
    retref = str(body.get("retref") or "")
    return void_charge(charges.find(merchant, retref), retref, body)


def void_by_orderid(merchant: Merchant, body: Body) -> Body:
    """Void the newest transaction with this orderid; declined ones are passed over."""
    orderid = str(body.get("orderid") or "")
    found = Charge.objects.committed().filter(merchant=merchant, orderid=orderid)
    found = found.exclude(orderid="")
    charge = found.exclude(setlstat=DECLINED).order_by("-pk").first()
    return void_charge(charge, "", body)


def void_charge(charge: Charge | None, retref: str, body: Body) -> Body:
    """Void the charge, or say why not."""
    if charge is None:
        return wire.unknown(retref)
    try:
        charges.void(charge, emulator.read_amount(body.get("amount") or "0"))
    except emulator.Refusal as refusal:
        return wire.refused(charge, refusal)
    return wire.void_body(charge)


def refund(merchant: Merchant, body: Body) -> Body:
    """Refund a settled transaction of the same merchant, whole or in part."""
    retref = str(body.get("retref") or "")
    if not retref:
        return wire.unknown("") | wire.code_fields(emulator.result("PPS", "45"))
    charge = charges.find(merchant, retref)
    if charge is None:
        return wire.unknown(retref)
    try:
        amount = emulator.read_amount(body["amount"]) if body.get("amount") else None
        orderid = str(body.get("orderid") or "")
        return wire.refund_body(charges.refund(charge, amount, orderid, body["late"]))
    except emulator.Refusal as refusal:
        return wire.refused(charge, refusal)


def inquire(merchant: Merchant, retref: str) -> HttpResponse:
    """Look a transaction up by retref; not found is HTTP 200 with PPS 29."""
    charge = charges.find(merchant, retref)
    return wire.reply(wire.inquire_body(charge) if charge else wire.unknown(retref))


def inquire_by_orderid(scope: list[Merchant], orderid: str) -> HttpResponse:
    """Return every match: one object, an array for several, PPS 29 for none."""
    found = Charge.objects.findable().filter(merchant__in=scope, orderid=orderid)
    found = found.select_related("merchant")
    bodies = [wire.inquire_body(charge) for charge in found.order_by("pk")]
    if not bodies:
        return wire.reply(wire.unknown("") | {"orderid": orderid})
    return wire.reply(bodies[0] if len(bodies) == 1 else bodies)


WRITERS: dict[str, Callable[[Merchant, Body], Body]] = {
    "capture": capture,
    "void": void,
    "voidByOrderId": void_by_orderid,
    "refund": refund,
    "profile": profiles.put,
}


def bin_lookup(merchant: Merchant, number: str) -> Body:
    """GET /bin/{merchid}/{token}: what the first digits of a card tell."""
    return fees.bin_body(Token.objects.filter(token=number).first())


def open_batch(merchant: Merchant, batchsource: str) -> Body:
    """GET /openbatch/{merchid}/{batchsource}: the batch that queued charges go into."""
    answer = wire.code_fields(emulator.result("PPS", "00"))
    return answer | {"batchid": merchant.open_batch, "batchsource": batchsource}


def close_batch(merchant: Merchant, batchid: str) -> Body:
    """GET /closebatch/{merchid}[/{batchid}]: send the open batch off."""
    number = merchant.open_batch
    if batchid not in ("", number):
        return wire.code_fields(emulator.result("PPS", "29")) | {"batchid": batchid}
    settlement.close_batch(merchant.merchid)
    return wire.code_fields(emulator.result("PPS", "00")) | {"batchid": number}


LOOKUPS: dict[str, Callable[[Merchant, str], Body]] = {
    "bin": bin_lookup,
    "inquireMerchant": lambda merchant, rest: wire.merchant_body(merchant),
    "openbatch": open_batch,
    "closebatch": close_batch,
}
REPORTS: dict[str, Callable[[Merchant, HttpRequest], HttpResponse]] = {
    "settlestat": reports.settlestat,
    "funding": reports.funding,
    "surcharge": lambda merchant, request: wire.reply(fees.surcharge_body(merchant, request.GET)),
}
