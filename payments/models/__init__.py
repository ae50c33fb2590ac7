"""What the database keeps of payments."""

from payments.models.account import CardConnectAccount
from payments.models.authorization import Authorization
from payments.models.inquired import NOT_FOUND_AFTER, SLOW_PAUSES
from payments.models.payment import Payment, new_orderid, payment_state
from payments.models.reconciliation import Finding, MatchRow, MatchRun, MoneyCheck
from payments.models.refund import CannotRefund, Refund

__all__ = [
    "NOT_FOUND_AFTER",
    "SLOW_PAUSES",
    "Authorization",
    "CannotRefund",
    "CardConnectAccount",
    "Finding",
    "MatchRow",
    "MatchRun",
    "MoneyCheck",
    "Payment",
    "Refund",
    "new_orderid",
    "payment_state",
]
