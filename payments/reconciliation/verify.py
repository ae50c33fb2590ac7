"""The money check: every invariant against the database, and optionally against the gateway."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django_scopes import scope, scopes_disabled

from audit.clock import db_now
from payments.gateway import client
from payments.gateway.client import Approved, NotSent, Unknown
from payments.models import CardConnectAccount, Finding, MoneyCheck, Payment
from payments.reconciliation.invariants import INVARIANTS, Invariant
from tenants.models import Tenant

log = logging.getLogger(__name__)

DAY = dt.timedelta(days=1)
# The gateway allows 20 inquiries a minute; the newest payments matter most.
MOST_ASKED = 20
# No inquiry begins later than this, so that the check ends within a task's time limit.
ASKING_SECONDS = 120
CALL = (
    "Tell Support. This must never happen, and no money may move on this invoice "
    "until they have looked at it."
)


@dataclass(frozen=True)
class Violation:
    """A broken invariant, in words for people."""

    invariant: int
    tenant_id: int
    invoice_id: int | None
    subject: str
    words: str
    step: str

    def __str__(self) -> str:
        return f"INV-{self.invariant} {self.subject}: {self.words}. {self.step}"


def check(tenant: Tenant) -> list[Violation]:
    """Check every invariant of one tenant in the database."""
    values = {"tenant": tenant.pk, "day_ago": _moment(db_now() - DAY)}
    return [violation for rule in INVARIANTS for violation in _ask_database(rule, values)]


def _ask_database(rule: Invariant, values: dict[str, Any]) -> Iterable[Violation]:
    with connection.cursor() as cursor:
        cursor.execute(rule.sql, values)
        rows = cursor.fetchall()
    for tenant_id, invoice_id, subject, first, second in rows:
        words = rule.words.format(_for_people(first), _for_people(second))
        yield Violation(rule.number, tenant_id, invoice_id, subject, words, rule.step)


def _for_people(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)


def _moment(moment: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def ask_gateway(tenant: Tenant) -> tuple[list[Violation], int]:
    """Compare the newest payments with CardConnect; (violations, how many got no response).

    Stops when its time is over or CardConnect cannot be reached; payments not reached count as
    without a response.
    """
    account = CardConnectAccount.objects.filter(tenant=tenant).first()
    if account is None:
        return [], 0
    end = time.monotonic() + ASKING_SECONDS
    wrong: list[Violation] = []
    payments = _worth_asking(account)
    answered = 0
    for payment in payments:
        if time.monotonic() > end:
            break
        try:
            found = client.inquire_by_orderid(payment)
        except NotSent:
            break
        except Unknown:
            continue
        answered += 1
        wrong += _compare(payment, found)
    return wrong, len(payments) - answered


def _worth_asking(account: CardConnectAccount) -> list[Payment]:
    """Payments without an outcome first, then those of the last two days."""
    recent = Payment.objects.filter(tenant=account.tenant, method__in=["card", "ach"])
    recent = recent.filter(Q(status__in=Payment.IN_FLIGHT) | Q(created_at__gt=db_now() - 2 * DAY))
    recent = recent.filter(site=account.site, merchid=account.merchid)
    recent = recent.select_related("tenant__cardconnect", "invoice")
    ordered = sorted(recent.order_by("-id")[: 10 * MOST_ASKED], key=lambda p: not p.is_in_flight)
    return ordered[:MOST_ASKED]


def _compare(payment: Payment, found: Sequence[object] | None) -> Iterable[Violation]:
    if found is None:
        return
    taken = [answer for answer in found if isinstance(answer, Approved)]
    if len(taken) > 1:
        references = ", ".join(answer.retref for answer in taken)
        yield _about(payment, 1, f"CardConnect shows two charges: {references}", "Void one.")
    if payment.is_booked and not any(answer.retref == payment.retref for answer in taken):
        words = f"${payment.total:,.2f} is booked, but CardConnect has no such charge"
        yield _about(
            payment, 3, words, "Call CardConnect. The books show money that never came in."
        )
    if taken and payment.status in (Payment.Status.DECLINED, Payment.Status.NOT_CHARGED):
        words = (
            f"CardConnect took ${taken[0].amount:,.2f}, but the payer was told that "
            "nothing was taken"
        )
        yield _about(payment, 11, words, "Press Match now: it books what CardConnect took.")
    totals = {answer.total(payment.amount) for answer in taken}
    if payment.is_booked and totals - {payment.total}:
        words = f"CardConnect took ${max(totals):,.2f}, but ${payment.total:,.2f} is booked"
        yield _about(payment, 3, words, CALL)


def _about(payment: Payment, invariant: int, words: str, step: str) -> Violation:
    return Violation(
        invariant, payment.tenant_id, payment.invoice_id, payment.invoice.number, words, step
    )


def record_findings(tenant: Tenant, found: list[Violation], unanswered: int = 0) -> None:
    """Replace the tenant's findings on Home, and log them.

    Stores also the time of the check, and for how many payments CardConnect did not respond. The
    row of the check is locked first: a second run waits and replaces the findings of the first.
    """
    with transaction.atomic(), scope(tenant=tenant):
        MoneyCheck.objects.get_or_create(tenant=tenant)
        last = MoneyCheck.objects.select_for_update(no_key=True).get(tenant=tenant)
        now = db_now()
        Finding.objects.filter(tenant=tenant).delete()
        Finding.objects.bulk_create(
            Finding(
                tenant=tenant,
                invariant=violation.invariant,
                invoice_id=violation.invoice_id,
                words=f"{violation.subject}: {violation.words}"[:300],
                step=violation.step,
                found_at=now,
            )
            for violation in found
        )
        last.checked_at, last.unanswered = now, unanswered
        last.save(update_fields=["checked_at", "unanswered"])
    for violation in found:
        log.error("%s: %s", tenant.slug, violation)


def verify(tenant: Tenant, *, gateway: bool) -> tuple[list[Violation], int]:
    """The whole check of one tenant; (violations, how many inquiries got no response)."""
    with scopes_disabled():
        found = check(tenant)
        asked, silent = ask_gateway(tenant) if gateway else ([], 0)
    return found + asked, silent
