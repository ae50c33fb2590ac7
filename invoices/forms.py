"""Invoice forms of staff."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.utils import ErrorList
from django.http import QueryDict
from django_scopes.forms import SafeModelChoiceField

from audit import clock
from customers.models import Customer
from invoices.create import write
from invoices.models.invoice import CENT, ZERO, Invoice, LineItem, LineValues, ReadPayments
from tenants.models import Tenant, User
from tenants.versions import VersionedForm

TERMS = dt.timedelta(days=30)
MOST_LINES = 50


def amount_input() -> forms.NumberInput:
    """A field for dollars and cents."""
    return forms.NumberInput(attrs={"step": "0.01", "min": "0", "inputmode": "decimal"})


def date_input() -> forms.DateInput:
    """The browser's own date picker."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class InvoiceForm(VersionedForm, forms.ModelForm):
    """Description and dates of an invoice. Its lines are a separate formset."""

    class Meta:
        model = Invoice
        fields = ["description", "issued_on", "due_on", "tax"]
        labels = {
            "description": "Description",
            "issued_on": "Issued",
            "due_on": "Due",
            "tax": "Tax",
        }
        widgets = {"issued_on": date_input(), "due_on": date_input(), "tax": amount_input()}
        help_texts = {"description": "In a few words, such as Water heater repair."}
        error_messages = {
            "issued_on": {"required": "Enter the invoice date."},
            "due_on": {"required": "Enter the due date."},
            "tax": {"min_value": "Tax cannot be below $0.00.", "invalid": "Enter an amount."},
        }

    def clean_tax(self) -> Decimal:
        """An empty tax is $0.00."""
        return self.cleaned_data.get("tax") or ZERO

    def clean(self) -> dict[str, object]:
        """The due date is not before the issue date."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        issued, due = data.get("issued_on"), data.get("due_on")
        if issued and due and due < issued:
            self.add_error("due_on", "The due date is before the invoice date.")
        return data

    def stored_words(self) -> dict[str, str]:
        """With the lines, which are a form of their own."""
        stored = self.instance.lines.all() if self.instance.pk else []
        rows = [(line.quantity, line.description, line.unit_price) for line in stored]
        return {**super().stored_words(), "Line items": _lines_in_words(rows)}

    def typed_words(self) -> dict[str, str]:
        """With the lines as they were typed."""
        lines = LineFormSet(self.data)
        rows = [
            [form[name].data for name in ("quantity", "description", "unit_price")]
            for form in lines.forms
            if not form["DELETE"].data and form["description"].data
        ]
        return {**super().typed_words(), "Line items": _lines_in_words(rows)}

    def save_as(self, lines: LineFormSet, actor: User, read_payments: ReadPayments) -> Invoice:
        """Save description and dates, then the lines; raises InvoiceError and saves neither."""
        invoice: Invoice = self.instance
        tax = self.cleaned_data["tax"]
        with transaction.atomic():
            invoice.save(update_fields=["description", "issued_on", "due_on"])
            invoice.revise(
                lines=lines.items,
                tax=tax,
                actor=actor,
                read_payments=read_payments,
                changes=self.changes,
            )
            if invoice.status == Invoice.Status.DRAFT:
                invoice.open_for_payment(actor=actor)
        return invoice


def _lines_in_words(rows: Iterable[Sequence[object]]) -> str:
    return "; ".join(
        f"{_number(quantity)} × {description} at {_number(price, CENT)}"
        for quantity, description, price in rows
    )


def _number(value: object, unit: Decimal | None = None) -> str:
    """A number in one spelling; what is none stays as it was typed."""
    try:
        number = Decimal(str(value))
        return f"{number.quantize(unit)}" if unit else f"{number.normalize():f}"
    except ArithmeticError:
        return str(value)


class CustomerField(SafeModelChoiceField):
    """A customer of this tenant, by public id; an invalid id and another tenant's customer give
    the same error.
    """

    def to_python(self, value: object) -> Customer | None:
        """The customer, or one error for every wrong value."""
        try:
            found: Customer | None = super().to_python(value)
        except forms.ValidationError:
            raise forms.ValidationError(self.error_messages["invalid_choice"]) from None
        return found


class NewInvoiceForm(InvoiceForm):
    """The same with the customer; the dates default to today and 30 days later."""

    customer = CustomerField(
        queryset=Customer.objects.none(),
        to_field_name="public_id",
        empty_label="Choose a customer",
        error_messages={
            "required": "Choose the customer for this invoice.",
            "invalid_choice": "Choose a customer from the list.",
        },
    )
    field_order = ["customer"]

    def __init__(self, data: QueryDict | None = None, *, tenant: Tenant, customer: str) -> None:
        today = clock.today(tenant.zone)
        first = {"issued_on": today, "due_on": today + TERMS, "customer": customer}
        super().__init__(data, initial=first)
        self.tenant = tenant
        self.fields["customer"].queryset = Customer.objects.all()  # type: ignore[attr-defined]

    def write(self, lines: LineFormSet, actor: User) -> Invoice:
        """Create the invoice and open it for payment; raises InvoiceError."""
        return write(tenant=self.tenant, lines=lines.items, actor=actor, **self.cleaned_data)


class LineForm(forms.ModelForm):
    """One line of an invoice."""

    class Meta:
        model = LineItem
        fields = ["description", "quantity", "unit_price"]
        labels = {"description": "Item", "quantity": "Qty", "unit_price": "Price"}
        widgets = {"quantity": amount_input(), "unit_price": amount_input()}
        error_messages = {
            "description": {"required": "Enter a description."},
            "quantity": {
                "required": "Enter a quantity.",
                "min_value": "Quantity must be more than 0.",
                "invalid": "Enter a number.",
            },
            "unit_price": {
                "required": "Enter a price.",
                "min_value": "A price cannot be below $0.00.",
                "invalid": "Enter an amount such as 79.00.",
            },
        }


class BaseLineFormSet(forms.BaseFormSet):
    """All lines of an invoice; empty rows do not count."""

    def add_fields(self, form: forms.Form, index: int | None) -> None:
        """The checkbox that removes a line."""
        super().add_fields(form, index)
        form.fields["DELETE"].label = "Remove"

    def non_field_errors(self) -> ErrorList:
        """Errors of the lines as a whole, under the name that forms have for it."""
        return self.non_form_errors()

    @property
    def items(self) -> list[LineValues]:
        """The lines as `Invoice.revise` takes them."""
        wanted = [form for form in self.forms if form not in self.deleted_forms]
        return [
            LineValues(
                description=form.cleaned_data["description"],
                quantity=form.cleaned_data["quantity"],
                unit_price=form.cleaned_data["unit_price"],
            )
            for form in wanted
            if form.has_changed() or form.initial.get("description")
        ]

    @property
    def total(self) -> Decimal:
        """The sum of the lines, without tax."""
        return sum((item["quantity"] * item["unit_price"] for item in self.items), ZERO)

    def clean(self) -> None:
        """An invoice has lines, and a total above zero."""
        if any(self.errors):
            return
        if not self.items:
            raise forms.ValidationError("Add at least one line.")
        if self.total < CENT:
            raise forms.ValidationError(
                "The lines add up to $0.00. An invoice needs a total above $0.00."
            )


_LineFormSet = forms.formset_factory(
    LineForm,
    formset=BaseLineFormSet,
    extra=0,
    can_delete=True,
    max_num=MOST_LINES,
    validate_max=True,
)


class LineFormSet(_LineFormSet):  # type: ignore[valid-type,misc]
    """Lines of one invoice: the existing ones and a few empty ones, so that no script is needed."""

    def __init__(self, data: QueryDict | None = None, *, invoice: Invoice | None = None) -> None:
        names = ("description", "quantity", "unit_price")
        stored = list(invoice.lines.values(*names)) if invoice else []
        self.extra = 1 if stored else 3
        super().__init__(data, initial=stored, prefix="lines")


class EmailForm(forms.Form):
    """**Send Email**: the recipient. The key makes a double click one email."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    to = forms.EmailField(
        label="To",
        max_length=254,
        error_messages={
            "required": "Enter the email address to send the invoice to.",
            "invalid": "Enter an email address such as dana@example.com.",
        },
    )


class VoidForm(forms.Form):
    """Why an invoice is voided; kept in its history."""

    reason = forms.CharField(
        label="Reason",
        max_length=120,
        error_messages={"required": "Enter a reason for the Audit History."},
    )


class PromiseForm(VersionedForm, forms.Form):
    """The day the customer promised to pay; empty to withdraw it."""

    promised_on = forms.DateField(
        label="Customer will pay on",
        required=False,
        widget=date_input(),
        help_text="Reminders wait until the day after. Clear the date to resume them.",
        error_messages={"invalid": "Choose a date."},
    )

    in_dialog = True

    def __init__(self, data: QueryDict | None = None, *, invoice: Invoice) -> None:
        self.instance = invoice
        super().__init__(data, initial={"promised_on": invoice.promised_on})
        self.today = clock.today(invoice.tenant.zone)

    def clean_promised_on(self) -> dt.date | None:
        """Today or later, and within a year."""
        day: dt.date | None = self.cleaned_data["promised_on"]
        if day is not None and not self.today <= day <= self.today + dt.timedelta(days=365):
            raise ValidationError("Choose today or a date within the next year.")
        return day
