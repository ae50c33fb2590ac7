"""**Opt-outs**: the list, recording one by hand, and ending one with evidence."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import phones
from customers.models import Customer
from sms.inbox.conversations import numbers_of
from sms.inbox.forms import NumberOptOutForm, OptOutForm, ResumeForm
from sms.models import Consent, OptOut
from sms.models.consent import digests
from sms.models.inbound import InboundText
from sms.models.opt_out import opt_out
from tenants.access import Permission, staff
from tenants.form_keys import makes_once
from tenants.models import Tenant
from tenants.requests import StaffRequest

PER_PAGE = 25
DONE = "Opted out: this number will get no more texts"


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.ANSWER_TEXTS)
def index(request: StaffRequest) -> HttpResponse:
    """All opt-outs. A POST searches a number, so that no URL or log holds it."""
    number = request.POST.get("number", "").strip()[:30]
    wrong, found = "", OptOut.objects.all()
    if number:
        try:
            found = found.filter(digest__in=digests(request.tenant, _read(number)))
        except ValidationError as error:
            wrong, found = error.messages[0], found.none()
    rows = found.select_related("recorded_by", "ended_by").order_by("-pk")
    context = {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "number": number,
        "wrong": wrong,
        **_counts(),
    }
    return render(request, "sms/inbox/opt_outs.html", context, status=422 if wrong else 200)


@require_safe
@staff(Permission.ANSWER_TEXTS)
def review(request: StaffRequest) -> HttpResponse:
    """Texts that may be refusals, the oldest first."""
    texts = InboundText.objects.to_review().select_related("customer").order_by("pk")
    page = Paginator(texts, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "sms/inbox/review.html", {"page": page, **_counts()})


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.ANSWER_TEXTS)
@makes_once
def create(request: StaffRequest) -> HttpResponse:
    """Record an opt-out of any number, on file or not."""
    form = NumberOptOutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        _record(request, data["number"], data["wording"])
        return redirect("replies:opt_outs")
    status = 422 if form.errors else 200
    return render(request, "sms/inbox/opt_out.html", {"form": form}, status=status)


@require_POST
@staff(Permission.ANSWER_TEXTS)
def from_customer(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Record an opt-out from the customer's page."""
    people = Customer.objects.with_contacts().select_related("tenant")
    customer = get_object_or_404(people, public_id=public_id)
    chosen = [n for n in numbers_of(customer) if n.value == request.POST.get("number")]
    form = OptOutForm(request.POST)
    if not chosen or not form.is_valid():
        raise Http404
    _record(request, chosen[0].choice.e164, form.cleaned_data["wording"])
    return redirect("customers:detail", customer.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.ANSWER_TEXTS)
def resume(request: StaffRequest, pk: int) -> HttpResponse:
    """End an opt-out, with the words and the day of the customer's new request."""
    row = get_object_or_404(OptOut.objects.active().select_related("tenant"), pk=pk)
    zone = request.tenant.zone
    today, since = timezone.now().astimezone(zone).date(), row.created_at.astimezone(zone).date()
    form = ResumeForm(request.POST or None, today=today, since=since)
    if request.method == "POST" and form.is_valid():
        if row.resume(source=Consent.Source.WRITTEN, actor=request.user, **form.cleaned_data):
            messages.success(request, f"The number {row.ending} can be texted again")
        return redirect("replies:opt_outs")
    context = {"form": form, "row": row, "sender": getattr(request.tenant, "twilio", None)}
    wrong = request.method == "POST"
    return render(request, "sms/inbox/resume.html", context, status=422 if wrong else 200)


def _record(request: StaffRequest, number: str, wording: str) -> None:
    tenant: Tenant = request.tenant
    source = OptOut.Source.STAFF
    opt_out(tenant, number, source=source, wording=wording, actor=request.user)
    messages.success(request, DONE)


def _read(number: str) -> str:
    """The typed number as E.164: a national number, or any country's with its +."""
    if not number.startswith("+"):
        return phones.parse(number)
    digits = "+" + "".join(c for c in number if c.isdigit())
    return phones.parse(number, phones.country_of(digits))


def _counts() -> dict[str, int]:
    texts = InboundText.objects
    return {
        "unread": texts.unread().values("number").distinct().count(),
        "to_review": texts.to_review().values("number").distinct().count(),
    }
