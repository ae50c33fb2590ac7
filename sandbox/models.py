"""The state of the gateway: its vault, charges and mails; texts are in messages.py."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sandbox import clock
from sandbox.messages import Account as Account
from sandbox.messages import Callback as Callback
from sandbox.messages import Hop as Hop
from sandbox.messages import Message as Message
from sandbox.messages import OptOut as OptOut
from sandbox.messages import new_sid as new_sid

CARD, ACH = "card", "ach"

AUTHORIZED = "Authorized"
QUEUED_FOR_CAPTURE = "Queued for Capture"
ACCEPTED = "Accepted"
REJECTED = "Rejected"
VOIDED = "Voided"
DECLINED = "Declined"
ZERO_AMOUNT = "Zero Amount"


def new_retref() -> str:
    """Return a 12-digit retrieval reference: year digit, day of year, eight random digits."""
    now = clock.now()
    return f"{now.year % 10}{now.timetuple().tm_yday:03d}{secrets.randbelow(10**8):08d}"


class Merchant(models.Model):
    """One CardPointe merchant id (MID) with the Basic credentials that open it."""

    merchid = models.CharField(max_length=16, unique=True)
    username = models.CharField(max_length=100)
    password = models.CharField(max_length=200)
    processor = models.CharField(max_length=4, default="FNOR")
    ach = models.BooleanField(default=False)
    unsettled_refunds = models.BooleanField(default=False)
    currency = models.CharField(max_length=3, default="USD")
    # N none, S surcharge, C convenience fee, F service fee; percent or flat.
    fee_type = models.CharField(max_length=1, default="N")
    fee_format = models.CharField(max_length=8, blank=True)
    fee_value = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    # Old recordings of the funding report have cents as numbers, the reference decimal strings.
    funding_cents = models.BooleanField(default=False)
    batches_closed = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.merchid

    @property
    def open_batch(self) -> str:
        """Return the number of the batch that queued charges go into."""
        return f"19{self.pk % 1000:03d}{self.batches_closed + 1:05d}"


class Batch(models.Model):
    """One batch sent off for settlement; `told` once settlestat has listed it as new."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="batches")
    batchid = models.CharField(max_length=12, db_index=True)
    closed_at = models.DateTimeField(default=clock.now)
    told = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.batchid


class Token(models.Model):
    """A CardSecure token and the little the emulator must know of the account behind it.

    The full account number is never stored: a test card is remembered by how it behaves.
    """

    token = models.CharField(max_length=19, unique=True)
    kind = models.CharField(max_length=4, choices=[(CARD, "card"), (ACH, "bank account")])
    fingerprint = models.CharField(max_length=64, db_index=True)
    first_six = models.CharField(max_length=6)
    last_four = models.CharField(max_length=4)
    length = models.PositiveSmallIntegerField()
    routing = models.CharField(max_length=9, blank=True)
    brand = models.CharField(max_length=12, blank=True)
    behaviour = models.CharField(max_length=20, default="approve")
    cvv = models.CharField(max_length=4, blank=True)
    expiry = models.CharField(max_length=8, blank=True)
    extras_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.token

    @property
    def masked(self) -> str:
        """Return the account as the gateway prints it: first two, X's, last four."""
        return self.first_six[:2] + "X" * max(self.length - 6, 0) + self.last_four

    def take_extras(self) -> tuple[str, str]:
        """Return (cvv, expiry) left by the tokenizer and forget them: one use, two minutes."""
        fresh = self.extras_until is not None and self.extras_until > clock.now()
        extras = (self.cvv, self.expiry) if fresh else ("", "")
        if self.extras_until is not None:
            self.cvv, self.expiry, self.extras_until = "", "", None
            self.save(update_fields=["cvv", "expiry", "extras_until"])
        return extras


class ChargeQuerySet(models.QuerySet["Charge"]):
    """Charges as the outside may see them."""

    def findable(self) -> ChargeQuerySet:
        """Leave out charges whose late commit is still to come."""
        return self.exclude(late_as="missing", commits_at__gt=clock.now())

    def committed(self) -> ChargeQuerySet:
        """Leave out every charge whose late commit is still to come."""
        return self.filter(Q(commits_at=None) | Q(commits_at__lte=clock.now()))


class Charge(models.Model):
    """One gateway transaction, approved or not: an authorization, a sale or a refund."""

    retref = models.CharField(max_length=14, unique=True, default=new_retref)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="charges")
    kind = models.CharField(max_length=8, default="sale")
    account_kind = models.CharField(max_length=4, default=CARD)
    # Not unique: the gateway accepts the same orderid twice, uniqueness is the caller's job.
    orderid = models.CharField(max_length=50, blank=True, db_index=True)
    invoiceid = models.CharField(max_length=12, blank=True)
    requested = models.DecimalField(max_digits=12, decimal_places=2)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="USD")
    token = models.CharField(max_length=19, blank=True)
    masked = models.CharField(max_length=19, blank=True)
    last_four = models.CharField(max_length=4, blank=True)
    expiry = models.CharField(max_length=8, blank=True)
    respproc = models.CharField(max_length=4)
    respcode = models.CharField(max_length=4)
    respstat = models.CharField(max_length=1)
    resptext = models.CharField(max_length=128)
    authcode = models.CharField(max_length=16, blank=True)
    avsresp = models.CharField(max_length=2, blank=True)
    cvvresp = models.CharField(max_length=1, blank=True)
    setlstat = models.CharField(max_length=24)
    batchid = models.CharField(max_length=12, blank=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="refunds")
    returns_with = models.CharField(max_length=5, blank=True)
    achreturncode = models.CharField(max_length=5, blank=True)
    name = models.CharField(max_length=64, blank=True)
    ecomind = models.CharField(max_length=1, blank=True)
    userfields = models.JSONField(default=list)
    # Further fields of the answer: fee_*, profileid, declineCategory, merchAdviceCode and so on.
    extra = models.JSONField(default=dict)
    batch = models.ForeignKey(Batch, null=True, on_delete=models.SET_NULL, related_name="charges")
    created_at = models.DateTimeField(default=clock.now)
    captured_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True, db_index=True)
    funded_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    # A late commit: until `commits_at` an inquiry finds nothing ("missing") or "timed_out".
    commits_at = models.DateTimeField(null=True)
    late_as = models.CharField(max_length=10, blank=True)

    objects = ChargeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["setlstat", "merchant"], name="charge_setlstat")]

    def __str__(self) -> str:
        return self.retref

    @property
    def approved(self) -> bool:
        """Tell whether money was authorized, whatever happened to it afterwards."""
        return self.respstat == "A"

    @property
    def pending(self) -> bool:
        """Tell whether this late commit is still to come."""
        return self.commits_at is not None and self.commits_at > clock.now()

    @property
    def signed(self) -> Decimal:
        """Return the amount, negative for a refund."""
        return -self.amount if self.kind == "refund" else self.amount

    @property
    def returnable(self) -> bool:
        """Tell whether a bank could still return it: a bank payment, or a refund of one."""
        bank_payment = self.account_kind == ACH and self.approved
        on_its_way = self.setlstat in (QUEUED_FOR_CAPTURE, ACCEPTED)
        return bank_payment and on_its_way and self.returned_at is None

    @property
    def voidable(self) -> bool:
        """Tell whether a void would still succeed."""
        return self.approved and self.setlstat in (AUTHORIZED, QUEUED_FOR_CAPTURE)

    @property
    def refundable(self) -> bool:
        """Tell whether a refund would be accepted: settled, or the MID allows earlier ones."""
        early = self.merchant.unsettled_refunds and self.setlstat == QUEUED_FOR_CAPTURE
        return self.approved and self.kind != "refund" and (self.setlstat == ACCEPTED or early)


class Funding(models.Model):
    """One deposit into a merchant's bank account: one day's report."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="fundings")
    day = models.DateField(default=clock.today)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "day"], name="one_funding_a_day")
        ]

    def __str__(self) -> str:
        return str(self.day)


class FundingRow(models.Model):
    """One line of a funding report: a sale, a refund, a rejected original or an ACH return."""

    funding = models.ForeignKey(Funding, on_delete=models.CASCADE, related_name="rows")
    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="funding_rows")
    retref = models.CharField(max_length=14)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    kind = models.CharField(max_length=12)
    status = models.CharField(max_length=12)
    achreturncode = models.CharField(max_length=5, blank=True)
    parentretref = models.CharField(max_length=14, blank=True)
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.retref


class Profile(models.Model):
    """One stored account of a profile; the profile itself is what shares a `profileid`."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="profiles")
    profileid = models.CharField(max_length=20, db_index=True)
    acctid = models.PositiveSmallIntegerField()
    default = models.BooleanField(default=False)
    token = models.CharField(max_length=19)
    expiry = models.CharField(max_length=8, blank=True)
    accttype = models.CharField(max_length=8, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profileid", "acctid"], name="one_profile_account")
        ]

    def __str__(self) -> str:
        return f"{self.profileid}/{self.acctid}"


class Fault(models.Model):
    """Trouble ordered by a test: the next `times` calls of `target` go wrong in this way."""

    target = models.CharField(max_length=40)
    fault = models.CharField(max_length=40)
    times = models.PositiveIntegerField(default=1)
    seconds = models.FloatField(default=0)

    def __str__(self) -> str:
        return self.fault


class Mail(models.Model):
    """One email that reached the mailbox."""

    sender = models.CharField(max_length=320)
    recipients = models.JSONField(default=list)
    subject = models.CharField(max_length=998, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    attachments = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.subject


class Event(models.Model):
    """The append-only trail, which the database guards: what happened, to what, in order."""

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=40, db_index=True)
    subject = models.CharField(max_length=60, db_index=True)
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.kind


def note(kind: str, subject: str, /, **data: Any) -> None:
    """Append one event to the trail."""
    Event.objects.create(kind=kind, subject=subject, data=data)
