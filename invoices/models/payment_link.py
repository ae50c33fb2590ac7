"""Payment links: the secret address of one invoice's Pay Now page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from audit import clock
from audit.models import entry, record, record_all
from audit.transitions import transition, transition_all, transition_locked
from invoices import link_tokens
from invoices.models.invoice import Invoice, InvoiceError
from tenants.models import Tenant, User
from tenants.scoping import TenantManager


class PaymentLinkQuerySet(models.QuerySet["PaymentLink"]):
    """Payment links of one tenant."""

    def live(self) -> PaymentLinkQuerySet:
        """Links that were not ended yet (their time may be over, see `is_live_at`)."""
        return self.filter(status=PaymentLink.Status.LIVE)

    def due(self, now: dt.datetime) -> PaymentLinkQuerySet:
        """Live links whose time is over."""
        return self.live().filter(expires_at__lte=now)

    def opened_by(self, token: str) -> PaymentLink | None:
        """The link of a token, with `.read_at` set to the database's clock; None when unknown."""
        found = link_tokens.digests(token)
        if not found:
            return None
        rows = self.filter(digest__in=found).select_related("invoice__customer", "tenant")
        link = rows.annotate(read_at=clock.link_now_in_sql()).first()
        if link is not None:  # all of one tenant, which need not be read three times
            link.invoice.tenant = link.invoice.customer.tenant = link.tenant
        return link

    def issue(self, invoice: Invoice, *, actor: User | None) -> PaymentLink:
        """Issue a link that is valid for 60 calendar days; the former one is superseded.

        Raises InvoiceError for an invoice that cannot be paid.
        """
        with transaction.atomic():
            return self.issue_all([invoice.locked()], actor=actor)[0]

    def issue_all(self, invoices: Sequence[Invoice], *, actor: User | None) -> list[PaymentLink]:
        """The same for many invoices that the caller has locked, in a handful of statements."""
        if not all(invoice.is_payable for invoice in invoices):
            raise InvoiceError("There is nothing to pay on this invoice.")
        with transaction.atomic():
            old = (
                self.live()
                .filter(invoice__in=invoices)
                .select_for_update(of=("self",), no_key=True)
            )
            transition_locked(
                list(old.select_related("tenant").order_by("pk")),
                PaymentLink.Status.SUPERSEDED,
                actor=actor,
                changes={"closed_at": clock.now()},
                data=lambda link: {"link": link.masked_url},
            )
            now = clock.link_now()
            links = PaymentLink.objects.bulk_create(
                PaymentLink.new(invoice, now) for invoice in invoices
            )
            record_all(
                entry(
                    "link.issued",
                    tenant=link.tenant,
                    subject=link.audit_subject,
                    actor=actor,
                    link=link.masked_url,
                    expires_at=link.expires_at.isoformat(),
                )
                for link in links
            )
        return links

    def expire_due(self, *, limit: int = 5000) -> int:
        """Expire up to `limit` links whose time is over, each with an audit entry; returns how
        many.
        """
        now = clock.link_now()
        return transition_all(
            self.due(now),
            PaymentLink.Status.EXPIRED,
            subject_column="invoice_id",
            closed_at=now,
            limit=limit,
        )


PaymentLinkManager = TenantManager.from_queryset(PaymentLinkQuerySet)


class PaymentLink(models.Model):
    """The secret address of one invoice's Pay Now page. At most one is live per invoice.

    The token has 128 bits and is not stored: only a random nonce, from which LINK_KEYS derive it,
    and a keyed digest to look it up by. Reading the database opens no link.
    """

    class Status(models.TextChoices):
        LIVE = "live", "Live"
        EXPIRED = "expired", "Link expired"
        DISABLED = "disabled", "Link expired"
        SUPERSEDED = "superseded", "Replaced by a newer link"
        CLOSED = "closed", "Closed"

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.LIVE: frozenset({Status.EXPIRED, Status.DISABLED, Status.SUPERSEDED, Status.CLOSED}),
    }
    AUDIT_PREFIX: ClassVar[str] = "link"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="links")
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.LIVE, editable=False
    )
    nonce = models.BinaryField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=6)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    # When a person first opened it; a preview or a scanner does not count.
    opened_at = models.DateTimeField(null=True)

    objects = PaymentLinkManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # A resend supersedes the earlier link; two live ones would be two ways to pay once.
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(status="live"), name="invoices_link_one_live"
            ),
        ]
        indexes = [
            # For the sweep of links whose time is over, without reading the million others.
            models.Index(
                fields=["expires_at"], condition=Q(status="live"), name="invoices_link_due"
            ),
        ]

    def __str__(self) -> str:
        return self.masked_url

    @classmethod
    def new(cls, invoice: Invoice, now: dt.datetime) -> PaymentLink:
        """An unsaved link of the invoice, valid from `now`."""
        nonce, key = link_tokens.new_nonce(), settings.LINK_KEYS[0]
        token = link_tokens.derive(nonce, key)
        return cls(
            tenant=invoice.tenant,
            invoice=invoice,
            nonce=nonce,
            digest=link_tokens.digest(token, key),
            hint=token[:6],
            issued_at=now,
            expires_at=link_tokens.sixty_days_later(now, invoice.tenant.zone),
        )

    @property
    def audit_subject(self) -> str:
        """The invoice's history."""
        return f"invoice:{self.invoice_id}"

    @property
    def token(self) -> str:
        """The secret itself, derived again; raises LookupError when its key was removed."""
        return link_tokens.rederive(bytes(self.nonce), self.digest)

    @property
    def url(self) -> str:
        """The address to send."""
        return link_tokens.address(self.token)

    @property
    def masked_url(self) -> str:
        """The address for staff and history, with its end hidden."""
        return f"{settings.PUBLIC_BASE_URL}/{link_tokens.FOLDER}{self.hint}…"

    @property
    def is_live(self) -> bool:
        """Whether its status is live; its time may be over, see `is_live_at`."""
        return self.status == self.Status.LIVE

    @property
    def is_disabled(self) -> bool:
        """Whether staff expired it."""
        return self.status == self.Status.DISABLED

    def is_live_at(self, moment: dt.datetime) -> bool:
        """Whether it opens the Pay Now page at `moment`: up to, not at, its expiry."""
        return self.status == self.Status.LIVE and moment < self.expires_at

    @property
    def closed_in_time(self) -> bool:
        """Whether only the end of its invoice ended it: neither its time nor staff."""
        in_time = self.closed_at is not None and self.closed_at < self.expires_at
        return self.status == self.Status.CLOSED and in_time

    @property
    def runs_out_at(self) -> dt.datetime:
        """Its expiration by the real clock, to which a page counts down."""
        return clock.on_the_wall(self.expires_at)

    @property
    def has_expired(self) -> bool:
        """Whether staff see **Link expired**: by time (even before the sweep) or by staff."""
        ended = self.status in (self.Status.EXPIRED, self.Status.DISABLED)
        return ended or (self.status == self.Status.LIVE and self.expires_at <= clock.now())

    def mark_opened(self) -> bool:
        """Record that a person opened it. False when that was recorded: only the first time
        counts.
        """
        now = timezone.now()
        with transaction.atomic():
            rows = PaymentLink._base_manager.filter(pk=self.pk, opened_at=None)
            if not rows.update(opened_at=now):
                return False
            record(
                "link.opened",
                tenant=self.tenant,
                subject=self.audit_subject,
                actor_label="customer",
                link=self.masked_url,
            )
        self.opened_at = now
        return True

    def expire(self, *, actor: User) -> bool:
        """**Expire Link**: disable it at once. False when it was not live."""
        with transaction.atomic():
            self.invoice.locked()
            self.refresh_from_db()
            if self.status != self.Status.LIVE:
                return False
            return self.move(self.Status.DISABLED, actor=actor)

    def close(self, *, actor: User | None, reason: str) -> bool:
        """Close the link because its invoice is "paid" or "void"."""
        return self.move(self.Status.CLOSED, actor=actor, reason=reason)

    def move(self, to: str, *, actor: User | None, reason: str = "") -> bool:
        """End the link with status `to`, and store the time."""
        return transition(
            self,
            to,
            actor=actor,
            changes={"closed_at": clock.now()},
            link=self.masked_url,
            **({"reason": reason} if reason else {}),
        )
