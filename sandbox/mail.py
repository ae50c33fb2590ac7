"""The mailbox: an SMTP listener that keeps every email instead of sending it on."""

from __future__ import annotations

import email
import logging
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from asgiref.sync import sync_to_async
from django.conf import settings

from sandbox.models import Mail

log = logging.getLogger(__name__)


class Mailbox:
    """aiosmtpd handler that stores each message it is given."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Store the message; the name and the answer are aiosmtpd's."""
        await sync_to_async(store)(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        return "250 Message accepted for delivery"


def store(sender: str, recipients: list[str], content: bytes) -> Mail:
    """Write one email to the ledger, its text and HTML parts apart."""
    message = email.message_from_bytes(content, policy=default)
    return Mail.objects.create(
        sender=sender,
        recipients=recipients,
        subject=str(message["Subject"] or ""),
        text=part(message, "plain"),
        html=part(message, "html"),
        attachments=[item.get_filename() or "unnamed" for item in message.iter_attachments()],
    )


def part(message: EmailMessage, kind: str) -> str:
    """Return the body part of this kind, or ""."""
    body = message.get_body(preferencelist=(kind,))
    return str(body.get_content()) if body else ""


def start() -> None:
    """Listen on SANDBOX_SMTP_PORT; an empty setting means no mailbox."""
    if settings.SMTP_PORT:
        Controller(Mailbox(), hostname=settings.SMTP_HOST, port=settings.SMTP_PORT).start()
        log.info("mailbox listens on port %s", settings.SMTP_PORT)
