"""Sample messages for a company's 10DLC campaign registration."""

from __future__ import annotations

import re

from django.conf import settings

from sms.content.message_text import LANGUAGES, fitting
from sms.models.reminder import ReminderStep
from sms.models.text import LINK_MARK
from tenants.models import Tenant

# The campaign registry wants the variable parts in square brackets.
VALUES = {"amount": "$[amount]", "invoice": "[invoice number]", "due": "[due date]"}
USUAL = {"amount": "$1,182.50", "invoice": "INV-1041", "due": "Dec 20", "link": LINK_MARK}


def samples(tenant: Tenant) -> list[str]:
    """Every wording that the company sends, in each language: invoices, then reminders.

    Carriers may filter a text that matches no registered sample (error 30007), so a changed
    reminder must be registered again.
    """
    texts = [_sample(tenant, language.bill) for language in LANGUAGES.values()]
    for step in ReminderStep.objects.filter(tenant=tenant, is_active=True):
        for code, language in LANGUAGES.items():
            texts.append(_sample(tenant, language.reminder, step.words(code)))
    return texts


def _sample(tenant: Tenant, wordings: tuple[str, ...], words: str = "") -> str:
    wording = fitting(wordings, tenant.name, {**USUAL, "words": _filled_in(words, USUAL)})
    link = f"{settings.PUBLIC_BASE_URL}/p/[code]/"
    return wording.format(name=tenant.name, link=link, words=_filled_in(words, VALUES), **VALUES)


def _filled_in(words: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], words)
