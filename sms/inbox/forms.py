"""Forms for an answer, an opt-out recorded by hand, and its end."""

from __future__ import annotations

import datetime as dt
import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from customers import phones

LONGEST = 480
AREA = forms.Textarea(attrs={"rows": 3})


class AnswerForm(forms.Form):
    body = forms.CharField(
        label="Your reply",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3, "enterkeyhint": "send"}),
        error_messages={"required": "Enter a message first."},
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.initial["key"] = uuid.uuid4()

    def clean_body(self) -> str:
        """Remove control characters other than line breaks."""
        body = "".join(c for c in self.cleaned_data["body"] if c.isprintable() or c == "\n")
        if not body.strip():
            raise ValidationError("Enter a message first.", code="required")
        return body.strip()


class OptOutForm(forms.Form):
    wording = forms.CharField(
        label="What they said",
        max_length=200,
        required=False,
        help_text="How and when they asked, in their own words if you know them.",
    )


class NumberOptOutForm(OptOutForm):
    """An opt-out of a typed number."""

    country = forms.ChoiceField(label="Country code", choices=phones.COUNTRIES)
    number = forms.CharField(
        label="Phone number",
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    field_order = ["country", "number", "wording"]

    def clean(self) -> dict[str, object]:
        """Put the number as E.164."""
        super().clean()
        data = self.cleaned_data
        if not self.errors:
            try:
                data["number"] = phones.parse(data["number"], data["country"])
            except ValidationError as error:
                self.add_error("number", error)
        return data


class ResumeForm(forms.Form):
    """The words and the day of the customer's new request; both are required."""

    given_on = forms.DateField(
        label="Date they asked for texts again",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Enter the date they asked."},
    )
    wording = forms.CharField(
        label="How they asked",
        min_length=10,
        max_length=200,
        widget=AREA,
        help_text="For example: called the office and asked to get invoices by text again.",
        error_messages={
            "required": "Without their request in words, the number stays blocked.",
            "min_length": "Enter who asked and how, so you can prove it later.",
        },
    )

    def __init__(self, data: QueryDict | None, *, today: dt.date, since: dt.date) -> None:
        super().__init__(data)
        self.today, self.since = today, since
        self.fields["given_on"].widget.attrs |= {"min": since, "max": today}

    def clean_given_on(self) -> dt.date:
        """Between the opt-out and today."""
        day: dt.date = self.cleaned_data["given_on"]
        if day > self.today:
            raise ValidationError("That date is in the future.")
        if day < self.since:
            raise ValidationError("They opted out after that date. You need a newer request.")
        return day
