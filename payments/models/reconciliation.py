"""Results of the nightly money match and money check: runs, rows, findings."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit.clock import db_now
from invoices.models import Invoice
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

ZERO = Decimal("0.00")
# A run without an end by then was killed with its worker; the next one may begin.
GIVEN_UP_AFTER = dt.timedelta(minutes=30)
# The money check runs every night; by then one was missed.
LATE_AFTER = dt.timedelta(hours=36)
# Neither handled by a person nor replaced by a later run.
WAITING = Q(handled_at__isnull=True, superseded=False)


class MatchRunQuerySet(models.QuerySet["MatchRun"]):
    """Money match runs of one tenant."""

    def begin(
        self, tenant: Tenant, *, from_day: dt.date, to_day: dt.date, actor: User | None = None
    ) -> MatchRun | None:
        """Start a run; None while another is under way, so that a double click starts one."""
        stale = self.filter(
            tenant=tenant, finished_at__isnull=True, started_at__lt=db_now() - GIVEN_UP_AFTER
        )
        stale.update(finished_at=db_now(), problem="It was interrupted. Match again.")
        try:
            with transaction.atomic():
                return self.create(
                    tenant=tenant,
                    from_day=from_day,
                    to_day=to_day,
                    started_by=actor,
                    started_at=db_now(),
                )
        except IntegrityError:
            return None

    def finished(self) -> MatchRunQuerySet:
        """Runs that ended, successfully or not."""
        return self.filter(finished_at__isnull=False)

    def whole(self) -> MatchRunQuerySet:
        """Runs that read and compared everything; only they have figures and rows."""
        return self.finished().filter(problem="")

    def outdated(self, moment: dt.datetime) -> MatchRunQuerySet:
        """Runs begun before then that have no rows and are not the one the page shows."""
        rows = MatchRow._base_manager.filter(run=OuterRef("pk"))
        newest = [
            runs.order_by().values("tenant").annotate(newest=Max("pk")).values("newest")
            for runs in (self.finished(), self.whole())
        ]
        old = self.finished().filter(~Exists(rows), started_at__lt=moment)
        return old.exclude(pk__in=newest[0]).exclude(pk__in=newest[1])


MatchRunManager = TenantManager.from_queryset(MatchRunQuerySet)


class MatchRun(models.Model):
    """One comparison of a tenant's books with what CardConnect settled and paid out.

    It stores figures of the lines on which both sides agree, and a row for each other line: a busy
    tenant's week is thousands of lines, read again every night.
    """

    class Kind(models.TextChoices):
        """The kinds of transactions that the figures distinguish."""

        CHARGE = "charge", "Charges"
        REFUND = "refund", "Refunds"
        RETURN = "return", "Returns"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    from_day = models.DateField()
    to_day = models.DateField()
    started_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True, help_text="For people.")
    matched_charge_count = models.PositiveIntegerField(default=0)
    matched_charge_total = models.DecimalField(max_digits=14, decimal_places=2, default=ZERO)
    matched_refund_count = models.PositiveIntegerField(default=0)
    matched_refund_total = models.DecimalField(max_digits=14, decimal_places=2, default=ZERO)
    matched_return_count = models.PositiveIntegerField(default=0)
    matched_return_total = models.DecimalField(max_digits=14, decimal_places=2, default=ZERO)
    has_deposits = models.BooleanField(
        default=False, help_text="CardConnect reported a deposit, in this run or an earlier one."
    )

    objects = MatchRunManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # One at a time: a double click, or the nightly run and a person, do the work once.
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(finished_at__isnull=True),
                name="payments_matchrun_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.from_day} to {self.to_day}"

    @property
    def is_running(self) -> bool:
        """Whether it has no end yet."""
        return self.finished_at is None

    @property
    def who(self) -> str:
        """Who started it."""
        return self.started_by.name if self.started_by else "Textpay, by night"

    @property
    def matched_count(self) -> int:
        """The number of matched lines."""
        return sum(count for _, count, _ in self.matched_by_kind())

    @property
    def matched_total(self) -> Decimal:
        """The sum of the matched lines; refunds and returns are negative."""
        return sum((total for _, _, total in self.matched_by_kind()), ZERO)

    def matched_by_kind(self) -> list[tuple[str, int, Decimal]]:
        """For each kind its name, the number of matched lines, and their sum."""
        return [
            (
                str(kind.label),
                getattr(self, f"matched_{kind}_count"),
                getattr(self, f"matched_{kind}_total"),
            )
            for kind in self.Kind
        ]

    def store_matched(self, rows: Collection[MatchRow], *, has_deposits: bool) -> None:
        """Store the figures of matched lines, in place of their rows."""
        for kind in self.Kind:
            amounts = [row.amount or ZERO for row in rows if row.kind == kind]
            setattr(self, f"matched_{kind}_count", len(amounts))
            setattr(self, f"matched_{kind}_total", sum(amounts, ZERO))
        self.has_deposits = has_deposits
        self.save()

    def finish(self, problem: str = "") -> None:
        """Store that it ended, and why it was incomplete, if so."""
        self.finished_at, self.problem = db_now(), problem[:200]
        self.save(update_fields=["finished_at", "problem"])


class MatchRowQuerySet(models.QuerySet["MatchRow"]):
    """Rows of one tenant's runs."""

    def problems(self) -> MatchRowQuerySet:
        """Rows of any run that staff have to look at: not handled, and not replaced by a later
        run.
        """
        return self.filter(WAITING)

    def shown_with(self, run: MatchRun | None) -> MatchRowQuerySet:
        """All rows of one run, and older ones that still wait for staff."""
        return self.filter(Q(run=run) | WAITING)

    def outdated(self, moment: dt.datetime) -> MatchRowQuerySet:
        """Rows of runs begun before then that a later run replaced and nobody handled."""
        return self.filter(superseded=True, handled_at=None, run__started_at__lt=moment)

    def counted(self) -> dict[str, dict[str, Any]]:
        """Count and sum of each bucket; matched lines have no rows, see the run's figures."""
        sums = {
            row["bucket"]: row
            for row in self.order_by()
            .values("bucket")
            .annotate(count=Count("pk"), total=Sum(Coalesce("their_amount", "our_amount")))
        }
        empty = {"count": 0, "total": ZERO}
        return {bucket: sums.get(bucket, empty) for bucket in MatchRow.Bucket.values}


MatchRowManager = TenantManager.from_queryset(MatchRowQuerySet)


class MatchRow(models.Model):
    """One charge, refund or return on both sides; stored where the sides do not agree."""

    class Bucket(models.TextChoices):
        DIFFERS = "differs", "Amount differs"
        THEIRS = "theirs", "CardConnect only"
        OURS = "ours", "Our books only"
        MATCHED = "matched", "Matched"

    class Cause(models.TextChoices):
        """Why it is in its bucket; each cause has its next step in words."""

        SAME = "same", "Both books agree"
        BOOKED = "booked", "Found at CardConnect and booked"
        CHECKING = "checking", "Outcome not known yet"
        UNKNOWN_CHARGE = "unknown_charge", "A charge we have no record of"
        ENDED = "ended", "Not paid in our books"
        NOT_SETTLED = "not_settled", "Not settled by CardConnect"
        NOT_PAID_OUT = "not_paid_out", "Settled, not paid out yet"
        AMOUNT = "amount", "The amounts differ"
        REJECTED = "rejected", "Settlement was rejected"
        RETURNED = "returned", "Returned by the bank"
        REFUND = "refund", "A refund we have no record of"
        REFUND_OPEN = "refund_open", "Outcome of a refund not known yet"
        REFUND_ENDED = "refund_ended", "Refund not completed in our books"
        REFUND_BACK = "refund_back", "A refund was returned by the bank"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(MatchRun, on_delete=models.CASCADE, related_name="rows")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bucket = models.CharField(max_length=8, choices=Bucket.choices)
    cause = models.CharField(max_length=16, choices=Cause.choices)
    day = models.DateField(help_text="When CardConnect settled it, or when we booked it.")
    orderid = models.CharField(max_length=50, blank=True)
    retref = models.CharField(max_length=14, blank=True)
    merchid = models.CharField(max_length=16, blank=True)
    is_bank = models.BooleanField(default=False)
    our_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    their_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    paid_out = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    payment = models.ForeignKey(
        "payments.Payment", on_delete=models.SET_NULL, null=True, related_name="match_rows"
    )
    invoice = models.ForeignKey(Invoice, on_delete=models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, help_text="What the gateway said.")
    handled_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", help_text="Who put it away."
    )
    superseded = models.BooleanField(default=False, help_text="A later match found out more.")

    objects = MatchRowManager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # For one bucket of one run, on the page.
            models.Index(fields=["run", "bucket", "-id"], name="payments_matchrow_bucket"),
            # For the rows of all runs that wait for staff.
            models.Index(
                fields=["tenant", "bucket", "-id"],
                condition=WAITING,
                name="payments_matchrow_waiting",
            ),
        ]
        constraints = [
            # For the count of waiting rows: matched lines are in the run's figures.
            models.CheckConstraint(
                condition=~Q(bucket="matched"), name="payments_matchrow_is_a_problem"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.orderid or self.retref}: {self.get_cause_display()}"

    @property
    def amount(self) -> Decimal | None:
        """CardConnect's amount, or else ours."""
        return self.our_amount if self.their_amount is None else self.their_amount

    @property
    def kind(self) -> MatchRun.Kind:
        """What it is where both sides agree; its note is then the code of a bank's return."""
        if self.note:
            return MatchRun.Kind.RETURN
        return MatchRun.Kind.REFUND if (self.amount or ZERO) < 0 else MatchRun.Kind.CHARGE

    @property
    def reference(self) -> str:
        """The short reference: BCDF-GHJK."""
        return f"{self.orderid[:4]}-{self.orderid[4:8]}" if self.orderid else ""

    @property
    def next_step(self) -> str:
        """What staff do about it."""
        if self.seen_by:
            return f"{self.seen_by.name} reviewed it."
        if self.handled_at:
            return STEPS["booked_by_hand" if self.cause == self.Cause.BOOKED else "put_right"]
        if self.cause == self.Cause.REFUND and self.payment_id is None:
            return STEPS["refund_of_nothing"]
        return STEPS[self.cause]

    @property
    def may_be_booked(self) -> bool:
        """Whether staff can say which invoice the money is for."""
        return self.cause == self.Cause.UNKNOWN_CHARGE and self.handled_at is None

    @property
    def may_be_kept(self) -> bool:
        """Whether staff can correct a payment recorded as not paid: book it, or refund it."""
        causes = (self.Cause.ENDED, self.Cause.AMOUNT)
        if self.cause not in causes or self.handled_at or self.payment is None:
            return False
        status = self.payment.Status
        return self.payment.status in (status.DECLINED, status.NOT_CHARGED, status.NEEDS_ATTENTION)

    @property
    def may_be_recorded(self) -> bool:
        """Whether staff can record a refund that CardConnect made and we have not recorded."""
        causes = (self.Cause.REFUND, self.Cause.REFUND_ENDED)
        return self.cause in causes and self.payment_id is not None and self.handled_at is None

    @property
    def may_be_asked(self) -> bool:
        """Whether an inquiry at CardConnect can help."""
        causes = (self.Cause.NOT_SETTLED, self.Cause.CHECKING, self.Cause.REJECTED)
        return self.cause in causes and self.payment_id is not None and self.handled_at is None

    @property
    def may_be_seen(self) -> bool:
        """Whether staff can close it; rows that every run judges anew close by themselves."""
        return self.cause not in FOLLOWED and self.handled_at is None

    @property
    def needs_words(self) -> bool:
        """Whether money may be in doubt, so that closing it needs an explanation."""
        return self.cause not in (self.Cause.BOOKED, self.Cause.REJECTED, self.Cause.RETURNED)


# What Textpay keeps inquiring about: each run reports the present state, whatever is still listed.
FOLLOWED = (MatchRow.Cause.CHECKING, MatchRow.Cause.NOT_SETTLED, MatchRow.Cause.REFUND_OPEN)

STEPS = {
    "booked": "It is on the invoice now. Check the invoice, and tell the customer if they asked.",
    "booked_by_hand": "Someone in your office booked it. Nothing more to do.",
    "checking": "Textpay keeps checking. Do not take another payment yet.",
    "unknown_charge": "Find out whose it is, then book it to the invoice. If it belongs "
    "to no one, refund it at CardConnect.",
    "ended": "The customer was told that no money was taken, but CardConnect took it. "
    "Ask the customer, then book it or refund it.",
    "not_settled": "Check with CardConnect. If it has not settled by tomorrow, call "
    "CardConnect with the reference.",
    "not_paid_out": "CardConnect should have sent this to your bank by now. Call CardConnect with "
    "the reference.",
    "amount": "Call CardConnect with the reference before you refund or charge anything.",
    "rejected": "The money will not arrive. Check with CardConnect; the balance is then due again.",
    "returned": "The bank took the payment back. Open the invoice and send a new text.",
    "refund_back": "Textpay reverses the refund within a day. Pay the customer another way.",
    "put_right": "Someone in your office resolved it. Nothing more to do.",
    "refund_open": "Textpay keeps checking. Do not refund it again.",
    "refund_ended": "CardConnect refunded it after all. Record the refund on the invoice.",
    "refund_of_nothing": "Someone refunded a charge at CardConnect that is not in our "
    "books. Find out whose it is.",
    "refund": "Someone refunded it at CardConnect. Record the refund on the invoice.",
}


class Finding(models.Model):
    """A broken rule of the books; replaced by each run of the money check."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invariant = models.PositiveSmallIntegerField()
    invoice = models.ForeignKey(Invoice, on_delete=models.SET_NULL, null=True, related_name="+")
    words = models.CharField(max_length=300)
    step = models.CharField(max_length=200)
    found_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager()

    class Meta:
        ordering = ["invariant", "id"]

    def __str__(self) -> str:
        return f"INV-{self.invariant}: {self.words}"


class MoneyCheckQuerySet(models.QuerySet["MoneyCheck"]):
    """Money checks of one tenant."""

    def made(self) -> MoneyCheckQuerySet:
        """Checks that have run, without those that are only planned."""
        return self.filter(checked_at__isnull=False)


MoneyCheckManager = TenantManager.from_queryset(MoneyCheckQuerySet)


class MoneyCheck(models.Model):
    """The last money check of one tenant and when the next is due; Finding has the results."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField(null=True, help_text="Empty until the first check.")
    next_check_at = models.DateTimeField(null=True)
    unanswered = models.PositiveIntegerField(default=0)

    objects = MoneyCheckManager()

    def __str__(self) -> str:
        return f"{self.tenant}: {self.checked_at or 'not checked yet'}"

    @property
    def is_late(self) -> bool:
        """Whether a night has passed without a check."""
        return self.checked_at is not None and db_now() - self.checked_at > LATE_AFTER


def alarms(most: int = 8) -> dict[str, Any]:
    """What the nightly checks found, for Home: broken rules, rows nobody has looked at, and why the
    last match could not be made."""
    last = MatchRun.objects.finished().first()
    rows = MatchRow.objects.problems().select_related("invoice__customer")
    return {
        "findings": list(Finding.objects.select_related("invoice")[:most]),
        "rows": list(rows[:most]),
        "problem": last.problem if last else "",
    }
