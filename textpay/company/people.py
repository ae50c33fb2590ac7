"""Changes of a company's people and roles, each with an audit entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction

from audit.enqueue import enqueue
from audit.models import AuditEntry, record
from tenants.models import Membership, Role, Tenant, User
from textpay.tasks import tell_of_release_limit, welcome

LIMIT_CHANGED = "tenant.release_limit_changed"


def edited(tenant: Tenant, actor: User, action: str = "tenant.edited", **data: Any) -> AuditEntry:
    """Record a change of settings in the tenant's own history."""
    return record(action, tenant=tenant, subject=tenant.audit_subject, actor=actor, **data)


def limit_changed(tenant: Tenant, actor: User, *, before: Decimal, now: Decimal) -> None:
    """The limit above which a refund needs a second person was changed: notify the people
    concerned.
    """
    entry = edited(tenant, actor, LIMIT_CHANGED, before=f"{before:.2f}", now=f"{now:.2f}")
    enqueue(tell_of_release_limit, entry.pk)


def invite(
    tenant: Tenant, *, email: str, first_name: str, last_name: str, role: Role, actor: User
) -> Membership:
    """Add a person and email them how to sign in."""
    with transaction.atomic():
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            user = User.objects.create_user(email, None, first_name=first_name, last_name=last_name)
        membership = Membership.objects.create(user=user, tenant=tenant, role=role)
        edited(tenant, actor, "tenant.person_added", person=user.email, role=role.name)
        enqueue(welcome, membership.pk)
    return membership


def change(membership: Membership, *, role: Role, is_active: bool, actor: User) -> bool:
    """Change a person's role, or remove or restore their access. False when nothing changed."""
    with transaction.atomic():
        row = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
        if row.role_id == role.pk and row.is_active == is_active:
            return False
        before = {"role_before": row.role.name, "active_before": row.is_active}
        row.role, row.is_active = role, is_active
        row.save(update_fields=["role", "is_active"])
        edited(
            row.tenant,
            actor,
            "tenant.person_changed",
            person=row.user.email,
            role=role.name,
            active=is_active,
            **before,
        )
    return True


def save_role(role: Role, actor: User) -> None:
    """Store a role's name and permissions."""
    with transaction.atomic():
        before = Role.objects.select_for_update(no_key=True).filter(pk=role.pk).first() or Role()
        role.permissions = sorted(role.permissions)
        role.save()
        edited(
            role.tenant,
            actor,
            "tenant.role_changed",
            role=role.name,
            name_before=before.name,
            added=sorted(set(role.permissions) - set(before.permissions)),
            removed=sorted(set(before.permissions) - set(role.permissions)),
        )
