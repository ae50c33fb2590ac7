"""Customers, their contacts, and phone numbers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from audit.models import record
from tenants.models import Tenant, User
from tenants.scoping import TenantManager

# What a form changed, for the history: [old, new] in words, by the label of the field.
Changes = Mapping[str, list[str]]
E164 = RegexValidator(r"^\+[1-9]\d{6,14}$", "Store phone numbers as E.164, such as +19785550142.")


class CustomerQuerySet(models.QuerySet["Customer"]):
    """Customers of one tenant."""

    def matching(self, words: str) -> CustomerQuerySet:
        """Customers whose name, number, contact, email or phone contains `words`."""
        digits = "".join(c for c in words if c.isdigit())
        found = (
            Q(name__icontains=words)
            | Q(number__icontains=words)
            | Q(contacts__name__icontains=words)
            | Q(contacts__email__icontains=words)
        )
        if len(digits) >= 4:
            found |= Q(contacts__mobile__contains=digits) | Q(contacts__phone__contains=digits)
        return self.filter(found).distinct()

    def similar(self, name: str, mobile: str) -> CustomerQuerySet:
        """Customers of this name, in any case, whom this mobile number reaches."""
        return self.filter(name__iexact=name.strip(), contacts__mobile=mobile).distinct()

    def with_contacts(self) -> CustomerQuerySet:
        """With billing contacts, without a query per row."""
        return self.prefetch_related("contacts")


CustomerManager = TenantManager.from_queryset(CustomerQuerySet)


class Customer(models.Model):
    """A customer of the tenant. `balance` is the sum of the balances of all open invoices."""

    EDITABLE: ClassVar[list[str]] = [
        "name",
        "street",
        "city",
        "region",
        "postal",
        "country",
        "note",
    ]

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    street = models.CharField(max_length=80, blank=True)
    city = models.CharField(max_length=40, blank=True)
    region = models.CharField("state", max_length=20, blank=True)
    postal = models.CharField("ZIP code", max_length=10, blank=True)
    country = models.CharField(max_length=2, default="US")
    note = models.TextField(blank=True)
    reminders_paused = models.BooleanField("no reminders", default=False, editable=False)
    # Written by Invoice only, which recomputes it under this row's lock.
    balance = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal("0.00"), editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CustomerManager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            # Staff find a customer by number, and an import matches on it.
            models.UniqueConstraint(fields=["tenant", "number"], name="customers_customer_number"),
        ]
        indexes = [
            # For the customer list, in alphabetical order.
            models.Index(fields=["tenant", "name", "id"], name="customers_customer_list"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_subject(self) -> str:
        """The subject of this customer's history."""
        return f"customer:{self.pk}"

    @property
    def address(self) -> str:
        """Street, city, state and ZIP code on one line; "" when nothing is known."""
        place = f"{self.region} {self.postal}".strip()
        return ", ".join(part for part in (self.street, self.city, place) if part)

    @property
    def billing_contact(self) -> Contact | None:
        """The person who receives the bills. Uses prefetched contacts when there are any."""
        return next((c for c in self.contacts.all() if c.is_billing), None)

    def save_as(
        self, *, actor: User | None, fields: Sequence[str] = (), changes: Changes | None = None
    ) -> None:
        """Save the customer, with the next number when new.

        The audit entry names `fields` and holds `changes`: [old, new] in words, by label.
        """
        created = self.pk is None
        with transaction.atomic():
            if created:
                self.number = self.number or f"C-{self.tenant.next_number('customer')}"
            # Invoice writes the balance: an edit must not restore an older one.
            self.save(update_fields=None if created else self.EDITABLE)
            record(
                "customer.created" if created else "customer.edited",
                tenant=self.tenant,
                subject=self.audit_subject,
                actor=actor,
                fields=list(fields),
                changes=dict(changes or {}),
            )

    def pause_reminders(self, paused: bool, *, actor: User | None) -> bool:
        """Pause or resume reminders for this customer. False when nothing changed."""
        with transaction.atomic():
            rows = Customer._base_manager.filter(pk=self.pk, reminders_paused=not paused)
            changed = bool(rows.update(reminders_paused=paused))
            if changed:
                record(
                    "customer.reminders_paused" if paused else "customer.reminders_resumed",
                    tenant=self.tenant,
                    subject=self.audit_subject,
                    actor=actor,
                )
        self.reminders_paused = paused
        return changed

    def phone_numbers(self) -> list[PhoneChoice]:
        """All of the customer's numbers, the billing contact's mobile first, each once."""
        contacts = sorted(self.contacts.all(), key=lambda c: (not c.is_billing, c.name, c.pk))
        choices = [
            PhoneChoice(e164, contact, kind)
            for kind in ("mobile", "phone")
            for contact in contacts
            if (e164 := getattr(contact, kind))
        ]
        first: dict[str, PhoneChoice] = {}
        for choice in choices:
            first.setdefault(choice.e164, choice)
        return list(first.values())


class ContactQuerySet(models.QuerySet["Contact"]):
    """Contacts of customers."""

    def billing(self) -> ContactQuerySet:
        """Billing contacts: one per customer."""
        return self.filter(is_billing=True)


ContactManager = TenantManager.from_queryset(ContactQuerySet)


class Contact(models.Model):
    """A person at a customer. Numbers are kept as E.164 and shown the national way."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        SPANISH = "es", "Español"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="contacts")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=40, blank=True, help_text="Owner, bookkeeper, tenant…")
    email = models.EmailField(blank=True)
    mobile = models.CharField(max_length=16, blank=True, validators=[E164])
    phone = models.CharField("other phone", max_length=16, blank=True, validators=[E164])
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.ENGLISH)
    is_billing = models.BooleanField("billing contact", default=False)

    objects = ContactManager()

    class Meta:
        ordering = ["-is_billing", "name", "id"]
        constraints = [
            # Send SMS and Send Email need exactly one billing contact.
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(is_billing=True),
                name="customers_contact_one_billing",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def first_name(self) -> str:
        """The part of a name that a page behind a payment link may show."""
        return self.name.split()[0] if self.name.split() else ""

    def save_as(
        self,
        *,
        actor: User | None,
        created: bool,
        fields: Sequence[str] = (),
        changes: Changes | None = None,
    ) -> None:
        """Save the contact and, when it is the billing contact, remove that mark from the former
        one.

        A customer's only contact is always its billing contact. The audit entry names `fields`
        and holds `changes`, as for a customer.
        """
        with transaction.atomic():
            customer = Customer._base_manager.select_for_update(no_key=True).get(
                pk=self.customer_id
            )
            others = Contact.objects.filter(customer=customer).exclude(pk=self.pk)
            if not others.billing().exists():
                self.is_billing = True
            if self.is_billing:
                others.billing().update(is_billing=False)
            self.tenant = customer.tenant
            self.save()
            record(
                "contact.created" if created else "contact.edited",
                tenant=self.tenant,
                subject=customer.audit_subject,
                actor=actor,
                contact=self.name,
                fields=list(fields),
                changes=dict(changes or {}),
            )


class PhoneChoice:
    """One number in the To list of the Send Text pop-up."""

    def __init__(self, e164: str, contact: Contact, kind: str) -> None:
        self.e164, self.contact, self.kind = e164, contact, kind

    @property
    def label(self) -> str:
        """The owner of the number: "Dana Whitfield, mobile"."""
        return f"{self.contact.name}, {'mobile' if self.kind == 'mobile' else 'other phone'}"
