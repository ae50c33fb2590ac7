"""The invoice: its lines, its total and its balance."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar, NamedTuple, TypedDict

from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from audit import clock
from audit.models import record
from audit.transitions import transition
from customers.models import Customer
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
LARGEST = Decimal("9999999.99")


class InvoiceError(Exception):
    """The invoice cannot be changed this way; str() is the sentence to show."""


class LineValues(TypedDict):
    """One line as it was typed."""

    description: str
    quantity: Decimal
    unit_price: Decimal


class PaymentState(NamedTuple):
    """The state of an invoice's payments, read under the invoice's lock."""

    # A payment has no known outcome yet.
    in_flight: bool
    # A bank payment was started and has not cleared.
    uncleared: bool


# Payments are in an upper app. Verbs that depend on them take this function and call it under the
# invoice's lock, so that no payment can start between the read and the change.
ReadPayments = Callable[["Invoice"], PaymentState]


def no_payments(invoice: Invoice) -> PaymentState:
    """The state of a new invoice, which has no payments."""
    return PaymentState(in_flight=False, uncleared=False)


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Invoices of one tenant."""

    def open(self) -> InvoiceQuerySet:
        """Invoices that can be paid."""
        return self.filter(status=self.model.Status.OPEN)

    def overdue(self, today: dt.date) -> InvoiceQuerySet:
        """Open ones whose due date has passed; `today` in the company's time zone."""
        return self.open().filter(due_on__lt=today)

    def matching(self, words: str) -> InvoiceQuerySet:
        """Invoices whose number, description, customer or customer's phone contains `words`."""
        found = (
            Q(number__icontains=words)
            | Q(description__icontains=words)
            | Q(customer__name__icontains=words)
        )
        digits = "".join(c for c in words if c.isdigit())
        if len(digits) >= 7:
            found |= Q(customer__in=Customer.objects.matching(digits))
        return self.filter(found)

    def similar(self, customer: Customer, total: Decimal) -> InvoiceQuerySet:
        """Invoices of this customer over the same amount that were made in the last day."""
        lately = timezone.now() - dt.timedelta(days=1)
        same = self.filter(customer=customer, total=total, created_at__gte=lately)
        return same.exclude(status=Invoice.Status.VOID)

    def with_lines(self) -> InvoiceQuerySet:
        """With lines, links and billing contact, for one invoice on its own."""
        rows = self.select_related("customer", "tenant")
        return rows.prefetch_related("customer__contacts", "lines", "links")

    def locked(self) -> InvoiceQuerySet:
        """Re-read the invoices under their row locks, in primary key order; call inside a
        transaction.

        The lock order is documented in docs/trace.md. Anything that changes the balance locks the
        invoice before its links, its payments and the customer, so that paying, editing, voiding
        and expiring run one after another.
        """
        rows = self.select_for_update(of=("self",), no_key=True).select_related(
            "tenant", "customer"
        )
        return rows.order_by("pk")

    def overpaid(self) -> InvoiceQuerySet:
        """Invoices with more paid than their total: two payments ended at the same moment, or one
        after the invoice was voided.
        """
        is_void = Q(status=self.model.Status.VOID, paid__gt=0)
        return self.filter(Q(paid__gt=F("total")) | is_void)


InvoiceManager = TenantManager.from_queryset(InvoiceQuerySet)


class Invoice(models.Model):
    """An invoice. Its balance is its total less the payments booked on it, recomputed each time."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        PENDING = "pending", "Bank payment started"
        PAID = "paid", "Paid"
        VOID = "void", "Void"

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.DRAFT: frozenset({Status.OPEN, Status.VOID}),
        Status.OPEN: frozenset({Status.PENDING, Status.PAID, Status.VOID}),
        Status.PENDING: frozenset({Status.PAID, Status.OPEN}),
        Status.PAID: frozenset({Status.OPEN, Status.PENDING}),
        Status.VOID: frozenset(),
    }
    AUDIT_PREFIX: ClassVar[str] = "invoice"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(max_length=12)
    description = models.CharField(max_length=80, blank=True)
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    issued_on = models.DateField()
    due_on = models.DateField()
    # The day the customer promised to pay; reminders wait for it.
    promised_on = models.DateField(null=True, blank=True)
    tax = models.DecimalField(
        max_digits=12, decimal_places=2, default=ZERO, validators=[MinValueValidator(ZERO)]
    )
    # Written by revise() and book() only, under this row's lock.
    total = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO, editable=False)
    paid = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO, editable=False)
    paid_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = InvoiceManager()

    class Meta:
        ordering = ["-issued_on", "-id"]
        constraints = [
            # Customer and office refer to the invoice by its number.
            models.UniqueConstraint(fields=["tenant", "number"], name="invoices_invoice_number"),
            models.CheckConstraint(condition=Q(total__gte=0), name="invoices_invoice_total"),
            models.CheckConstraint(condition=Q(paid__gte=0), name="invoices_invoice_paid"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "open", "pending", "paid", "void"]),
                name="invoices_invoice_status",
            ),
        ]
        indexes = [
            # For the invoice list, newest first, and by status.
            models.Index(fields=["tenant", "-issued_on", "-id"], name="invoices_invoice_list"),
            models.Index(
                fields=["tenant", "status", "-issued_on", "-id"], name="invoices_invoice_by_status"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def audit_subject(self) -> str:
        """The subject of this invoice's history; its texts and payments write there too."""
        return f"invoice:{self.pk}"

    @property
    def balance(self) -> Decimal:
        """What is still to be paid; never below zero."""
        return max(self.total - self.paid, ZERO)

    @property
    def overpaid(self) -> Decimal:
        """What was paid beyond the total; all of it for a void invoice. Shown to staff."""
        if self.status == self.Status.VOID:
            return self.paid
        return max(self.paid - self.total, ZERO)

    @property
    def is_void(self) -> bool:
        return self.status == self.Status.VOID

    @property
    def is_pending(self) -> bool:
        """Whether a bank payment that has not cleared covers it."""
        return self.status == self.Status.PENDING

    @property
    def is_payable(self) -> bool:
        """Whether a payer may be charged for it now."""
        return self.status == self.Status.OPEN and self.balance > 0

    @property
    def is_overdue(self) -> bool:
        """Whether it is open past its due date, by the tenant's calendar."""
        return self.status == self.Status.OPEN and self.due_on < clock.today(self.tenant.zone)

    @property
    def live_link(self) -> Any:
        """The newest link when it is still live by its status. Uses prefetched links."""
        newest = self.newest_link
        return newest if newest and newest.is_live else None

    @property
    def newest_link(self) -> Any:
        """The link issued last. Uses prefetched links."""
        return max(self.links.all(), key=lambda link: link.pk, default=None)

    def locked(self) -> Invoice:
        """This invoice, re-read under its row lock; call inside a transaction."""
        return InvoiceQuerySet(Invoice).locked().get(pk=self.pk)

    def revise(
        self,
        *,
        lines: Iterable[LineValues],
        tax: Decimal,
        actor: User | None,
        read_payments: ReadPayments,
        changes: Mapping[str, list[str]] | None = None,
    ) -> None:
        """Replace the line items (description, quantity, unit_price) and recompute the total.

        `changes` is what the form changed, for the history: [old, new] in words, by label.

        `read_payments` is called under the lock. Raises InvoiceError when the invoice is void,
        while a payment is being confirmed, for an empty or zero bill, and for a total below what
        was paid.
        """
        with transaction.atomic():
            row = self.locked()
            items = [
                LineItem(invoice=row, tenant=row.tenant, position=i, **x)
                for i, x in enumerate(lines)
            ]
            total = sum((item.amount for item in items), ZERO) + tax
            payments = read_payments(row)
            edited = row.total != ZERO
            row._check_new_total(total, payments)
            old, row.total, row.tax = row.total, total, tax
            row.save(update_fields=["total", "tax"])
            LineItem._base_manager.filter(invoice=row).delete()
            LineItem._base_manager.bulk_create(items)
            if edited:
                record(
                    "invoice.edited",
                    tenant=row.tenant,
                    subject=row.audit_subject,
                    actor=actor,
                    old_total=str(old),
                    new_total=str(total),
                    changes=dict(changes or {}),
                )
            row._rebalance(uncleared=payments.uncleared, actor=actor)
        self.refresh_from_db()

    def _check_new_total(self, total: Decimal, payments: PaymentState) -> None:
        if self.status == self.Status.VOID:
            raise InvoiceError("This invoice is void and cannot be edited.")
        if total <= ZERO:
            raise InvoiceError("An invoice needs at least one line and a total above $0.00.")
        if total > LARGEST:
            raise InvoiceError(f"An invoice cannot be for more than ${LARGEST:,.2f}.")
        self._refuse_while_confirming(payments)
        if total < self.paid:
            raise InvoiceError(
                f"${self.paid:,.2f} has been paid on this invoice. Its total cannot be "
                "lower than that."
            )

    def _refuse_while_confirming(self, payments: PaymentState) -> None:
        if payments.in_flight:
            raise InvoiceError(
                "A payment on this invoice is being confirmed right now, so nothing was "
                "changed. Try again in a minute."
            )

    def open_for_payment(self, *, actor: User | None) -> None:
        """Turn a draft into an invoice that asks for money. Nobody can have paid a draft."""
        with transaction.atomic():
            row = self.locked()
            if row.total <= ZERO:
                raise InvoiceError("Add at least one line before opening the invoice.")
            if row.status == self.Status.DRAFT:  # another process may have opened it meanwhile
                transition(row, self.Status.OPEN, actor=actor)
                row._rebalance_customer()
        self.refresh_from_db()

    def void(self, *, actor: User | None, reason: str, read_payments: ReadPayments) -> None:
        """Void the invoice: its links close and its balance is zero.

        `read_payments` is called under the lock. Raises InvoiceError when money was paid on it or
        a payment is being confirmed.
        """
        with transaction.atomic():
            row = self.locked()
            if row.paid > ZERO:
                raise InvoiceError("A payment was made on this invoice, so it cannot be voided.")
            row._refuse_while_confirming(read_payments(row))
            transition(row, self.Status.VOID, actor=actor, reason=reason)
            row._close_links(actor=actor, reason="void")
            row._rebalance_customer()
        self.refresh_from_db()

    def promise(self, day: dt.date | None, *, actor: User | None) -> None:
        """Record the day on which the customer will pay, so that reminders wait; None withdraws
        it.

        Raises InvoiceError for an invoice that cannot be paid.
        """
        with transaction.atomic():
            row = self.locked()
            if day is not None and not row.is_payable:
                raise InvoiceError("There is nothing to pay on this invoice.")
            if row.promised_on != day:
                row.promised_on = day
                row.save(update_fields=["promised_on"])
                record(
                    "invoice.promised" if day else "invoice.promise_removed",
                    tenant=row.tenant,
                    subject=row.audit_subject,
                    actor=actor,
                    **({"promised_on": day.isoformat()} if day else {}),
                )
        self.promised_on = day

    def book(self, *, paid: Decimal, uncleared: bool, payment: uuid.UUID) -> None:
        """Store the sums of the payments: paid, status and the customer's balance.

        Call on the locked row, with sums read under its lock and never increments, so that booking
        twice changes nothing. The audit entry of the status names `payment`.
        """
        self.paid = paid
        self.save(update_fields=["paid"])
        self._rebalance(uncleared=uncleared, payment=payment)

    def _rebalance(
        self, *, uncleared: bool, actor: User | None = None, payment: uuid.UUID | None = None
    ) -> None:
        """Set the status from the amounts, close links at a zero balance, update the customer's
        balance.
        """
        if self.status not in (self.Status.DRAFT, self.Status.VOID):
            target = self.Status.OPEN
            if self.paid >= self.total:
                target = self.Status.PENDING if uncleared else self.Status.PAID
            paid_at = None if target == self.Status.OPEN else self.paid_at or timezone.now()
            transition(
                self,
                target,
                actor=actor,
                actor_label="" if actor else "Textpay",
                changes={"paid_at": paid_at},
                **({"payment": str(payment)} if payment else {}),
            )
            if target != self.Status.OPEN:
                self._close_links(actor=actor, reason="paid")
        self._rebalance_customer()

    def _close_links(self, *, actor: User | None, reason: str) -> None:
        for link in self.links.live():
            link.close(actor=actor, reason=reason)

    def _rebalance_customer(self) -> None:
        customer = Customer._base_manager.select_for_update(no_key=True).get(pk=self.customer_id)
        owed = Invoice._base_manager.filter(
            customer=customer, status=self.Status.OPEN, total__gt=F("paid")
        ).aggregate(owed=Sum(F("total") - F("paid")))["owed"]
        customer.balance = (owed or ZERO).quantize(CENT)
        customer.save(update_fields=["balance"])


class LineItem(models.Model):
    """One line of an invoice."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    description = models.CharField(max_length=120)
    quantity = models.DecimalField(
        max_digits=9,
        decimal_places=2,
        default=Decimal("1.00"),
        validators=[MinValueValidator(CENT)],
    )
    unit_price = models.DecimalField(
        max_digits=11, decimal_places=2, validators=[MinValueValidator(ZERO)]
    )

    objects = TenantManager()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="invoices_lineitem_quantity"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="invoices_lineitem_price"),
        ]

    def __str__(self) -> str:
        return self.description

    @property
    def amount(self) -> Decimal:
        """Quantity times price, rounded half up to the cent."""
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_UP)
