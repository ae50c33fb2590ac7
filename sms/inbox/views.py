"""**Messages**: inbound texts and the answers to them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit.enqueue import enqueue
from audit.models import record
from customers.models import Customer
from invoices.models import Invoice
from sms.compliance.send_check import check_answer
from sms.content.message_text import answer_text
from sms.content.segments import segments
from sms.inbox import conversations
from sms.inbox.forms import LONGEST, AnswerForm, OptOutForm
from sms.models import OptOut
from sms.models.inbound import InboundText
from sms.models.opt_out import opt_out
from sms.outbox.queue import queue_answer
from sms.recipient import Recipient
from sms.tasks import deliver
from tenants.access import Permission, staff
from tenants.live import Regions
from tenants.requests import StaffRequest

PER_PAGE = 25
LIVE = {
    "thread": "sms/inbox/_thread.html",
    "answer": "sms/inbox/_answer.html",
    "about": "sms/inbox/_about.html",
}


# How many invoices of the customer are shown beside the conversation.
INVOICES = 5


class StatusSummary(Protocol):
    """Where an invoice stands, for people: the parts of a chip."""

    @property
    def tone(self) -> str: ...

    @property
    def icon(self) -> str: ...

    @property
    def words(self) -> str: ...


# A customer's newest invoices, so many at most, and where each stands.
StatusSummaries = Callable[[Customer, int], Sequence[tuple[Invoice, StatusSummary]]]


@require_safe
@staff(Permission.ANSWER_TEXTS)
def index(request: StaffRequest) -> HttpResponse:
    """Conversations, the newest first: all, unread ones, or those to review."""
    words = request.GET.get("q", "").strip()[:80]
    show = request.GET.get("show", "")
    show = show if show in conversations.SHOWN else ""
    page = Paginator(conversations.listed(words, show), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": conversations.with_texts(request.tenant, page.object_list),
        "words": words,
        "show": show,
        "unread": InboundText.objects.unread().values("number").distinct().count(),
        "to_review": InboundText.objects.to_review().values("number").distinct().count(),
    }
    return render(request, "sms/inbox/list.html", context)


@require_safe
@staff(Permission.ANSWER_TEXTS)
def conversation(
    request: StaffRequest, public_id: uuid.UUID, summaries: StatusSummaries
) -> HttpResponse:
    """One conversation, marked as read; the page polls `live`."""
    return _show(request, _load(public_id), AnswerForm(), summaries)


@require_safe
@staff(Permission.ANSWER_TEXTS)
def live(request: StaffRequest, public_id: uuid.UUID, summaries: StatusSummaries) -> HttpResponse:
    """The changed regions of an open page; 204 when nothing changed."""
    text = _load(public_id)
    return _live(request, text, AnswerForm(), summaries).answer(request)


@require_POST
@staff(Permission.ANSWER_TEXTS)
def answer(request: StaffRequest, public_id: uuid.UUID, summaries: StatusSummaries) -> HttpResponse:
    """Queue an answer, once per form; 409 with the reason when the check forbids it."""
    text = _load(public_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _show(request, text, form, summaries, status=422)
    recipient = Recipient.of(text.customer, text.number)
    if reason := check_answer(request.tenant, recipient).reason:
        form.add_error(None, f"{reason.sentence} Nothing was sent.")
        return _show(request, text, form, summaries, status=409)
    message, new = queue_answer(
        request.tenant,
        recipient,
        body=answer_text(request.tenant, form.cleaned_data["body"], recipient.language),
        key=form.cleaned_data["key"],
        actor=request.user,
    )
    if new:
        enqueue(deliver, message.pk)
    return redirect("replies:conversation", text.public_id)


@require_POST
@staff(Permission.ANSWER_TEXTS)
def count(request: StaffRequest) -> HttpResponse:
    """The length and the segments of the answer that is being typed."""
    body = request.POST.get("body", "").strip()[: 2 * LONGEST]
    whole = answer_text(request.tenant, body, request.POST.get("language", ""))
    context = {"length": len(body), "most": LONGEST, "segments": segments(whole) if body else 0}
    return render(request, "sms/inbox/_count.html", context)


@require_POST
@staff(Permission.ANSWER_TEXTS)
def unread(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Mark the conversation's newest text as unread."""
    text = _load(public_id)
    newest = InboundText.objects.filter(number=text.number).order_by("-pk")[:1]
    InboundText.objects.filter(pk__in=list(newest.values_list("pk", flat=True))).update(
        read_at=None
    )
    messages.success(request, "Marked as unread")
    return redirect("replies:inbox")


@require_POST
@staff(Permission.ANSWER_TEXTS)
def decide(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Record whether a text is a refusal: **Opted out** or **Not a refusal**."""
    text = get_object_or_404(InboundText.objects.select_related("customer"), public_id=public_id)
    refused = request.POST.get("refused") == "yes"
    with transaction.atomic():
        kind = InboundText.Kind.REFUSAL if refused else InboundText.Kind.MESSAGE
        moved = text.close_review(actor=request.user, kind=kind)
        if refused:
            _stop(request, text, OptOut.Source.WORDS, text.body)
        elif moved:
            subject = text.customer.audit_subject if text.customer else request.tenant.audit_subject
            record(
                "text.reviewed",
                tenant=request.tenant,
                subject=subject,
                actor=request.user,
                said=text.body[:200],
            )
            messages.success(request, "Recorded: not an opt-out")
    if request.POST.get("next") == "review":
        return redirect("replies:review")
    return redirect("replies:conversation", text.public_id)


@require_POST
@staff(Permission.ANSWER_TEXTS)
def stop(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Record an opt-out from the conversation."""
    text = _load(public_id)
    form = OptOutForm(request.POST)
    if form.is_valid():
        _stop(request, text, OptOut.Source.STAFF, form.cleaned_data["wording"])
    return redirect("replies:conversation", text.public_id)


def _stop(request: StaffRequest, text: InboundText, source: str, wording: str) -> None:
    opt_out(request.tenant, text.number, source=source, wording=wording, actor=request.user)
    messages.success(request, "Opted out: this number will get no more texts")


def _load(public_id: uuid.UUID) -> InboundText:
    texts = InboundText.objects.select_related("tenant", "customer")
    return get_object_or_404(texts, public_id=public_id)


def _show(
    request: StaffRequest,
    text: InboundText,
    form: AnswerForm,
    summaries: StatusSummaries,
    status: int = 200,
) -> HttpResponse:
    context = {"text": text, "live": _live(request, text, form, summaries)}
    return render(request, "sms/inbox/conversation.html", context, status=status)


def _live(
    request: StaffRequest, text: InboundText, form: AnswerForm, summaries: StatusSummaries
) -> Regions:
    InboundText.objects.filter(number=text.number).mark_read()
    recipient = Recipient.of(text.customer, text.number)
    found = check_answer(request.tenant, recipient)
    context = {
        "text": text,
        "here": text.public_id,
        "form": form,
        "lines": conversations.lines(text.number),
        "reason": found.reason,
        "waits": found.not_before,
        "language": recipient.language,
        "added": answer_text(request.tenant, "", recipient.language).strip(),
        "opt_out": OptOut.objects.select_related("recorded_by").of(request.tenant, text.number),
        "invoices": summaries(text.customer, INVOICES) if text.customer else [],
        "most": LONGEST,
    }
    return Regions(request, LIVE, context)
