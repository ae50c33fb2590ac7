"""The floor: a bare Celery task that makes the same call to Twilio between two UPDATEs."""

from __future__ import annotations

import os
import uuid

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.urls import reverse

from sms import twilio

TABLE = "CREATE TABLE bench_bare (id serial PRIMARY KEY, state text, sid text)"
TEXT = (
    "Bench Plumbing: $182.50 for invoice B-{pk}. Pay here: http://127.0.0.1:8000/p/{token} "
    "Reply STOP to opt out, HELP for help"
)


@shared_task
def bare(pk: int) -> None:
    """Claim a row, text, note Twilio's SID: nothing is recorded, checked or recovered."""
    claim = "UPDATE bench_bare SET state = 'sending' WHERE id = %s AND state = 'queued'"
    done = "UPDATE bench_bare SET state = 'sent', sid = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(claim, [pk])
        if not cursor.rowcount:
            return
        client, _ = twilio._client(
            settings.TWILIO_URL, os.environ["BENCH_SID"], os.environ["BENCH_TOKEN"], twilio.TIMEOUT
        )
        # Reported to an address of ours that knows no such text, so that both sides of the
        # comparison are called back as often.
        reports = settings.PUBLIC_BASE_URL + reverse("sms:delivery_status", args=[uuid.uuid4()])
        text = client.messages.create(
            to=f"+1617{2000000 + pk}",
            from_=os.environ["BENCH_SENDER"],
            body=TEXT.format(pk=pk, token=uuid.uuid4().hex[:22]),
            status_callback=reports,
            validity_period=twilio.VALID_SECONDS,
        )
        cursor.execute(done, [text.sid, pk])
