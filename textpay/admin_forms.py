"""Forms of the Django admin. A stored secret is never rendered."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from payments.models import CardConnectAccount
from sms.models import TwilioAccount
from tenants.models import Role, Tenant
from tenants.roles import Permission


class TenantForm(forms.ModelForm):
    """A tenant. Processor and switch are kept back: CardConnect has to accept first."""

    processor: str | None = None
    switched_on: bool | None = None

    class Meta:
        model = Tenant
        fields = [
            "name",
            "slug",
            "is_active",
            "timezone",
            "processor",
            "text_to_pay_enabled",
            "phone",
            "email",
            "street",
            "city",
            "region",
            "postal",
            "brand",
            "refund_policy",
        ]

    def clean(self) -> dict[str, object]:
        """Remove both from what is saved."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.processor = data.pop("processor", None)
        self.switched_on = data.pop("text_to_pay_enabled", None)
        return data


class SecretField(forms.CharField):
    """A password that is never rendered; an empty field keeps the stored one."""

    def __init__(self) -> None:
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
        super().__init__(widget=widget, required=False, max_length=200)


def told(account: CardConnectAccount | TwilioAccount, name: str) -> str:
    """Everything a page says about a stored secret."""
    if not getattr(account, f"{name}_sealed"):
        return "Not set."
    if not getattr(account, f"{name}_opens"):
        return "Cannot be decrypted: FIELD_KEYS does not contain its key. Enter it again."
    return "Set. Leave empty to keep it."


class CardConnectForm(forms.ModelForm):
    """The merchant account: site, merchant ID and credentials."""

    password = SecretField()

    class Meta:
        model = CardConnectAccount
        fields = ["site", "merchid", "username", "password", "ach_enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = told(self.instance, "password")

    def clean(self) -> dict[str, object]:
        """A new account needs its password."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.password_sealed and not data.get("password"):
            raise ValidationError({"password": "Enter the password."})
        return data


class TwilioForm(forms.ModelForm):
    """The Twilio account that texts are sent with."""

    auth_token = SecretField()
    webhook_key = SecretField()

    class Meta:
        model = TwilioAccount
        fields = [
            "account_sid",
            "auth_token",
            "sender",
            "messaging_service_sid",
            "is_registered",
            "texts_per_second",
            "webhook_key",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["auth_token"].help_text = told(self.instance, "auth_token")
        self.fields["webhook_key"].help_text = (
            "Only if Twilio signs its reports with SHA-256 and a shared key. "
            f"{told(self.instance, 'webhook_key')}"
        )

    def clean(self) -> dict[str, object]:
        """A new account needs a token, and a sender."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.auth_token_sealed and not data.get("auth_token"):
            raise ValidationError({"auth_token": "Enter the auth token."})
        if not data.get("sender") and not data.get("messaging_service_sid"):
            raise ValidationError("Enter a sender number or a messaging service SID.")
        return data

    def save(self, commit: bool = True) -> TwilioAccount:
        """Encrypt a newly typed token."""
        if typed := self.cleaned_data.get("auth_token"):
            self.instance.set_auth_token(typed)
        if typed := self.cleaned_data.get("webhook_key"):
            self.instance.set_webhook_key(typed)
        account: TwilioAccount = super().save(commit)
        return account


class RoleForm(forms.ModelForm):
    """Permissions as checkboxes."""

    permissions = forms.MultipleChoiceField(
        choices=Permission.choices, widget=forms.CheckboxSelectMultiple, required=False
    )

    class Meta:
        model = Role
        fields = ["tenant", "name", "permissions"]
