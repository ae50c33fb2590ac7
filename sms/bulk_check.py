"""The send check for many invoices at once: who would be texted, and why the others would not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import QuerySet

from invoices.models import Invoice


@dataclass
class Verdict:
    """What would happen to one invoice."""

    invoice: Invoice
    to: str
    reason: str = ""
    not_before: dt.datetime | None = None
    texted_before: bool = False

    @property
    def may_go(self) -> bool:
        """Whether it would be texted, now or when quiet hours end."""
        return not self.reason


def verdicts(invoices: QuerySet[Invoice]) -> list[Verdict]:
    """One for each invoice, in the order of the list, in a few queries for all of them."""
    rows = invoices.select_related("customer", "tenant").prefetch_related(
        "customer__contacts", "text_messages"
    )
    return [judge(invoice) for invoice in rows]


def judge(invoice: Invoice) -> Verdict:
    """The verdict on one invoice, now."""
    contact = invoice.customer.billing_contact
    to = contact.mobile if contact else ""
    return Verdict(invoice, to, "" if to else "The billing contact has no mobile number")
