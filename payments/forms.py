"""What the Pay Now page sends: a token from the frame, and the payer's agreement."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from payments import amounts, wording
from payments.cardconnect import TOKEN

CARD_MISSING = "Enter your card number, expiry date and security code"
BANK_MISSING = "Enter your routing number and account number"
OUT_OF_DATE = "This page is out of date. Read it again and agree again"
TICK = "Tick the box to allow this payment"


class PayForm(forms.Form):
    """Each error is a sentence that says what to do; `fix_list` pairs it with where."""

    key = forms.UUIDField()
    amount = forms.CharField(max_length=20, required=False)
    balance = forms.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    day = forms.DateField(required=False)
    method = forms.ChoiceField(choices=[("card", "Card"), ("ach", "Bank account (ACH)")])
    account = forms.ChoiceField(choices=[("ECHK", "Checking"), ("ESAV", "Savings")], required=False)
    name = forms.CharField(max_length=30, required=False, strip=True)
    token = forms.CharField(max_length=40, required=False)
    expiry = forms.CharField(max_length=8, required=False)
    authorized = forms.CharField(max_length=8, required=False)

    def __init__(
        self, data: Mapping[str, Any], *, today: dt.date, may_choose: bool = False
    ) -> None:
        super().__init__(data)
        self.today = today
        self.may_choose = may_choose

    @property
    def is_bank(self) -> bool:
        """Whether the bank's half of the form counts."""
        return bool(self.data.get("method") == wording.ACH)

    @property
    def other(self) -> str:
        """What was typed as another amount; "" when all of the balance was to be paid."""
        amount = str(self.data.get("amount", ""))
        return "" if amount == self.data.get("balance", amount) else amount

    def clean_amount(self) -> Decimal:
        """Dollars and cents; how much it may be is decided under the invoice's lock."""
        try:
            return amounts.read(self.cleaned_data["amount"])
        except amounts.AmountRefused as refused:
            raise ValidationError(str(refused)) from None

    def clean_token(self) -> str:
        """A CardSecure token and nothing else."""
        token: str = self.cleaned_data["token"]
        if not TOKEN.match(token):
            raise ValidationError(BANK_MISSING if self.is_bank else CARD_MISSING)
        return token

    def clean_expiry(self) -> str:
        """Digits as the frame gives them: YYYYMM or MMYY."""
        expiry: str = self.cleaned_data["expiry"]
        return expiry if re.fullmatch(r"\d{4,6}", expiry) else ""

    def clean_account(self) -> str:
        """Checking unless savings was chosen; nothing for a card."""
        return (self.cleaned_data["account"] or "ECHK") if self.is_bank else ""

    def clean_name(self) -> str:
        """The account holder, for a bank payment; never a number."""
        name: str = " ".join(self.cleaned_data["name"].split()) if self.is_bank else ""
        if self.is_bank and not name:
            raise ValidationError("Enter the name of the account holder")
        if sum(letter.isdigit() for letter in name) > 2:
            raise ValidationError("Enter the account holder's name, without numbers")
        return name

    def clean_authorized(self) -> bool:
        """The box must be ticked."""
        if self.cleaned_data["authorized"] not in ("yes", "on", "true"):
            raise ValidationError(TICK)
        return True

    def clean_day(self) -> dt.date:
        """The date in the sentence the payer read: today's, or yesterday's just after midnight."""
        day: dt.date = self.cleaned_data["day"] or self.today
        if self.today - day not in (dt.timedelta(0), dt.timedelta(days=1)):
            raise ValidationError("This page is from another day.")
        return day

    @property
    def fix_list(self) -> list[tuple[str, str]]:
        """(element to go to, what to do there) for each error a person can do something about."""
        places = {
            "amount": "other",
            "method": "method",
            "name": "name",
            "token": "frame",
            "authorized": "agree",
        }
        found = [
            (place, str(error))
            for field, place in places.items()
            if field != "amount" or self.may_choose
            for error in list(self.errors.get(field, []))[:1]
        ]
        # What a person cannot have done wrong means that the page is old or not ours.
        return found or [("agree", OUT_OF_DATE)]
