"""A company's own Twilio account."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from customers.models import E164
from tenants.models import Tenant
from tenants.secrets import opens, seal, unseal


class TwilioAccount(models.Model):
    """A company's own Twilio account and sender. Pages can set the auth token but not read it."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="twilio")
    account_sid = models.CharField(
        "account SID",
        max_length=34,
        validators=[RegexValidator(r"^AC[0-9a-fA-F]{32}$", "AC and 32 hexadecimal digits.")],
    )
    auth_token_sealed = models.TextField(editable=False, default="")
    sender = models.CharField(
        max_length=16, blank=True, validators=[E164], help_text="E.164 number that texts come from."
    )
    messaging_service_sid = models.CharField(
        "messaging service SID",
        max_length=34,
        blank=True,
        validators=[RegexValidator(r"^MG[0-9a-fA-F]{32}$", "MG and 32 hexadecimal digits.")],
    )

    is_registered = models.BooleanField(
        "registered with the carriers",
        default=False,
        help_text="The sender's brand and campaign (10DLC), or its toll-free verification, are "
        "approved. Without that, carriers drop texts and nothing is sent.",
    )

    # Carriers let a long code send one segment a second; faster texts wait in Twilio's queue.
    texts_per_second = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        default=Decimal("1.00"),
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="As agreed with the carriers: long code 1, toll-free 3, short code 100. Empty: "
        "as fast as Twilio takes them.",
    )
    # The key of SHA-256 signatures, for accounts that have set one up at Twilio.
    webhook_key_sealed = models.TextField(editable=False, default="", blank=True)

    class Meta:
        verbose_name = "Twilio account"
        constraints = [
            # Twilio stores opt-outs per sender, so two companies never share one.
            models.UniqueConstraint(
                fields=["sender"], condition=~Q(sender=""), name="sms_twilio_sender"
            ),
            models.UniqueConstraint(
                fields=["messaging_service_sid"],
                condition=~Q(messaging_service_sid=""),
                name="sms_twilio_service",
            ),
            models.CheckConstraint(
                condition=~Q(sender="") | ~Q(messaging_service_sid=""),
                name="sms_twilio_has_sender",
            ),
        ]

    def __str__(self) -> str:
        return f"Twilio account of {self.tenant}"

    @property
    def _context(self) -> str:
        return f"tenant:{self.tenant_id}:twilio.auth_token"

    @property
    def _webhook_context(self) -> str:
        return f"tenant:{self.tenant_id}:twilio.webhook_key"

    @property
    def auth_token(self) -> str:
        """The decrypted auth token. Never shown or logged."""
        return unseal(self.auth_token_sealed, context=self._context)

    def set_auth_token(self, plain: str) -> None:
        """Seal a new auth token; the caller saves."""
        self.auth_token_sealed = seal(plain, context=self._context)

    @property
    def auth_token_opens(self) -> bool:
        """Whether the stored auth token, if there is one, can be decrypted."""
        return opens(self.auth_token_sealed, context=self._context)

    @property
    def webhook_key(self) -> str:
        """The decrypted key of SHA-256 signatures; "" when the account has none."""
        sealed = self.webhook_key_sealed
        return unseal(sealed, context=self._webhook_context) if sealed else ""

    @property
    def webhook_key_opens(self) -> bool:
        """Whether the stored key, if there is one, can be decrypted."""
        return opens(self.webhook_key_sealed, context=self._webhook_context)

    def set_webhook_key(self, plain: str) -> None:
        """Seal a new key; the caller saves."""
        self.webhook_key_sealed = seal(plain, context=self._webhook_context)

    @property
    def is_complete(self) -> bool:
        """Whether a text could be sent with it."""
        return bool(self.account_sid and self.auth_token_sealed)
