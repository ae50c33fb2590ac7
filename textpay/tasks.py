"""Emails about people rather than invoices, and the nightly housekeeping."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from audit.models import AuditEntry
from tenants.access import Permission
from tenants.addresses import company_path, site_path
from tenants.models import Membership, Tenant, User
from textpay import housekeeping


@shared_task
def tell_support(tenant_id: int) -> None:
    """Email Support that a company wants Text-to-Pay; the Django admin shows it as well."""
    tenant = Tenant.objects.get(pk=tenant_id)
    link = settings.PUBLIC_BASE_URL + site_path("admin:tenants_tenant_change", tenant.pk)
    body = render_to_string("company/request_email.txt", {"tenant": tenant, "link": link})
    EmailMessage(
        f"{tenant.name} requests Text-to-Pay",
        body,
        to=[settings.SUPPORT_EMAIL],
        reply_to=[tenant.email],
    ).send()


@shared_task
def welcome(membership_id: int) -> None:
    """Email a new person: where to sign in and, the first time, where to choose a password."""
    membership = Membership.objects.select_related("user", "tenant").get(pk=membership_id)
    user = membership.user
    home = company_path(membership.tenant, "home")
    path = home if user.has_usable_password() else _password_path(user)
    body = render_to_string(
        "company/welcome_email.txt",
        {"person": membership, "link": settings.PUBLIC_BASE_URL + path},
    )
    subject = f"{membership.tenant.name} on Textpay"
    EmailMessage(subject, body, to=[user.email], reply_to=[membership.tenant.email]).send()


@shared_task
def tell_of_release_limit(entry_id: int) -> None:
    """Email everyone else who releases refunds that the company's limit has changed."""
    entry = AuditEntry._base_manager.select_related("tenant", "actor").get(pk=entry_id)
    members = Membership.objects.select_related("user", "tenant", "role").filter(
        tenant=entry.tenant, is_active=True, user__is_active=True
    )
    others = [
        member.user.email
        for member in members.exclude(user=entry.actor)
        if member.allows(Permission.RELEASE_REFUNDS)
    ]
    if others:
        link = settings.PUBLIC_BASE_URL + company_path(entry.tenant, "tenants:payments")
        body = render_to_string("company/limit_email.txt", {"entry": entry, "link": link})
        subject = f"{entry.tenant.name}: refund limit changed"
        EmailMessage(subject, body, to=others, reply_to=[entry.tenant.email]).send()


@shared_task
def housekeep() -> int:
    """Carry out the housekeeping; the number of removed rows. Safe to run twice, also
    concurrently.
    """
    return sum(housekeeping.run().values())


def _password_path(user: User) -> str:
    return site_path(
        "account_reset_password_from_key",
        user_pk_to_url_str(user),
        default_token_generator.make_token(user),
    )
