"""CardSecure's tokenize and echo calls, and the Hosted iFrame Tokenizer page.

CardSecure needs no credentials and may be called from any page (hosted tokenizer guide).
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from sandbox import framecss, vault
from sandbox.models import note

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
FRAME_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def answer(data: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return JSON that a page of any origin may read."""
    response = JsonResponse(data, status=status)
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Headers"] = "Content-Type"
    return response


def problem(code: int, text: str) -> HttpResponse:
    """Return a CardSecure error: text and number."""
    return answer({"message": text, "errorcode": code}, status=400)


def read(request: HttpRequest) -> dict[str, Any] | None:
    """Return the JSON object sent, or None."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def tokenize(request: HttpRequest) -> HttpResponse:
    """POST /cardsecure/api/v1/ccn/tokenize: account in, token out."""
    if request.method == "OPTIONS":
        return answer({})
    body = read(request)
    if request.method != "POST" or body is None:
        return problem(77, "Request is not readable JSON")
    if "account" not in body:
        return problem(74, "Parameter account is missing")
    unique = str(body.get("unique", "")).lower() == "true"
    cvv, expiry = str(body.get("cvv") or ""), str(body.get("expiry") or "")
    try:
        token = vault.tokenize(str(body["account"]), cvv, expiry, unique)
    except vault.Refused as refused:
        return problem(refused.code, refused.text)
    note("token", token.token, kind=token.kind)
    return answer({"message": "No Error", "errorcode": 0, "token": token.token})


def echo(request: HttpRequest) -> HttpResponse:
    """POST /cardsecure/api/v1/echo: returns what was sent."""
    body = read(request)
    if body is None:
        return problem(77, "Request is not readable JSON")
    return answer({"message": body.get("message", ""), "errorcode": 0})


def tokenizer(request: HttpRequest) -> HttpResponse:
    """GET /itoke/ajax-tokenizer.html: the page a payment form shows in a frame."""
    options = {name: request.GET.get(name, "") for name in request.GET}
    context = {
        "options": options,
        "on": {name for name, value in options.items() if value.lower() == "true"},
        "bank": is_bank(options),
        "months": [(f"{n:02d}", name) for n, name in enumerate(month_names(options), 1)],
        "years": framecss.years(),
        "css": framecss.address(options.get("css", "")),
    }
    response = render(request, "sandbox/tokenizer.html", context)
    response["Content-Security-Policy"] = FRAME_POLICY
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response


def is_bank(options: dict[str, str]) -> bool:
    """Guess a bank account field: text keyboard, no expiry and no security code."""
    card = any(options.get(name) == "true" for name in ("useexpiry", "usecvv"))
    return options.get("fullmobilekeyboard") == "true" and not card


def month_names(options: dict[str, str]) -> list[str]:
    """Return the twelve labels of the month list: given names, names, or numbers."""
    given = [name.strip() for name in options.get("monthnames", "").split(",")]
    if len(given) == 12:
        return given
    if options.get("usemonthnames") == "true":
        return list(MONTHS)
    return [f"{n:02d}" for n in range(1, 13)]


def stylesheet(request: HttpRequest) -> HttpResponse:
    """GET /itoke/frame.css: the caller's css parameter, cut down to the allowed properties."""
    return HttpResponse(framecss.clean(request.GET.get("css", "")), content_type="text/css")
