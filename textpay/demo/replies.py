"""What practice customers texted back yesterday: answered, unread, to review, opted out."""

from __future__ import annotations

import datetime as dt
import uuid

from customers.models import Contact
from sms.inbox.receive import Incoming, receive
from sms.models import InboundText, TextMessage
from sms.outbox.queue import queue_answer
from sms.recipient import Recipient
from textpay.demo.clock import Story
from textpay.demo.companies import Buyer
from textpay.demo.shop import Shop

SECOND = dt.timedelta(seconds=1)


def stories_of(shop: Shop, buyers: list[Buyer]) -> list[Story]:
    """Four conversations; whoever opts out is texted by no later story."""
    return [
        answered(shop, buyers[1]),
        replied(shop, buyers[3], 4, "Can I pay half now and the rest on the 15th?"),
        replied(shop, buyers[4], 20, "I'll stop by tomorrow and pay at the office"),
        replied(shop, buyers[5], 31, "STOP"),
    ]


def replied(shop: Shop, buyer: Buyer, minute: int, words: str) -> Story:
    """They texted back at noon, and nobody has looked yet."""
    yield shop.at(1, 12, minute)
    hear(shop, buyer, words)


def answered(shop: Shop, buyer: Buyer) -> Story:
    """They asked, and the office answered in place."""
    yield shop.at(1, 10, 1)
    question = hear(shop, buyer, "Hi, which visit is this bill for?")
    moment = shop.at(1, 10, 9)
    yield moment
    message = answer(shop, question, "The one of last week. The link shows what was done.")
    yield moment + SECOND
    shop.accepted(message)
    yield moment + 4 * SECOND
    message.mark_delivered()


def hear(shop: Shop, buyer: Buyer, words: str) -> InboundText:
    """The customer texts back from the mobile on their record."""
    contact = Contact.objects.get(tenant=shop.tenant, name=buyer.contact, is_billing=True)
    sid = f"SM{shop.random.getrandbits(128):032x}"
    return receive(shop.tenant, Incoming(sid, contact.mobile, shop.tenant.twilio.sender, words))[0]


def answer(shop: Shop, question: InboundText, words: str) -> TextMessage:
    """**Send reply**: the office has read it and texts back."""
    InboundText.objects.filter(pk=question.pk).mark_read()
    message, _ = queue_answer(
        shop.tenant,
        Recipient.of(question.customer, question.number),
        body=words,
        key=uuid.uuid4(),
        actor=shop.clerk,
    )
    message.claim()
    return message
