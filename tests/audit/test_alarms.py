"""Alarms for Support are raised once a day for each account."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from audit import alarms
from audit.models import AuditEntry
from tests.factories import make_tenant
from tests.race import run_together


def raised(tenant, provider="Twilio"):
    entries = AuditEntry.objects.filter(action=alarms.LOST, tenant=tenant)
    return entries.filter(data__provider=provider).count()


@pytest.mark.django_db
def test_each_account_has_one_alarm_a_day(tenant, monkeypatch):
    for _ in range(3):
        alarms.credentials_lost(tenant, "Twilio")
        alarms.credentials_lost(tenant, "CardConnect")
    other = make_tenant("Mesa Verde Electric")
    alarms.credentials_lost(other, "Twilio")
    assert (raised(tenant), raised(tenant, "CardConnect"), raised(other)) == (1, 1, 1)
    tomorrow = timezone.now() + dt.timedelta(hours=24, minutes=1)
    monkeypatch.setattr(alarms.timezone, "now", lambda: tomorrow)
    alarms.credentials_lost(tenant, "Twilio")
    assert raised(tenant) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks need PostgreSQL")
def test_ten_workers_at_once_raise_one_alarm(tenant):
    run_together(*[lambda: alarms.credentials_lost(tenant, "Twilio")] * 10)
    assert raised(tenant) == 1
