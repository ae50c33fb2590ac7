"""Emails to Support."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from audit.models import AuditEntry
from tenants.addresses import site_path


@shared_task
def email_lost_credentials(entry_id: int) -> None:
    """Email Support that a company's credentials cannot be decrypted, and what to do."""
    entry = AuditEntry._base_manager.select_related("tenant").get(pk=entry_id)
    tenant, provider = entry.tenant, entry.data["provider"]
    link = settings.PUBLIC_BASE_URL + site_path("admin:tenants_tenant_change", tenant.pk)
    body = render_to_string(
        "audit/lost_credentials_email.txt", {"tenant": tenant, "provider": provider, "link": link}
    )
    subject = f"{tenant.name}: the {provider} credentials cannot be decrypted"
    EmailMessage(subject, body, to=[settings.SUPPORT_EMAIL]).send()
