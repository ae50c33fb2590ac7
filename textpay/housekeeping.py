"""The nightly housekeeping: what is removed, after how long, and why.

Every table that grows is either in RULES or in EVIDENCE, which says why it is kept; a test fails
for a model in no list. Two things have no table and need no rule: password links are signed, not
stored, and the work that waits for Celery is rows with a due moment.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, QuerySet
from django_scopes import scopes_disabled

from audit.clock import db_now
from payments.models import MatchRow, MatchRun
from sms.models import NumberLookup
from sms.models.number_lookup import FRESH
from tenants.models import FormKey

log = logging.getLogger(__name__)

BATCH = 500  # rows per transaction
# After this time a rule starts no other batch; the rest goes the next night. All rules together
# must end within CELERY_TASK_TIME_LIMIT.
SECONDS = 30
ONE_DAY = dt.timedelta(days=1)
THIRTY_DAYS = dt.timedelta(days=30)
# A year's books are closed and compared with the same month of the year before.
THIRTEEN_MONTHS = dt.timedelta(days=400)


@dataclass(frozen=True)
class Rule:
    """Rows that are removed at that age; `rows` selects them, given the cut-off time."""

    what: str
    after: dt.timedelta
    why: str
    rows: Callable[[dt.datetime], QuerySet[Any]]


RULES = (
    Rule(
        "expired sessions",
        ONE_DAY,
        "Their cookies open nothing, and Django itself never deletes them. By then no request that "
        "began before the end is under way.",
        lambda moment: Session.objects.filter(expire_date__lt=moment),
    ),
    Rule(
        "old number lookups",
        2 * FRESH,
        "Nothing reads an answer older than FRESH, and it is a customer's phone number. What it "
        "did to a text stands with the text.",
        lambda moment: NumberLookup.objects.outdated(moment),
    ),
    Rule(
        "old form keys",
        THIRTY_DAYS,
        "Nobody sends a form again that was opened a month ago.",
        lambda moment: FormKey.objects.filter(created_at__lt=moment),
    ),
    Rule(
        "replaced match rows",
        THIRTEEN_MONTHS,
        "A later match listed the same again, or found that it agrees. What waits for a person "
        "stays, and so does what a person handled, for ever: it is the evidence of a decision "
        "about money. There are a few rows of each: matches copy it while they read its day.",
        lambda moment: MatchRow.objects.outdated(moment),
    ),
    Rule(
        "old match runs",
        THIRTEEN_MONTHS,
        "Every night adds one for each company. Those that still have rows stay, and so do the "
        "two that the page shows: the last one and the last that could read everything.",
        lambda moment: MatchRun.objects.outdated(moment),
    ),
)

# Tables that grow with the business and are kept on purpose.
EVIDENCE = {
    "audit.AuditEntry": "The history. The database refuses to change or delete it.",
    "admin.LogEntry": "What Support did in Django admin.",
    "customers.Customer": "Whose invoices and consent it is.",
    "customers.Contact": "Who was texted and emailed.",
    "invoices.Invoice": "The books.",
    "invoices.LineItem": "The books.",
    "invoices.PaymentLink": "How a payment came in, and what an old link says when it is opened.",
    "invoices.InvoiceEmail": "That, when and where an invoice was emailed.",
    "payments.Payment": "The books; failed attempts too, when a payer disputes a charge.",
    "payments.Refund": "The books, with who requested and who released it.",
    "payments.Authorization": "What the payer agreed to. The database refuses to delete it.",
    "sms.TextMessage": "That, when and where a text was sent, and what it said: TCPA disputes.",
    "sms.InboundText": "What a customer replied, also when it was no keyword.",
    "sms.Consent": "That a customer agreed to texts. It must outlive the last text by years.",
    "sms.OptOut": "Whom it is illegal to text.",
    "sms.BulkSend": "Who texted many customers at once.",
    "sms.BulkText": "Which of them were left out, and why.",
    "sms.Reminder": "That a step was taken. Without it the step would be taken again.",
}

# Tables whose size people decide, or whose rows are replaced in place.
BOUNDED = {
    "account.EmailAddress": "One for each person.",
    "account.EmailConfirmation": "Not used: confirmations are signed links.",
    "auth.Group": "Not used.",
    "auth.Permission": "Django's own list.",
    "contenttypes.ContentType": "Django's own list.",
    "payments.CardConnectAccount": "One for each company.",
    "payments.Finding": "Replaced by each check.",
    "payments.MoneyCheck": "One for each company.",
    "sms.ReminderStep": "A few for each company.",
    "sms.TextRules": "One for each company.",
    "sms.TwilioAccount": "One for each company.",
    "tenants.Membership": "One for each person and company.",
    "tenants.Role": "A few for each company.",
    "tenants.ShortName": "Those that a company has or had.",
    "tenants.Tenant": "One for each company.",
    "tenants.User": "One for each person.",
}


def run() -> dict[str, int]:
    """Carry out every rule, for all tenants; the number of removed rows by rule."""
    removed = {}
    with scopes_disabled():
        for rule in RULES:
            removed[rule.what] = _carry_out(rule)
    log.info("Housekeeping removed %s", ", ".join(f"{n} {what}" for what, n in removed.items()))
    return removed


def _carry_out(rule: Rule) -> int:
    """One rule that fails must not stop the others."""
    end, removed = time.monotonic() + SECONDS, 0
    try:
        rows = rule.rows(db_now() - rule.after)
        while batch := _remove_batch(rows):
            removed += batch
            if time.monotonic() > end:
                break
    except Exception:
        log.exception("Housekeeping could not remove %s", rule.what)
    return removed


def _remove_batch(rows: QuerySet[Model]) -> int:
    """Remove one batch; the number of rows.

    Rows that another run or a request has locked are left to it, so that neither waits.
    """
    with transaction.atomic():
        mine = rows.order_by().select_for_update(no_key=True, skip_locked=True, of=("self",))
        keys = [row.pk for row in mine.only("pk")[:BATCH]]
        rows.model._base_manager.filter(pk__in=keys).delete()
    return len(keys)
