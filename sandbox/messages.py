"""The state of Twilio and the phones: accounts, texts and their steps, webhooks, opt-outs."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

FINAL_MESSAGE_STATUSES = ("delivered", "undelivered", "failed", "canceled", "received")


def new_sid(prefix: str = "SM") -> str:
    """Return a Twilio-shaped identifier: two letters and 32 hex digits."""
    return prefix + secrets.token_hex(16)


class Account(models.Model):
    """One Twilio account: its token, its senders and where its incoming texts go."""

    sid = models.CharField(max_length=34, unique=True)
    auth_token = models.CharField(max_length=64)
    numbers = models.JSONField(default=list)
    services = models.JSONField(default=list)
    api_keys = models.JSONField(default=dict)
    inbound_url = models.CharField(max_length=4000, blank=True)
    # A shared key that signs webhooks by SHA-256; without one the auth token does, by SHA-1.
    webhook_key = models.CharField(max_length=64, blank=True)
    # Test credentials know only the magic sender and never call back.
    test = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.sid


class Message(models.Model):
    """One text as Twilio's API shows it, and the copy that reached the phone."""

    sid = models.CharField(max_length=34, unique=True, default=new_sid)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="messages")
    direction = models.CharField(max_length=16, default="outbound-api")
    to_number = models.CharField(max_length=40, db_index=True)
    from_number = models.CharField(max_length=40, blank=True, db_index=True)
    service_sid = models.CharField(max_length=34, blank=True)
    body = models.TextField(blank=True)
    phone_body = models.TextField(blank=True)
    status = models.CharField(max_length=20)
    error_code = models.PositiveIntegerField(null=True)
    segments = models.PositiveSmallIntegerField(default=0)
    price = models.CharField(max_length=12, blank=True)
    callback_url = models.CharField(max_length=4000, blank=True)
    send_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    sent_at = models.DateTimeField(null=True)
    on_phone_at = models.DateTimeField(null=True, db_index=True)
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.sid

    @property
    def final(self) -> bool:
        """Tell whether Twilio will never change this status again."""
        return self.status in FINAL_MESSAGE_STATUSES


class Hop(models.Model):
    """One planned step in a text's way: at `due_at` it takes `status` and may call back."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="hops")
    due_at = models.DateTimeField(db_index=True)
    status = models.CharField(max_length=20, blank=True)
    plan = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.status


class Callback(models.Model):
    """One webhook owed to the product, with what came of it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="callbacks")
    url = models.CharField(max_length=4000)
    params = models.JSONField(default=dict)
    token = models.CharField(max_length=40, default=secrets.token_hex)
    attempts = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=120, blank=True)
    done = models.BooleanField(default=False, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.url


class OptOut(models.Model):
    """A phone that answered STOP to a sender: a number or a Messaging Service."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="optouts")
    sender = models.CharField(max_length=40)
    phone = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "sender", "phone"], name="one_opt_out")
        ]

    def __str__(self) -> str:
        return self.phone
