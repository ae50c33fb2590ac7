"""The forms that Pay Now posts: a token from the tokenizer frame, and the authorization."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError

from payments.checkout import amounts, authorization_text
from payments.gateway.client import TOKEN
from tenants.models import Tenant

CARD_MISSING = "Enter your card number, expiration date and security code"
BANK_MISSING = "Enter your routing number and account number"
OUT_OF_DATE = "This page is out of date. Review it and agree again"
NO_ZIP = "Enter the 5 digits of your card's billing ZIP code"
NO_TOTAL = "Wait for the total with its surcharge, then agree to it"
NO_NAME = "Enter the name of the account holder"
TICK = "Check the box to authorize this payment"
ZIP = re.compile(r"[0-9]{5}")


class FeeForm(forms.Form):
    """What the surcharge depends on. `problem` is a sentence that says what to do."""

    token = forms.CharField(max_length=40, required=False)
    postal = forms.CharField(max_length=10, required=False)
    amount = forms.CharField(max_length=20, required=False)

    def __init__(self, data: Mapping[str, object], *, tenant: Tenant, balance: Decimal) -> None:
        super().__init__(data)
        self.tenant, self.balance = tenant, balance

    def clean_token(self) -> str:
        """Accept a CardSecure token and nothing else."""
        return _clean(self.cleaned_data["token"], TOKEN, CARD_MISSING)

    def clean_postal(self) -> str:
        """Accept five digits."""
        return _clean(self.cleaned_data["postal"], ZIP, NO_ZIP)

    def clean_amount(self) -> Decimal:
        """Accept the whole balance, or an allowed part."""
        try:
            amount = amounts.read(self.cleaned_data["amount"])
            amounts.check(self.tenant, self.balance, amount)
        except amounts.AmountRefused as refused:
            raise ValidationError(str(refused)) from None
        return amount

    @property
    def problem(self) -> str:
        """The first error, as a sentence."""
        return next(str(error) for errors in self.errors.values() for error in errors)


class PayForm(forms.Form):
    """The payment form. Each error is a sentence that says what to do; `fix_list` adds where."""

    key = forms.UUIDField()
    amount = forms.CharField(max_length=20, required=False)
    balance = forms.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    day = forms.DateField(required=False)
    method = forms.ChoiceField(choices=[("card", "Card"), ("ach", "Bank account (ACH)")])
    account = forms.ChoiceField(choices=[("ECHK", "Checking"), ("ESAV", "Savings")], required=False)
    postal = forms.CharField(max_length=10, required=False)
    fee = forms.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    name = forms.CharField(max_length=30, required=False, strip=True)
    token = forms.CharField(max_length=40, required=False)
    expiry = forms.CharField(max_length=8, required=False)
    authorized = forms.CharField(max_length=8, required=False)

    def __init__(
        self,
        data: Mapping[str, object],
        *,
        today: dt.date,
        may_choose: bool = False,
        has_surcharge: bool = False,
    ) -> None:
        super().__init__(data)
        self.has_surcharge = has_surcharge and not self.is_bank
        self.today = today
        self.may_choose = may_choose

    @property
    def is_bank(self) -> bool:
        """Whether the fields of the bank payment count."""
        return bool(self.data.get("method") == authorization_text.ACH)

    @property
    def other(self) -> str:
        """What was typed as another amount; "" when all of the balance was to be paid."""
        amount = str(self.data.get("amount", ""))
        return "" if amount == self.data.get("balance", amount) else amount

    def clean_amount(self) -> Decimal:
        """Parse dollars and cents; the limits are checked under the invoice's lock."""
        try:
            return amounts.read(self.cleaned_data["amount"])
        except amounts.AmountRefused as refused:
            raise ValidationError(str(refused)) from None

    def clean_postal(self) -> str:
        """Five digits where they decide about a surcharge; otherwise ""."""
        return _clean(self.cleaned_data["postal"], ZIP, NO_ZIP) if self.has_surcharge else ""

    def clean_fee(self) -> Decimal:
        """The surcharge within the agreed total; a bank payment has none."""
        fee: Decimal | None = self.cleaned_data["fee"]
        if self.has_surcharge and fee is None:
            raise ValidationError(NO_TOTAL)
        return Decimal("0.00") if fee is None or self.is_bank else fee

    def clean_token(self) -> str:
        """Accept a CardSecure token and nothing else."""
        missing = BANK_MISSING if self.is_bank else CARD_MISSING
        return _clean(self.cleaned_data["token"], TOKEN, missing)

    def clean_expiry(self) -> str:
        """Accept the frame's formats YYYYMM and MMYY."""
        expiry: str = self.cleaned_data["expiry"]
        return expiry if re.fullmatch(r"\d{4,6}", expiry) else ""

    def clean_account(self) -> str:
        """Checking unless savings was chosen; nothing for a card."""
        return (self.cleaned_data["account"] or "ECHK") if self.is_bank else ""

    def clean_name(self) -> str:
        """The account holder of a bank payment; refuses a number."""
        name: str = " ".join(self.cleaned_data["name"].split()) if self.is_bank else ""
        if self.is_bank and not name:
            raise ValidationError(NO_NAME)
        if sum(letter.isdigit() for letter in name) > 2:
            raise ValidationError("Enter the account holder's name, without numbers")
        return name

    def clean_authorized(self) -> bool:
        """The box must be checked."""
        if self.cleaned_data["authorized"] not in ("yes", "on", "true"):
            raise ValidationError(TICK)
        return True

    def clean_day(self) -> dt.date:
        """The date in the authorization: today's, or yesterday's shortly after midnight."""
        day: dt.date = self.cleaned_data["day"] or self.today
        if self.today - day not in (dt.timedelta(0), dt.timedelta(days=1)):
            raise ValidationError("This page is from another day.")
        return day

    def _is_asked(self, field: str) -> bool:
        """Whether the field can be required: without card and ZIP code there is no total yet."""
        return field != "fee" or not {"token", "postal"} & set(self.errors)

    @property
    def fix_list(self) -> list[tuple[str, str]]:
        """(element to go to, what to do there) for each error that the payer can correct."""
        places = {
            "amount": "other",
            "method": "method",
            "name": "name",
            "token": "frame",
            "postal": "postal",
            "fee": "total",
            "authorized": "agree",
        }
        found = [
            (place, str(error))
            for field, place in places.items()
            if (field != "amount" or self.may_choose) and self._is_asked(field)
            for error in list(self.errors.get(field, []))[:1]
        ]
        # An error that no person can make means that the page is outdated or not ours.
        return found or [("agree", OUT_OF_DATE)]


def _clean(typed: str, shape: re.Pattern[str], problem: str) -> str:
    if not shape.fullmatch(typed):
        raise ValidationError(problem)
    return typed
