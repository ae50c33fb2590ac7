"""What becomes of money after it was booked: settled, cleared, voided, rejected, returned.

A booking is never edited away. Its reversal is one more status and one more entry in the history,
and what an invoice counts as paid is added up again from its payments.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models, transaction
from django.db.models import Q

from audit.clock import db_now
from audit.models import record
from audit.transitions import IllegalTransition, transition
from invoices.models import Invoice
from payments.ach_return_codes import advice_of, reason_of
from payments.models.account import CardConnectAccount
from tenants.models import User

if TYPE_CHECKING:
    from payments.models import Payment

ZERO = Decimal("0.00")
GATEWAY = "CardConnect"


class CannotRecord(Exception):
    """The payment cannot be recorded; str() is the sentence to show."""


class LifeQuerySet(models.QuerySet["Payment"]):
    """Payments whose money is on its way, and those that staff took by hand."""

    def on_the_way(self) -> LifeQuerySet:
        """Charged, but not settled or cleared yet."""
        return self.filter(status__in=["captured", "started"], method__in=["card", "ach"])

    def unfinished(self) -> LifeQuerySet:
        """Those of which only CardConnect can tell how they end: open, unsettled or uncleared."""
        open_ones = [*self.model.IN_FLIGHT, "captured", "started"]
        return self.filter(status__in=open_ones, method__in=["card", "ach"])

    def to_look_at(self, now: dt.datetime) -> LifeQuerySet:
        """Those whose turn it is to be asked about."""
        due = Q(next_look_at__isnull=True) | Q(next_look_at__lte=now)
        return self.on_the_way().filter(due).exclude(retref="")

    def record_by_hand(
        self,
        invoice: Invoice,
        *,
        method: str,
        amount: Decimal,
        document: str,
        received_on: dt.date,
        actor: User,
        key: uuid.UUID,
    ) -> tuple[Payment, bool]:
        """Book cash or a check that came to the office; (payment, whether new).

        A payment by card may end at the same moment: both are kept and the invoice shows as
        overpaid. Raises CannotRecord for more than the balance.
        """
        with transaction.atomic():
            row = invoice.locked()
            same = self.filter(invoice=row, link=None, key=key).first()
            if same is not None:
                return same, False
            if row.status != Invoice.Status.OPEN or not ZERO < amount <= row.balance:
                owed = row.balance if row.status == Invoice.Status.OPEN else ZERO
                raise CannotRecord(f"${owed:,.2f} is owed on this invoice. Nothing was recorded.")
            now = db_now()
            payment = self.create(
                tenant=row.tenant,
                invoice=row,
                key=key,
                method=method,
                amount=amount,
                status=self.model.Status.CAPTURED,
                document=document,
                received_on=received_on,
                recorded_by=actor,
                created_at=now,
                resolved_at=now,
            )
            record(
                "payment.recorded",
                tenant=row.tenant,
                subject=row.audit_subject,
                actor=actor,
                amount=f"{amount:.2f}",
                account=payment.account_label,
                received_on=f"{received_on:%b} {received_on.day}, {received_on.year}",
            )
            row.apply_payment(payment)
        return payment, True


class Life(models.Model):
    """The fields and verbs of a payment after its booking."""

    BY_HAND: ClassVar[list[str]] = ["cash", "check"]
    MOVED: ClassVar[list[str]] = [
        "captured", "settled", "started", "cleared", "refunded", "voided", "rejected", "returned",
    ]  # fmt: skip

    # Written by refunds.py only, under the invoice's lock: the sum of the refunds that were done.
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO, editable=False)
    settled_at = models.DateTimeField("settled or cleared", null=True, editable=False)
    reversed_at = models.DateTimeField("voided or returned", null=True, editable=False)
    return_code = models.CharField(max_length=5, blank=True, editable=False)
    next_look_at = models.DateTimeField(null=True, editable=False)
    # Of cash and checks: its number, the day it came, and who took it.
    document = models.CharField("check number or note", max_length=40, blank=True)
    received_on = models.DateField(null=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        abstract = True

    @property
    def is_by_hand(self) -> bool:
        """Whether staff recorded it."""
        return self.method in self.BY_HAND  # type: ignore[attr-defined]

    @property
    def was_kept(self) -> bool:
        """Whether what CardConnect took of an attempt that failed was booked by itself."""
        me: Any = self
        same = type(me)._base_manager.filter(
            merchid=me.merchid, retref=me.retref, found_by_match=True
        )
        return bool(me.retref) and same.exclude(pk=me.pk).exists()

    @property
    def left(self) -> Decimal:
        """What could still be given back."""
        return self.amount - self.refunded if self.is_booked else ZERO  # type: ignore[attr-defined]

    @property
    def can_be_given_back(self) -> bool:
        """Whether a void or a refund through the gateway makes sense."""
        return self.left > 0 and not self.is_by_hand

    @property
    def is_elsewhere(self) -> bool:
        """Whether the company has moved to another merchant account since it was charged."""
        me: Any = self
        account = CardConnectAccount.objects.filter(tenant=me.tenant_id).first()
        there = (account.site, account.merchid) if account else None
        return not self.is_by_hand and there != (me.site, me.merchid)

    @property
    def open_refund(self) -> Any:
        """The void or refund of it that has no end yet; meanwhile there can be no other.

        Reads prefetched refunds.
        """
        me: Any = self
        return next((refund for refund in me.refunds.all() if refund.is_open), None)

    @property
    def is_unsettled(self) -> bool:
        """Still in the gateway's open batch, as far as we know: a void undoes it."""
        return self.status in ("captured", "started")  # type: ignore[attr-defined]

    @property
    def advice(self) -> str:
        """What staff do about a payment that came back."""
        return advice_of(self.return_code)

    @property
    def _rows(self) -> Any:
        return type(self)._base_manager.filter(pk=self.pk)

    def look_again_at(self, moment: dt.datetime) -> None:
        """When the gateway is asked next."""
        self._rows.update(next_look_at=moment)

    def mark_settled(self) -> bool:
        """A card payment is in a closed batch: the money is on its way to the company."""
        return self._live_on("settled", settled_at=db_now())

    def mark_cleared(self) -> bool:
        """A bank payment was not returned within the usual time.

        Whoever learned it late changes nothing: refunded whole meanwhile, it stays refunded.
        """
        invoice: Invoice = self.invoice  # type: ignore[attr-defined]
        with transaction.atomic():
            invoice.locked()
            self.refresh_from_db(fields=["status"])
            is_due: bool = self.status == "started"  # type: ignore[attr-defined]
            return is_due and self._live_on("cleared", settled_at=db_now())

    def mark_voided(self, *, actor: User | None = None, reason: str = "") -> bool:
        """It was undone before settlement: nothing was taken."""
        return self._live_on("voided", actor, reason=reason, reversed_at=db_now())

    def reject(self, reason: str) -> bool:
        """A card payment was refused at settlement: the money will not come."""
        return self._live_on("rejected", reason=reason, reversed_at=db_now())

    def come_back(self, code: str) -> bool:
        """The bank returned it: the invoice asks for the money again. Told twice, it happens once.

        A code that arrives after the return itself is added, once.
        """
        changes: dict[str, Any] = {"return_code": code, "reason": self._why_back(code)}
        if self._live_on("returned", reversed_at=db_now(), **changes):
            return True
        with transaction.atomic():
            unexplained = self._rows.filter(status="returned", return_code="")
            if code and unexplained.update(**changes):
                self._record("payment.explained", None, **self._told(changes))  # type: ignore[attr-defined]
        self.refresh_from_db()
        return False

    def note_refunds(self, total: Decimal) -> None:
        """Keep what was given back in all; a payment that is given back whole is refunded.

        A bank payment stands again when a refund of it came back.
        """
        invoice: Invoice = self.invoice  # type: ignore[attr-defined]
        with transaction.atomic():
            locked = invoice.locked()
            self._rows.update(refunded=total)
            self.refresh_from_db()
            if total == self.amount and self.status in ("settled", "cleared"):  # type: ignore[attr-defined]
                transition(self, "refunded", actor_label=GATEWAY, **self._told())  # type: ignore[attr-defined]
            elif total < self.amount and self.status == "refunded":  # type: ignore[attr-defined]
                told = self._told({"reason": "A refund of it came back."})  # type: ignore[attr-defined]
                transition(self, "cleared", actor_label=GATEWAY, **told)
            locked.apply_payment(self)

    def _record(self, action: str, actor: User | None, **told: Any) -> None:
        record(
            action,
            tenant=self.tenant,  # type: ignore[attr-defined]
            subject=self.audit_subject,  # type: ignore[attr-defined]
            actor=actor,
            actor_label="" if actor else GATEWAY,
            **told,
        )

    def _why_back(self, code: str) -> str:
        why = reason_of(code)
        if self.refunded:
            why += f" ${self.refunded:,.2f} had been refunded as well."
        return why

    def _live_on(self, to: str, actor: User | None = None, **changes: Any) -> bool:
        """Move on and add up the invoice again; False when it is there, or past it, already."""
        invoice: Invoice = self.invoice  # type: ignore[attr-defined]
        with transaction.atomic():
            locked = invoice.locked()
            try:
                moved = transition(
                    self,
                    to,
                    actor=actor,
                    actor_label="" if actor else GATEWAY,
                    changes=changes,
                    **self._told(changes),  # type: ignore[attr-defined]
                )
            except IllegalTransition:
                moved = False
            if moved:
                locked.apply_payment(self)
                self._let_requests_lapse()
        return moved

    def _let_requests_lapse(self) -> None:
        """Once the money is back with the payer, nobody can release a refund of it any more."""
        if not self.is_booked:  # type: ignore[attr-defined]
            for refund in self.refunds.filter(status="requested"):  # type: ignore[attr-defined]
                refund.lapse(f"{self.get_status_display()} meanwhile.")  # type: ignore[attr-defined]
