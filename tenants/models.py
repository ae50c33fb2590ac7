"""Tenants (the companies that use Textpay), their people, and roles."""

from __future__ import annotations

import uuid
import zoneinfo
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.timezone import now

from tenants.roles import ADMINISTRATOR, BUILT_IN_ROLES, Permission
from tenants.scoping import TenantManager
from tenants.short_names import validate_short_name


class UserManager(BaseUserManager["User"]):
    """Users are found by email address, in any case."""

    def create_user(self, email: str, password: str | None = None, **extra: object) -> User:
        """Create a user; the address is stored in lower case."""
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: object) -> User:
        """Create a platform administrator ("Support")."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a user by address, in any case."""
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who signs in by email address. Permissions come from memberships."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()  # type: ignore[assignment,misc]

    class Meta:
        constraints = [
            # No two users whose addresses differ only in case.
            models.UniqueConstraint(Lower("email"), name="tenants_user_email_any_case"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The person's name for screens and the audit history."""
        return self.get_full_name() or self.email

    @property
    def initials(self) -> str:
        """Two letters for the round mark beside the name."""
        words = self.name.replace("@", " ").split()
        return "".join(word[0] for word in words[:2]).upper()


class Tenant(models.Model):
    """A company that sends invoices: its name, address, time zone and payment processor."""

    class Processor(models.TextChoices):
        NONE = "none", "None yet"
        CARDCONNECT = "cardconnect", "CardConnect"

    slug = models.SlugField(
        "short name",
        unique=True,
        validators=[validate_short_name],
        help_text="Begins the address of each of the company's pages. Old links keep working "
        "after a change.",
    )
    name = models.CharField(max_length=40, help_text="First words of every text. At most 40.")
    timezone = models.CharField(
        max_length=64,
        default="America/New_York",
        choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
    )
    phone = models.CharField(max_length=16, help_text="E.164. Customers can call this number.")
    email = models.EmailField(
        help_text="Customers can write to this address. Replies to emails go here."
    )
    street = models.CharField(max_length=80)
    city = models.CharField(max_length=40)
    region = models.CharField("state", max_length=20)
    postal = models.CharField("ZIP code", max_length=10)
    country = models.CharField(max_length=2, default="US")
    currency = models.CharField(max_length=3, default="USD", editable=False)
    refund_policy = models.TextField(
        default="Ask us within 30 days and we will put it right or refund what you paid.",
        help_text="Customers agree to it when they pay by card.",
    )
    brand = models.CharField(
        "brand color",
        max_length=7,
        default="#0b6470",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Enter a color such as #0b6470.")],
    )
    processor = models.CharField(max_length=16, choices=Processor.choices, default=Processor.NONE)
    partial_payments = models.BooleanField("customers may pay part of an invoice", default=False)
    partial_minimum = models.DecimalField(
        "minimum payment",
        max_digits=8,
        decimal_places=2,
        default=Decimal("20.00"),
        validators=[MinValueValidator(Decimal("1.00"))],
    )
    refund_release_over = models.DecimalField(
        "second person for refunds above",
        max_digits=9,
        decimal_places=2,
        default=Decimal("500.00"),
        validators=[MinValueValidator(Decimal("0.00"))],
    )
    ach_clear_days = models.PositiveSmallIntegerField(
        "bank payments clear after", default=4, validators=[MaxValueValidator(60)]
    )
    # Both are written by payments/activation.py only, which checks CardConnect first and audits.
    text_to_pay_enabled = models.BooleanField("Text-to-Pay", default=False)
    text_to_pay_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    last_invoice_number = models.PositiveIntegerField(default=1000, editable=False)
    last_customer_number = models.PositiveIntegerField(default=100, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = "company", "companies"
        ordering = ["name"]
        constraints = [
            # Text-to-Pay sends people to a payment page, so there must be a processor.
            models.CheckConstraint(
                condition=Q(text_to_pay_enabled=False) | Q(processor="cardconnect"),
                name="tenants_tenant_text_to_pay_needs_cardconnect",
            ),
            models.CheckConstraint(
                condition=Q(partial_minimum__gt=0), name="tenants_tenant_partial_minimum"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        """Also reserve the short name for this company for ever."""
        with transaction.atomic():
            super().save(**options)
            taken, _ = ShortName.objects.get_or_create(name=self.slug, defaults={"tenant": self})
            if taken.tenant_id != self.pk:
                raise IntegrityError(f"The short name {self.slug} belongs to another company.")

    def clean(self) -> None:
        """The short name is not, and never was, another company's."""
        if ShortName.objects.filter(name=self.slug).exclude(tenant=self.pk).exists():
            raise ValidationError({"slug": "Another company has or had this short name."})

    @property
    def audit_subject(self) -> str:
        """The subject of the tenant's own history."""
        return f"tenant:{self.pk}"

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone in which all times on the tenant's pages are shown."""
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def address(self) -> str:
        """The address in one line, for the foot of the payer's page and of emails."""
        return f"{self.street}, {self.city}, {self.region} {self.postal}, {self.country}"

    @property
    def takes_payments(self) -> bool:
        """Whether a processor is set; if not, the Integrated Payments Application is offered."""
        return self.processor == self.Processor.CARDCONNECT

    def next_number(self, kind: str) -> int:
        """The next "invoice" or "customer" number; concurrent callers get different ones."""
        field = f"last_{kind}_number"
        with transaction.atomic():
            row = Tenant.objects.select_for_update(no_key=True).get(pk=self.pk)
            number: int = getattr(row, field) + 1
            setattr(row, field, number)
            row.save(update_fields=[field])
        return number

    def add_built_in_roles(self) -> dict[str, Role]:
        """Add the built-in roles of a new tenant; returns them by name. Safe to call again."""
        roles = {}
        for name, permissions in BUILT_IN_ROLES.items():
            roles[name], _ = Role.objects.get_or_create(
                tenant=self, name=name, defaults={"permissions": sorted(permissions)}
            )
        return roles


class ShortName(models.Model):
    """Every short name that a company has or had; `Tenant.slug` is the present one."""

    name = models.SlugField("short name", primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="short_names")

    def __str__(self) -> str:
        return self.name


class FormKey(models.Model):
    """The key of a form that made something, and the page of what it made."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    key = models.UUIDField()
    address = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now, db_index=True)

    objects = TenantManager()

    class Meta:
        constraints = [
            # A form that is sent twice makes one thing; see form_keys.py.
            models.UniqueConstraint(fields=["tenant", "key"], name="tenants_formkey_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.address}"


class Role(models.Model):
    """A named set of permissions inside one tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=40)
    permissions = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            # Roles are assigned by name.
            models.UniqueConstraint(fields=["tenant", "name"], name="tenants_role_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def labels(self) -> list[str]:
        """The words of its permissions."""
        return [str(p.label) for p in Permission if self.allows(p)]

    def allows(self, permission: Permission) -> bool:
        """Administrators have every permission; other roles those that they list."""
        return self.name == ADMINISTRATOR or permission.value in self.permissions


class Membership(models.Model):
    """A person's role in a tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="memberships")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["user__first_name", "user__last_name"]
        constraints = [
            # One role per person and tenant.
            models.UniqueConstraint(fields=["user", "tenant"], name="tenants_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.tenant}"

    def clean(self) -> None:
        """The role belongs to the membership's tenant."""
        if self.role_id and self.role.tenant_id != self.tenant_id:
            raise ValidationError({"role": "This role belongs to another company."})

    def allows(self, permission: Permission) -> bool:
        """Whether this person has the permission in this tenant now."""
        return self.is_active and self.tenant.is_active and self.role.allows(permission)
