"""What Celery does with invoices by itself."""

from __future__ import annotations

from celery import shared_task
from django_scopes import scopes_disabled

from invoices.models import PaymentLink

BATCH = 5000


@shared_task(expires=60)
def expire_links() -> int:
    """Record the links whose time is up, batch by batch; returns how many.

    They stopped working at that moment already: whoever reads a link looks at the clock.
    """
    ended = 0
    with scopes_disabled():
        while moved := PaymentLink.objects.expire_due(limit=BATCH):
            ended += moved
            if moved < BATCH:
                break
    return ended
