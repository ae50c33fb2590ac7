"""The **Send Text** form. It chooses the number; staff cannot change the text."""

from __future__ import annotations

import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from customers import phones
from customers.models import Customer, PhoneChoice
from sms.models.number_lookup import cannot_text
from sms.recipient import Recipient

OTHER = "other"


class SendTextForm(forms.Form):
    """A number on file, or a typed one with its country code."""

    to = forms.ChoiceField(label="To")
    country = forms.ChoiceField(label="Country code", choices=phones.COUNTRIES, required=False)
    number = forms.CharField(
        label="Enter another number",
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.CharField(max_length=36, required=False, widget=forms.HiddenInput)
    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)
    override = forms.BooleanField(label="Send anyway", required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        customer: Customer,
        seen: str = "",
        initial: dict[str, str] | None = None,
    ) -> None:
        self.customer = customer
        self.numbers = {_value(choice): choice for choice in customer.phone_numbers()}
        super().__init__(data, initial=initial)
        labels = [(value, _label(choice)) for value, choice in self.numbers.items()]
        choices = [*labels, (OTHER, "Enter another number")]
        self.fields["to"] = forms.ChoiceField(label="To", choices=choices)
        first = self.initial.get("to")
        if first not in (OTHER, *self.numbers):
            first = next(iter(self.numbers), OTHER)
        country = self._own_country(first)
        self.initial = {"to": first, "country": country, "key": uuid.uuid4(), "seen": seen}

    @property
    def chosen(self) -> PhoneChoice | None:
        """The selected number on file; None while a number is typed."""
        return self.numbers.get(self["to"].value() or "")

    @property
    def recipient(self) -> Recipient | None:
        """Whom the text would go to; None while no number is typed that could be one."""
        if (choice := self.chosen) is not None:
            return Recipient(choice.e164, self.customer, choice)
        if not self.is_bound or self.errors:
            return None
        return Recipient.of(self.customer, self.cleaned_data["to"])

    @property
    def is_typed(self) -> bool:
        """Whether the page shows the field for another number."""
        return self.chosen is None

    def clean(self) -> dict[str, object]:
        """Put the E.164 number into `to`, valid for the country code on the page."""
        super().clean()
        data = self.cleaned_data
        if self.errors:
            return data
        choice = self.numbers.get(data["to"])
        raw = choice.e164 if choice else data["number"]
        field = "to" if choice else "number"
        country = data.get("country") or phones.HOME
        if choice and country == self._own_country(next(iter(self.numbers))):
            country = self._own_country(data["to"])  # unchanged since the page was shown
        try:
            data["to"] = phones.parse(raw, country)
            if not phones.can_text(data["to"]):
                raise ValidationError(cannot_text(phones.kind(data["to"])), code="landline")
        except ValidationError as error:
            self.add_error(field, error)
        return data

    def _own_country(self, value: str) -> str:
        choice = self.numbers.get(value)
        return phones.country_of(choice.e164) if choice else phones.HOME


def _value(choice: PhoneChoice) -> str:
    """The form value of a number on file: not the number itself, so that no log holds it."""
    return f"{choice.contact.public_id}-{choice.kind}"


def _label(choice: PhoneChoice) -> str:
    role = "Billing Contact" if choice.contact.is_billing else choice.contact.role
    words = [phones.national(choice.e164), choice.contact.name, role]
    if choice.kind != "mobile":
        words.append("other phone")
    return ", ".join(word for word in words if word)
