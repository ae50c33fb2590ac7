"""Reminders: the steps of a company's schedule, and what was decided for each invoice."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone

from invoices.models import Invoice
from sms.models.text import TextMessage
from tenants.models import Tenant
from tenants.scoping import TenantManager


class StepWhen(models.TextChoices):
    AFTER_SENDING = "after_sending", "days after the invoice was texted"
    BEFORE_DUE = "before_due", "days before it is due"
    AFTER_DUE = "after_due", "days after it was due"
    BEFORE_LAPSE = "before_lapse", "days before the link expires"


@dataclass(frozen=True)
class Proposal:
    """A step of the schedule that a new company is offered."""

    when: StepWhen
    days: int
    words: Mapping[str, str]


DEFAULTS = (
    Proposal(
        StepWhen.AFTER_SENDING,
        3,
        {"en": "Reminder: {amount}, {invoice}.", "es": "Recordatorio: {amount}, {invoice}."},
    ),
    Proposal(
        StepWhen.BEFORE_DUE,
        3,
        {
            "en": "{amount} for {invoice} is due {due}.",
            "es": "{amount}, {invoice}, vence el {due}.",
        },
    ),
    Proposal(
        StepWhen.AFTER_DUE,
        1,
        {
            "en": "Past due: {amount}, {invoice}.",
            "es": "Pendiente de pago: {amount}, {invoice}.",
        },
    ),
    Proposal(
        StepWhen.BEFORE_LAPSE,
        5,
        {
            "en": "Link ends soon: {amount}, {invoice}.",
            "es": "Su enlace vence pronto: {amount}, {invoice}.",
        },
    ),
)


class ReminderStep(models.Model):
    """One step of a company's schedule: days before or after a date, and its own words."""

    When = StepWhen

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    when = models.CharField(max_length=13, choices=When.choices)
    days = models.PositiveSmallIntegerField(validators=[MaxValueValidator(60)])
    # The words between the company's name and the link, by the customer's language.
    words_en = models.CharField("words in English", max_length=80)
    words_es = models.CharField("words in Spanish", max_length=80)
    is_active = models.BooleanField(default=True)

    objects = TenantManager()

    class Meta:
        ordering = ["when", "days"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "when", "days"],
                condition=models.Q(is_active=True),
                name="sms_reminder_step",
            ),
        ]

    def __str__(self) -> str:
        if self.when == self.When.AFTER_DUE and not self.days:
            return "On the due date"
        words = str(self.get_when_display())
        return f"{self.days} {words.replace('days', 'day', 1) if self.days == 1 else words}"

    def words(self, language: str) -> str:
        """The company's own words in this language, with variables."""
        return self.words_es if language == "es" else self.words_en

    @staticmethod
    def start_with_defaults(tenant: Tenant) -> None:
        """Create the proposed schedule for a company that has never had one."""
        if not ReminderStep.objects.filter(tenant=tenant).exists():
            ReminderStep.objects.bulk_create(
                ReminderStep(
                    tenant=tenant,
                    when=step.when,
                    days=step.days,
                    words_en=step.words["en"],
                    words_es=step.words["es"],
                )
                for step in DEFAULTS
            )


class Reminder(models.Model):
    """The decision about one step for one invoice: texted, or left out with the reason."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    step = models.ForeignKey(ReminderStep, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="reminders")
    # The date that the step counts from: a new due date or a new text allows the step again.
    counted_from = models.DateField()
    message = models.OneToOneField(
        TextMessage, on_delete=models.PROTECT, null=True, related_name="reminder"
    )
    reason = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(default=timezone.now)

    objects = TenantManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Running the schedule again decides no step twice.
            models.UniqueConstraint(
                fields=["step", "invoice", "counted_from"], name="sms_reminder_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step}: {self.invoice}"
