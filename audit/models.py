"""The audit history: one entry for each event, never changed afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models.base import ModelBase
from django.utils import timezone

from tenants.models import Tenant, User
from tenants.scoping import TenantManager

# The words of each action, in the past tense, as the user's document has them where it does.
LABELS = {
    "invoice.created": "Invoice created",
    "invoice.edited": "Invoice edited",
    "invoice.open": "Invoice opened for payment",
    "invoice.pending": "Bank payment covers the balance",
    "invoice.paid": "Invoice paid",
    "invoice.void": "Invoice voided",
    "invoice.promised": "Promise to pay recorded",
    "invoice.promise_removed": "Promise to pay removed",
    "email.queued": "Invoice email queued",
    "email.sending": "Invoice email handed to the mail server",
    "email.sent": "Invoice emailed",
    "email.failed": "Invoice email could not be sent",
    "letter.printed": "Letter printed",
    "link.issued": "Payment link created",
    "link.opened": "Customer opened the payment page",
    "link.superseded": "Payment link replaced by a newer one",
    "link.expired": "Payment link expired",
    "link.disabled": "Payment link expired manually",
    "link.closed": "Payment link closed",
    "text.queued": "Invoice SMS queued",
    "text.sending": "Invoice SMS handed to Twilio",
    "text.sent": "Invoice sent by SMS",
    "text.delivered": "Invoice SMS delivered",
    "text.undelivered": "Invoice SMS not delivered",
    "text.failed": "Invoice SMS failed",
    "text.sent_anyway": "Invoice SMS resent before the waiting period ended",
    "text.cancelled": "Invoice SMS canceled before it was sent",
    "reminder.queued": "Reminder queued",
    "reminder.left_out": "Reminder skipped",
    "bulk.started": "Bulk send started",
    "bulk.running": "Bulk send resumed",
    "bulk.paused": "Bulk send paused",
    "bulk.cancelled": "Bulk send stopped",
    "bulk.done": "Bulk send finished",
    "text.received": "Text received from the customer",
    "text.reviewed": "Text reviewed: not an opt-out",
    "number.opted_out": "Opted out of texts",
    "number.resumed": "Texts resumed",
    "payment.pending": "Payment started",
    "payment.unknown": "Payment outcome unknown, checking with CardConnect",
    "payment.captured": "Paid by card",
    "payment.settled": "Card payment settled",
    "payment.started": "Bank payment started",
    "payment.cleared": "Bank payment cleared",
    "payment.recorded": "Payment recorded manually",
    "payment.refunded": "Payment refunded in full",
    "payment.voided": "Payment voided",
    "payment.returned": "Bank payment returned; the balance is due again",
    "payment.explained": "The bank gave its reason for the return",
    "payment.rejected": "Card payment rejected at settlement; the balance is due again",
    "payment.declined": "Payment declined",
    "payment.not_charged": "Payment attempt ended without a charge",
    "payment.needs_attention": "Payment needs attention",
    "refund.requested": "Refund requested; waiting for a second person",
    "refund.pending": "Refund sent to CardConnect",
    "refund.unknown": "Refund outcome unknown, checking with CardConnect",
    "refund.done": "Refund or void completed",
    "refund.declined": "Refund declined; no money moved",
    "refund.cancelled": "Refund not released",
    "refund.needs_attention": "Refund needs attention",
    "refund.returned": "Refund returned by the customer's bank",
    "refund.repaid": "Refund paid another way",
    "refund.receipt_sent": "Refund receipt emailed",
    "refund.receipt_given_up": "Refund receipt not sent: the email failed",
    "match.seen": "Money match: marked as reviewed",
    "customer.created": "Customer created",
    "customer.edited": "Customer edited",
    "customer.reminders_paused": "Reminders paused",
    "customer.reminders_resumed": "Reminders resumed",
    "contact.created": "Contact added",
    "contact.edited": "Contact edited",
    "tenant.edited": "Settings changed",
    "tenant.reminders_changed": "Reminder schedule changed",
    "tenant.text_rules_changed": "Text settings changed",
    "tenant.release_limit_changed": "Refund limit for one person changed",
    "tenant.person_added": "Person added",
    "tenant.person_changed": "Person changed",
    "tenant.role_changed": "Role changed",
    "tenant.text_to_pay_requested": "Text-to-Pay requested from Support",
    "tenant.text_to_pay_enabled": "Text-to-Pay enabled",
    "tenant.text_to_pay_disabled": "Text-to-Pay disabled",
    "tenant.text_to_pay_refused": "Text-to-Pay could not be enabled",
    "tenant.processor_changed": "Payment processor changed",
    "tenant.credentials_changed": "Credentials changed",
    "tenant.credentials_lost": "Stored credentials cannot be decrypted",
}


class AppendOnly(Exception):
    """History cannot be changed or deleted."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Reads history; refuses to change it."""

    def about(self, subject: str) -> AuditEntryQuerySet:
        """One invoice's, customer's or company's history, newest first."""
        return self.filter(subject=subject).select_related("actor").order_by("-id")

    def stamp(self, *subjects: str) -> str:
        """A value that changes whenever one of these histories grows; one index lookup for each."""
        newest = self.filter(subject__in=subjects).aggregate(newest=models.Max("pk"))["newest"]
        return str(newest or 0)

    def update(self, **kwargs: object) -> int:
        """Always raises AppendOnly."""
        raise AppendOnly("An audit entry is never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Always raises AppendOnly."""
        raise AppendOnly("An audit entry is never deleted.")


AuditEntryManager = TenantManager.from_queryset(AuditEntryQuerySet)


class AuditEntry(models.Model):
    """Who did what to which invoice, customer or tenant, and when.

    `subject` is text such as "invoice:1042", so a history is one indexed query and outlives its
    object. `data` holds only what people may read later: phone numbers are allowed, live payment
    links and card data never.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=40)
    action = models.CharField(max_length=40)
    actor = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_label = models.CharField(max_length=60, blank=True)
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = AuditEntryManager()

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-id"]
        indexes = [
            # The Audit History of one page, newest first.
            models.Index(fields=["tenant", "subject", "-id"], name="audit_entry_history"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.action}"

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Write a new entry; raises AppendOnly for one that exists."""
        if self.pk is not None:
            raise AppendOnly("An audit entry is never changed.")
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Always raises AppendOnly."""
        raise AppendOnly("An audit entry is never deleted.")

    @property
    def label(self) -> str:
        """The action in words."""
        return LABELS.get(self.action, self.action)

    @property
    def who(self) -> str:
        """The person's name, or the actor: "customer", "Twilio", "Textpay"."""
        return self.actor.name if self.actor else self.actor_label


def record(
    action: str,
    *,
    tenant: Tenant,
    subject: str,
    actor: User | int | None = None,
    actor_label: str = "",
    **data: object,
) -> AuditEntry:
    """Write one entry in the caller's transaction; an unknown action raises KeyError.

    `actor` is a user, or a user's primary key where the user need not be loaded.
    """
    made = entry(
        action, tenant=tenant, subject=subject, actor=actor, actor_label=actor_label, **data
    )
    made.save()
    return made


def record_all(entries: Iterable[AuditEntry]) -> None:
    """Write many entries, made by `entry`, with one statement in the caller's transaction."""
    AuditEntry.objects.bulk_create(entries)


def entry(
    action: str,
    *,
    tenant: Tenant,
    subject: str,
    actor: User | int | None = None,
    actor_label: str = "",
    **data: object,
) -> AuditEntry:
    """An unsaved entry for `record_all`; the arguments are those of `record`."""
    LABELS[action]
    return AuditEntry(
        tenant=tenant,
        subject=subject,
        action=action,
        actor_id=actor if actor is None or isinstance(actor, int) else actor.pk,
        actor_label=actor_label or ("" if actor else "Textpay"),
        data=data,
    )
