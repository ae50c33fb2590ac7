"""Invoices, what they list, and the payment links that open them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Max, Q, Sum
from django.urls import reverse
from django.utils import timezone

from audit.clock import DbNow, db_now
from audit.models import record
from audit.transitions import IllegalTransition, transition, transition_all
from customers.models import Customer
from invoices import links
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
# How long a worker may hold an e-mail before the sweep takes it up, and the longest wait between
# two tries at the mail server.
STUCK_AFTER = dt.timedelta(minutes=5)
LONGEST_WAIT = dt.timedelta(hours=1)
LARGEST = Decimal("9999999.99")


class InvoiceError(Exception):
    """The invoice cannot be changed that way; str() is the sentence to show."""


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Invoices of one company."""

    def open(self) -> InvoiceQuerySet:
        """Those that ask for money."""
        return self.filter(status=Invoice.Status.OPEN)

    def overdue(self, today: dt.date) -> InvoiceQuerySet:
        """Open ones whose due date has passed; `today` in the company's time zone."""
        return self.open().filter(due_on__lt=today)

    def matching(self, words: str) -> InvoiceQuerySet:
        """Those whose number, description, customer or customer's phone holds `words`."""
        found = (
            Q(number__icontains=words)
            | Q(description__icontains=words)
            | Q(customer__name__icontains=words)
        )
        digits = "".join(c for c in words if c.isdigit())
        if len(digits) >= 7:
            found |= Q(customer__in=Customer.objects.matching(digits))
        return self.filter(found)

    def with_standing(self) -> InvoiceQuerySet:
        """Ready for lists: what `standing` reads, without a query per row."""
        return self.select_related("customer", "tenant").prefetch_related(
            "text_messages", "payments", "links"
        )

    def never_texted(self) -> InvoiceQuerySet:
        """Open ones that no text was sent for."""
        return self.open().filter(text_messages__isnull=True)

    def undelivered(self) -> InvoiceQuerySet:
        """Open ones whose newest text did not arrive."""
        bad = Q(text_messages__status__in=["undelivered", "failed"])
        newest = self.open().annotate(
            newest_text=Max("text_messages"), newest_bad=Max("text_messages", filter=bad)
        )
        return newest.filter(newest_text=F("newest_bad")).order_by("-issued_on", "-id")

    def unsettled(self) -> InvoiceQuerySet:
        """Those with a payment whose outcome is not known yet."""
        return self.filter(payments__status__in=["pending", "unknown", "needs_attention"])

    def write(
        self,
        *,
        tenant: Tenant,
        customer: Customer,
        lines: Iterable[Mapping[str, Any]],
        tax: Decimal,
        actor: User | None,
        **fields: Any,
    ) -> Invoice:
        """Make an invoice with the next number and open it for payment; raises InvoiceError."""
        with transaction.atomic():
            number = f"INV-{tenant.next_number('invoice')}"
            invoice: Invoice = self.create(
                tenant=tenant, customer=customer, number=number, **fields
            )
            record("invoice.created", tenant=tenant, subject=invoice.audit_subject, actor=actor)
            invoice.revise(lines=lines, tax=tax, actor=actor)
            invoice.open_for_payment(actor=actor)
        return invoice

    def with_history(self) -> InvoiceQuerySet:
        """Ready for Invoice Details: everything the page shows, in a fixed number of queries."""
        return self.select_related("customer", "tenant").prefetch_related(
            "customer__contacts", "lines", "text_messages__sent_by", "payments", "links"
        )


InvoiceManager = TenantManager.from_queryset(InvoiceQuerySet)


class Invoice(models.Model):
    """A bill. Its balance is its total less the payments booked on it, recomputed each time."""

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
    tax = models.DecimalField(
        max_digits=12, decimal_places=2, default=ZERO, validators=[MinValueValidator(ZERO)]
    )
    # All three written by revise() and apply_payment() only, under this row's lock.
    total = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO, editable=False)
    paid = models.DecimalField(max_digits=12, decimal_places=2, default=ZERO, editable=False)
    paid_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = InvoiceManager()

    class Meta:
        ordering = ["-issued_on", "-id"]
        constraints = [
            # The number is what customer and office call the invoice by.
            models.UniqueConstraint(fields=["tenant", "number"], name="invoices_invoice_number"),
            models.CheckConstraint(condition=Q(total__gte=0), name="invoices_invoice_total"),
            models.CheckConstraint(condition=Q(paid__gte=0), name="invoices_invoice_paid"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "open", "pending", "paid", "void"]),
                name="invoices_invoice_status",
            ),
        ]
        indexes = [
            # The invoice list, newest first, and by status.
            models.Index(fields=["tenant", "-issued_on", "-id"], name="invoices_invoice_list"),
            models.Index(
                fields=["tenant", "status", "-issued_on", "-id"], name="invoices_invoice_by_status"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def audit_subject(self) -> str:
        """Where this invoice's history is kept; its texts and payments write there too."""
        return f"invoice:{self.pk}"

    @property
    def balance(self) -> Decimal:
        """What is still asked for; never below zero."""
        return max(self.total - self.paid, ZERO)

    @property
    def overpaid(self) -> Decimal:
        """What came in beyond the total; shown to staff, never dropped."""
        return max(self.paid - self.total, ZERO)

    @property
    def is_payable(self) -> bool:
        """Whether a payer may be charged for it now."""
        return self.status == self.Status.OPEN and self.balance > 0

    @property
    def is_overdue(self) -> bool:
        """Open past its due date, by the company's calendar."""
        today = timezone.now().astimezone(self.tenant.zone).date()
        return self.status == self.Status.OPEN and self.due_on < today

    @property
    def live_link(self) -> PaymentLink | None:
        """The newest link when it is still live by its status. Uses prefetched links."""
        newest = self.newest_link
        return newest if newest and newest.status == PaymentLink.Status.LIVE else None

    @property
    def newest_link(self) -> PaymentLink | None:
        """The link issued last. Uses prefetched links."""
        return max(self.links.all(), key=lambda link: link.pk, default=None)

    def locked(self) -> Invoice:
        """This invoice, re-read under its row lock; call inside a transaction.

        Lock order everywhere: invoice, link, payment, customer. Anything that touches the balance
        takes the invoice first, so that paying, editing, voiding and expiring queue up here.
        """
        row: Invoice = (
            Invoice._base_manager.select_for_update(of=("self",))
            .select_related("tenant", "customer")
            .get(pk=self.pk)
        )
        return row

    def revise(
        self,
        *,
        lines: Iterable[Mapping[str, Any]],
        tax: Decimal,
        actor: User | None,
    ) -> None:
        """Replace the line items (description, quantity, unit_price) and recompute the total.

        Raises InvoiceError when the invoice is void, while a payment is being confirmed, for an
        empty or zero bill, and for a total below what was paid.
        """
        with transaction.atomic():
            row = self.locked()
            items = [
                LineItem(invoice=row, tenant=row.tenant, position=i, **x)
                for i, x in enumerate(lines)
            ]
            total = sum((item.amount for item in items), ZERO) + tax
            row._check_new_total(total, created=self.total == ZERO)
            edited = row.total != ZERO
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
                )
            row._rebalance(actor=actor)
        self.refresh_from_db()

    def _check_new_total(self, total: Decimal, *, created: bool) -> None:
        if self.status == self.Status.VOID:
            raise InvoiceError("This invoice is void and cannot be edited.")
        if total <= ZERO:
            raise InvoiceError("An invoice needs at least one line and a total above $0.00.")
        if total > LARGEST:
            raise InvoiceError(f"An invoice can ask for at most ${LARGEST:,.2f}.")
        if not created:
            self._refuse_while_confirming()
        if total < self.paid:
            raise InvoiceError(
                f"${self.paid:,.2f} has been paid on this invoice. "
                f"Its total cannot be less than that."
            )

    def _refuse_while_confirming(self) -> None:
        if self.payments.in_flight().exists():
            raise InvoiceError(
                "A payment for this invoice is being confirmed right now. Try again in a minute."
            )

    def open_for_payment(self, *, actor: User | None) -> None:
        """Turn a draft into an invoice that asks for money."""
        with transaction.atomic():
            row = self.locked()
            if row.total <= ZERO:
                raise InvoiceError("Add at least one line before opening the invoice.")
            transition(row, self.Status.OPEN, actor=actor)
            row._rebalance(actor=actor)
        self.refresh_from_db()

    def void(self, *, actor: User | None, reason: str) -> None:
        """Take the bill back: its links close and it asks for nothing any more.

        Raises InvoiceError when money was paid on it or a payment is being confirmed.
        """
        with transaction.atomic():
            row = self.locked()
            if row.paid > ZERO:
                raise InvoiceError("Money was paid on this invoice, so it cannot be voided.")
            row._refuse_while_confirming()
            transition(row, self.Status.VOID, actor=actor, reason=reason)
            row._close_links(actor=actor, reason="void")
            row._rebalance_customer()
        self.refresh_from_db()

    def apply_payment(self, payment: Any) -> None:
        """Book what the payments say: recompute paid, status and the customer's balance.

        Called inside the transaction that changed `payment`, with this invoice's lock taken.
        Recomputed from the payment rows, never incremented, so that telling it twice is harmless.
        """
        row = self.locked()
        row.paid = row.payments.booked_total()
        row.save(update_fields=["paid"])
        row._rebalance(payment=str(payment.public_id))
        self.refresh_from_db()

    def _rebalance(self, actor: User | None = None, **data: Any) -> None:
        """Move the status to what the amounts say, close links at zero, tell the customer row."""
        if self.status not in (self.Status.DRAFT, self.Status.VOID):
            target = self.Status.OPEN
            if self.paid >= self.total:
                uncleared = self.payments.uncleared().exists()
                target = self.Status.PENDING if uncleared else self.Status.PAID
            paid_at = None if target == self.Status.OPEN else self.paid_at or timezone.now()
            transition(
                self,
                target,
                actor=actor,
                actor_label="" if actor else "Textpay",
                changes={"paid_at": paid_at},
                **data,
            )
            if target != self.Status.OPEN:
                self._close_links(actor=actor, reason="paid")
        self._rebalance_customer()

    def _close_links(self, *, actor: User | None, reason: str) -> None:
        for link in self.links.live():
            link.move(PaymentLink.Status.CLOSED, actor=actor, reason=reason)

    def _rebalance_customer(self) -> None:
        customer = Customer._base_manager.select_for_update().get(pk=self.customer_id)
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
        """Quantity times price, to the cent, halves up."""
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_UP)


class PaymentLinkQuerySet(models.QuerySet["PaymentLink"]):
    """Payment links of one company."""

    def live(self) -> PaymentLinkQuerySet:
        """Those nobody and nothing has ended yet (their time may be up, see `is_live_at`)."""
        return self.filter(status=PaymentLink.Status.LIVE)

    def due(self, now: dt.datetime) -> PaymentLinkQuerySet:
        """Live ones whose time is up."""
        return self.live().filter(expires_at__lte=now)

    def opened_by(self, token: str) -> PaymentLink | None:
        """The link a token opens, with `.read_at` set to the database's clock; None if unknown."""
        found = links.digests(token)
        if not found:
            return None
        return (
            self.filter(digest__in=found)
            .select_related("invoice", "invoice__customer", "tenant")
            .annotate(read_at=DbNow())
            .first()
        )

    def issue(self, invoice: Invoice, *, actor: User | None) -> PaymentLink:
        """Make a link valid for 60 calendar days; the one before is superseded.

        Raises InvoiceError for an invoice that does not ask for money.
        """
        with transaction.atomic():
            row = invoice.locked()
            if not row.is_payable:
                raise InvoiceError("There is nothing to pay on this invoice.")
            for old in row.links.live():
                old.move(PaymentLink.Status.SUPERSEDED, actor=actor)
            nonce = links.new_nonce()
            key = settings.LINK_KEYS[0]
            token = links.derive(nonce, key)
            now = db_now()
            link = PaymentLink(
                tenant=row.tenant,
                invoice=row,
                nonce=nonce,
                digest=links.digest(token, key),
                hint=token[:6],
                issued_at=now,
                expires_at=links.sixty_days_later(now, row.tenant.zone),
            )
            link.save()
            record(
                "link.issued",
                tenant=row.tenant,
                subject=row.audit_subject,
                actor=actor,
                link=link.masked_url,
                expires_at=link.expires_at.isoformat(),
            )
        return link

    def expire_due(self, *, limit: int = 5000) -> int:
        """End up to `limit` links whose time is up, each with its entry; returns how many."""
        now = db_now()
        return transition_all(
            self.due(now),
            PaymentLink.Status.EXPIRED,
            subject_column="invoice_id",
            changes={"closed_at": now},
            limit=limit,
        )


PaymentLinkManager = TenantManager.from_queryset(PaymentLinkQuerySet)


class PaymentLink(models.Model):
    """The secret address that opens one invoice's Pay Now page. At most one live per invoice.

    The token is 128 bits and not in the database: only a random nonce, from which LINK_KEYS derive
    it, and a keyed digest to look it up by. Whoever reads the database can open nothing.
    """

    class Status(models.TextChoices):
        LIVE = "live", "Live"
        EXPIRED = "expired", "Link expired"
        DISABLED = "disabled", "Link expired"
        SUPERSEDED = "superseded", "Replaced by a newer link"
        CLOSED = "closed", "Closed"

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.LIVE: frozenset({Status.EXPIRED, Status.DISABLED, Status.SUPERSEDED, Status.CLOSED}),
    }
    AUDIT_PREFIX: ClassVar[str] = "link"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="links")
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.LIVE, editable=False
    )
    nonce = models.BinaryField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=6)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = PaymentLinkManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # A resend replaces the earlier link; two live ones would be two ways to pay once.
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(status="live"), name="invoices_link_one_live"
            ),
        ]
        indexes = [
            # The sweep for links whose time is up, without reading the million that are not.
            models.Index(
                fields=["expires_at"], condition=Q(status="live"), name="invoices_link_due"
            ),
        ]

    def __str__(self) -> str:
        return self.masked_url

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    @property
    def token(self) -> str:
        """The secret itself, derived anew; raises LookupError when its key was taken away."""
        return links.rederive(bytes(self.nonce), self.digest)

    @property
    def url(self) -> str:
        """The address to text, on PUBLIC_BASE_URL and never on a request's Host header."""
        return settings.PUBLIC_BASE_URL + reverse("payments:pay", args=[self.token])

    @property
    def masked_url(self) -> str:
        """The address as staff and history may see it: its end is hidden."""
        return settings.PUBLIC_BASE_URL + "/p/" + self.hint + "…"

    def is_live_at(self, moment: dt.datetime) -> bool:
        """Whether it opens the Pay Now page at `moment`: up to, not at, its expiry."""
        return self.status == self.Status.LIVE and moment < self.expires_at

    @property
    def has_expired(self) -> bool:
        """Whether staff see **Link expired**: by time (even before the sweep) or by hand."""
        ended = self.status in (self.Status.EXPIRED, self.Status.DISABLED)
        return ended or (self.status == self.Status.LIVE and self.expires_at <= timezone.now())

    def expire(self, *, actor: User) -> bool:
        """**Expire Link**: kill it at once. False when it was not live any more."""
        with transaction.atomic():
            self.invoice.locked()
            self.refresh_from_db()
            if self.status != self.Status.LIVE:
                return False
            return self.move(self.Status.DISABLED, actor=actor)

    def move(self, to: str, *, actor: User | None, **data: Any) -> bool:
        """End the link as `to`, noting when."""
        return transition(
            self,
            to,
            actor=actor,
            changes={"closed_at": timezone.now()},
            link=self.masked_url,
            **data,
        )


class InvoiceEmailQuerySet(models.QuerySet["InvoiceEmail"]):
    """E-mailed invoices of one company."""

    def queue(
        self, invoice: Invoice, *, to: str, actor: User, key: uuid.UUID
    ) -> tuple[InvoiceEmail, bool]:
        """Write down one e-mail to send; returns it and whether it is new.

        It carries the live link, or a new one where there is none, so that a text sent before
        stays good. Raises InvoiceError when there is nothing to pay, or no way to pay it.
        """
        with transaction.atomic():
            row = invoice.locked()
            same = self.filter(tenant=row.tenant, key=key).first()
            if same is not None:
                return same, False
            if not row.tenant.takes_payments:
                raise InvoiceError("This invoice cannot be paid online yet, so nothing was sent.")
            link = row.links.live().first()
            if link is None or not link.is_live_at(db_now()):
                link = PaymentLink.objects.issue(row, actor=actor)
            email = InvoiceEmail(
                tenant=row.tenant, invoice=row, link=link, key=key, to=to, sent_by=actor
            )
            email.save()
            record(
                "email.queued",
                tenant=row.tenant,
                subject=row.audit_subject,
                actor=actor,
                email=to,
                link=link.masked_url,
            )
        return email, True

    def left_behind(self, now: dt.datetime) -> InvoiceEmailQuerySet:
        """Those that a dead broker, a busy mail server or a crash left unsent."""
        return self.filter(next_try_at__lte=now)


InvoiceEmailManager = TenantManager.from_queryset(InvoiceEmailQuerySet)


class InvoiceEmail(models.Model):
    """An invoice sent by e-mail: recorded first, sent by a worker, then marked."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.QUEUED: frozenset({Status.SENDING}),
        Status.SENDING: frozenset({Status.SENT, Status.FAILED, Status.QUEUED}),
    }
    AUDIT_PREFIX: ClassVar[str] = "email"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="emails")
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, related_name="emails")
    key = models.UUIDField(help_text="From the form, so that a double click e-mails once.")
    to = models.EmailField()
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    error = models.CharField(max_length=200, blank=True)
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    queued_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When the sweep looks at it; nothing once it is sent or failed.
    next_try_at = models.DateTimeField(default=timezone.now, null=True)
    sent_at = models.DateTimeField(null=True)

    objects = InvoiceEmailManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # The form's key makes a replayed POST the same e-mail.
            models.UniqueConstraint(fields=["tenant", "key"], name="invoices_email_key"),
        ]
        indexes = [
            # The sweep for e-mails that no worker has finished.
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="invoices_email_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} to {self.to}"

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    def claim(self) -> bool:
        """Take the e-mail for sending; False when another worker has it or it is done."""
        if self.status != self.Status.QUEUED:
            return False
        now = timezone.now()
        try:
            return self._move(
                self.Status.SENDING,
                claimed_at=now,
                attempts=self.attempts + 1,
                next_try_at=now + STUCK_AFTER,
            )
        except IllegalTransition:
            return False

    def mark_sent(self) -> bool:
        """The mail server took it."""
        return self._move(self.Status.SENT, sent_at=timezone.now(), next_try_at=None)

    def mark_failed(self, reason: str) -> bool:
        """It was not sent; `reason` is for people."""
        return self._move(self.Status.FAILED, error=reason[:200], next_try_at=None)

    def back_to_queue(self) -> bool:
        """The mail server did not take it this time: the sweep tries again, ever more rarely."""
        wait = min(dt.timedelta(seconds=15 * 2 ** min(self.attempts, 10)), LONGEST_WAIT)
        return self._move(self.Status.QUEUED, next_try_at=timezone.now() + wait)

    def _move(self, to: str, **changes: Any) -> bool:
        reason = {"reason": changes["error"]} if changes.get("error") else {}
        return transition(self, to, changes=changes, email=self.to, **reason)
