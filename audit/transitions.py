"""The only code that changes a status, so that every change has an audit entry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from django.db import connection, models, transaction
from django.db.models.options import Options

from audit.models import LABELS, AuditEntry, entry, record, record_all
from audit.prepared import update_with_entry
from tenants.models import Tenant, User


class IllegalTransition(Exception):
    """The change is not on the model's graph; nothing was changed."""

    def __init__(self, obj: HasStatus, old: str, new: str) -> None:
        super().__init__(f"{obj._meta.label} {obj.pk}: {old} -> {new} is not allowed")
        self.old, self.new = old, new


class HasStatus(Protocol):
    """A model whose status changes by `transition`: its graph and whose history it belongs to."""

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]]
    AUDIT_PREFIX: ClassVar[str]
    _meta: ClassVar[Options]
    pk: int
    status: str

    @property
    def tenant(self) -> Tenant: ...

    @property
    def audit_subject(self) -> str: ...


def transition(
    obj: HasStatus,
    to: str,
    /,
    *,
    actor: User | None = None,
    actor_label: str = "",
    changes: Mapping[str, object] | None = None,
    **data: object,
) -> bool:
    """Change `obj` to status `to` and write the entry, in one transaction, under the row's lock.

    Returns True when the status changed and False when it was that already (a repeated callback).
    Raises IllegalTransition when the graph has no such change. `changes` are other fields saved
    with the status; `data` goes into the entry. `obj` is refreshed from the locked row either way.
    """
    with transaction.atomic():
        row: Any = obj._meta.model._base_manager.select_for_update(no_key=True).get(pk=obj.pk)
        old = row.status
        moved = old != to
        if moved:
            if to not in type(obj).TRANSITIONS.get(old, frozenset()):
                obj.status = old
                raise IllegalTransition(obj, old, to)
            row.status = to
            for name, value in (changes or {}).items():
                setattr(row, name, value)
            row.save(update_fields=["status", *(changes or {})])
            record(
                f"{type(obj).AUDIT_PREFIX}.{to}",
                tenant=obj.tenant,
                subject=obj.audit_subject,
                actor=actor,
                actor_label=actor_label,
                **data,
            )
    for field in obj._meta.concrete_fields:
        setattr(obj, field.attname, getattr(row, field.attname))
    return moved


def transition_from(
    obj: HasStatus,
    old: str,
    to: str,
    /,
    *,
    where: models.Q | None = None,
    actor: User | int | None = None,
    actor_label: str = "",
    changes: Mapping[str, object] | None = None,
    **data: object,
) -> bool:
    """Change `obj` from status `old` to `to` and write the entry without reading first.

    For high volumes. Returns False, with nothing changed, when the row has another status or does
    not match `where`. Raises IllegalTransition as `transition` does. `changes` are written to the
    row and to `obj`, apart from expressions such as F("attempts") + 1.
    """
    model = type(obj)
    if to not in model.TRANSITIONS.get(old, frozenset()):
        raise IllegalTransition(obj, old, to)
    changes = {"status": to, **(changes or {})}
    made = entry(
        f"{model.AUDIT_PREFIX}.{to}",
        tenant=obj.tenant,
        subject=obj.audit_subject,
        actor=actor,
        actor_label=actor_label,
        **data,
    )
    rows = obj._meta.model._base_manager.filter(where or models.Q(), pk=obj.pk, status=old)
    if not update_with_entry(rows, changes, made):
        return False
    for name, value in changes.items():
        if not hasattr(value, "resolve_expression"):
            setattr(obj, name, value)
    return True


Row = TypeVar("Row", bound=HasStatus)


def transition_locked(
    rows: Sequence[Row],
    to: str,
    /,
    *,
    actor: User | None = None,
    changes: Mapping[str, object] | None = None,
    data: Callable[[Row], Mapping[str, object]] = lambda row: {},
) -> None:
    """Change `rows`, which the caller has read under their locks, to status `to`, with two
    statements.

    Raises IllegalTransition when the graph has no such change for one of them; then none is
    changed. `data(row)` goes into each row's entry.
    """
    changes = {"status": to, **(changes or {})}
    for row in rows:
        if to not in row.TRANSITIONS.get(row.status, frozenset()):
            raise IllegalTransition(row, row.status, to)
    if not rows:
        return
    with transaction.atomic():
        rows[0]._meta.model._base_manager.filter(pk__in=[row.pk for row in rows]).update(**changes)
        record_all(
            entry(
                f"{row.AUDIT_PREFIX}.{to}",
                tenant=row.tenant,
                subject=row.audit_subject,
                actor=actor,
                actor_label="",
                **data(row),
            )
            for row in rows
        )
    for row in rows:
        for name, value in changes.items():
            setattr(row, name, value)


def transition_all(
    due: models.QuerySet,
    to: str,
    *,
    subject_column: str,
    closed_at: dt.datetime,
    limit: int,
) -> int:
    """Change up to `limit` rows of `due` to status `to` and write their entries, with three
    statements.

    For sweeps: a loop over 10,000 links takes seconds, this takes tenths. Rows locked by another
    process are left for the next sweep. `subject_column` is the column with the subject's number;
    the subject reads "invoice:<number>". Returns how many changed.
    """
    model = due.model
    action = f"{model.AUDIT_PREFIX}.{to}"
    LABELS[action]
    table, entries = model._meta.db_table, AuditEntry._meta.db_table
    with transaction.atomic():
        ids = list(
            due.select_for_update(
                no_key=True, skip_locked=connection.features.has_select_for_update_skip_locked
            )
            .order_by("pk")
            .values_list("pk", flat=True)[:limit]
        )
        if not ids:
            return 0
        moved = model._base_manager.filter(pk__in=ids).update(status=to, closed_at=closed_at)
        marks, values = _any_of(ids)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {entries}"  # noqa: S608  only names from our own models
                " (tenant_id, subject, action, actor_id, actor_label, data, created_at)"
                f" SELECT tenant_id, 'invoice:' || {subject_column},"
                " %s, NULL, 'Textpay', '{}', %s"
                f" FROM {table} WHERE id {marks}",
                [action, connection.ops.adapt_datetimefield_value(closed_at), *values],
            )
    return moved


def _any_of(ids: list[int]) -> tuple[str, Sequence[int | list[int]]]:
    """One parameter for all ids on PostgreSQL; SQLite needs a placeholder for each."""
    if connection.vendor == "postgresql":
        return "= ANY(%s)", [ids]
    return f"IN ({', '.join(['%s'] * len(ids))})", list(ids)
