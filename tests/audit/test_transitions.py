"""One function changes a status, and the history cannot be rewritten."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from audit.models import AppendOnly, AuditEntry, record
from audit.transitions import IllegalTransition, transition, transition_from
from invoices.models import PaymentLink
from tests.factories import make_invoice, make_link

pytestmark = pytest.mark.django_db


def test_a_move_saves_the_status_and_one_entry():
    link = make_link(make_invoice())
    before = AuditEntry.objects.about(link.audit_subject).count()
    assert transition(link, PaymentLink.Status.DISABLED) is True
    assert PaymentLink.objects.get(pk=link.pk).status == "disabled"
    assert AuditEntry.objects.about(link.audit_subject).count() == before + 1


def test_the_same_status_again_changes_nothing():
    link = make_link(make_invoice())
    transition(link, PaymentLink.Status.DISABLED)
    before = AuditEntry.objects.count()
    assert transition(link, PaymentLink.Status.DISABLED) is False
    assert AuditEntry.objects.count() == before


def test_a_move_off_the_graph_is_refused_and_leaves_no_entry():
    link = make_link(make_invoice())
    transition(link, PaymentLink.Status.DISABLED)
    before = AuditEntry.objects.count()
    with pytest.raises(IllegalTransition):
        transition(link, PaymentLink.Status.EXPIRED)
    assert PaymentLink.objects.get(pk=link.pk).status == "disabled"
    assert AuditEntry.objects.count() == before


def test_a_rolled_back_move_leaves_neither_status_nor_entry():
    link = make_link(make_invoice())
    before = AuditEntry.objects.count()

    def move_then_fail() -> None:
        with transaction.atomic():
            transition(link, PaymentLink.Status.DISABLED)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        move_then_fail()
    assert PaymentLink.objects.get(pk=link.pk).status == "live"
    assert AuditEntry.objects.count() == before


def test_history_cannot_be_changed_or_deleted_through_the_models():
    entry = AuditEntry.objects.about(make_invoice().audit_subject).first()
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(action="x")
    with pytest.raises(AppendOnly):
        AuditEntry.objects.all().delete()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_auditentry SET action = 'x'", "DELETE FROM audit_auditentry"],
)
def test_history_cannot_be_changed_by_sql(statement):
    make_invoice()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_action_without_words_is_refused(tenant):
    with pytest.raises(KeyError):
        record("invoice.sneezed", tenant=tenant, subject="invoice:1")


def test_a_move_from_a_known_state_happens_only_from_there():
    link = make_link(make_invoice())
    entries = AuditEntry.objects.about(link.audit_subject)
    before = entries.count()
    assert transition_from(link, "live", "disabled", changes={"hint": "other"})
    assert (link.status, link.hint) == ("disabled", "other")
    link.refresh_from_db()
    assert (link.status, link.hint) == ("disabled", "other")
    assert not transition_from(link, "live", "expired")
    with pytest.raises(IllegalTransition):
        transition_from(link, "disabled", "live")
    assert PaymentLink.objects.get(pk=link.pk).status == "disabled"
    assert entries.count() == before + 1


def test_a_move_from_a_known_state_may_ask_for_more():
    link = make_link(make_invoice())
    before = AuditEntry.objects.count()
    assert not transition_from(link, "live", "disabled", where=Q(hint="no such hint"))
    assert AuditEntry.objects.count() == before
    link.refresh_from_db()
    assert link.status == "live"
