"""The models of this app."""

from invoices.models.invoice import (
    Invoice,
    InvoiceError,
    InvoiceQuerySet,
    LineItem,
    PaymentState,
    ReadPayments,
    no_payments,
)
from invoices.models.invoice_email import InvoiceEmail
from invoices.models.payment_link import PaymentLink

__all__ = [
    "Invoice",
    "InvoiceEmail",
    "InvoiceError",
    "InvoiceQuerySet",
    "LineItem",
    "PaymentLink",
    "PaymentState",
    "ReadPayments",
    "no_payments",
]
