"""The rules as files: each says what it asks, and each reads one company's rows only."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import connection

from audit.clock import db_now
from payments.models import Refund
from payments.reconciliation.invariants import FOLDER, INVARIANTS, _load
from payments.reconciliation.verify import check
from tests.factories import make_invoice, make_member, make_ready_tenant
from tests.payments.reconciliation.test_verify import pay

COPIES = 1_500
# Far more than the one invoice of the company that is checked has rows anywhere.
FEW = 100
# The columns of a copied row that differ from its original; `n` is another number for each copy.
COPIED = {
    "customers_customer": "'id', t.id + n, 'number', n, 'public_id', gen_random_uuid()",
    "invoices_invoice": "'id', t.id + n, 'number', n, 'public_id', gen_random_uuid(),"
    " 'customer_id', t.customer_id + n",
    "invoices_lineitem": "'id', t.id + n, 'invoice_id', t.invoice_id + n",
    "invoices_paymentlink": "'id', t.id + n, 'digest', n, 'invoice_id', t.invoice_id + n",
    "payments_payment": "'id', t.id + n, 'orderid', n, 'retref', n, 'public_id',"
    " gen_random_uuid(), 'invoice_id', t.invoice_id + n, 'link_id', t.link_id + n",
    "payments_authorization": "'id', t.id + n, 'payment_id', t.payment_id + n",
    "payments_refund": "'id', t.id + n, 'orderid', n, 'retref', n, 'public_id',"
    " gen_random_uuid(), 'payment_id', t.payment_id + n",
    "audit_auditentry": "'id', t.id + n, 'subject', 'invoice:' || (SUBSTR(t.subject, 9)::bigint"
    " + n)",
}


def with_a_refunded_invoice(name):
    """A company whose only invoice was paid and in part refunded."""
    tenant = make_ready_tenant(name)
    payment = pay(make_invoice(tenant))
    payment.mark_settled()
    Refund.objects.create(
        tenant=tenant,
        payment=payment,
        key=payment.key,
        kind="refund",
        amount="5.00",
        reason="Twice",
        status="done",
        retref=f"9{payment.retref[1:]}",
        requested_by=make_member(tenant, name=f"{name} Clerk"),
    )
    payment.recount_refunds(Decimal("5.00"))
    return tenant


def multiply(tenant):
    """Give the company COPIES more invoices like the one it has, with all that belongs to them."""
    with connection.cursor() as cursor:
        for table, changes in COPIED.items():
            where = " AND t.subject LIKE 'invoice:%%'" if table == "audit_auditentry" else ""
            cursor.execute(
                f"INSERT INTO {table} SELECT copied.* FROM {table} t,"
                " (SELECT k * 10000000 AS n FROM generate_series(1::bigint, %s) k) numbers,"
                f" jsonb_populate_record(t, jsonb_build_object({changes})) copied"
                f" WHERE t.tenant_id = %s{where}",
                [COPIES, tenant.pk],
            )
            cursor.execute(f"ANALYZE {table}")


def rows_read(plan):
    """How many rows the database read for a plan, by table."""
    counted: dict[str, int] = {}
    nodes = [plan]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if table := node.get("Relation Name"):
            seen = node["Actual Rows"] + sum(
                node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck")
            )
            counted[table] = counted.get(table, 0) + seen * node["Actual Loops"]
    return counted


@pytest.mark.django_db
def test_no_rule_reads_the_rows_of_another_company():
    checked = with_a_refunded_invoice("Harbor Plumbing & Heating")
    multiply(with_a_refunded_invoice("Mesa Verde Electric"))
    values = {"tenant": checked.pk, "day_ago": db_now() - dt.timedelta(days=1)}
    too_many = {}
    for rule in INVARIANTS:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {rule.sql}", values)
            told = cursor.fetchone()[0]
        [explained] = json.loads(told) if isinstance(told, str) else told
        read = rows_read(explained["Plan"])
        assert read, rule.name
        if excess := {table: count for table, count in read.items() if count > FEW}:
            too_many[rule.name] = excess
    assert too_many == {}
    assert check(checked) == []


@pytest.mark.parametrize("rule", INVARIANTS, ids=lambda rule: rule.name)
def test_every_table_of_a_rule_is_limited_to_the_company(rule):
    sql = re.sub(r"--.*", "", rule.sql)
    tables = re.findall(r"(?:FROM|JOIN)\s+(\w+_\w+)\s+(\w+)", sql)
    assert tables
    assert "tenant_id = %(tenant)s" in sql
    for table, alias in tables:
        own = rf"\b{alias}\.tenant_id (=|<>) (%\(tenant\)s|\w\.tenant_id)"
        assert re.search(own, sql), f"{table} {alias}"


@pytest.mark.parametrize("rule", INVARIANTS, ids=lambda rule: rule.name)
def test_every_rule_is_one_that_sqlite_can_answer(rule):
    database = sqlite3.connect(":memory:")
    for model in apps.get_models():
        columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
        database.execute(f"CREATE TABLE {model._meta.db_table} ({columns})")
    sql = re.sub(r"%\((\w+)\)s", r":\1", rule.sql)
    found = database.execute(sql, {"tenant": 1, "day_ago": "2026-11-29 12:00:00"})
    assert len(found.description) == 5
    assert found.fetchall() == []


def test_every_rule_says_what_it_asks_and_what_to_do():
    assert len(INVARIANTS) == 32
    assert {rule.number for rule in INVARIANTS} == {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13}
    assert [rule.name for rule in INVARIANTS if not rule.asks.endswith("?")] == []
    assert [rule.name for rule in INVARIANTS if not rule.step.endswith(".")] == []
    assert [rule.name for rule in INVARIANTS if len(rule.step) > 160] == []


def test_a_rule_without_a_word_of_its_header_is_refused(tmp_path):
    text = (FOLDER / "charge_booked_twice.sql").read_text()
    file = tmp_path / "charge_booked_twice.sql"
    file.write_text(text.replace("-- step: ", "-- "))
    with pytest.raises(ValueError, match="has no step"):
        _load(file)
