"""All payments of a tenant, and money match: our books beside CardConnect's."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit.enqueue import enqueue
from invoices.models import Invoice
from payments import tasks
from payments.models import CardConnectAccount, Payment
from payments.models.reconciliation import MatchRow, MatchRun
from payments.reconciliation import match as matching
from payments.reconciliation import resolve
from payments.reconciliation.resolve import AboveBalance, CannotBook
from payments.staff.notes import note
from tenants.access import Permission, staff
from tenants.requests import StaffRequest

PER_PAGE = 25
Status = Payment.Status
FILTERS: dict[str, tuple[str, Q]] = {
    "open": ("Not certain yet", Q(status__in=Payment.IN_FLIGHT)),
    "booked": ("Paid", Q(status__in=[Status.CAPTURED, Status.SETTLED, Status.CLEARED])),
    "started": ("Bank payment started", Q(status=Status.STARTED)),
    "back": (
        "Refunded or voided",
        Q(status__in=[Status.REFUNDED, Status.VOIDED]) | Q(refunded__gt=0),
    ),
    "returned": ("Returned or rejected", Q(status__in=[Status.RETURNED, Status.REJECTED])),
    "failed": ("Declined or not charged", Q(status__in=[Status.DECLINED, Status.NOT_CHARGED])),
    "by-hand": ("Cash and checks", Q(method__in=["cash", "check"])),
    "found": ("Found by money match", Q(found_by_match=True)),
}
# Most urgent first.
TONES = {"differs": "bad", "theirs": "warn", "ours": "warn", "matched": "good"}
ICONS = {"differs": "alert", "theirs": "flag", "ours": "clock", "matched": "check"}


@require_safe
@staff(Permission.VIEW_INVOICES)
def index(request: StaffRequest) -> HttpResponse:
    """All payments, newest first, or those that match a search."""
    words = request.GET.get("q", "").strip()[:80]
    status = request.GET.get("status", "")
    found = _matching(words) if words else Payment.objects.all()
    if status in FILTERS:
        found = found.filter(FILTERS[status][1])
    booked = Q(status__in=Payment.BOOKED)
    sums = found.aggregate(count=Count("pk"), kept=Sum(F("amount") - F("refunded"), filter=booked))
    shown = found.select_related("invoice__customer", "tenant", "recorded_by").order_by("-id")
    pages = Paginator(shown, PER_PAGE)
    pages.count = sums["count"]  # counted with the sum, in one query
    context = {
        "tab": "list",
        "page": pages.get_page(request.GET.get("page")),
        "kept": sums["kept"],
        "words": words,
        "status": status if status in FILTERS else "",
        "filters": [(value, label) for value, (label, _) in FILTERS.items()],
    }
    return render(request, "payments/list.html", context)


def _matching(words: str) -> QuerySet[Payment]:
    """Search by customer, invoice, last four digits, our reference or the gateway's."""
    code = words.replace("-", "").upper()
    return Payment.objects.filter(
        Q(invoice__number__icontains=words)
        | Q(invoice__customer__name__icontains=words)
        | Q(last4=words)
        | Q(retref=words)
        | Q(orderid__startswith=code)
    )


@require_safe
@staff(Permission.SEE_MONEY)
def match(request: StaffRequest) -> HttpResponse:
    """**Money match**: the last complete run, with older rows that still wait; rows by bucket with
    their next step, matched lines as figures.
    """
    run = MatchRun.objects.select_related("started_by").first()
    done = MatchRun.objects.whole().select_related("started_by").first()
    every = MatchRow.objects.shown_with(done)
    counted = every.counted() if done else {}
    if done:
        counted["matched"] = {"count": done.matched_count, "total": done.matched_total}
    buckets = [
        {"value": value, "label": label, "tone": TONES[value], "icon": ICONS[value]}
        | counted.get(value, {})
        for value, label in MatchRow.Bucket.choices
    ]
    asked = request.GET.get("bucket", "")
    bucket = asked if asked in MatchRow.Bucket.values else _most_urgent(counted)
    rows = every.filter(bucket=bucket).order_by("-id")
    listed = rows.select_related("invoice__customer", "payment", "run", "seen_by")
    pages = Paginator(listed, PER_PAGE)
    pages.count = 0 if bucket == "matched" else counted.get(bucket, {}).get("count", 0)
    context = {
        "tab": "match",
        "run": run,
        "done": done,
        "buckets": buckets,
        "bucket": bucket,
        "bucket_label": MatchRow.Bucket(bucket).label,
        "tone": TONES[bucket],
        "icon": ICONS[bucket],
        "page": pages.get_page(request.GET.get("page")),
        "account": CardConnectAccount.of(request.tenant),
    }
    return render(request, "payments/match.html", context)


def _most_urgent(counted: dict[str, dict[str, Any]]) -> str:
    return next((b for b in TONES if counted.get(b, {}).get("count")), "matched")


@require_POST
@staff(Permission.SEE_MONEY)
def match_now(request: StaffRequest) -> HttpResponse:
    """**Match now**: start a run, unless one is under way."""
    run = matching.begin(request.tenant, actor=request.user)
    if run is None:
        messages.info(request, "Matching is already running.")
    else:
        enqueue(tasks.match_money, run.pk)
        messages.info(request, "Matching with CardConnect has started.")
    return redirect("payments:match")


@require_POST
@staff(Permission.SEE_MONEY)
def match_book(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Book a charge that only CardConnect has to the invoice that staff name."""
    row = get_object_or_404(MatchRow.objects.select_related("tenant"), public_id=public_id)
    number = request.POST.get("number", "").strip()[:12]
    invoice = Invoice.objects.filter(number__iexact=number).first()
    if invoice is None:
        messages.error(request, f'There is no invoice "{number}". Nothing was booked.')
        return redirect("payments:match")
    try:
        confirmed = "confirmed" in request.POST
        resolve.book_row(row, invoice, actor=request.user, confirmed=confirmed)
    except AboveBalance as above:
        part = "payments/staff/_book_above.html"
        context = {"part": part, "row": row, "invoice": invoice, "why": str(above)}
        return render(request, "payments/staff/page.html", context)
    except CannotBook as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"${row.their_amount:,.2f} booked on {invoice.number}.")
    return redirect("payments:match")


@require_POST
@staff(Permission.SEE_MONEY)
def match_keep(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Book what CardConnect took for a payment recorded as not paid, and refund it if wanted."""
    rows = MatchRow.objects.select_related("tenant", "payment__invoice", "payment__tenant")
    row = get_object_or_404(rows, public_id=public_id)
    try:
        payment = resolve.book_attempt(row, actor=request.user)
    except CannotBook as problem:
        messages.info(request, str(problem))
        return redirect("payments:match")
    message = f"${payment.amount:,.2f} booked on {payment.invoice.number}."
    if "give_back" in request.POST and request.membership.allows(Permission.REFUND_PAYMENTS):
        messages.info(request, f"{message} Now refund it.")
        return redirect("payments:give_back", payment.public_id)
    messages.success(request, message)
    return redirect("payments:match")


@require_POST
@staff(Permission.REFUND_PAYMENTS)
def match_refund(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Record this refund**: it was made at CardConnect, or ours went through after all."""
    rows = MatchRow.objects.select_related("payment__invoice")
    row = get_object_or_404(rows, public_id=public_id)
    try:
        refund = resolve.record_refund(row, actor=request.user)
    except CannotBook as problem:
        messages.error(request, str(problem))
    else:
        number = refund.payment.invoice.number
        messages.success(request, f"Refund of ${refund.total:,.2f} recorded on {number}.")
    return redirect("payments:match")


@require_POST
@staff(Permission.SEE_MONEY)
def match_seen(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Seen**: close a row, with an explanation where money may be in doubt."""
    rows = MatchRow.objects.select_related("tenant", "invoice")
    row = get_object_or_404(rows, public_id=public_id)
    try:
        is_new = resolve.see_row(
            row, request.POST.get("words", "").strip()[:120], actor=request.user
        )
    except CannotBook as problem:
        messages.error(request, str(problem))
    else:
        ending = (
            "is marked as reviewed." if is_new else "was already reviewed, or has changed since."
        )
        messages.info(request, f"{row.get_cause_display()}, ${row.amount:,.2f}: it {ending}")
    return redirect("payments:match")


@require_POST
@staff(Permission.SEE_MONEY)
def match_ask(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Inquire about one payment at CardConnect, and show its status."""
    rows = MatchRow.objects.select_related("payment__tenant__cardconnect", "payment__invoice")
    row = get_object_or_404(rows, public_id=public_id)
    payment = row.payment
    if payment is None or not row.may_be_asked:
        messages.info(request, "There is nothing to check. Match again for the latest.")
        return redirect("payments:match")
    resolve.ask_row(row, payment)
    message = f"{payment.invoice.number}: {payment.get_status_display()}. {note(payment)}"
    messages.info(request, message.strip())
    return redirect("payments:match")
