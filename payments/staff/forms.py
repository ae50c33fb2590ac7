"""Staff forms: request and release a refund, record cash and checks."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from payments.models import Payment
from payments.refunding import receipt
from tenants.models import User
from tenants.rate_limit import RateLimit

WRONG_PASSWORDS = RateLimit("step-up", limit=5, window=5 * 60)


class StepUpForm(forms.Form):
    """Requires the password of the signed-in person.

    An unlocked screen alone moves no money, and changes nobody's permissions.
    """

    confirm_password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="The one you sign in with.",
        error_messages={"required": "Enter your password."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_confirm_password(self) -> str:
        """The password is right, and this is not the sixth attempt in five minutes."""
        # Counted before the password is checked: concurrent attempts cannot exceed the limit.
        if not WRONG_PASSWORDS.allows(self.user.pk):
            raise ValidationError("Too many wrong passwords. Wait five minutes.")
        if not self.user.check_password(self.cleaned_data["confirm_password"]):
            raise ValidationError("That is not your password.")
        WRONG_PASSWORDS.give_back(self.user.pk)
        return ""


class GiveBackForm(StepUpForm):
    """The amount to refund, and the reason."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.DecimalField(
        label="Amount",
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.01", "min": "0.01", "inputmode": "decimal"}),
        error_messages={"required": "Enter how much to refund."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=120,
        error_messages={"required": "Enter why the money is being refunded."},
    )
    field_order = ("amount", "reason", "confirm_password", "key")

    def __init__(self, *args: Any, payment: Payment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payment = payment
        self.initial.update(amount=payment.left, key=uuid.uuid4())
        self.fields["reason"].help_text = receipt.promise(payment)
        if payment.is_unsettled:
            self.fields["amount"].widget = forms.HiddenInput()


class RecordForm(forms.Form):
    """Cash or a check that the office received."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    method = forms.ChoiceField(
        label="Paid with", choices=[("check", "Check"), ("cash", "Cash")], initial="check"
    )
    amount = forms.DecimalField(
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.01", "min": "0.01", "inputmode": "decimal"}),
        error_messages={"required": "Enter how much was paid."},
    )
    document = forms.CharField(
        label="Check number or note", max_length=40, required=False, strip=True
    )
    received_on = forms.DateField(
        label="Received on", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, balance: Decimal, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.initial.update(amount=balance, received_on=today, key=uuid.uuid4())

    def clean_received_on(self) -> dt.date:
        """Refuse a day in the future."""
        day: dt.date = self.cleaned_data["received_on"]
        if day > self.today:
            raise ValidationError("This date is in the future.")
        return day


class VoidRecordForm(forms.Form):
    """Why a payment that was recorded by hand is removed."""

    reason = forms.CharField(
        label="Reason",
        max_length=120,
        help_text="For example: the check bounced.",
        error_messages={"required": "Enter a reason."},
    )


class RepaidForm(forms.Form):
    """How the returned refund was repaid to the customer."""

    how = forms.CharField(
        label="How",
        max_length=120,
        help_text="For example: check 1042, mailed today.",
        error_messages={"required": "Enter how the customer got the money."},
    )
