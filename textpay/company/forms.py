"""Forms of the Settings pages."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import QueryDict

from customers import phones
from payments.staff.forms import StepUpForm
from sms.models import TextRules
from tenants.models import Membership, Role, Tenant
from tenants.roles import ADMINISTRATOR, Permission
from tenants.versions import VersionedForm

US_ZONES = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
]
ALL_ZONES = sorted(zoneinfo.available_timezones() - set(US_ZONES))
OWN_PLACE = (
    "You cannot change your own role or remove your own access. Ask someone else who can "
    "edit people."
)
OWN_ROLE = "This is your own role. Ask someone with another role who can edit people."


class CompanyForm(VersionedForm, forms.ModelForm):
    """What customers see of a company: name, address, time zone, brand color, refund policy."""

    class Meta:
        model = Tenant
        fields = [
            "name",
            "phone",
            "email",
            "street",
            "city",
            "region",
            "postal",
            "timezone",
            "brand",
            "refund_policy",
        ]
        labels = {
            "email": "Email address",
            "timezone": "Time zone",
            "street": "Street",
            "brand": "Brand color",
        }
        help_texts = {
            "phone": "Customers can call this number.",
            "timezone": "Used for all times on these pages, and for when payment links expire.",
            "brand": "Used on the Pay Now page and in emails. Any color stays readable.",
        }
        widgets = {
            "brand": forms.TextInput(attrs={"type": "color"}),
            "refund_policy": forms.Textarea(attrs={"rows": 3}),
        }
        error_messages = {
            "name": {"required": "Enter the company's name."},
            "brand": {"invalid": "Enter a color such as #0b6470."},
        }

    def __init__(self, data: QueryDict | None = None, *, instance: Tenant) -> None:
        super().__init__(data, instance=instance)
        self.fields["timezone"].choices = [  # type: ignore[attr-defined]
            (
                "United States",
                [(zone, zone.partition("/")[2].replace("_", " ")) for zone in US_ZONES],
            ),
            ("Everywhere", [(zone, zone.replace("_", " ")) for zone in ALL_ZONES]),
        ]
        self.initial["phone"] = phones.national(self.instance.phone)

    def clean_phone(self) -> str:
        """E.164, in whatever format it was typed."""
        return phones.parse(self.cleaned_data["phone"])

    def clean_brand(self) -> str:
        """Lower case, as the color picker writes it."""
        return str(self.cleaned_data["brand"]).lower()


class PartialForm(VersionedForm, forms.ModelForm):
    """Whether customers may pay part of an invoice, and the minimum."""

    class Meta:
        model = Tenant
        fields = ["partial_payments", "partial_minimum"]
        labels = {
            "partial_payments": "Customers may pay part of an invoice",
            "partial_minimum": "Minimum payment, in dollars",
        }
        help_texts = {
            "partial_payments": "The Pay Now page then offers “Pay another amount”. The link "
            "stays live until nothing is left to pay.",
            "partial_minimum": "A balance below this has to be paid in full.",
        }
        widgets = {
            "partial_minimum": forms.TextInput(
                attrs={"inputmode": "decimal", "autocomplete": "off"}
            )
        }
        error_messages = {
            "partial_minimum": {
                "required": "Enter an amount.",
                "invalid": "Enter an amount in dollars and cents, such as 20.00.",
                "min_value": "Enter $1.00 or more.",
            }
        }


class MoneyBackForm(StepUpForm, VersionedForm, forms.ModelForm):
    """When a refund needs a second person, and when a bank payment counts as cleared."""

    page = "../"

    class Meta:
        model = Tenant
        fields = ["refund_release_over", "ach_clear_days"]
        labels = {
            "refund_release_over": "Refunds above this need a second person, in dollars",
            "ach_clear_days": "Bank payments clear after this many banking days",
        }
        help_texts = {
            "refund_release_over": (
                "All refunds of one payment are added together. Enter 0.00 to require a "
                "second person for every void and refund. Everyone else who can release "
                "refunds is notified of a change."
            ),
            "ach_clear_days": "A bank can still return a payment later. The balance is "
            "then due again.",
        }


class TextRulesForm(VersionedForm, forms.ModelForm):
    """When texts may be sent, and which checks a number needs before."""

    page = "../"

    class Meta:
        model = TextRules
        fields = [
            "quiet_hours",
            "outside_hours",
            "strict_states",
            "third_party_collector",
            "looks_up_numbers",
            "emails_when_undelivered",
        ]
        labels = {
            "quiet_hours": "Send texts only from 8 AM to 9 PM",
            "outside_hours": "Texts sent outside these hours",
            "strict_states": "Follow the stricter hours of some states",
            "third_party_collector": "We collect debts for other companies",
            "looks_up_numbers": "Check the type of each phone number with Twilio",
            "emails_when_undelivered": "Send the email when a text is not delivered",
        }
        help_texts = {
            "quiet_hours": "In the customer's local time. Both the area code and the "
            "billing address must be within these hours.",
            "strict_states": "For example, 8 AM to 8 PM in Florida and no Sundays in "
            "Alabama. These rules are about sales texts; bills do not "
            "have to follow them.",
            "third_party_collector": "Regulation F then applies, and no one can turn the "
            "hours off.",
            "looks_up_numbers": "Catches landlines before they are texted. Twilio "
            "charges you about 1 cent for each new number; numbers "
            "are checked again after 30 days.",
            "emails_when_undelivered": "Once for each text that is not delivered, with "
            "the same link, to the Billing Contact. If there "
            "is no email address, you can print a letter with "
            "a QR code. Customers who opted out of texts are "
            "not emailed automatically.",
        }

    def row(self) -> Tenant:
        """The company: its rules are stored the first time they are saved."""
        return self.instance.tenant

    def clean(self) -> dict[str, object]:
        """A company that collects for others keeps the quiet hours; the law allows no exception."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("third_party_collector") and not data.get("quiet_hours"):
            self.add_error(
                "quiet_hours",
                "Companies that collect for others must keep these hours. Select it again.",
            )
        return data


def refuse_more(wanted: Iterable[Permission], giver: Membership) -> None:
    """Raise ValidationError unless the giver's own role has all of these permissions."""
    more = [str(permission.label) for permission in wanted if not giver.allows(permission)]
    if more:
        raise ValidationError(
            f"Your own role does not include: {'; '.join(more)}. You cannot give it to "
            "anyone. Ask an administrator."
        )


def refuse_above(role: Role, giver: Membership) -> None:
    """Raise ValidationError when a role, or a person who has it, may do more than the giver."""
    if not all(map(giver.allows, allowed_by(role))):
        raise ValidationError(
            "This role may do more than yours, so you cannot change it or the people who have it. "
            "Ask an administrator."
        )


def allowed_by(role: Role) -> list[Permission]:
    """The permissions of a role."""
    return [permission for permission in Permission if role.allows(permission)]


class PersonForm(StepUpForm, VersionedForm):
    """A person's role, and whether they may sign in to this company."""

    role = forms.ModelChoiceField(Role.objects.none(), empty_label=None)
    is_active = forms.BooleanField(
        label="Has access to this company",
        required=False,
        help_text="Clear this when someone leaves.",
    )

    field_order = ("role", "is_active", "confirm_password")

    def __init__(
        self, data: QueryDict | None = None, *, membership: Membership, giver: Membership
    ) -> None:
        self.instance = self.membership = membership
        self.giver = giver
        super().__init__(data, user=giver.user)
        self.initial = {"role": membership.role, "is_active": membership.is_active}
        self.fields["role"].queryset = Role.objects.filter(tenant=membership.tenant)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        """Not one's own role, no more than one's own permissions; one administrator must remain."""
        data: dict[str, Any] = self.cleaned_data
        if self.membership.pk == self.giver.pk:
            raise ValidationError(OWN_PLACE)
        refuse_above(self.membership.role, self.giver)
        role = data.get("role")
        if role and (data.get("is_active") or role != self.membership.role):
            refuse_more(allowed_by(role), self.giver)
        stays = data.get("is_active") and data.get("role") and data["role"].name == ADMINISTRATOR
        others = Membership.objects.filter(
            tenant=self.membership.tenant,
            role__name=ADMINISTRATOR,
            is_active=True,
            user__is_active=True,
        ).exclude(pk=self.membership.pk)
        if not stays and self.membership.role.name == ADMINISTRATOR and not others.exists():
            raise ValidationError(
                "This is the only administrator. Make someone else an administrator first."
            )
        return data


class InviteForm(StepUpForm):
    """A new person: name, address, role."""

    first_name = forms.CharField(label="First name", max_length=150)
    last_name = forms.CharField(label="Last name", max_length=150)
    email = forms.EmailField(label="Email address", max_length=254)
    role = forms.ModelChoiceField(Role.objects.none(), empty_label=None)
    field_order = ("first_name", "last_name", "email", "role", "confirm_password")

    def __init__(self, data: QueryDict | None = None, *, giver: Membership) -> None:
        self.tenant, self.giver = giver.tenant, giver
        super().__init__(data, user=giver.user)
        roles = Role.objects.filter(tenant=self.tenant)
        self.fields["role"].queryset = roles  # type: ignore[attr-defined]
        self.fields["role"].initial = roles.exclude(name=ADMINISTRATOR).first()

    def clean_email(self) -> str:
        """Lower case; nobody is invited twice."""
        email = str(self.cleaned_data["email"]).lower()
        if Membership.objects.filter(tenant=self.tenant, user__email__iexact=email).exists():
            raise ValidationError("This person already has access.")
        return email

    def clean_role(self) -> Role:
        """A role with no more permissions than the giver's own."""
        role: Role = self.cleaned_data["role"]
        refuse_more(allowed_by(role), self.giver)
        return role


class RoleForm(StepUpForm, VersionedForm, forms.ModelForm):
    """A role's name and its permissions."""

    permissions = forms.MultipleChoiceField(
        choices=Permission.choices, widget=forms.CheckboxSelectMultiple, required=False
    )

    class Meta:
        model = Role
        fields = ["name", "permissions"]

    field_order = ("name", "permissions", "confirm_password")

    def __init__(self, data: QueryDict | None = None, *, instance: Role, giver: Membership) -> None:
        self.giver = giver
        super().__init__(data, instance=instance, user=giver.user)
        self.had = list(self.instance.permissions)
        self.fields["name"].validators.append(
            RegexValidator(r"^[\w &'-]+$", "Letters, digits and spaces only.")
        )

    def clean_name(self) -> str:
        """Role names are unique in a company; "new" is taken by a page's address."""
        name = str(self.cleaned_data["name"]).strip()
        same = Role.objects.filter(tenant=self.instance.tenant, name__iexact=name)
        if name.lower() == "new" or same.exclude(pk=self.instance.pk).exists():
            raise ValidationError("A role with this name already exists.")
        return name

    def clean_permissions(self) -> list[str]:
        """No permission is added that the giver does not have."""
        wanted: list[str] = self.cleaned_data["permissions"]
        refuse_more((Permission(one) for one in wanted if one not in self.had), self.giver)
        return wanted

    def clean(self) -> dict[str, object]:
        """Nobody changes the role they have."""
        if self.instance.pk is not None and self.instance.pk == self.giver.role_id:
            raise ValidationError(OWN_ROLE)
        if self.instance.pk is not None:
            refuse_above(Role(name=self.initial["name"], permissions=self.had), self.giver)
        data: dict[str, Any] = super().clean() or self.cleaned_data
        return data
