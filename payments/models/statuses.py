"""The statuses of payments and refunds, with their words and colors for staff."""

from __future__ import annotations

from django.db import models


class InquiredStatus(models.TextChoices):
    """The statuses without a known outcome, which payments and refunds share."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    NEEDS_ATTENTION = "needs_attention"


IN_FLIGHT = [InquiredStatus.PENDING, InquiredStatus.UNKNOWN, InquiredStatus.NEEDS_ATTENTION]


class PaymentStatus(models.TextChoices):
    PENDING = "pending", "Processing"
    UNKNOWN = "unknown", "Checking with CardConnect"
    CAPTURED = "captured", "Paid"
    SETTLED = "settled", "Paid, settled"
    STARTED = "started", "Bank payment started"
    CLEARED = "cleared", "Bank payment cleared"
    REFUNDED = "refunded", "Refunded"
    VOIDED = "voided", "Voided"
    RETURNED = "returned", "Bank payment returned"
    REJECTED = "rejected", "Rejected at settlement"
    DECLINED = "declined", "Declined"
    NOT_CHARGED = "not_charged", "Not charged"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"


# Charged, but not settled or cleared yet.
UNSETTLED = [PaymentStatus.CAPTURED, PaymentStatus.STARTED]
# The gateway has carried the charge out.
CARRIED_OUT = [
    PaymentStatus.CAPTURED,
    PaymentStatus.SETTLED,
    PaymentStatus.STARTED,
    PaymentStatus.CLEARED,
    PaymentStatus.REFUNDED,
    PaymentStatus.VOIDED,
    PaymentStatus.REJECTED,
    PaymentStatus.RETURNED,
]
# The color and the icon of a status.
PAYMENT_TONES: dict[str, tuple[str, str]] = {
    PaymentStatus.PENDING: ("info", "clock"),
    PaymentStatus.UNKNOWN: ("warn", "clock"),
    PaymentStatus.CAPTURED: ("good", "check"),
    PaymentStatus.SETTLED: ("good", "check"),
    PaymentStatus.STARTED: ("info", "bank"),
    PaymentStatus.CLEARED: ("good", "check"),
    PaymentStatus.REFUNDED: ("", "again"),
    PaymentStatus.VOIDED: ("", "stop"),
    PaymentStatus.RETURNED: ("bad", "alert"),
    PaymentStatus.REJECTED: ("bad", "alert"),
    PaymentStatus.DECLINED: ("bad", "stop"),
    PaymentStatus.NOT_CHARGED: ("", "info"),
    PaymentStatus.NEEDS_ATTENTION: ("bad", "alert"),
}
# Statuses that reverse a whole payment.
REVERSALS: dict[str, str] = {
    PaymentStatus.RETURNED: "The bank took the payment back.",
    PaymentStatus.REJECTED: "The payment was rejected at settlement.",
    PaymentStatus.VOIDED: "The payment was voided.",
}


class RefundStatus(models.TextChoices):
    REQUESTED = "requested", "Waiting for a second person"
    PENDING = "pending", "Sending"
    UNKNOWN = "unknown", "Checking with CardConnect"
    DONE = "done", "Completed"
    DECLINED = "declined", "Not completed"
    CANCELLED = "cancelled", "Not released"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    RETURNED = "returned", "Returned by the bank"
    REPAID = "repaid", "Paid another way"


REFUND_TONES: dict[str, tuple[str, str]] = {
    RefundStatus.REQUESTED: ("warn", "clock"),
    RefundStatus.PENDING: ("info", "clock"),
    RefundStatus.UNKNOWN: ("warn", "clock"),
    RefundStatus.DONE: ("good", "check"),
    RefundStatus.DECLINED: ("bad", "stop"),
    RefundStatus.CANCELLED: ("", "x"),
    RefundStatus.NEEDS_ATTENTION: ("bad", "alert"),
    RefundStatus.RETURNED: ("bad", "alert"),
    RefundStatus.REPAID: ("good", "check"),
}
