"""Pages for people: the ledger with its batch button, the mailbox, the application form."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from sandbox import clock, settlement
from sandbox.models import (
    ACCEPTED,
    QUEUED_FOR_CAPTURE,
    Callback,
    Charge,
    Mail,
    Merchant,
    Message,
    Token,
)
from sandbox.phone import linked, pretty

SHOWN = 200
DONE = ("closed", "funded", "returned", "code")
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; base-uri 'self'"
)


def page(request: HttpRequest) -> HttpResponse:
    """GET /ledger: the newest charges, texts and tokens."""
    messages = list(Message.objects.order_by("-pk")[:SHOWN])
    answers = {c.message_id: c.answer for c in Callback.objects.order_by("pk")}
    for message in messages:
        message.parties = (pretty(message.from_number), pretty(message.to_number))  # type: ignore[attr-defined]
        message.told = answers.get(message.pk, "")  # type: ignore[attr-defined]
    context = {
        "charges": Charge.objects.select_related("merchant").order_by("-created_at", "-pk")[:SHOWN],
        "queued": Charge.objects.committed().filter(setlstat=QUEUED_FOR_CAPTURE).count(),
        "messages": messages,
        "tokens": Token.objects.order_by("-pk")[:SHOWN],
        "unfunded": Charge.objects.filter(setlstat=ACCEPTED, funded_at=None).count(),
        "ahead": clock.now() if clock.ahead() else None,
        "codes": settlement.RETURN_CODES,
        "done": {name: request.GET.get(name, "") for name in DONE},
        "product_url": settings.PRODUCT_URL,
        "here": "ledger",
    }
    return render(request, "sandbox/ledger.html", context)


def close(request: HttpRequest) -> HttpResponse:
    """POST /ledger/close-batch: settle everything queued, then show the ledger again."""
    if request.method != "POST":
        return HttpResponse(status=405)
    return HttpResponseRedirect(f"/ledger?closed={len(settlement.close_batch())}")


def fund(request: HttpRequest) -> HttpResponse:
    """POST /ledger/fund: pay out everything accepted, then show the ledger again."""
    if request.method != "POST":
        return HttpResponse(status=405)
    return HttpResponseRedirect(f"/ledger?funded={len(settlement.fund())}")


def return_payment(request: HttpRequest) -> HttpResponse:
    """POST /ledger/return: let the payer's bank send one payment back."""
    if request.method != "POST":
        return HttpResponse(status=405)
    retref, code = request.POST.get("retref", ""), request.POST.get("code", "")
    try:
        settlement.return_payment(retref, code)
    except settlement.Impossible as problem:
        return HttpResponse(str(problem), status=400, content_type="text/plain")
    query = urlencode({"returned": retref, "code": code})
    return HttpResponseRedirect(f"/ledger?{query}")


def application(request: HttpRequest) -> HttpResponse:
    """GET /integrated-payments: stands for the processor's application form."""
    context = {"merchants": Merchant.objects.order_by("pk"), "product_url": settings.PRODUCT_URL}
    return render(request, "sandbox/application.html", context)


def mailbox(request: HttpRequest, number: int = 0) -> HttpResponse:
    """GET /mail and /mail/<id>: the list of emails, and the one chosen or the newest."""
    mails = list(Mail.objects.order_by("-pk")[:SHOWN])
    shown = Mail.objects.filter(pk=number).first() if number else next(iter(mails), None)
    if number and shown is None:
        raise Http404
    context = {
        "mails": mails,
        "shown": shown,
        "text": linked(shown.text) if shown else "",
        "product_url": settings.PRODUCT_URL,
        "here": "mail",
    }
    return render(request, "sandbox/mail.html", context)


def mail_body(request: HttpRequest, number: int) -> HttpResponse:
    """GET /mail/<id>/body: the HTML part, caged so that it can run and load nothing."""
    mail = Mail.objects.filter(pk=number).first()
    if mail is None:
        raise Http404
    response = HttpResponse('<base target="_blank">' + mail.html)
    response["Content-Security-Policy"] = MAIL_POLICY
    return response
