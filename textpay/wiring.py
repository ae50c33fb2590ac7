"""What the tasks of lower floors get from upper ones. Pages get it from textpay/pages/urls.py."""

from __future__ import annotations

from invoices.email_message import OFFERS_BANK_PAYMENTS
from payments.models import CardConnectAccount
from payments.reminder_hold import PAYMENT_UNDER_WAY
from sms.reminders.eligibility import HOLDS

HOLDS.append(PAYMENT_UNDER_WAY)
OFFERS_BANK_PAYMENTS.append(CardConnectAccount.has_bank_payments)
