"""Alarms for Support: problems that no tenant can solve."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.utils import timezone

from audit.enqueue import enqueue
from audit.models import AuditEntry, record
from audit.tasks import email_lost_credentials
from tenants.models import Tenant

log = logging.getLogger(__name__)

LOST = "tenant.credentials_lost"
PAUSE = dt.timedelta(days=1)  # between two alarms about one account


def credentials_lost(tenant: Tenant, provider: str) -> None:
    """Alert Support, at most once a day, that a tenant's credentials cannot be decrypted.

    Many workers call this at once, so the tenant's row is locked before an entry is written.
    """
    if _is_known(tenant, provider):
        return
    with transaction.atomic():
        row = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        if _is_known(row, provider):
            return
        log.error(
            "The %s credentials of %s cannot be decrypted with FIELD_KEYS", provider, row.slug
        )
        entry = record(LOST, tenant=row, subject=row.audit_subject, provider=provider)
        enqueue(email_lost_credentials, entry.pk)


def _is_known(tenant: Tenant, provider: str) -> bool:
    entries = AuditEntry._base_manager.filter(
        tenant=tenant,
        subject=tenant.audit_subject,
        action=LOST,
        created_at__gt=timezone.now() - PAUSE,
    )
    return entries.filter(data__provider=provider).exists()
