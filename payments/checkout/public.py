"""The payer's pages: Pay Now behind a payment link, and the outcome of a payment.

A GET changes nothing, whoever sends it: people, preview bots, scanners. Only a POST of our form
pays.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_scopes import scope, scopes_disabled

from audit.clock import db_now
from invoices.models import PaymentLink
from payments.checkout import (
    amounts,
    authorization_text,
    charge,
    claim,
    link_state,
    open_tracking,
    surcharge,
)
from payments.checkout.amounts import AmountRefused
from payments.checkout.claim import AmountChanged, CannotPay, SentBefore
from payments.checkout.forms import OUT_OF_DATE, FeeForm, PayForm
from payments.checkout.link_state import may_name, state_of
from payments.checkout.page_data import TO_FIX, page_data
from payments.checkout.request_guard import (
    FEE_QUESTIONS,
    OPENINGS,
    UNKNOWN_LINKS,
    client_ip,
    payer_page,
    too_many,
)
from payments.gateway import client, hosted_tokenizer
from payments.models import CardConnectAccount, Payment, Refund
from payments.settlement import banking_days
from tenants.rate_limit import network_of

ASKED_TOO_MUCH = "Too many attempts at once. Please wait a minute."
GONE = frozenset({link_state.EXPIRED, link_state.REPLACED, link_state.CLOSED, link_state.VOID})
# Outcomes after which the payer is not asked to try again: nothing is left to pay, or it is
# unknown.
OVER = frozenset(
    {
        link_state.PAID,
        link_state.STARTED,
        link_state.VOID,
        link_state.CHECKING,
        link_state.ATTENTION,
    }
)
PAGES: dict[str, str] = {
    Payment.Status.PENDING: "checking",
    Payment.Status.UNKNOWN: "checking",
    Payment.Status.NEEDS_ATTENTION: "attention",
    Payment.Status.CAPTURED: "paid",
    Payment.Status.STARTED: "started",
    Payment.Status.SETTLED: "paid",
    Payment.Status.CLEARED: "paid",
    Payment.Status.REFUNDED: "reversed",
    Payment.Status.VOIDED: "reversed",
    Payment.Status.REJECTED: "reversed",
    Payment.Status.RETURNED: "reversed",
    Payment.Status.DECLINED: "not_taken",
    Payment.Status.NOT_CHARGED: "not_taken",
}


@require_http_methods(["GET", "HEAD", "POST"])
@payer_page
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """The Pay Now page; POST pays."""
    link = _opened(token)
    if link is None:
        return _unknown(request)
    with scope(tenant=link.tenant):
        if request.method == "POST":
            return _take(request, link, token)
        return _show(request, link)


@require_safe
@payer_page
def pay_status(request: HttpRequest, token: str, payment: uuid.UUID) -> HttpResponse:
    """The outcome of one payment; its address is known only to the browser that paid."""
    link = _opened(token)
    if link is None:
        return _unknown(request)
    with scope(tenant=link.tenant):
        found = (
            Payment.objects.filter(link=link, public_id=payment)
            .select_related("authorization", "tenant", "invoice__tenant", "invoice__customer")
            .first()
        )
        if found is None:
            return _unknown(request)
        if request.GET.get("format") == "json":
            return JsonResponse({"state": found.status})
        return _outcome(request, link, found)


@require_POST
@sensitive_post_parameters("token")
@payer_page
def fee(request: HttpRequest, token: str) -> HttpResponse:
    """The surcharge of a card payment, quoted before the payer agrees: JSON for js/pay_fee.js.

    Returns amount, fee, total and words, or a problem to show: 422 for bad input, 409 for a link
    that takes no card now, 429 for too many requests, 503 when CardConnect does not respond.
    """
    link = _opened(token)
    if link is None:
        return _unknown(request)
    with scope(tenant=link.tenant):
        account = state_of(link).account
        if account is None or not account.has_surcharge:
            return JsonResponse({"problem": OUT_OF_DATE}, status=409)
        if not FEE_QUESTIONS.allows(link.pk):
            return too_many(FEE_QUESTIONS, JsonResponse({"problem": ASKED_TOO_MUCH}))
        form = FeeForm(request.POST, tenant=link.tenant, balance=link.invoice.balance)
        if not form.is_valid():
            return JsonResponse({"problem": form.problem}, status=422)
        asked = form.cleaned_data
        try:
            quote = surcharge.quote(account, asked["token"], asked["postal"], asked["amount"])
        except CannotPay as silence:
            return JsonResponse({"problem": str(silence)}, status=503)
    total = asked["amount"] + quote.fee
    shown = {"amount": f"{asked['amount']:.2f}", "fee": f"{quote.fee:.2f}", "total": f"{total:.2f}"}
    return JsonResponse(shown | {"words": quote.words})


@require_POST
@payer_page
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """A page reports that a person is looking at it: 204, whether that counts or not."""
    link = _opened(token)
    if link is None:
        return _unknown(request)
    if not OPENINGS.allows(link.pk):
        return too_many(OPENINGS, HttpResponse())
    with scope(tenant=link.tenant):
        open_tracking.note(request, link, request.POST.get("nonce", ""))
    return HttpResponse(status=204)


def _opened(token: str) -> PaymentLink | None:
    with scopes_disabled():
        return PaymentLink.objects.opened_by(token)


def _unknown(request: HttpRequest) -> HttpResponse:
    """One page for every address that opens nothing, so that the reason is not revealed."""
    if not UNKNOWN_LINKS.allows(network_of(client_ip(request))):
        return too_many(UNKNOWN_LINKS, render(request, "payments/too_many.html"))
    return render(request, "404.html", status=404)


def _show(request: HttpRequest, link: PaymentLink, status: int = 0, **extra: Any) -> HttpResponse:
    """The page for the link's present state."""
    now = state_of(link)
    if request.GET.get("format") == "json":
        return JsonResponse({"state": now.state})
    if now.state == link_state.READY and now.account is not None:
        return _form(request, link, now.account, status or 200, **extra)
    context = _context(link) | {"state": now.state, "payment": now.payment, **extra}
    code = 410 if now.state in GONE else 409 if request.method == "POST" else 200
    return render(request, f"payments/{now.state}.html", context, status=code)


def _form(
    request: HttpRequest, link: PaymentLink, account: CardConnectAccount, status: int, **extra: Any
) -> HttpResponse:
    """The form: the bill, the choice, the authorization and the button."""
    asked = extra.pop("method", "") or request.GET.get("method", "")
    kinds = (
        [authorization_text.CARD, authorization_text.ACH]
        if account.takes_bank_payments
        else [authorization_text.CARD]
    )
    method = asked if asked in kinds else authorization_text.CARD
    typed = extra.pop("other", None)
    if typed is None:
        typed = "" if request.GET.get("pay") == "full" else request.GET.get("amount", "")
    choice = amounts.choose(link.tenant, link.invoice.balance, typed)
    if choice.problem and "fixes" not in extra:
        extra |= {"fixes": [("other", choice.problem)], "wrong": {"other": choice.problem}}
    day, amount = _today(link), choice.amount
    context = _context(link) | {
        "may_choose": amounts.may_choose(link.tenant, link.invoice.balance),
        "choice": choice,
        "left": link.invoice.balance - amount,
        "method": method,
        "kinds": kinds,
        "surcharge": account.fee_words if account.has_surcharge else "",
        "day": day,
        "key": uuid.uuid4(),
        "opening": open_tracking.nonce_for(request, link),
        "frame_origin": client.origin(account.site),
        "page_data": page_data(link.tenant, link.invoice.balance),
        "fixes_heading": TO_FIX[len(extra.get("fixes", ()))],
        "ways": [
            {
                "kind": kind,
                "frame": hosted_tokenizer.url(account.site, kind),
                "sentence": authorization_text.sentence_html(
                    link.invoice,
                    kind,
                    amount,
                    day,
                    to_come=account.has_surcharge and kind == authorization_text.CARD,
                ),
            }
            for kind in kinds
        ],
        **extra,
    }
    response = render(request, "payments/pay.html", context, status=status)
    source = {"frame-src": [client.origin(account.site)]}
    response._csp_replace = source  # type: ignore[attr-defined]
    return response


def _take(request: HttpRequest, link: PaymentLink, token: str) -> HttpResponse:
    """Start one payment and charge it; every exit is a page that says where the money is."""
    may_choose = amounts.may_choose(link.tenant, link.invoice.balance)
    account = CardConnectAccount.of(link.tenant)
    form = PayForm(
        request.POST,
        today=_today(link),
        may_choose=may_choose,
        has_surcharge=account is not None and account.has_surcharge,
    )
    if form.data.get("authorized"):
        open_tracking.note_payment(request, link)
    if not form.is_valid():
        return _to_fix(request, link, form, form.fix_list)
    try:
        payment, created = _start(request, link, form)
    except AmountRefused as refused:
        fix = ("other", str(refused)) if may_choose else ("agree", OUT_OF_DATE)
        return _to_fix(request, _opened(token) or link, form, [fix])
    except AmountChanged as changed:
        old, new = changed.agreed, changed.now
        shown = {"old": old, "new": new, "difference": new - old, "other": form.other}
        shown |= {"by_fee": changed.by_fee, "entered": form.data}
        return _show(request, _opened(token) or link, 409, **shown)
    except SentBefore as sent:
        context = _context(_opened(token) or link) | {"payment": sent.payment}
        return render(request, "payments/sent_before.html", context, status=422)
    except CannotPay as refused:
        shown = {
            "refused": str(refused),
            "method": form.cleaned_data["method"],
            "other": form.other,
        }
        shown |= {"entered": form.data}
        return _show(request, _opened(token) or link, 409, **shown)
    if created:
        entered = form.cleaned_data
        charge.charge(
            payment,
            entered["token"],
            expiry=entered["expiry"],
            account_type=entered["account"],
            postal=entered["postal"],
        )
    return redirect("payments:pay_status", token, payment.public_id)


def _to_fix(
    request: HttpRequest, link: PaymentLink, form: PayForm, fixes: list[tuple[str, str]]
) -> HttpResponse:
    """The form again, with what has to be corrected."""
    return _show(
        request,
        link,
        422,
        method=form.data.get("method", ""),
        other=form.other,
        fixes=fixes,
        wrong=dict(fixes),
        entered=form.data,
    )


def _start(request: HttpRequest, link: PaymentLink, form: PayForm) -> tuple[Payment, bool]:
    entered = form.cleaned_data
    method, token = entered["method"], entered["token"]
    paid = {name: entered[name] for name in ("key", "method", "token", "amount")}
    fee = surcharge.agreed(link, postal=entered["postal"], fee=entered["fee"], **paid)
    agreement = authorization_text.Agreement(
        text=authorization_text.sentence(
            link.invoice,
            method,
            entered["amount"],
            entered["day"],
            token=token,
            name=entered["name"],
            account_type=entered["account"],
            fee=fee,
        ),
        version=authorization_text.version(method, fee),
        payer_name=entered["name"],
        ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
    return claim.start(
        link,
        **paid,
        fee=fee,
        agreement=agreement,
        account_type=entered["account"],
        seen=entered["balance"],
    )


def _outcome(request: HttpRequest, link: PaymentLink, payment: Payment) -> HttpResponse:
    """The receipt, the wait, or the form again with the error above it."""
    failed = payment.was_not_taken
    now = state_of(link).state
    if failed and now == link_state.READY:
        other = str(payment.amount)
        return _show(request, link, failed=payment, method=payment.method, other=other)
    context = _context(link) | {"payment": payment, "state": payment.status, "is_mine": True}
    context["may_pay_rest"] = payment.is_booked and now == link_state.READY
    fresh = link.invoice.live_link
    context |= {"now": now, "is_over": now in OVER, "fresh": fresh if fresh != link else None}
    begun_on = payment.created_at.astimezone(link.tenant.zone).date()
    context["clears_on"] = banking_days.after(begun_on, link.tenant.ach_clear_days)
    return render(request, f"payments/{PAGES[payment.status]}.html", context)


def _context(link: PaymentLink) -> dict[str, Any]:
    """The context shared by all payer pages. The only personal data is a first name."""
    contact = link.invoice.customer.billing_contact
    paid, under_way = link.invoice.paid, Decimal("0.00")
    if paid:
        under_way = Payment.objects.filter(invoice=link.invoice).uncleared().booked_total()
    return {
        "tenant": link.tenant,
        "invoice": link.invoice,
        "named": may_name(link),
        "token": link.token,
        "first_name": contact.first_name if contact else "",
        "newest": link.invoice.newest_link,
        "given_back": Refund.objects.given(link.invoice),
        "under_way": under_way,
        "paid_so_far": paid - under_way,
    }


def _today(link: PaymentLink) -> dt.date:
    """The date in the authorization: the tenant's, by the database's clock."""
    return db_now().astimezone(link.tenant.zone).date()
