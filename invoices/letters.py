"""The invoice on paper: the words of a letter, in the customer's language, and its QR code."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import segno
from django.db import transaction
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import override

from audit import clock
from audit.models import record
from customers.phones import national
from invoices.models.invoice import Invoice, InvoiceError
from invoices.models.payment_link import PaymentLink
from tenants.models import User

WORDS = {
    "en": {
        "code": "QR code of the address below",
        "invoice": "Invoice",
        "date": "Date",
        "due": "Due",
        "item": "Item",
        "quantity": "Qty",
        "price": "Price",
        "amount": "Amount",
        "tax": "Tax",
        "paid": "Paid, thank you",
        "to_pay": "Amount due",
        "greeting": "Dear {name},",
        "opening": "here is your invoice for {amount}, due {due}.",
        "how": "How to pay",
        "scan": "With your phone: point its camera at the square and tap the address that appears.",
        "type": "On a computer: type this address. Uppercase and lowercase letters matter.",
        "call": "By phone: call {phone}. We are glad to help.",
        "until": "This address is for you only and works until {until}. Please do not share it.",
    },
    "es": {
        "code": "Código QR de la dirección de abajo",
        "invoice": "Factura",
        "date": "Fecha",
        "due": "Vence",
        "item": "Concepto",
        "quantity": "Cant.",
        "price": "Precio",
        "amount": "Importe",
        "tax": "Impuesto",
        "paid": "Pagado, gracias",
        "to_pay": "Por pagar",
        "greeting": "Hola, {name}:",
        "opening": "esta es su factura por {amount}, que vence el {due}.",
        "how": "Cómo pagar",
        "scan": "Con su teléfono: apunte la cámara al cuadro y toque la dirección que aparece.",
        "type": "En una computadora: escriba esta dirección. Distingue mayúsculas y minúsculas.",
        "call": "Por teléfono: llame al {phone}; con gusto le ayudamos.",
        "until": "La dirección es solo para usted y funciona hasta el {until}. No la comparta.",
    },
}
DATES = {"en": "F j, Y", "es": r"j \d\e F \d\e Y"}


@dataclass(frozen=True)
class Letter:
    """One printed letter: recipient, date and link."""

    invoice: Invoice
    link: PaymentLink
    printed_at: dt.datetime

    @property
    def language(self) -> str:
        """The billing contact's language; English without a contact."""
        contact = self.invoice.customer.billing_contact
        return contact.language if contact and contact.language in WORDS else "en"

    @property
    def address(self) -> list[str]:
        """The lines in the envelope's window: customer, person, street, city."""
        return address_lines(self.invoice)

    @property
    def words(self) -> dict[str, str]:
        """All words of the letter besides the invoice itself."""
        invoice, tenant = self.invoice, self.invoice.tenant
        contact = invoice.customer.billing_contact
        values = {
            "name": contact.name if contact else invoice.customer.name,
            "amount": f"${invoice.balance:,.2f}",
            "due": self.due,
            "phone": national(tenant.phone),
            "until": self._day(self.link.expires_at.astimezone(tenant.zone).date()),
        }
        return {key: text.format(**values) for key, text in WORDS[self.language].items()}

    @property
    def due(self) -> str:
        """The due date in words."""
        return self._day(self.invoice.due_on)

    @property
    def date(self) -> str:
        """The print date, by the tenant's calendar, in words."""
        return self._day(self.printed_at.astimezone(self.invoice.tenant.zone).date())

    @property
    def short_address(self) -> str:
        """The link as people type it, without https:// and the last slash."""
        return self.link.url.removeprefix("https://").removesuffix("/")

    @property
    def qr(self) -> SafeString:
        """The link as a QR code."""
        return qr_code(self.link.url)

    def _day(self, day: dt.date) -> str:
        with override(self.language):
            return date_format(day, DATES[self.language], use_l10n=False)


def print_letter(invoice: Invoice, *, actor: User) -> Letter:
    """Use the live link, or issue one, and record that the letter was printed.

    Raises InvoiceError when there is nothing to pay, or no processor.
    """
    with transaction.atomic():
        row = invoice.locked()
        if not row.is_payable:
            raise InvoiceError("There is nothing to pay on this invoice, so no letter was printed.")
        if not row.tenant.takes_payments:
            raise InvoiceError("This invoice cannot be paid online yet, so no letter was printed.")
        link = row.links.live().first()
        if link is None or not link.is_live_at(clock.link_now()):
            link = PaymentLink.objects.issue(row, actor=actor)
        record(
            "letter.printed",
            tenant=row.tenant,
            subject=row.audit_subject,
            actor=actor,
            address=", ".join(address_lines(row)),
            link=link.masked_url,
        )
    return Letter(row, link, clock.now())


def address_lines(invoice: Invoice) -> list[str]:
    """The customer's postal address, with the contact's name where it differs."""
    customer = invoice.customer
    contact = customer.billing_contact
    person = contact.name if contact and contact.name != customer.name else ""
    place = f"{customer.region} {customer.postal}".strip()
    town = ", ".join(part for part in (customer.city, place) if part)
    country = customer.country if customer.country not in ("", "US") else ""
    return [line for line in (customer.name, person, customer.street, town, country) if line]


def qr_code(address: str) -> SafeString:
    """An SVG for the page itself: readable with 15 % of it damaged, sized by the style sheet."""
    drawing = segno.make_qr(address, error="m").svg_inline(border=4, omitsize=True)
    return mark_safe(drawing)  # noqa: S308  numbers of our own, nothing anybody typed
