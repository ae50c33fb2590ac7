"""Which invoices: the questions that lists, Home and search ask about many of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Max, Q

from audit.models import record
from customers.models import Customer
from tenants.models import Tenant, User

if TYPE_CHECKING:
    from invoices.models.invoice import Invoice


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Invoices of one company."""

    def open(self) -> InvoiceQuerySet:
        """Those that ask for money."""
        return self.filter(status=self.model.Status.OPEN)

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

    def locked(self) -> InvoiceQuerySet:
        """Re-read under their row locks, in one order for everybody; call inside a transaction.

        The lock order stands in docs/trace.md. Anything that touches the balance takes the invoice
        before its links, its payments and the customer, so that paying, editing, voiding and
        expiring queue up here.
        """
        rows = self.select_for_update(of=("self",), no_key=True).select_related(
            "tenant", "customer"
        )
        return rows.order_by("pk")

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

    def overpaid(self) -> InvoiceQuerySet:
        """Those that took more than their total: two payments ended at the same moment, or one
        after the invoice was voided."""
        is_void = Q(status=self.model.Status.VOID, paid__gt=0)
        return self.filter(Q(paid__gt=F("total")) | is_void)

    def came_back(self) -> InvoiceQuerySet:
        """Open ones whose payment was returned or rejected, with no text since."""
        back = Q(payments__status__in=["returned", "rejected"])
        last = Max("payments__reversed_at", filter=back)
        found = self.open().annotate(back=last, texted=Max("text_messages__queued_at"))
        return found.filter(Q(texted=None) | Q(texted__lt=F("back")), back__isnull=False)

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
            "customer__contacts",
            "lines",
            "text_messages__sent_by",
            "links",
            "payments__refunds",
            "payments__recorded_by",
        )
