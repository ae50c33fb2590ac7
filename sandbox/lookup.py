"""Twilio Lookup, version 2, as far as it tells the type of a line; each question is noted."""

from __future__ import annotations

import base64

import phonenumbers
from django.http import HttpRequest, HttpResponse, JsonResponse

from sandbox import outcomes, twilio
from sandbox.models import note

VERSION = "v2"
PRICE = "0.008"  # dollars, for each answer about a line
FIELD = "line_type_intelligence"
NOT_ALLOWED_IN_CANADA = 60601


def number(request: HttpRequest, e164: str) -> HttpResponse:
    """GET /v2/PhoneNumbers/{number}: the number, and with Fields its type of line."""
    sid = caller(request)
    if twilio.signed_in(request, sid) is None:
        return twilio.error(20003)
    if request.method != "GET":
        return twilio.error(20004, "Method not allowed", 405)
    try:
        parsed = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return twilio.error(20404, outcomes.text_of(20404, path=request.path))
    line = None
    if FIELD in request.GET.get("Fields", ""):
        line = line_of(e164, phonenumbers.region_code_for_number(parsed) or "")
        note("lookup", e164, account=sid, type=line["type"] or "", price=PRICE)
        # The fault middleware reads this attribute.
        request.sandbox_spoil = outcomes.lookup_of(e164).spoil  # type: ignore[attr-defined]
    return JsonResponse(as_json(request, parsed, line))


def caller(request: HttpRequest) -> str:
    """Return the account SID that signs the call, "" for none."""
    encoded = request.headers.get("Authorization", "").removeprefix("Basic ")
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except ValueError:
        return ""


def line_of(e164: str, region: str) -> dict[str, str | int | None]:
    """Return the line's type; of Canadian numbers only that they need an approval."""
    if region == "CA":
        code = NOT_ALLOWED_IN_CANADA
        return dict.fromkeys(LINE, None) | {"error_code": code}
    found = outcomes.lookup_of(e164)
    return LINE | {"type": found.line, "carrier_name": found.carrier}


LINE: dict[str, str | int | None] = {
    "mobile_country_code": "310",
    "mobile_network_code": "999",
    "carrier_name": None,
    "type": None,
    "error_code": None,
}


def as_json(
    request: HttpRequest,
    parsed: phonenumbers.PhoneNumber,
    line: dict[str, str | int | None] | None,
) -> dict[str, object]:
    """Return every field of the resource; packages that were not asked for are null."""
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    packages = (
        "caller_name", "sim_swap", "call_forwarding", "line_status", "identity_match",
        "reassigned_number", "sms_pumping_risk", "phone_number_quality_score", "pre_fill",
    )  # fmt: skip
    national = phonenumbers.PhoneNumberFormat.NATIONAL
    return {
        "calling_country_code": str(parsed.country_code),
        "country_code": phonenumbers.region_code_for_number(parsed),
        "phone_number": e164,
        "national_format": phonenumbers.format_number(parsed, national),
        "valid": phonenumbers.is_valid_number(parsed),
        "validation_errors": [],
        FIELD: line,
        "url": request.build_absolute_uri(request.path),
        **dict.fromkeys(packages),
    }
