"""Customer and contact forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from customers import phones
from customers.models import Contact, Customer
from tenants.models import User
from tenants.versions import VersionedForm

NUMBERS = ("mobile", "phone")


class CustomerForm(VersionedForm, forms.ModelForm):
    """Name and address of a customer."""

    class Meta:
        model = Customer
        fields = ["name", "street", "city", "region", "postal", "note"]
        widgets = {"note": forms.Textarea(attrs={"rows": 3})}
        labels = {"name": "Name of the person or company", "note": "Internal note"}
        error_messages = {"name": {"required": "Enter the customer's name."}}

    def save_as(self, actor: User) -> Customer:
        """Save with an entry in the history that names the changed fields."""
        customer: Customer = self.instance
        changes = self.changes if customer.pk else {}
        customer.save_as(actor=actor, fields=sorted(self.changed_data), changes=changes)
        return customer


class CountryField(forms.ChoiceField):
    """The country code beside a phone number: every calling code, +1 (US) by default."""

    def __init__(self) -> None:
        super().__init__(
            choices=phones.COUNTRIES,
            initial=phones.HOME,
            label="Country code",
            required=False,
        )


def number_field(*, label: str, help_text: str = "") -> forms.CharField:
    """The national part of a phone number."""
    attrs = {"inputmode": "tel", "autocomplete": "off"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs=attrs),
    )


class ContactForm(VersionedForm, forms.ModelForm):
    """**Edit Contact**: name, numbers and address, and whether the person receives the bills."""

    mobile_country = CountryField()
    mobile = number_field(label="Mobile number", help_text="Invoices are texted to this number.")
    phone_country = CountryField()
    phone = number_field(label="Other phone", help_text="For calls only, such as a landline.")

    class Meta:
        model = Contact
        fields = ["name", "role", "email", "language", "is_billing"]
        labels = {
            "email": "Email",
            "language": "Language for texts and letters",
            "is_billing": "Billing Contact",
        }
        help_texts = {"is_billing": "Every customer has exactly one.", "role": "Owner, bookkeeper…"}
        error_messages = {
            "name": {"required": "Enter the person's name."},
            "email": {"invalid": "Enter an email address such as dana@example.com."},
        }

    def __init__(
        self, data: QueryDict | None = None, *, instance: Contact, prefix: str | None = None
    ) -> None:
        super().__init__(data, instance=instance, prefix=prefix)
        self.initial_e164 = {kind: getattr(self.instance, kind) for kind in NUMBERS}
        for kind, stored in self.initial_e164.items():
            if stored:
                self.initial[kind] = phones.typed(stored)
                self.initial[f"{kind}_country"] = phones.country_of(stored)
        if self.instance.pk and self.instance.is_billing:
            self.fields["is_billing"].disabled = True
            self.fields[
                "is_billing"
            ].help_text = "To change this, make another contact the Billing Contact."

    def clean(self) -> dict[str, object]:
        """Convert both numbers to E.164; a landline cannot be the mobile number."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for kind in NUMBERS:
            if data.get(kind) and kind not in self.errors:
                try:
                    data[kind] = phones.parse(
                        data[kind], data.get(f"{kind}_country") or phones.HOME
                    )
                except ValidationError as error:
                    self.add_error(kind, error)
        mobile = data.get("mobile")
        if mobile and "mobile" not in self.errors and not phones.can_text(mobile):
            self.add_error("mobile", self._cannot_text(phones.kind(mobile)))
        return data

    def save_as(self, actor: User) -> Contact:
        """Save with an entry in the history that names the changed fields."""
        contact: Contact = self.instance
        created = contact.pk is None
        contact.mobile = self.cleaned_data["mobile"]
        contact.phone = self.cleaned_data["phone"]
        changes = {} if created else self.changes
        fields = sorted(self.changed_data)
        contact.save_as(actor=actor, created=created, fields=fields, changes=changes)
        return contact

    def stored_words(self) -> dict[str, str]:
        """The number with its country in one field."""
        stored = {kind: phones.international(self.initial_e164[kind]) for kind in NUMBERS}
        return {**_without_country(super().stored_words()), **stored}

    def typed_words(self) -> dict[str, str]:
        """The same; what cannot be read is shown as it was typed."""
        typed = {kind: self._typed_number(kind) for kind in NUMBERS}
        return {**_without_country(super().typed_words()), **typed}

    def _typed_number(self, kind: str) -> str:
        raw, country = str(self[kind].data or ""), self[f"{kind}_country"].data
        try:
            return phones.international(phones.parse(raw, country or phones.HOME))
        except ValidationError:
            return raw

    @staticmethod
    def _cannot_text(kind: str) -> str:
        return (
            f"This is a {kind} number, which cannot receive texts. Enter a mobile number "
            "here and move this one to Other phone."
        )


def _without_country(words: dict[str, str]) -> dict[str, str]:
    return {name: word for name, word in words.items() if not name.endswith("_country")}
