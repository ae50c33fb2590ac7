"""Why a number may be texted, stored by the number's digest."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.models import Customer
from sms.recipient import Recipient
from tenants.models import Tenant, User
from tenants.scoping import TenantManager


def digests(tenant: Tenant, number: str) -> list[str]:
    """A company's digests of an E.164 number, one per key, that of the newest key first.

    Opt-outs and consents are stored by digest, so that they still count when the contact was
    deleted, and a reader of the table learns no number.
    """
    message = f"{tenant.pk}\0{number}".encode()
    return [
        hmac.new(key.encode(), message, hashlib.sha256).hexdigest() for key in settings.NUMBER_KEYS
    ]


class ConsentQuerySet(models.QuerySet["Consent"]):
    def of(self, tenant: Tenant, number: str) -> ConsentQuerySet:
        """The consents of one number, newest first."""
        return self.filter(tenant=tenant, digest__in=digests(tenant, number))

    def note(
        self, tenant: Tenant, number: str, *, customer: Customer | None, actor: User | None
    ) -> None:
        """Record why the number may be texted, unless a consent is stored. Idempotent."""
        self.note_all(tenant, {number: customer}, actor=actor)

    def note_all(
        self, tenant: Tenant, numbers: Mapping[str, Customer | None], *, actor: User | None
    ) -> None:
        """`note` for many numbers, in two statements."""
        known = self.known(tenant, numbers)
        # Sorted, so that two transactions cannot deadlock.
        first = [
            Consent.first(tenant, number, customer, actor)
            for number, customer in sorted(numbers.items())
            if number not in known
        ]
        Consent.objects.bulk_create(first, ignore_conflicts=True)  # two texts at once

    def known(self, tenant: Tenant, numbers: Iterable[str]) -> frozenset[str]:
        """Those of the numbers that have a consent, in one query."""
        by_digest = {digest: number for number in numbers for digest in digests(tenant, number)}
        found = self.filter(tenant=tenant, digest__in=by_digest)
        return frozenset(by_digest[digest] for digest in found.values_list("digest", flat=True))


ConsentManager = TenantManager.from_queryset(ConsentQuerySet)


class Consent(models.Model):
    """Why a number may be texted: the source, the words, and who recorded them."""

    class Source(models.TextChoices):
        RECORD = "record", "On the customer's record"
        TYPED = "typed", "Typed when sending"
        TEXTED = "texted", "They texted first"
        START = "start", "They replied START"
        WRITTEN = "written", "Requested by the customer"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    source = models.CharField(max_length=7, choices=Source.choices)
    wording = models.CharField(max_length=300)
    given_on = models.DateField(null=True, blank=True, help_text="For evidence that staff noted.")
    recorded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = ConsentManager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "consents"
        constraints = [
            # Implied consent is recorded once; START and evidence can be given again.
            models.UniqueConstraint(
                fields=["tenant", "digest"],
                condition=Q(source__in=["record", "typed", "texted"]),
                name="sms_consent_noted_once",
            ),
        ]
        indexes = [
            # Each text looks its number up.
            models.Index(fields=["tenant", "digest"], name="sms_consent_number"),
        ]

    def __str__(self) -> str:
        return self.get_source_display()

    @classmethod
    def first(
        cls, tenant: Tenant, number: str, customer: Customer | None, actor: User | None
    ) -> Consent:
        """The consent of a number that is texted for the first time; not saved."""
        source, wording = _why(number, customer)
        return cls(
            tenant=tenant,
            digest=digests(tenant, number)[0],
            source=source,
            wording=wording[:300],
            recorded_by=actor,
        )


def _why(number: str, customer: Customer | None) -> tuple[str, str]:
    """The source and the words of an implied consent."""
    if customer is None:
        return Consent.Source.TEXTED, "They texted the company first."
    whose = f"{customer.name} ({customer.number})"
    known = Recipient.of(customer, number).choice
    if known is None:
        return Consent.Source.TYPED, f"Typed when texting {whose}."
    return Consent.Source.RECORD, f"{known.label}: given for the account of {whose}."
