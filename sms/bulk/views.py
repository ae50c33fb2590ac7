"""Bulk sends: the check before, the progress, and the results."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypedDict

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import clock
from audit.enqueue import enqueue
from customers import phones
from invoices.models import Invoice
from sms.bulk.work import Verdict, verdicts
from sms.compliance.findings import Finding
from sms.compliance.send_check import company_refusal
from sms.models.bulk import MOST, BulkSend, BulkText
from sms.models.text import TextMessage
from sms.tasks import run_bulk
from tenants.access import Permission, staff
from tenants.live import Regions
from tenants.requests import StaffRequest

FORMULA = re.compile("[\t\r]|\\s*[=+\\-@|%\uff1d\uff0b\uff0d\uff20]")
PER_PAGE = 50
LIVE = {"progress": "sms/bulk/_progress.html", "rows": "sms/bulk/_rows.html"}
# The invoices that the list shows for these words and this status, by the company's today.
Find = Callable[[str, str, dt.date], QuerySet[Invoice]]
Status, Outcome = TextMessage.Status, BulkText.Outcome
# The counts of the page: state, tone, icon, words. Problems are last in the counts and first in
# the table.
STATES: list[tuple[str, str, str, str]] = [
    (Status.DELIVERED, "good", "sent", "delivered"),
    (Status.SENT, "info", "send", "sent"),
    (Status.QUEUED, "", "clock", "waiting to go out"),
    (Status.SENDING, "", "clock", "being sent"),
    (Outcome.WAITING, "", "clock", "waiting to be checked"),
    (Status.UNDELIVERED, "bad", "stop", "not delivered"),
    (Status.FAILED, "bad", "stop", "not sent"),
    (Outcome.LEFT_OUT, "warn", "alert", "skipped"),
    (Status.CANCELLED, "", "x", "cancelled"),
]
PROBLEMS = [Status.UNDELIVERED, Status.FAILED, Outcome.LEFT_OUT, Status.CANCELLED]


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.SEND_MANY)
def check(request: StaffRequest, find: Find) -> HttpResponse:
    """GET shows the send check of each chosen invoice, POST starts the bulk send."""
    params = request.POST if request.method == "POST" else request.GET
    invoices = _chosen(request, params, find)
    refusal = company_refusal(request.tenant, request.membership)
    found = [] if refusal else verdicts(invoices)
    ready = [one for one in found if one.may_go]
    if request.method == "POST" and ready and params.get("seen") == _digest(ready):
        return _start(request, ready, params)
    return _show(request, params, found, ready, refusal)


def _start(request: StaffRequest, ready: list[Verdict], params: QueryDict) -> HttpResponse:
    try:
        key = uuid.UUID(params.get("key", ""))
    except ValueError:
        key = uuid.uuid4()
    bulk, new = BulkSend.objects.start(
        request.tenant, [one.invoice for one in ready], actor=request.user, key=key
    )
    if new:
        enqueue(run_bulk, bulk.pk)
    return redirect("sms:bulk", bulk.public_id)


def _show(
    request: StaffRequest,
    params: QueryDict,
    found: list[Verdict],
    ready: list[Verdict],
    refusal: Finding | None,
) -> HttpResponse:
    changed = request.method == "POST" and bool(found)
    context = {
        "found": found,
        "ready": ready,
        "owed": sum(one.invoice.balance for one in ready),
        "texted_before": sum(1 for one in ready if one.texted_before),
        "later": sum(1 for one in ready if one.not_before),
        "left_out": _by_reason(one for one in found if not one.may_go),
        "refusal": refusal,
        "most": MOST,
        "changed": changed,
        "key": uuid.uuid4(),
        "seen": _digest(ready),
        "asked": [(name, value) for name in ("all", "q", "status") if (value := params.get(name))],
        "chosen": params.getlist("invoice"),
    }
    return render(request, "sms/bulk/check.html", context, status=409 if changed else 200)


def _chosen(request: StaffRequest, params: QueryDict, find: Find) -> QuerySet[Invoice]:
    """The ticked invoices, or all that match what the list was filtered by."""
    if params.get("all"):
        today = clock.today(request.tenant.zone)
        found = find(params.get("q", "").strip()[:80], params.get("status", ""), today)
    else:
        found = Invoice.objects.filter(public_id__in=_uuids(params.getlist("invoice")))
    return found[: MOST + 1]


def _uuids(texts: Iterable[str]) -> Iterator[uuid.UUID]:
    for text in texts:
        try:
            yield uuid.UUID(text)
        except ValueError:
            continue


def _digest(ready: list[Verdict]) -> str:
    """A digest of these invoices, so that nobody texts others than the page showed."""
    numbers = ",".join(str(pk) for pk in sorted(one.invoice.pk for one in ready))
    return hashlib.sha256(numbers.encode()).hexdigest()[:32]


def _by_reason(left_out: Iterable[Verdict]) -> list[tuple[str, list[Verdict]]]:
    reasons: dict[str, list[Verdict]] = {}
    for one in left_out:
        reasons.setdefault(one.reason, []).append(one)
    return sorted(reasons.items(), key=lambda pair: -len(pair[1]))


@require_safe
@staff(Permission.SEND_TEXTS)
def index(request: StaffRequest) -> HttpResponse:
    """The company's bulk sends, newest first."""
    pages = Paginator(BulkSend.objects.select_related("started_by"), 25)
    page = pages.get_page(request.GET.get("page"))
    rows = [(bulk, _figures(bulk)) for bulk in page]
    return render(request, "sms/bulk/list.html", {"page": page, "rows": rows})


@require_safe
@staff(Permission.SEND_TEXTS)
def progress(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """The progress of a bulk send and the result for each invoice; the page polls `live`."""
    bulk = _load(public_id)
    context = _context(request, bulk)
    context["live"] = Regions(request, LIVE, context)
    return render(request, "sms/bulk/progress.html", context)


@require_safe
@staff(Permission.SEND_TEXTS)
def live(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """The changed regions of an open page; 204 when nothing changed."""
    return Regions(request, LIVE, _context(request, _load(public_id))).answer(request)


@require_POST
@staff(Permission.SEND_MANY)
def change(request: StaffRequest, public_id: uuid.UUID, move: str) -> HttpResponse:
    """**Pause**, **Go on** or **Stop the rest**."""
    bulk = _load(public_id)
    verb = {"pause": bulk.pause, "go-on": bulk.go_on, "stop": bulk.stop}[move]
    if not verb(actor=request.user):
        messages.info(request, f"It is already {bulk.get_status_display().lower()}.")
    elif bulk.is_running:
        enqueue(run_bulk, bulk.pk)
    return redirect("sms:bulk", bulk.public_id)


@require_safe
@staff(Permission.SEND_TEXTS)
def export(request: StaffRequest, public_id: uuid.UUID) -> StreamingHttpResponse:
    """The result for each invoice as CSV."""
    bulk = _load(public_id)
    rows = list(_rows(bulk))
    head = ["Invoice", "Customer", "Balance", "To", "Result", "Reason", "Sent at", "Segments"]
    lines: list[Sequence[str | int]] = [head]
    lines += [_cells(row, request.tenant.zone) for row in rows]
    writer = csv.writer(_Echo())
    response = StreamingHttpResponse(
        (writer.writerow([_inert(cell) for cell in line]) for line in lines),
        content_type="text/csv; charset=utf-8",
    )
    name = f"bulk-send-{bulk.started_at:%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _load(public_id: uuid.UUID) -> BulkSend:
    return get_object_or_404(BulkSend.objects.select_related("started_by"), public_id=public_id)


def _rows(bulk: BulkSend) -> QuerySet[BulkText]:
    """Its rows, problems first."""
    order = Case(
        When(outcome__in=PROBLEMS, then=Value(0)),
        When(message__status__in=PROBLEMS, then=Value(0)),
        When(outcome=BulkText.Outcome.WAITING, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return (
        BulkText.objects.filter(bulk=bulk)
        .select_related("invoice__customer", "message")
        .order_by(order, "id")
    )


class Figures(TypedDict):
    """The counts of a bulk send; each chip is a tone, an icon and words."""

    total: int
    done: int
    chips: list[tuple[str, str, str]]
    # Texts whose answer from Twilio was lost.
    unanswered: int


def _figures(bulk: BulkSend) -> Figures:
    counts = bulk.counts()
    total = sum(counts.values())
    done = total - bulk.rows.filter(BulkText.OPEN).count()
    chips = [
        (tone, icon, f"{counts[name]:,} {words}")
        for name, tone, icon, words in STATES
        if counts.get(name)
    ]
    unanswered = bulk.unanswered().count() if counts.get(Status.SENDING) else 0
    return Figures(total=total, done=done, chips=chips, unanswered=unanswered)


def _context(request: StaffRequest, bulk: BulkSend) -> dict[str, object]:
    pages = Paginator(_rows(bulk), PER_PAGE)
    return {
        "bulk": bulk,
        **_figures(bulk),
        "page": pages.get_page(request.GET.get("page")),
        "styles": {name: (tone, icon) for name, tone, icon, _ in STATES},
        "live_address": f"{reverse('sms:bulk_live', args=[bulk.public_id])}?{_page(request)}",
    }


def _page(request: StaffRequest) -> str:
    number = request.GET.get("page", "")
    return f"page={number}" if number.isdecimal() else ""


def _cells(row: BulkText, zone: dt.tzinfo) -> list[str | int]:
    text, invoice = row.message, row.invoice
    sent_at = text.sent_at if text else None
    return [
        invoice.number,
        invoice.customer.name,
        f"{invoice.balance:.2f}",
        phones.national(text.to) if text else "",
        row.result,
        row.why,
        sent_at.astimezone(zone).isoformat(timespec="seconds") if sent_at else "",
        text.segments if text and text.segments else "",
    ]


def _inert(cell: str | int) -> str | int:
    """A cell that no spreadsheet runs as a formula (CWE-1236), also one that begins with spaces.

    Some spreadsheets read full-width signs as well.
    """
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


class _Echo:
    """A file that returns each line, for a streaming response."""

    def write(self, line: str) -> str:
        return line
