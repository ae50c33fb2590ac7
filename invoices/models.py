"""Every model of this floor, by the file it lives in."""

from invoices.bill import Invoice, InvoiceError, LineItem
from invoices.links import PaymentLink
from invoices.mail import InvoiceEmail
from invoices.queries import InvoiceQuerySet

__all__ = [
    "Invoice",
    "InvoiceEmail",
    "InvoiceError",
    "InvoiceQuerySet",
    "LineItem",
    "PaymentLink",
]
