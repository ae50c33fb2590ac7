"""What the database keeps of payments, one file per model."""

from payments.checkout.claim import AmountChanged, CannotPay, SentBefore
from payments.models.account import CardConnectAccount
from payments.models.authorization import Authorization
from payments.models.life import CannotRecord
from payments.models.money_check import MoneyCheck
from payments.models.payment import NOT_FOUND_AFTER, SLOW_PAUSES, Payment, new_orderid
from payments.models.reconciliation import Finding, MatchRow, MatchRun
from payments.models.refund import Refund
from payments.refunding.request import CannotRefund

__all__ = [
    "NOT_FOUND_AFTER",
    "SLOW_PAUSES",
    "AmountChanged",
    "Authorization",
    "CannotPay",
    "CannotRecord",
    "CannotRefund",
    "CardConnectAccount",
    "Finding",
    "MatchRow",
    "MatchRun",
    "MoneyCheck",
    "Payment",
    "Refund",
    "SentBefore",
    "new_orderid",
]
