"""Opt-outs: which numbers must not be texted, since when, and in whose words.

They are stored by digest and outlive the contact and the customer.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from audit.models import record
from customers.models import Contact, Customer
from sms.models.consent import Consent, digests
from sms.models.inbound import InboundText
from sms.models.text import TextMessage
from tenants.models import Tenant, User
from tenants.scoping import TenantManager
from tenants.templatetags.ui import date

log = logging.getLogger(__name__)

STOPPED = "The customer asked for no more texts; nothing was sent."
# How long an opt-out waits for a text that is being handed to Twilio. Connecting takes five seconds
# at most, so after this no text can still go out.
PATIENCE = "8s"


class NoEvidence(Exception):
    """Staff may end an opt-out only with the words and the date of the customer's request."""


class OptOutQuerySet(models.QuerySet["OptOut"]):
    def active(self) -> OptOutQuerySet:
        """Those that have not ended."""
        return self.filter(ended_at=None)

    def of(self, tenant: Tenant, number: str) -> OptOut | None:
        """The active opt-out of this number, if any."""
        return self.active().filter(tenant=tenant, digest__in=digests(tenant, number)).first()

    def has_active(self, tenant: Tenant, number: str) -> bool:
        """Whether the number has opted out, without reading the row."""
        return self.active().filter(tenant=tenant, digest__in=digests(tenant, number)).exists()

    def resumed_since(self, tenant: Tenant, number: str, moment: dt.datetime) -> bool:
        """Whether the number's opt-out ended after that moment."""
        ended = self.filter(tenant=tenant, digest__in=digests(tenant, number))
        return ended.filter(ended_at__gte=moment).exists()

    def among(self, tenant: Tenant, numbers: Collection[str]) -> dict[str, OptOut]:
        """The active opt-outs of these numbers, in one query."""
        by_digest = {digest: n for n in numbers for digest in digests(tenant, n)}
        found = self.active().filter(tenant=tenant, digest__in=by_digest)
        return {by_digest[row.digest]: row for row in found}


OptOutManager = TenantManager.from_queryset(OptOutQuerySet)


class OptOut(models.Model):
    """A number that this company must not text, until its owner resumes."""

    class Source(models.TextChoices):
        REPLY = "reply", "They replied STOP"
        WORDS = "words", "They asked in their own words"
        STAFF = "staff", "Recorded by staff"
        TWILIO = "twilio", "Reported by Twilio"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    hint = models.CharField(max_length=2, help_text="The number's last two digits.")
    source = models.CharField(max_length=6, choices=Source.choices)
    wording = models.CharField(max_length=200, blank=True, help_text="What they said.")
    recorded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # The handset's START, or the evidence of a new consent that staff wrote down.
    ended_wording = models.CharField(max_length=200, blank=True)

    objects = OptOutManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # A repeated STOP changes nothing, and one START ends the opt-out.
            models.UniqueConstraint(
                fields=["tenant", "digest"],
                condition=Q(ended_at=None),
                name="sms_opt_out_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"Opt-out of a number ending in {self.hint}"

    @property
    def ending(self) -> str:
        """The last two digits, which is all that may be shown."""
        return f"ending in {self.hint}"

    @property
    def at_twilio(self) -> bool:
        """Whether Twilio blocks the number too, until START comes from the handset."""
        return self.source in (self.Source.REPLY, self.Source.TWILIO)

    def sentence(self, who: str, zone: dt.tzinfo) -> str:
        """Who said when that they want no more texts, and how that ends."""
        day = date(self.created_at.astimezone(zone).date(), timezone.now().astimezone(zone).date())
        by = self.recorded_by.name if self.recorded_by else "Staff"
        said = {
            self.Source.REPLY: f"{who} replied STOP on {day}.",
            self.Source.WORDS: f"{who} asked on {day} for no more texts.",
            self.Source.STAFF: f"{by} recorded on {day} that {who} does not want texts.",
            self.Source.TWILIO: f"Twilio reported on {day} that {who} opted out.",
        }[self.Source(self.source)]
        return f"{said[0].upper()}{said[1:]} By law, they cannot be texted until they reply START."

    def resume(
        self,
        *,
        source: str,
        wording: str,
        given_on: dt.date | None = None,
        actor: User | None = None,
    ) -> bool:
        """End the opt-out and record the consent. False when it has ended already.

        `source` is a Consent.Source: START came from the handset; WRITTEN is what staff noted, with
        the customer's words and their day, or it raises NoEvidence.
        """
        wording = wording.strip()
        if source != Consent.Source.START and (actor is None or not wording or given_on is None):
            raise NoEvidence("Enter what the customer said and the date.")
        with transaction.atomic():
            rows = OptOut._base_manager.filter(pk=self.pk, ended_at=None)
            ended = {"ended_at": timezone.now(), "ended_by": actor, "ended_wording": wording[:200]}
            if not rows.update(**ended):
                return False
            Consent.objects.create(
                tenant=self.tenant,
                digest=self.digest,
                source=source,
                wording=wording[:300],
                given_on=given_on,
                recorded_by=actor,
            )
            self._record("number.resumed", actor, "customer", reason=wording)
        self.refresh_from_db()
        return True

    def _record(self, action: str, actor: User | None, label: str, **data: str) -> None:
        """Write an entry for the company and for every customer with the number."""
        subjects = [self.tenant.audit_subject, *(c.audit_subject for c in self.customers())]
        data |= {"to": self.ending}
        label = "" if actor else label
        for subject in subjects:
            record(
                action, tenant=self.tenant, subject=subject, actor=actor, actor_label=label, **data
            )

    def customers(self) -> list[Customer]:
        """The customers whose records have the number now."""
        ends = Q(mobile__endswith=self.hint) | Q(phone__endswith=self.hint)
        people = Contact.objects.filter(ends, tenant=self.tenant).select_related("customer")
        own = {p.customer_id: p.customer for p in people if self.is_of(p.mobile, p.phone)}
        return list(own.values())

    def is_of(self, *numbers: str) -> bool:
        """Whether one of these numbers is the one that opted out."""
        return any(self.digest in digests(self.tenant, number) for number in numbers if number)


def opt_out(
    tenant: Tenant, number: str, *, source: str, wording: str = "", actor: User | None = None
) -> OptOut:
    """Record that this E.164 number must not be texted, and cancel its queued texts. Idempotent.

    Waits until no worker is handing over a text to the number. No text goes out after this is
    committed.
    """
    with transaction.atomic():
        _wait_for_workers(tenant, number)
        if active := OptOut.objects.of(tenant, number):
            return active
        row, new = OptOut.objects.get_or_create(
            tenant=tenant,
            digest=digests(tenant, number)[0],
            ended_at=None,
            defaults={
                "hint": number[-2:],
                "source": source,
                "wording": wording.strip()[:200],
                "recorded_by": actor,
            },
        )
        if new:
            label = "Twilio" if source == OptOut.Source.TWILIO else "customer"
            row._record(
                "number.opted_out", actor, label, how=row.get_source_display(), said=wording
            )
            queued = TextMessage.Status.QUEUED
            for text in TextMessage.objects.filter(tenant=tenant, to=number, status=queued):
                if text.kind != TextMessage.Kind.HELP:
                    text.cancel(actor=actor, reason=STOPPED)
            InboundText.objects.filter(tenant=tenant, number=number).close_review(actor=actor)
    return row


def resume(
    tenant: Tenant,
    number: str,
    *,
    source: str,
    wording: str,
    given_on: dt.date | None = None,
    actor: User | None = None,
) -> bool:
    """End the number's opt-out, see OptOut.resume; False when it has none."""
    active = OptOut.objects.of(tenant, number)
    if active is None:
        return False
    return active.resume(source=source, wording=wording, given_on=given_on, actor=actor)


@contextmanager
def handing_over(tenant: Tenant, number: str) -> Iterator[None]:
    """Hold the number's lock, shared, from the last check of opt-outs until Twilio has the text.

    An opt-out waits for it; workers do not wait for each other. PostgreSQL releases the lock of a
    dead worker with its connection.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_lock_of(tenant, number)])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [_lock_of(tenant, number)])


def _wait_for_workers(tenant: Tenant, number: str) -> None:
    """Hold the number's lock until the transaction ends; continue without it after PATIENCE."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_lock_of(tenant, number)])
        except OperationalError:
            log.warning("An opt-out stopped waiting for a text that is being handed to Twilio")
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")


def _lock_of(tenant: Tenant, number: str) -> int:
    """The key of the number's advisory lock: 63 bits of the digest."""
    return int(digests(tenant, number)[0][:16], 16) >> 1
