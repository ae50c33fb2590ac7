"""Sample messages: what carriers are shown of a company's texts before they let them through."""

from __future__ import annotations

import re

from django.conf import settings

from sms.content.message_text import LANGUAGES, fitting
from sms.models.reminder import ReminderStep
from sms.models.text import LINK_MARK
from tenants.models import Tenant

# In square brackets, as the forms of the campaign registry ask for what differs in each text.
VALUES = {"amount": "$[amount]", "invoice": "[invoice number]", "due": "[due date]"}
USUAL = {"amount": "$1,182.50", "invoice": "INV-1041", "due": "Dec 20", "link": LINK_MARK}


def samples(tenant: Tenant) -> list[str]:
    """Every text the company sends about a bill, in each language: the invoice's, then reminders.

    A text that matches none of the samples its sender was registered with may be filtered
    (error 30007), so a changed reminder is registered anew.
    """
    texts = [_sample(tenant, language.bill) for language in LANGUAGES.values()]
    for step in ReminderStep.objects.filter(tenant=tenant, is_active=True):
        for code, language in LANGUAGES.items():
            texts.append(_sample(tenant, language.reminder, step.words(code)))
    return texts


def _sample(tenant: Tenant, rungs: tuple[str, ...], words: str = "") -> str:
    rung = fitting(rungs, tenant.name, {**USUAL, "words": _filled_in(words, USUAL)})
    link = f"{settings.PUBLIC_BASE_URL}/p/[code]/"
    return rung.format(name=tenant.name, link=link, words=_filled_in(words, VALUES), **VALUES)


def _filled_in(words: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], words)
