"""The models of texts, one file each."""

from sms.models.account import TwilioAccount
from sms.models.bulk import BulkSend, BulkText
from sms.models.consent import Consent
from sms.models.inbound import InboundText
from sms.models.number_lookup import NumberLookup
from sms.models.opt_out import OptOut
from sms.models.reminder import Reminder, ReminderStep
from sms.models.rules import TextRules
from sms.models.text import TextMessage, TextMessageQuerySet

__all__ = [
    "BulkSend",
    "BulkText",
    "Consent",
    "InboundText",
    "NumberLookup",
    "OptOut",
    "Reminder",
    "ReminderStep",
    "TextMessage",
    "TextMessageQuerySet",
    "TextRules",
    "TwilioAccount",
]
