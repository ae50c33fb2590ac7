"""Money match: what CardConnect settled and paid out, held against our own books.

The gateway is read first, with no transaction open; what it has and we have not is then booked, and
the rows for people are written at the end. Running it twice books once.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from django.db import IntegrityError, transaction

from audit.clock import db_now
from audit.models import record
from audit.transitions import IllegalTransition
from invoices.models import Invoice
from payments import surcharges
from payments.match import MatchRow, MatchRun
from payments.models import CardConnectAccount, Payment, Refund
from payments.statements import CAME_BACK, ZERO, Books, Line, read
from payments.wire import NotSent, Unknown
from tenants.models import Tenant, User

log = logging.getLogger(__name__)

WINDOW = dt.timedelta(days=7)
# When a booked payment must have shown up in a settlement.
SETTLES_WITHIN = {"card": dt.timedelta(days=2), "ach": dt.timedelta(days=4)}
FOUND = "Found at CardConnect by money match"
Bucket, Cause = MatchRow.Bucket, MatchRow.Cause
MATCHED = (Bucket.MATCHED, Cause.SAME)


class CannotBook(Exception):
    """The charge cannot be booked to that invoice; str() is the sentence to show."""


def begin(tenant: Tenant, *, actor: User | None = None) -> MatchRun | None:
    """Start a run over the last days; None while another one is under way."""
    now = db_now()
    # The gateway may live in another zone than the company: the later of the two days.
    today = max(now.date(), now.astimezone(tenant.zone).date())
    return MatchRun.objects.begin(tenant, from_day=today - WINDOW, to_day=today, actor=actor)


def run(match: MatchRun) -> None:
    """Read the gateway, book what we lost, write the rows. Call in the company's scope."""
    account = CardConnectAccount.objects.filter(tenant=match.tenant).first()
    if account is None:
        match.finish("CardConnect is not set up yet, so there is nothing to match.")
        return
    try:
        lines = read(account, match.from_day, match.to_day)
    except NotSent:
        match.finish("CardConnect could not be reached. Nothing was changed.")
        return
    except Unknown as unknown:
        log.error("Money match of %s: %s", match.tenant.slug, unknown)
        match.finish("CardConnect did not give its reports. Nothing was changed.")
        return
    books = Books(account, lines)
    rows = [_row(match, account, line, books) for line in lines]
    rows += _ours_only(match, account, {line.retref for line in lines})
    _write(match, [row for row in rows if row is not None])


def _write(match: MatchRun, rows: list[MatchRow]) -> None:
    """All rows at once, and only once, however often the run is carried out."""
    with transaction.atomic():
        locked = MatchRun.objects.select_for_update().get(pk=match.pk)
        if locked.finished_at is None:
            MatchRow.objects.bulk_create(rows)
            locked.finish()
    for row in rows:
        if row.bucket != Bucket.MATCHED:
            log.error("Money match of %s: %s, %s", match.tenant.slug, row, row.retref)


def _row(match: MatchRun, account: CardConnectAccount, line: Line, books: Books) -> MatchRow | None:
    """One line of theirs, in its bucket; books it when it is provably ours."""
    payment = books.payment(line)
    if payment is None and line.is_rejected:
        return None  # neither side counts it as money
    refund = books.refund(line)
    found, (bucket, cause) = _judge(account, line, payment, refund)
    if found is not None:
        books.add(found)
    invoice = found.invoice if found else _named(match.tenant, line)
    note = f"CardConnect names invoice {line.invoicenumber}." if line.invoicenumber else ""
    return MatchRow(
        tenant=match.tenant,
        run=match,
        bucket=bucket,
        cause=cause,
        day=line.day,
        orderid=line.orderid or (found.orderid if found else ""),
        retref=line.retref,
        merchid=account.merchid,
        is_bank=line.is_bank,
        our_amount=_our_amount(line, found, refund),
        their_amount=line.amount,
        payment=found,
        invoice=invoice,
        note=note if cause == Cause.UNKNOWN_CHARGE else line.return_code,
    )


def _our_amount(line: Line, payment: Payment | None, refund: Refund | None) -> Decimal | None:
    """What our books say of this very line; None when they say nothing."""
    if refund is not None:
        came_back = bool(line.return_code) or line.is_rejected
        return None if came_back else -refund.total
    return payment.total if payment and payment.is_booked else None


def _judge(
    account: CardConnectAccount, line: Line, payment: Payment | None, refund: Refund | None
) -> tuple[Payment | None, tuple[str, str]]:
    if refund is not None:
        return refund.payment, _judge_our_refund(refund, line)
    if line.return_code or line.is_rejected:
        return payment, _judge_return(line, payment)
    if line.amount < 0:
        return payment, (Bucket.THEIRS, Cause.REFUND)
    if payment is None:
        return _find_home(account, line)
    return payment, _judge_sale(line, payment)


def _judge_return(line: Line, payment: Payment | None) -> tuple[str, str]:
    """What the bank returned, in whichever report it stands, comes back on our side as well."""
    cause = Cause.RETURNED if line.return_code else Cause.REJECTED
    if payment is None:
        return Bucket.THEIRS, cause
    if line.return_code and payment.method == Payment.Method.ACH:
        payment.come_back(line.return_code)
    if payment.is_booked or payment.is_in_flight:
        payment.refresh_from_db()
    return (Bucket.DIFFERS, cause) if payment.is_booked else MATCHED


def _judge_our_refund(refund: Refund, line: Line) -> tuple[str, str]:
    if not (line.return_code or line.is_rejected):
        return MATCHED if refund.total == -line.amount else (Bucket.DIFFERS, Cause.AMOUNT)
    if line.return_code:
        refund.come_back(line.return_code)
    if refund.status not in CAME_BACK:
        refund.refresh_from_db()
    return MATCHED if refund.status in CAME_BACK else (Bucket.DIFFERS, Cause.REFUND_BACK)


def _judge_sale(line: Line, payment: Payment) -> tuple[str, str]:
    if _agrees(line, payment):
        return MATCHED
    payment.refresh_from_db()
    if _agrees(line, payment):
        return MATCHED
    if payment.is_booked and payment.retref != line.retref:
        return Bucket.THEIRS, Cause.UNKNOWN_CHARGE  # one order number, charged twice
    if payment.total != line.amount:
        return Bucket.DIFFERS, Cause.AMOUNT
    return (Bucket.THEIRS, Cause.BOOKED if _confirm(payment, line) else Cause.ENDED)


def _agrees(line: Line, payment: Payment) -> bool:
    """Whether both sides say the same of this sale; one that came back has a line of its own."""
    if payment.retref != line.retref:
        return False
    booked = payment.is_booked and payment.total == line.amount
    return booked or payment.status == Payment.Status.RETURNED


def _confirm(payment: Payment, line: Line) -> bool:
    """Book an attempt of ours that the gateway settled and we took for open or not charged."""
    try:
        with transaction.atomic():
            payment.confirm(retref=line.retref, authcode=payment.authcode, resptext=FOUND)
            Payment.objects.filter(pk=payment.pk).update(found_by_match=True)
    except (IllegalTransition, IntegrityError):
        payment.refresh_from_db()
    return payment.is_booked


def _named(tenant: Tenant, line: Line) -> Invoice | None:
    """The invoice whose number we once gave the gateway along with the charge."""
    if not line.invoicenumber:
        return None
    return Invoice.objects.filter(tenant=tenant, number=line.invoicenumber).first()


def _find_home(account: CardConnectAccount, line: Line) -> tuple[Payment | None, tuple[str, str]]:
    """A charge we have no record of: booked when the gateway's record names its invoice.

    After a restored backup a number may be given to another invoice, so a person decides unless the
    invoice is older than the charge and still asks for at least as much.
    """
    invoice = _named(account.tenant, line)
    fee = surcharges.added_to(account, line.retref) if invoice else None
    if invoice is None or fee is None or not _fits(invoice, line.amount - fee, line.day):
        return None, (Bucket.THEIRS, Cause.UNKNOWN_CHARGE)
    return book(account, invoice, replace(line, fee=fee)), (Bucket.THEIRS, Cause.BOOKED)


def _fits(invoice: Invoice, amount: Decimal, day: dt.date) -> bool:
    made_on = invoice.created_at.astimezone(invoice.tenant.zone).date()
    return invoice.is_payable and made_on <= day and amount <= invoice.balance


def book(
    account: CardConnectAccount, invoice: Invoice, line: Line, *, actor: User | None = None
) -> Payment:
    """Book a charge that only the gateway knows; the payment there is when it is known already."""
    with transaction.atomic():
        locked = invoice.locked()
        mine = Payment.objects.filter(merchid=account.merchid, retref=line.retref)
        same = mine.filter(status__in=Payment.MOVED).first()
        if same is not None:
            return same
        now = db_now()
        method = Payment.Method.ACH if line.is_bank else Payment.Method.CARD
        status = Payment.Status.STARTED if line.is_bank else Payment.Status.CAPTURED
        payment = Payment(
            tenant=locked.tenant,
            invoice=locked,
            key=uuid.uuid5(uuid.NAMESPACE_OID, f"{account.site}:{line.retref}"),
            method=method,
            amount=line.amount - line.fee,
            fee=line.fee,
            status=status,
            site=account.site,
            merchid=account.merchid,
            retref=line.retref,
            brand="Bank account" if line.is_bank else "Card",
            found_by_match=True,
            created_at=now,
            resolved_at=now,
        )
        if line.orderid and not Payment.objects.filter(orderid=line.orderid).exists():
            payment.orderid = line.orderid[:19]
        payment.save()
        record(
            f"payment.{status}",
            tenant=locked.tenant,
            subject=locked.audit_subject,
            actor=actor,
            actor_label="" if actor else "CardConnect",
            amount=f"{payment.amount:.2f}",
            method=payment.get_method_display(),
            reference=payment.reference,
            retref=line.retref,
            reason=FOUND,
        )
        locked.apply_payment(payment)
    return payment


def book_row(row: MatchRow, invoice: Invoice, *, actor: User) -> Payment:
    """Staff say which invoice a charge was for; raises CannotBook with a sentence."""
    account = CardConnectAccount.objects.filter(tenant=row.tenant).first()
    if account is None or not row.may_be_booked or row.their_amount is None:
        raise CannotBook("This charge is booked already. Match again to see where.")
    line = Line(row.retref, row.their_amount, row.day, row.orderid, is_bank=row.is_bank)
    fee = surcharges.added_to(account, line.retref)
    if fee is None:
        raise CannotBook("CardConnect does not say how much of it is a surcharge. Try again later.")
    line = replace(line, fee=fee)
    payment = book(account, invoice, line, actor=actor)
    if payment.invoice_id != invoice.pk:
        raise CannotBook(f"This charge is booked already, on {payment.invoice.number}.")
    MatchRow.objects.filter(pk=row.pk).update(
        handled_at=db_now(), cause=Cause.BOOKED, payment=payment, invoice=invoice
    )
    return payment


def keep_row(row: MatchRow, *, actor: User) -> Payment:
    """Book what CardConnect took although we hold it as not paid; raises CannotBook.

    The attempt itself stays in the history as it ended; what was taken is a payment of its own.
    """
    account = CardConnectAccount.objects.filter(tenant=row.tenant).first()
    attempt = row.payment
    if account is None or attempt is None or row.their_amount is None or not row.may_be_kept:
        raise CannotBook("This is put right already. Match again to see how.")
    line = Line(row.retref, row.their_amount, row.day, is_bank=attempt.method == "ach")
    agreed = line.amount == attempt.total
    fee = attempt.fee if agreed else surcharges.added_to(account, line.retref) or ZERO
    line = replace(line, fee=fee)
    try:
        with transaction.atomic():
            if attempt.is_in_flight:
                attempt.decline(f"CardConnect took ${line.amount:,.2f}, which is booked by itself.")
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
        raise CannotBook("It changed just now. Match again for the newest picture.") from None
    payment.refresh_from_db()
    return payment


def _ours_only(match: MatchRun, account: CardConnectAccount, seen: set[str]) -> Iterable[MatchRow]:
    """What we booked and the gateway should have settled by now, and what nobody knows yet."""
    zone = match.tenant.zone
    start = dt.datetime.combine(match.from_day, dt.time.min, zone)
    mine = Payment.objects.filter(tenant=match.tenant, merchid=account.merchid)
    mine = mine.filter(created_at__gte=start, found_by_match=False).select_related("invoice")
    now = db_now()
    for payment in mine.order_by("id"):
        due = now - SETTLES_WITHIN.get(payment.method, WINDOW)
        if payment.retref in seen:
            continue
        if payment.is_in_flight or (payment.is_booked and payment.created_at < due):
            yield MatchRow(
                tenant=match.tenant,
                run=match,
                bucket=Bucket.OURS,
                cause=Cause.NOT_SETTLED if payment.is_booked else Cause.CHECKING,
                day=payment.created_at.astimezone(zone).date(),
                orderid=payment.orderid,
                retref=payment.retref,
                merchid=payment.merchid,
                our_amount=payment.total,
                payment=payment,
                invoice=payment.invoice,
            )
