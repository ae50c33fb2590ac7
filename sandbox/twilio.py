"""Twilio's Messages resource, version 2010-04-01, as its public OpenAPI description has it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.dateparse import parse_date, parse_datetime

from sandbox import outcomes, texts
from sandbox.models import Account, Event, Message, new_sid, note

VERSION = "2010-04-01"


def error(code: int, text: str = "", status: int = 0) -> JsonResponse:
    """Return Twilio's error body: code, message, more_info, status."""
    status = status or outcomes.STATUS_OF.get(code, 400)
    body = {
        "code": code,
        "message": text or outcomes.text_of(code),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JsonResponse(body, status=status)


def signed_in(request: HttpRequest, sid: str) -> Account | None:
    """Return the account when Basic credentials open it: auth token or API key."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    account = Account.objects.filter(sid=sid).first()
    if account is None or scheme.lower() != "basic":
        return None
    secret = account.auth_token if user == account.sid else account.api_keys.get(user)
    return account if secret and constant_time_compare(secret, password) else None


def account(request: HttpRequest, sid: str) -> HttpResponse:
    """GET /Accounts/{sid}.json: enough to check credentials with."""
    owner = signed_in(request, sid)
    if owner is None:
        return error(20003)
    uri = f"/{VERSION}/Accounts/{sid}.json"
    body = {"sid": sid, "friendly_name": "Sandbox", "status": "active", "type": "Full", "uri": uri}
    return JsonResponse(body)


def messages(request: HttpRequest, sid: str) -> HttpResponse:
    """POST creates a text, GET lists them newest first."""
    owner = signed_in(request, sid)
    if owner is None:
        return error(20003)
    if request.method == "POST":
        return create(request, owner)
    if request.method == "GET":
        return listing(request, owner)
    return error(20004, "Method not allowed", 405)


def create(request: HttpRequest, owner: Account) -> HttpResponse:
    """Create one text; a control number may spoil the call before or after it is accepted."""
    to = request.POST.get("To", "").strip()
    plan = outcomes.plan_for(to)
    spoil = plan.create if not plan.once or first_time(owner, to, plan.create) else ""
    if spoil in ("http_429", "http_429_wait"):
        refused = error(20429)
        if spoil == "http_429_wait":
            refused["Retry-After"] = "1"
        return refused
    # The fault middleware reads this attribute and closes the connection, or waits, or lies.
    request.sandbox_spoil = spoil  # type: ignore[attr-defined]
    if spoil == "drop_before":
        return HttpResponse()
    try:
        message = texts.create(owner, request.POST)
    except texts.Refused as refused_create:
        return error(refused_create.code, refused_create.text)
    return JsonResponse(as_json(message), status=201)


def first_time(owner: Account, to: str, trouble: str) -> bool:
    """Tell whether this once-only trouble has not happened yet, and remember it."""
    if not trouble:
        return False
    subject = f"{owner.pk}/{to}"
    if Event.objects.filter(kind="trouble", subject=subject).exists():
        return False
    note("trouble", subject, trouble=trouble)
    return True


def message(request: HttpRequest, sid: str, message_sid: str) -> HttpResponse:
    """GET fetches, POST redacts or cancels, DELETE removes one text."""
    owner = signed_in(request, sid)
    if owner is None:
        return error(20003)
    found = owner.messages.filter(sid=message_sid, deleted_at=None).first()
    if found is None:
        path = f"/{VERSION}/Accounts/{sid}/Messages/{message_sid}.json"
        return error(20404, outcomes.text_of(20404, path=path))
    try:
        if request.method == "POST":
            change(found, request)
        elif request.method == "DELETE":
            return remove(found)
    except texts.Refused as refused:
        return error(refused.code, refused.text)
    return JsonResponse(as_json(found))


def change(found: Message, request: HttpRequest) -> None:
    """Redact (an empty Body) or cancel (Status=canceled); nothing else, and never both."""
    body, status = request.POST.get("Body"), request.POST.get("Status")
    if body == "" and status is None:
        texts.redact(found)
    elif body is None and status == "canceled":
        texts.cancel(found)
    else:
        raise texts.Refused(30400)


def remove(found: Message) -> HttpResponse:
    """Delete the record of a finished text; answers 204 without a body."""
    if not found.final and found.status != "sent":
        raise texts.Refused(20009)
    found.deleted_at = timezone.now()
    found.save(update_fields=["deleted_at"])
    note("message", found.sid, deleted=True)
    return HttpResponse(status=204)


def media(request: HttpRequest, sid: str, message_sid: str) -> HttpResponse:
    """GET …/Media.json: always an empty list, the sandbox stores no media."""
    if signed_in(request, sid) is None:
        return error(20003)
    uri = f"/{VERSION}/Accounts/{sid}/Messages/{message_sid}/Media.json"
    return JsonResponse(envelope("media_list", [], uri, {}, 0, 50, False))


def feedback(request: HttpRequest, sid: str, message_sid: str) -> HttpResponse:
    """POST …/Feedback.json: accepted and forgotten."""
    if signed_in(request, sid) is None:
        return error(20003)
    outcome = request.POST.get("Outcome", "confirmed")
    body = {"account_sid": sid, "message_sid": message_sid, "outcome": outcome}
    now = rfc2822(timezone.now())
    uri = f"/{VERSION}/Accounts/{sid}/Messages/{message_sid}/Feedback.json"
    return JsonResponse(body | {"date_created": now, "date_updated": now, "uri": uri})


def listing(request: HttpRequest, owner: Account) -> HttpResponse:
    """Return one page of texts with relative links to its neighbours."""
    query = request.GET
    try:
        size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
    except ValueError:
        return error(20001, "PageSize and Page must be numbers", 400)
    size, page = min(max(size, 1), 1000), max(page, 0)
    found = filtered(owner.messages.filter(deleted_at=None), query)
    rows = list(found.order_by("-created_at", "-pk")[page * size : page * size + size + 1])
    paging = ("Page", "PageSize", "PageToken")
    filters = {name: query.get(name, "") for name in query if name not in paging}
    uri = f"/{VERSION}/Accounts/{owner.sid}/Messages.json"
    records = [as_json(row) for row in rows[:size]]
    return JsonResponse(envelope("messages", records, uri, filters, page, size, len(rows) > size))


def filtered(found: QuerySet[Message], query: Any) -> QuerySet[Message]:
    """Apply To, From and the three DateSent filters; unsent texts have no DateSent."""
    if query.get("To"):
        found = found.filter(to_number=query["To"].replace(" ", "+"))
    if query.get("From"):
        found = found.filter(from_number=query["From"].replace(" ", "+"))
    for name, rule in (("DateSent", ""), ("DateSent<", "lt"), ("DateSent>", "gte")):
        moment = read_moment(query.get(name, ""))
        if moment and rule:
            found = found.filter(**{f"sent_at__{rule}": moment})
        elif moment:
            day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            found = found.filter(sent_at__gte=day, sent_at__lt=day + timedelta(days=1))
    return found


def read_moment(text: str) -> datetime | None:
    """Read a date or an ISO time as UTC, or None."""
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError:
        return None
    if day:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


def envelope(
    key: str,
    records: list[dict[str, Any]],
    uri: str,
    filters: dict[str, str],
    page: int,
    size: int,
    more: bool,
) -> dict[str, Any]:
    """Wrap records with paging; the library finds them as the one key that is not paging."""

    def link(number: int) -> str:
        token = {"PageToken": f"PA{new_sid()}"} if number else {}
        return f"{uri}?" + urlencode({**filters, "PageSize": size, "Page": number, **token})

    start = page * size
    return {
        key: records,
        "page": page,
        "page_size": size,
        "start": start,
        "end": start + max(len(records) - 1, 0),
        "uri": link(page),
        "first_page_uri": link(0),
        "next_page_uri": link(page + 1) if more else None,
        "previous_page_uri": link(page - 1) if page else None,
    }


def rfc2822(moment: datetime | None) -> str | None:
    """Return ``Thu, 24 Aug 2023 05:01:45 +0000``."""
    return format_datetime(moment.astimezone(UTC)) if moment else None


def as_json(message: Message) -> dict[str, Any]:
    """Return every field of a message; counts and prices are strings, as Twilio sends them."""
    uri = f"/{VERSION}/Accounts/{message.account.sid}/Messages/{message.sid}"
    code = message.error_code
    return {
        "account_sid": message.account.sid,
        "api_version": VERSION,
        "body": message.body,
        "date_created": rfc2822(message.created_at),
        "date_sent": rfc2822(message.sent_at),
        "date_updated": rfc2822(message.updated_at),
        "direction": message.direction,
        "error_code": code,
        "error_message": f"Error {code}, see the error dictionary" if code else None,
        "from": message.from_number or None,
        "messaging_service_sid": message.service_sid or None,
        "num_media": "0",
        "num_segments": str(message.segments),
        "price": message.price or None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to_number,
        "uri": f"{uri}.json",
    }
