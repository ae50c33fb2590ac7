"""The floor: a bare Celery task that makes the same call to Twilio between two UPDATEs."""

from __future__ import annotations

import os
import uuid

from celery import shared_task
from django.conf import settings
from django.db import models
from django.urls import reverse

from sms.twilio import client as twilio

TABLE = "CREATE TABLE bench_bare (id serial PRIMARY KEY, state text, sid text DEFAULT '')"
TEXT = (
    "Bench Plumbing: $182.50 for invoice B-{pk}. Pay here: http://127.0.0.1:8000/p/{token} "
    "Reply STOP to opt out, HELP for help"
)


class Bare(models.Model):
    """A row of the floor's own."""

    state = models.TextField()
    sid = models.TextField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_bare"

    def __str__(self) -> str:
        return f"{self.pk} {self.state}"


@shared_task
def bare(pk: int) -> None:
    """Claim a row, text, store Twilio's SID: nothing is recorded, checked or recovered."""
    if not Bare.objects.filter(pk=pk, state="queued").update(state="sending"):
        return
    client, _ = twilio._client(
        settings.TWILIO_URL, os.environ["BENCH_SID"], os.environ["BENCH_TOKEN"], twilio.TIMEOUT
    )
    # Reported to an address of ours without such a text, so that both sides of the comparison get
    # as many callbacks.
    reports = settings.PUBLIC_BASE_URL + reverse("sms:delivery_status", args=[uuid.uuid4()])
    text = client.messages.create(
        to=f"+1617{2000000 + pk}",
        from_=os.environ["BENCH_SENDER"],
        body=TEXT.format(pk=pk, token=uuid.uuid4().hex[:22]),
        status_callback=reports,
        validity_period=twilio.VALID_SECONDS,
    )
    Bare.objects.filter(pk=pk).update(state="sent", sid=text.sid)
