"""Whom a text goes to."""

from __future__ import annotations

from dataclasses import dataclass

from customers.models import Contact, Customer, PhoneChoice


@dataclass(frozen=True)
class Recipient:
    """An E.164 number and whose it is, found once per request and handed on.

    `customer` is None for a stranger who texted the company, `choice` for a number that is not on
    file for the customer.
    """

    number: str
    customer: Customer | None = None
    choice: PhoneChoice | None = None

    @classmethod
    def of(cls, customer: Customer | None, number: str) -> Recipient:
        """Look the number up among the customer's contacts; reads prefetched contacts."""
        choices = customer.phone_numbers() if customer else []
        return cls(number, customer, next((c for c in choices if c.e164 == number), None))

    @property
    def contact(self) -> Contact | None:
        return self.choice.contact if self.choice else None

    @property
    def name(self) -> str:
        """The contact's first name, for sentences that staff read."""
        return (self.contact.first_name if self.contact else "") or "the customer"

    @property
    def language(self) -> str:
        """The contact's language; the billing contact's for a number that is not on file."""
        contact = self.contact or (self.customer.billing_contact if self.customer else None)
        return contact.language if contact else Contact.Language.ENGLISH.value
