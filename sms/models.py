"""What the database keeps of texts; each part lives in the file that its word names."""

from sms.accounts import TwilioAccount
from sms.bulk import BulkSend, BulkText
from sms.consent import Consent
from sms.inbox import InboundText
from sms.lookups import NumberLookup
from sms.messages import TextMessage
from sms.optouts import OptOut
from sms.queueing import NeedsConfirmation, TextMessageQuerySet
from sms.reminders import Reminder, ReminderStep
from sms.rules import TextRules

__all__ = [
    "BulkSend",
    "BulkText",
    "Consent",
    "InboundText",
    "NeedsConfirmation",
    "NumberLookup",
    "OptOut",
    "Reminder",
    "ReminderStep",
    "TextMessage",
    "TextMessageQuerySet",
    "TextRules",
    "TwilioAccount",
]
