"""A company's rules for its texts: when they may go out, and what happens when they fail."""

from __future__ import annotations

from django.db import models

from tenants.models import Tenant


class TextRules(models.Model):
    """One company's rules. A company without a row has the defaults."""

    class OutsideHours(models.TextChoices):
        LATER = "later", "Send at the next allowed time"
        REFUSE = "refuse", "Do not send"

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="text_rules")
    quiet_hours = models.BooleanField("text between 8 AM and 9 PM only", default=True)
    outside_hours = models.CharField(
        "outside quiet hours",
        max_length=6,
        choices=OutsideHours.choices,
        default=OutsideHours.LATER,
    )
    strict_states = models.BooleanField(
        "keep to the narrower hours that some states have for sales texts", default=False
    )
    # 12 CFR 1006.6 (Regulation F) allows whoever collects for others no exception.
    third_party_collector = models.BooleanField("collects debts for others", default=False)
    looks_up_numbers = models.BooleanField(
        "ask Twilio Lookup what kind of phone a number is", default=False
    )
    reminds = models.BooleanField("send reminders", default=False)
    emails_when_undelivered = models.BooleanField(
        "email the invoice when a text is not delivered", default=False
    )

    class Meta:
        verbose_name_plural = "text rules"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(third_party_collector=False) | models.Q(quiet_hours=True),
                name="sms_rules_collector_is_quiet",
            ),
        ]

    def __str__(self) -> str:
        return f"Text rules of {self.tenant}"

    @classmethod
    def of(cls, tenant: Tenant) -> TextRules:
        """The company's rules, or the unsaved defaults."""
        return cls.objects.filter(tenant=tenant).first() or cls(tenant=tenant)

    @property
    def keeps_quiet_hours(self) -> bool:
        """Whether quiet hours apply."""
        return self.quiet_hours or self.third_party_collector

    @property
    def sends_later(self) -> bool:
        """Whether a text in quiet hours waits for their end; otherwise it is refused."""
        return self.outside_hours == self.OutsideHours.LATER
