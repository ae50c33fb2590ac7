"""What staff do about a row of money match: book it, record a refund, inquire, close it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from audit.clock import db_now
from audit.models import record
from audit.transitions import IllegalTransition
from invoices.models import Invoice
from payments.checkout import charge, surcharge
from payments.models import CardConnectAccount, Payment, Refund
from payments.models.reconciliation import MatchRow
from payments.models.refund import refunded_total
from payments.models.statuses import CARRIED_OUT
from payments.reconciliation.match import book
from payments.reconciliation.statement import GIVEN_ONCE, ZERO, Line
from payments.refunding.request import CENT, OTHER_OPEN
from payments.settlement import status
from tenants.models import User

Cause = MatchRow.Cause


class CannotBook(Exception):
    """The row cannot be resolved this way; str() is the sentence to show."""


class AboveBalance(CannotBook):
    """The amount is above the invoice's balance; staff may confirm it."""


def book_row(row: MatchRow, invoice: Invoice, *, actor: User, confirmed: bool = False) -> Payment:
    """Book a charge on the invoice that staff named.

    Raises AboveBalance until that is confirmed, and CannotBook.
    """
    account = CardConnectAccount.objects.filter(tenant=row.tenant).first()
    if account is None or not row.may_be_booked or row.their_amount is None:
        raise CannotBook("This charge is already booked. Match again to see where.")
    line = Line(row.retref, row.their_amount, row.day, row.orderid, is_bank=row.is_bank)
    fee = surcharge.added_to(account, line.retref)
    if fee is None:
        raise CannotBook("CardConnect does not say how much of it is a surcharge. Try again later.")
    line = replace(line, fee=fee)
    with transaction.atomic():
        locked = invoice.locked()
        same = Payment.objects.filter(merchid=account.merchid, retref=line.retref)
        if not same.filter(status__in=CARRIED_OUT).exists():
            _check_may_take(locked, line.amount - line.fee, confirmed=confirmed)
        payment = book(account, locked, line, actor=actor)
        if payment.invoice_id != invoice.pk:
            raise CannotBook(f"This charge is already booked, on {payment.invoice.number}.")
        MatchRow.objects.filter(pk=row.pk).update(
            handled_at=db_now(), cause=Cause.BOOKED, payment=payment, invoice=invoice
        )
    return payment


def _check_may_take(invoice: Invoice, amount: Decimal, *, confirmed: bool) -> None:
    """Whether a charge may be booked on the invoice, under its lock; raises CannotBook."""
    if invoice.status == Invoice.Status.VOID:
        raise CannotBook(
            f"{invoice.number} is void, so nothing was booked. Enter another invoice, or "
            "refund the charge at CardConnect."
        )
    if invoice.status == Invoice.Status.DRAFT:
        raise CannotBook(f"{invoice.number} is a draft, so nothing was booked. Open it first.")
    if amount > invoice.balance and not confirmed:
        over = amount - invoice.balance
        raise AboveBalance(
            f"{invoice.number} has ${invoice.balance:,.2f} due. With this charge it would "
            f"be overpaid by ${over:,.2f}, which you would have to refund. Nothing has "
            "been booked yet."
        )


def book_attempt(row: MatchRow, *, actor: User) -> Payment:
    """Book what CardConnect took for a payment that is recorded as not paid; raises CannotBook.

    The attempt keeps its status in the history; the charge becomes a payment of its own.
    """
    account = CardConnectAccount.objects.filter(tenant=row.tenant).first()
    attempt = row.payment
    if account is None or attempt is None or row.their_amount is None or not row.may_be_kept:
        raise CannotBook("This was already resolved. Match again to see how.")
    line = Line(row.retref, row.their_amount, row.day, is_bank=attempt.method == "ach")
    agreed = line.amount == attempt.total
    fee = attempt.fee if agreed else surcharge.added_to(account, line.retref) or ZERO
    line = replace(line, fee=fee)
    try:
        with transaction.atomic():
            if attempt.is_in_flight:
                attempt.decline(
                    f"CardConnect took ${line.amount:,.2f}, which is booked separately."
                )
            payment = book(account, attempt.invoice, line, actor=actor)
            Payment.objects.filter(pk=payment.pk, last4="").update(
                brand=attempt.brand, last4=attempt.last4, payer_name=attempt.payer_name
            )
            if payment.method == Payment.Method.CARD:
                payment.mark_settled()  # it was listed because it settled
            MatchRow.objects.filter(pk=row.pk).update(
                handled_at=db_now(), cause=Cause.BOOKED, payment=payment
            )
    except (IllegalTransition, IntegrityError):
        raise CannotBook("It has just changed. Match again for the latest.") from None
    payment.refresh_from_db()
    return payment


def record_refund(row: MatchRow, *, actor: User) -> Refund:
    """Record a refund that was made at CardConnect; repeated calls record it once.

    A refund of ours that was recorded as declined becomes done. Raises CannotBook.
    """
    if row.payment is None or row.their_amount is None or not row.may_be_recorded:
        raise CannotBook("This refund is already recorded. Match again to see where.")
    total = abs(row.their_amount)
    with transaction.atomic():
        invoice = row.payment.invoice.locked()
        payment = invoice.payments.select_related("tenant").get(pk=row.payment.pk)
        mine = Refund.objects.filter(payment__merchid=row.merchid, kind=Refund.Kind.REFUND)
        refund = mine.filter(retref=row.retref, status__in=GIVEN_ONCE).first()
        if refund is None:
            declined = mine.filter(payment=payment, status=Refund.Status.DECLINED)
            known = declined.filter(Q(orderid=row.orderid) | Q(retref=row.retref)).first()
            _check_may_be_recorded(payment, total)
            refund = known or _made_elsewhere(row, payment, total, actor)
            if known and known.total != total:
                raise CannotBook(
                    f"CardConnect refunded ${total:,.2f}, but ${known.total:,.2f} was "
                    "requested. Nothing was recorded. Call CardConnect with the "
                    "reference."
                )
            if known:
                known.done(actor=actor, retref=row.retref)
        MatchRow.objects.filter(pk=row.pk).update(handled_at=db_now())
    return refund


def _check_may_be_recorded(payment: Payment, total: Decimal) -> None:
    """Whether this refund may be recorded, under the invoice's lock; raises CannotBook."""
    if payment.refunds.open().exists():
        raise CannotBook(f"{OTHER_OPEN} Nothing was recorded.")
    if payment.status == Payment.Status.STARTED:
        raise CannotBook(
            "This bank payment has not cleared yet, so nothing was recorded. Record the "
            "refund once it has cleared; it stays in this list."
        )
    if payment.method == Payment.Method.CARD:
        payment.mark_settled()  # only settled charges can be refunded
    amount, _ = _parts(payment, total)
    if amount > payment.left:
        raise CannotBook(
            f"Only ${payment.left:,.2f} is left of this payment. Nothing was recorded. "
            "Call CardConnect with the reference."
        )


def _made_elsewhere(row: MatchRow, payment: Payment, total: Decimal, actor: User) -> Refund:
    amount, fee = _parts(payment, total)
    refund = Refund.objects.create(
        tenant=payment.tenant,
        payment=payment,
        key=uuid.uuid5(uuid.NAMESPACE_OID, f"{payment.site}:{row.retref}"),
        kind=Refund.Kind.REFUND,
        amount=amount,
        fee=fee,
        reason="Refunded at CardConnect",
        status=Refund.Status.DONE,
        retref=row.retref,
        requested_by=actor,
        requested_at=db_now(),
        resolved_at=db_now(),
    )
    record(
        "refund.done",
        tenant=payment.tenant,
        subject=payment.audit_subject,
        actor=actor,
        **refund._audit_data({"retref": row.retref}),
    )
    payment.recount_refunds(refunded_total(payment))
    return refund


def _parts(payment: Payment, total: Decimal) -> tuple[Decimal, Decimal]:
    """The part of a refund that raises the balance again, and the surcharge refunded on top."""
    given = payment.refunds.filter(status__in=Refund.GIVEN).aggregate(sum=Sum("fee"))["sum"]
    fee_left = payment.fee - (given or ZERO)
    if total == payment.left + fee_left:
        return payment.left, fee_left
    part = (total * payment.fee / payment.total).quantize(CENT, ROUND_HALF_UP)
    fee = min(part, fee_left)
    return total - fee, fee


def ask_row(row: MatchRow, payment: Payment) -> None:
    """Inquire about the payment of a row at CardConnect, and record the result."""
    if payment.is_in_flight:
        charge.inquire(payment)
    elif payment.is_unsettled or row.cause == Cause.REJECTED:
        status.poll(payment)
    payment.refresh_from_db()
    if row.cause == Cause.REJECTED and not payment.is_booked:
        MatchRow.objects.filter(pk=row.pk).update(handled_at=db_now())


def see_row(row: MatchRow, words: str, *, actor: User) -> bool:
    """Close a row, with what was done about it; False when it was closed before.

    Raises CannotBook when money may be in doubt and no explanation is given.
    """
    if row.may_be_seen and row.needs_words and not words:
        raise CannotBook("Enter what was done about this money. It stays in this list until then.")
    with transaction.atomic():
        away = MatchRow.objects.filter(pk=row.pk, handled_at__isnull=True)
        if not row.may_be_seen or not away.update(
            handled_at=db_now(), seen_by=actor, note=words or row.note
        ):
            return False
        record(
            "match.seen",
            tenant=row.tenant,
            subject=(row.invoice or row.tenant).audit_subject,
            actor=actor,
            cause=row.get_cause_display(),
            amount=f"{row.amount:.2f}",
            retref=row.retref,
            **({"words": words} if words else {}),
        )
    return True
