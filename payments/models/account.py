"""The merchant account a company charges with."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import RegexValidator
from django.db import models

from tenants.models import Tenant
from tenants.secrets import opens, seal, unseal

SURCHARGE = "S"
FEES = {SURCHARGE: "a surcharge", "C": "a convenience fee", "F": "a service fee"}
_FINEST = Decimal("0.0001")
# Columns that only the sweeps write, with statements of their own.
SWEPT = {"funding_read_to", "next_funding_at", "next_match_at"}


class CardConnectAccount(models.Model):
    """A company's merchant account at CardConnect. The password is write-only."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="cardconnect")
    site = models.CharField(
        max_length=40,
        default="fts",
        help_text="The first part of the gateway's host name: fts, fts-uat, boltgw…",
        validators=[RegexValidator(r"^[a-z0-9-]+$", "Lower-case letters, digits and hyphens.")],
    )
    merchid = models.CharField(
        "merchant ID",
        max_length=16,
        validators=[RegexValidator(r"^\d{1,16}$", "Up to 16 digits.")],
    )
    username = models.CharField(max_length=60)
    password_sealed = models.TextField(editable=False, default="")
    ach_enabled = models.BooleanField("bank payments (ACH)", default=False)
    # The fee that CardConnect adds to payments: its kind (S surcharge, C convenience fee, F service
    # fee, "" unknown) and amount (percent or flat).
    adds_fee = models.BooleanField("adds a card fee", default=False, editable=False)
    fee_type = models.CharField(max_length=1, blank=True, editable=False)
    fee_format = models.CharField(max_length=10, blank=True, editable=False)
    fee_value = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(0), editable=False
    )
    # The last day whose bank returns were read, and when they are read next.
    funding_read_to = models.DateField(null=True, editable=False)
    next_funding_at = models.DateTimeField(null=True, editable=False)
    # When the nightly money match is due; the sweep plans it for a new account.
    next_match_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "CardConnect account"
        constraints = [
            # Two tenants with one MID would see each other's charges.
            models.UniqueConstraint(fields=["site", "merchid"], name="payments_account_merchid"),
        ]

    def __str__(self) -> str:
        return f"CardConnect account of {self.tenant}"

    @classmethod
    def of(cls, tenant: Tenant) -> CardConnectAccount | None:
        """The account to charge with, when the company's processor is CardConnect."""
        if not tenant.takes_payments:
            return None
        return cls.objects.filter(tenant=tenant).exclude(password_sealed="").first()

    @classmethod
    def has_bank_payments(cls, tenant: Tenant) -> bool:
        """Whether bank payments are switched on for the company; e-mails say so."""
        return cls.objects.filter(tenant=tenant, ach_enabled=True).exists()

    @classmethod
    def hold(cls, tenant: Tenant) -> None:
        """Keep site and merchant ID unchanged until the caller's transaction ends.

        Called before a payment or refund of this account is written, and before another merchant
        ID is stored, so that no uncommitted payment is left at the old one.
        """
        cls.objects.select_for_update(no_key=True).filter(tenant=tenant).first()

    @property
    def takes_bank_payments(self) -> bool:
        """Whether ACH is offered; CardPointe supports it for US dollars only."""
        return self.ach_enabled and self.tenant.currency == "USD"

    @property
    def has_surcharge(self) -> bool:
        """Whether credit cards cost more, by an amount that CardConnect quotes beforehand."""
        return self.adds_fee and self.fee_type == SURCHARGE

    @property
    def refuses_payments(self) -> bool:
        """Whether it adds a fee that cannot be quoted to the payer; then it takes no payments."""
        return self.adds_fee and not self.has_surcharge

    @property
    def fee_words(self) -> str:
        """What it adds, for staff: "a surcharge of 3% on credit cards"; "" for nothing."""
        if not self.adds_fee:
            return ""
        kind = FEES.get(self.fee_type, "a card fee")
        if self.fee_value > 0:
            flat = self.fee_format == "flat"
            value = f"${self.fee_value:,.2f}" if flat else f"{self.fee_value.normalize():f}%"
            kind += f" of {value}"
        return f"{kind} on credit cards" if self.has_surcharge else kind

    def set_fee(self, kind: str, shape: str, value: Decimal) -> None:
        """Set the fee that CardConnect reported; the caller saves it."""
        self.adds_fee = kind in FEES and value > 0
        self.fee_type, self.fee_format = (kind, shape) if self.adds_fee else ("", "")
        self.fee_value = value.quantize(_FINEST) if self.adds_fee else Decimal(0)

    def save_fee(self) -> None:
        """Save the columns of the fee only."""
        self.save(update_fields=["adds_fee", "fee_type", "fee_format", "fee_value"])

    def save_settings(self) -> None:
        """Save all columns but those of the sweeps, which run while CardConnect is called."""
        kept = {field.name for field in self._meta.concrete_fields if not field.primary_key}
        self.save(update_fields=kept - SWEPT if self.pk else None)

    @property
    def _context(self) -> str:
        return f"tenant:{self.tenant_id}:cardconnect.password"

    @property
    def password(self) -> str:
        """The decrypted password; for calls to the gateway only."""
        return unseal(self.password_sealed, context=self._context)

    @property
    def password_opens(self) -> bool:
        """Whether the stored password, if any, can be decrypted."""
        return opens(self.password_sealed, context=self._context)

    def set_password(self, plain: str) -> None:
        """Encrypt a new password; the caller saves."""
        self.password_sealed = seal(plain, context=self._context)
