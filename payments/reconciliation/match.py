"""Money match: our books beside what CardConnect settled and paid out.

The gateway is read first, with no transaction open. Then charges that we do not have are booked,
and the figures of matched lines and the rows for staff are written at the end. A second run books
nothing twice.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.clock import db_now
from audit.models import record
from audit.transitions import IllegalTransition
from invoices.models import Invoice
from payments.checkout import surcharge
from payments.gateway.http import CredentialsLost, NotSent, Unknown
from payments.models import CardConnectAccount, Payment, Refund
from payments.models.reconciliation import FOLLOWED, WAITING, MatchRow, MatchRun
from payments.models.statuses import CARRIED_OUT
from payments.reconciliation.statement import CAME_BACK, GIVEN_ONCE, Books, Line, read
from payments.refunding import execute
from payments.settlement import banking_days
from payments.settlement import status as settlement_status
from tenants.models import Tenant, User

log = logging.getLogger(__name__)

WINDOW = dt.timedelta(days=7)
# When a booked payment must appear in a settlement.
SETTLES_WITHIN = {"card": dt.timedelta(days=2), "ach": dt.timedelta(days=4)}
# Banking days from settlement to the payout. CardConnect names one or two for cards and 72 hours
# for bank payments; one more for the report.
PAID_OUT_WITHIN = {"card": 3, "ach": 4}
CANNOT_OPEN = (
    "The stored CardConnect credentials cannot be decrypted. Nothing was changed. "
    "Support has been notified."
)
FOUND = "Found at CardConnect by money match"
Bucket, Cause = MatchRow.Bucket, MatchRow.Cause
MATCHED = (Bucket.MATCHED, Cause.SAME)


def begin(tenant: Tenant, *, actor: User | None = None) -> MatchRun | None:
    """Start a run over the last days; None while another one is under way."""
    now = db_now()
    # The gateway may be in another time zone than the tenant: the later of the two days.
    today = max(now.date(), now.astimezone(tenant.zone).date())
    return MatchRun.objects.begin(tenant, from_day=today - WINDOW, to_day=today, actor=actor)


def run(match: MatchRun) -> None:
    """Read the gateway, book missing charges, write the rows. Call in the tenant's scope."""
    account = CardConnectAccount.objects.filter(tenant=match.tenant).first()
    if account is None:
        match.finish("CardConnect is not set up yet, so there is nothing to match.")
        return
    try:
        lines = read(account, match.from_day, match.to_day)
    except CredentialsLost:
        match.finish(CANNOT_OPEN)
        return
    except NotSent:
        match.finish("CardConnect could not be reached. Nothing was changed.")
        return
    except Unknown as unknown:
        log.error("Money match of %s: %s", match.tenant.slug, unknown)
        match.finish("CardConnect did not provide its reports. Nothing was changed.")
        return
    books = Books(account, lines)
    has_payouts = any(line.paid_out is not None for line in lines)
    reports_payouts = (
        has_payouts or MatchRun.objects.filter(tenant=match.tenant, has_deposits=True).exists()
    )
    listed = {line.retref for line in lines}
    rows = [_row(match, account, line, books, reports_payouts=reports_payouts) for line in lines]
    rows += _ours_only(match, account, listed)
    _write(
        match,
        account,
        listed,
        [row for row in rows if row is not None],
        reports_payouts=reports_payouts,
    )


def _write(
    match: MatchRun,
    account: CardConnectAccount,
    listed: set[str],
    rows: list[MatchRow],
    *,
    reports_payouts: bool,
) -> None:
    """Write figures and rows in one transaction, and only once for a run."""
    matched = [row for row in rows if row.bucket == Bucket.MATCHED]
    problems = [row for row in rows if row.bucket != Bucket.MATCHED]
    with transaction.atomic():
        locked = MatchRun.objects.select_for_update(no_key=True).get(pk=match.pk)
        if locked.finished_at is None:
            _supersede(match, account, listed, problems)
            MatchRow.objects.bulk_create(problems)
            locked.store_matched(matched, has_deposits=reports_payouts)
            locked.finish()
    for row in problems:
        log.error("Money match of %s: %s, %s", match.tenant.slug, row, row.retref)


def _supersede(
    match: MatchRun, account: CardConnectAccount, listed: set[str], rows: list[MatchRow]
) -> None:
    """Replace older rows about the same transactions; all other rows wait on.

    A row that staff closed stays closed, and a booking that nobody has seen yet stays listed.
    """
    now = {row.retref: row for row in rows if row.retref}
    before = MatchRow.objects.filter(tenant=match.tenant, superseded=False)
    gone = []
    for old in before.filter(Q(handled_at__isnull=True) | Q(day__gte=match.from_day)):
        is_listed = old.merchid == account.merchid and old.retref in listed
        is_open = old.handled_at is None and old.cause == Cause.BOOKED
        if old.cause in FOLLOWED or (is_listed and not is_open):
            gone.append(old.pk)
        new = now.get(old.retref) if is_listed and old.handled_at else None
        if new and (new.cause, new.amount) == (old.cause, old.amount):
            new.handled_at, new.seen_by, new.note = old.handled_at, old.seen_by, old.note
    MatchRow.objects.filter(pk__in=gone).update(superseded=True)


def _row(
    match: MatchRun,
    account: CardConnectAccount,
    line: Line,
    books: Books,
    *,
    reports_payouts: bool = False,
) -> MatchRow | None:
    """One line of the gateway in its bucket; books it when it is provably ours.

    `reports_payouts`: whether CardConnect reports payouts of this tenant; a test system does not.
    """
    payment, refund = books.payment(line), books.refund(line)
    if payment is None and refund is None and line.is_rejected:
        return None  # neither side counts it as money
    found, (bucket, cause) = _judge(account, line, payment, refund)
    if (bucket, cause) == MATCHED:
        bucket, cause = _judge_deposit(line, match.to_day, reports_payouts=reports_payouts)
    if found is not None:
        books.add(found)
    invoice = found.invoice if found else _named(match.tenant, line)
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
        paid_out=line.paid_out,
        payment=found,
        invoice=invoice,
        note=_note(line, cause),
    )


def _note(line: Line, cause: str) -> str:
    """What the gateway reported besides the amount."""
    if cause == Cause.UNKNOWN_CHARGE and line.invoicenumber:
        return f"CardConnect names invoice {line.invoicenumber}."
    if cause == Cause.AMOUNT and line.paid_out not in (None, line.amount, -line.amount):
        return f"CardConnect settled ${line.amount:,.2f} and paid out ${line.paid_out:,.2f}."
    return line.return_code


def _our_amount(line: Line, payment: Payment | None, refund: Refund | None) -> Decimal | None:
    """Our amount for this line; None when we have none."""
    if refund is not None:
        came_back = bool(line.return_code) or line.is_rejected
        is_recorded = refund.status in GIVEN_ONCE and refund.retref in ("", line.retref)
        return -refund.total if is_recorded and not came_back else None
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
    """Apply a bank's return, in whichever report it appears."""
    cause = Cause.RETURNED if line.return_code else Cause.REJECTED
    if payment is None:
        return Bucket.THEIRS, cause
    if line.return_code and payment.method == Payment.Method.ACH:
        payment.mark_returned(line.return_code)
    if payment.is_booked or payment.is_in_flight:
        payment.refresh_from_db()
    if payment.is_booked and cause == Cause.REJECTED:
        settlement_status.poll(payment)  # settled payments are no longer polled
        payment.refresh_from_db()
    return (Bucket.DIFFERS, cause) if payment.is_booked else MATCHED


def _judge_our_refund(refund: Refund, line: Line) -> tuple[str, str]:
    if line.return_code:
        refund.mark_returned(line.return_code)
    if refund.status not in CAME_BACK:
        refund.refresh_from_db()
    if line.return_code or line.is_rejected:
        is_recorded = refund.status == Refund.Status.DONE
        return (Bucket.DIFFERS, Cause.REFUND_BACK) if is_recorded else MATCHED
    if refund.is_open:
        execute.inquire(refund)
        refund.refresh_from_db()
    if refund.is_open:
        return Bucket.DIFFERS, Cause.REFUND_OPEN
    if refund.status not in GIVEN_ONCE:
        return Bucket.THEIRS, Cause.REFUND_ENDED
    if refund.retref and refund.retref != line.retref:
        return Bucket.THEIRS, Cause.REFUND  # one order number, refunded twice
    return MATCHED if refund.total == -line.amount else (Bucket.DIFFERS, Cause.AMOUNT)


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
    """Whether both sides agree on this sale; a returned one has a line of its own."""
    if payment.retref != line.retref:
        return False
    booked = payment.is_booked and payment.total == line.amount
    return booked or payment.status == Payment.Status.RETURNED


def _confirm(payment: Payment, line: Line) -> bool:
    """Book an attempt that the gateway settled and we hold as open or not charged."""
    try:
        with transaction.atomic():
            payment.confirm(retref=line.retref, authcode=payment.authcode, resptext=FOUND)
            Payment.objects.filter(pk=payment.pk).update(found_by_match=True)
    except (IllegalTransition, IntegrityError):
        payment.refresh_from_db()
    return payment.is_booked


def _named(tenant: Tenant, line: Line) -> Invoice | None:
    """The invoice whose number was sent to the gateway with the charge."""
    if not line.invoicenumber:
        return None
    return Invoice.objects.filter(tenant=tenant, number=line.invoicenumber).first()


def _judge_deposit(line: Line, today: dt.date, *, reports_payouts: bool) -> tuple[str, str]:
    """Check that the settled amount reached the tenant's bank in full."""
    if line.return_code or line.is_rejected:
        return MATCHED
    if line.paid_out is not None:
        is_whole = abs(line.paid_out) == abs(line.amount)  # some reports give a refund no sign
        return MATCHED if is_whole else (Bucket.DIFFERS, Cause.AMOUNT)
    days = PAID_OUT_WITHIN["ach" if line.is_bank else "card"]
    is_late = line.amount > 0 and banking_days.after(line.day, days) <= today
    return (Bucket.OURS, Cause.NOT_PAID_OUT) if reports_payouts and is_late else MATCHED


def _find_home(account: CardConnectAccount, line: Line) -> tuple[Payment | None, tuple[str, str]]:
    """A charge without a payment: booked when the gateway's record names its invoice.

    After a restored backup a number may belong to another invoice, so staff decide unless the
    invoice is older than the charge and has at least that balance.
    """
    invoice = _named(account.tenant, line)
    fee = surcharge.added_to(account, line.retref) if invoice else None
    if invoice is None or fee is None or not _fits(invoice, line.amount - fee, line.day):
        return None, (Bucket.THEIRS, Cause.UNKNOWN_CHARGE)
    return book(account, invoice, replace(line, fee=fee)), (Bucket.THEIRS, Cause.BOOKED)


def _fits(invoice: Invoice, amount: Decimal, day: dt.date) -> bool:
    made_on = invoice.created_at.astimezone(invoice.tenant.zone).date()
    return invoice.is_payable and made_on <= day and amount <= invoice.balance


def book(
    account: CardConnectAccount, invoice: Invoice, line: Line, *, actor: User | None = None
) -> Payment:
    """Book a charge that only the gateway has; returns the existing payment when there is one."""
    with transaction.atomic():
        locked = invoice.locked()
        CardConnectAccount.hold(locked.tenant)
        mine = Payment.objects.filter(merchid=account.merchid, retref=line.retref)
        same = mine.filter(status__in=CARRIED_OUT).first()
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
        payment.book()
    return payment


def _ours_only(match: MatchRun, account: CardConnectAccount, seen: set[str]) -> Iterable[MatchRow]:
    """Payments that should have settled by now, and those without an outcome.

    A reported payment is reported again until it has settled or ended, whatever its age.
    """
    zone = match.tenant.zone
    start = dt.datetime.combine(match.from_day, dt.time.min, zone)
    reported = MatchRow.objects.filter(tenant=match.tenant, bucket=Bucket.OURS).filter(WAITING)
    reported = reported.filter(cause__in=FOLLOWED)
    of_these_days = Q(merchid=account.merchid, created_at__gte=start)
    mine = Payment.objects.filter(tenant=match.tenant, found_by_match=False)
    mine = mine.filter(
        of_these_days | Q(status__in=Payment.IN_FLIGHT) | Q(pk__in=reported.values("payment"))
    ).select_related("invoice")
    now = db_now()
    for payment in mine.order_by("id"):
        if payment.retref in seen:
            continue
        due = now - SETTLES_WITHIN.get(payment.method, WINDOW)
        is_open = payment.created_at >= start or payment.is_unsettled
        is_late = payment.is_booked and is_open and payment.created_at < due
        if payment.is_in_flight or is_late:
            yield MatchRow(
                tenant=match.tenant,
                run=match,
                bucket=Bucket.OURS,
                cause=Cause.CHECKING if payment.is_in_flight else Cause.NOT_SETTLED,
                day=payment.created_at.astimezone(zone).date(),
                orderid=payment.orderid,
                retref=payment.retref,
                merchid=payment.merchid,
                our_amount=payment.total,
                payment=payment,
                invoice=payment.invoice,
            )
