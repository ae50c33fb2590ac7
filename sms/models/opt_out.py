"""Opt-outs, which outlive everything: who gets no texts, since when, and in whose words."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

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
# How long an opt-out waits for a text that is being handed to Twilio at this moment. Connecting
# takes five seconds at most, so after this whatever could still go out has gone.
PATIENCE = "8s"


class NoEvidence(Exception):
    """Staff may end an opt-out only with the customer's new wish in words and its date."""


class OptOutQuerySet(models.QuerySet["OptOut"]):
    """Opt-outs of one company."""

    def active(self) -> OptOutQuerySet:
        """Those that count: nobody has resumed since."""
        return self.filter(ended_at=None)

    def of(self, tenant: Tenant, number: str) -> OptOut | None:
        """The opt-out that stands against texts from this company to this number, if any."""
        return self.active().filter(tenant=tenant, digest__in=digests(tenant, number)).first()

    def has_active(self, tenant: Tenant, number: str) -> bool:
        """Whether the number has opted out, without reading the row."""
        return self.active().filter(tenant=tenant, digest__in=digests(tenant, number)).exists()

    def resumed_since(self, tenant: Tenant, number: str, moment: dt.datetime) -> bool:
        """Whether its owner let this number be texted again after that moment."""
        ended = self.filter(tenant=tenant, digest__in=digests(tenant, number))
        return ended.filter(ended_at__gte=moment).exists()

    def among(self, tenant: Tenant, numbers: Collection[str]) -> dict[str, OptOut]:
        """Those of `numbers` that have opted out, in one query."""
        by_digest = {digest: n for n in numbers for digest in digests(tenant, n)}
        found = self.active().filter(tenant=tenant, digest__in=by_digest)
        return {by_digest[row.digest]: row for row in found}


OptOutManager = TenantManager.from_queryset(OptOutQuerySet)


class OptOut(models.Model):
    """A number that gets no texts from this company, by its owner's wish, until they resume."""

    class Source(models.TextChoices):
        REPLY = "reply", "They replied STOP"
        WORDS = "words", "They asked in their own words"
        STAFF = "staff", "Recorded by staff"
        TWILIO = "twilio", "Twilio said so"

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
            # Whoever opts out twice has opted out once; START ends all of it.
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
        """The number as far as anybody may read it here."""
        return f"ending in {self.hint}"

    @property
    def at_twilio(self) -> bool:
        """Whether Twilio refuses texts as well: then only START from the handset helps."""
        return self.source in (self.Source.REPLY, self.Source.TWILIO)

    def sentence(self, who: str, zone: dt.tzinfo) -> str:
        """Who said when that they want no more texts, and how that ends."""
        day = date(self.created_at.astimezone(zone).date(), timezone.now().astimezone(zone).date())
        by = self.recorded_by.name if self.recorded_by else "Staff"
        said = {
            self.Source.REPLY: f"{who} replied STOP on {day}.",
            self.Source.WORDS: f"{who} asked for no more texts on {day}.",
            self.Source.STAFF: f"{by} noted on {day} that {who} wants no texts.",
            self.Source.TWILIO: f"Twilio reported on {day} that {who} opted out.",
        }[self.Source(self.source)]
        return f"{said[0].upper()}{said[1:]} By law they get no text until they reply START."

    def resume(
        self,
        *,
        source: str,
        wording: str,
        given_on: dt.date | None = None,
        actor: User | None = None,
    ) -> bool:
        """Let the number be texted again and write down why. False when it may be already.

        `source` is a Consent.Source: START came from the handset; WRITTEN is what staff noted, with
        the customer's words and the day they were said, or it raises NoEvidence.
        """
        wording = wording.strip()
        if source != Consent.Source.START and (actor is None or not wording or given_on is None):
            raise NoEvidence("Write down what the customer said and on which day.")
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
            self._tell("number.resumed", actor, "customer", reason=wording)
        self.refresh_from_db()
        return True

    def _tell(self, action: str, actor: User | None, label: str, **data: Any) -> None:
        """An entry in the company's history and in that of every customer with the number."""
        subjects = [self.tenant.audit_subject, *(c.audit_subject for c in self.customers())]
        data |= {"to": self.ending}
        label = "" if actor else label
        for subject in subjects:
            record(
                action, tenant=self.tenant, subject=subject, actor=actor, actor_label=label, **data
            )

    def customers(self) -> list[Customer]:
        """Whose number it is now, as far as the records tell."""
        ends = Q(mobile__endswith=self.hint) | Q(phone__endswith=self.hint)
        people = Contact.objects.filter(ends, tenant=self.tenant).select_related("customer")
        own = {p.customer_id: p.customer for p in people if self.is_of(p.mobile, p.phone)}
        return list(own.values())

    def is_of(self, *numbers: str) -> bool:
        """Whether one of these numbers is the one."""
        return any(self.digest in digests(self.tenant, number) for number in numbers if number)


def opt_out(
    tenant: Tenant, number: str, *, source: str, wording: str = "", actor: User | None = None
) -> OptOut:
    """No more texts from this company to this E.164 number; any number of times is once.

    Waits until no worker is handing a text to that number over. Once this is committed none will,
    and those that waited for their turn are cancelled.
    """
    with transaction.atomic():
        _wait_for_workers(tenant, number)
        if standing := OptOut.objects.of(tenant, number):
            return standing
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
            row._tell("number.opted_out", actor, label, how=row.get_source_display(), said=wording)
            for text in TextMessage.objects.filter(tenant=tenant, to=number, status="queued"):
                if text.kind != TextMessage.Kind.HELP:
                    text.cancel(actor=actor, reason=STOPPED)
            InboundText.objects.filter(tenant=tenant, number=number).settle(actor=actor)
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
    """Let the number be texted again, see OptOut.resume; False when nothing stood against it."""
    standing = OptOut.objects.of(tenant, number)
    if standing is None:
        return False
    return standing.resume(source=source, wording=wording, given_on=given_on, actor=actor)


@contextmanager
def handing_over(tenant: Tenant, number: str) -> Iterator[None]:
    """Around the last look at the opt-outs and the call to Twilio: an opt-out waits for its end.

    Workers do not wait for each other. A worker that dies gives the lock back with its connection.
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
    """Take the number's lock until the transaction ends; go on without it after PATIENCE."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_lock_of(tenant, number)])
        except OperationalError:
            log.warning("An opt-out did not wait longer for a text that is on its way to Twilio")
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")


def _lock_of(tenant: Tenant, number: str) -> int:
    """A number for PostgreSQL's advisory locks: 63 bits of the digest."""
    return int(digests(tenant, number)[0][:16], 16) >> 1
