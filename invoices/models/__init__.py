"""Every model of this floor, by the file it lives in."""

from invoices.models.invoice import Invoice, InvoiceError, LineItem
from invoices.models.invoice_email import InvoiceEmail
from invoices.models.payment_link import PaymentLink
from invoices.queries import InvoiceQuerySet

__all__ = [
    "Invoice",
    "InvoiceEmail",
    "InvoiceError",
    "InvoiceQuerySet",
    "LineItem",
    "PaymentLink",
]
