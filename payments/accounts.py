"""The merchant account a company charges with."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from tenants.models import Tenant
from tenants.secrets import seal, unseal


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
    # CardConnect adds a fee of its own to payments. Nothing is taken with such an account: the
    # payer would be charged more than the page says.
    adds_fee = models.BooleanField("adds a card fee", default=False, editable=False)
    # How far the days of bank returns were read, and when they are read next.
    funding_read_to = models.DateField(null=True, editable=False)
    next_funding_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "CardConnect account"
        constraints = [
            # Two companies with one MID would see each other's charges.
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

    @property
    def takes_bank_payments(self) -> bool:
        """Whether ACH is offered; it exists for US dollars only."""
        return self.ach_enabled and self.tenant.currency == "USD"

    @property
    def _context(self) -> str:
        return f"tenant:{self.tenant_id}:cardconnect.password"

    @property
    def password(self) -> str:
        """The secret, opened; for calls to the gateway only."""
        return unseal(self.password_sealed, context=self._context)

    def set_password(self, plain: str) -> None:
        """Seal a new secret; the caller saves."""
        self.password_sealed = seal(plain, context=self._context)
