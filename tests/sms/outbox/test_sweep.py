"""Links whose time is up: recorded in sets, each with its entry."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_scopes import scope

from audit.models import AuditEntry
from invoices.models import PaymentLink
from invoices.tasks import expire_links
from tests.factories import make_customer, make_invoice, make_link, make_ready_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_due(tenant):
    customer = make_customer(tenant)

    def make(count, days=-1):
        links = [make_link(make_invoice(customer=customer)) for _ in range(count)]
        rows = PaymentLink.objects.filter(pk__in=[link.pk for link in links])
        rows.update(expires_at=timezone.now() + dt.timedelta(days=days))
        return links

    return make


def sweep():
    with scope():
        return expire_links()


def test_each_expired_link_gets_its_status_and_its_entry(make_due):
    due, alive = make_due(3), make_due(2, days=1)
    assert sweep() == 3
    for link in due:
        link.refresh_from_db()
        assert link.status == "expired"
        entry = AuditEntry.objects.about(link.audit_subject).first()
        assert (entry.action, entry.who, entry.tenant) == ("link.expired", "Textpay", link.tenant)
        assert entry.created_at == link.closed_at
    assert PaymentLink.objects.live().count() == len(alive)
    assert sweep() == 0


def test_every_company_is_swept(make_due):
    make_due(1)
    other = make_link(make_invoice(customer=make_customer(make_ready_tenant("Other"))))
    PaymentLink.objects.filter(pk=other.pk).update(expires_at=timezone.now())
    assert sweep() == 2


def test_more_links_cost_no_more_statements(make_due):
    make_due(1)
    with CaptureQueriesContext(connection) as few:
        assert sweep() == 1
    make_due(40)
    with CaptureQueriesContext(connection) as many:
        assert sweep() == 40
    assert len(few) == len(many) <= 6


def test_batches_go_on_until_nothing_is_due(make_due, monkeypatch):
    monkeypatch.setattr("invoices.tasks.BATCH", 2)
    make_due(5)
    assert sweep() == 5
