"""Settings, Reminders: the switch, the steps of the schedule, and the words of each step."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from audit.models import record
from customers.models import Contact
from invoices.models import Invoice
from sms.content.message_text import (
    LANGUAGES,
    Preview,
    check_words,
    filled_in,
    reminder_template,
    shown,
)
from sms.content.segments import outside_gsm7
from sms.models import ReminderStep, TextRules
from sms.models.reminder import DEFAULTS
from tenants.access import Permission, staff
from tenants.form_keys import makes_once
from tenants.models import Tenant
from tenants.requests import StaffRequest
from tenants.versions import VersionedForm, for_change, holds_its_row
from textpay.company.samples import sample_invoice

When = ReminderStep.When
MOST_STEPS = 12


class SwitchForm(VersionedForm, forms.ModelForm):
    """Whether the company sends reminders."""

    class Meta:
        model = TextRules
        fields = ["reminds"]
        labels = {"reminds": "Send reminders for unpaid invoices that were texted"}
        help_texts = {
            "reminds": "They stop automatically when the invoice is paid or void, when "
            "the customer opts out or promises to pay, and when someone "
            "expires the link or pauses the customer."
        }

    def row(self) -> Tenant:
        """The company: its rules are stored the first time they are saved."""
        return self.instance.tenant


class StepForm(VersionedForm, forms.ModelForm):
    """One step: when, and its words in both languages."""

    WORDS: ClassVar[dict[str, str]] = {"words_en": "en", "words_es": "es"}

    class Meta:
        model = ReminderStep
        fields = ["days", "when", "words_en", "words_es"]
        labels = {"when": "When", "words_en": "Text in English", "words_es": "Text in Spanish"}
        help_texts = {
            "words_en": "{amount}, {invoice} and {due} are filled in. Your company name, "
            "the link and how to opt out are added automatically.",
            "words_es": "For customers whose language is Spanish. Accents such as á or í "
            "make a text cost more than twice as much.",
        }
        widgets = {"days": forms.NumberInput(attrs={"min": 0, "max": 60, "inputmode": "numeric"})}
        error_messages = {"days": {"max_value": "Choose 60 days or fewer."}}

    def __init__(self, data: QueryDict | None = None, *, instance: ReminderStep) -> None:
        super().__init__(data, instance=instance)
        self.fields["when"].choices = When.choices  # type: ignore[attr-defined]
        for name in self.WORDS:
            self.fields[name].widget.attrs |= {"autocomplete": "off", "maxlength": 80}

    def clean_words_en(self) -> str:
        """The words name amount and invoice, contain no advertising, and fit."""
        return self._clean_words("words_en")

    def clean_words_es(self) -> str:
        """The same in Spanish."""
        return self._clean_words("words_es")

    def _clean_words(self, name: str) -> str:
        words = " ".join(str(self.cleaned_data[name]).split())
        check_words(words)
        sample, language = sample_invoice(self.instance.tenant), self.WORDS[name]
        text = reminder_template(sample, words, language)
        if filled_in(words, sample, language) not in text:
            dear = outside_gsm7(words)
            why = f" With “{dear}”, a text holds less than half as much." if dear else ""
            raise ValidationError(f"This takes more than two segments. Shorten it.{why}")
        return words

    def clean(self) -> dict[str, object]:
        """One step per day; a step before the due date has to be before it."""
        data: dict[str, Any] = self.cleaned_data
        when, days = data.get("when"), data.get("days")
        if when is None or days is None:
            return data
        if days == 0 and when != When.AFTER_DUE:
            self.add_error("days", "Choose 1 day or more.")
        same = ReminderStep.objects.filter(
            tenant=self.instance.tenant, when=when, days=days, is_active=True
        )
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("days", "There is already a step on this day.")
        return data


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def index(request: StaffRequest) -> HttpResponse:
    """The switch and the schedule. The first time reminders are enabled, a schedule is proposed."""
    if request.method == "POST":
        for_change(request, Tenant.objects.all(), pk=request.tenant.pk)
    rules = TextRules.of(request.tenant)
    form = SwitchForm(request.POST if request.method == "POST" else None, instance=rules)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            on, changes = form.cleaned_data["reminds"], form.changes
            TextRules.objects.update_or_create(tenant=request.tenant, defaults={"reminds": on})
            if on:
                ReminderStep.start_with_defaults(request.tenant)
            _note(request, "Reminders turned on" if on else "Reminders turned off", changes)
        messages.success(request, "Saved")
        return redirect("tenants:reminders")
    steps = ReminderStep.objects.filter(tenant=request.tenant, is_active=True)
    rows = [
        (step, _previews(request.tenant, step))
        for step in sorted(steps, key=lambda step: (When.values.index(step.when), step.days))
    ]
    context = {"tab": "reminders", "form": form, "rows": rows, "most": MOST_STEPS}
    return render(request, "company/reminders.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@makes_once
def new(request: StaffRequest) -> HttpResponse:
    """Add a step."""
    words = DEFAULTS[0].words
    step = ReminderStep(tenant=request.tenant, words_en=words["en"], words_es=words["es"])
    return _edit(request, step)


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def edit(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Change a step."""
    return _edit(request, for_change(request, _steps(), public_id=public_id))


@require_POST
@staff(Permission.MANAGE_SETTINGS)
def remove(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Remove a step from the schedule; what it has sent stays in the history."""
    step = get_object_or_404(_steps(), public_id=public_id)
    with transaction.atomic():
        ReminderStep.objects.filter(pk=step.pk).update(is_active=False)
        _note(request, f"Removed: {step}")
    messages.success(request, "Step removed")
    return redirect("tenants:reminders")


@require_POST
@staff(Permission.MANAGE_SETTINGS)
def preview(request: StaffRequest) -> HttpResponse:
    """Preview the text that the typed words produce, in both languages."""
    form = StepForm(request.POST, instance=ReminderStep(tenant=request.tenant))
    form.is_valid()
    typed = ReminderStep(
        words_en=request.POST.get("words_en", "")[:80],
        words_es=request.POST.get("words_es", "")[:80],
    )
    complaints = {"English": form.errors.get("words_en"), "Español": form.errors.get("words_es")}
    previews = [
        (label, text, (complaints.get(label) or [""])[0])
        for label, text in _previews(request.tenant, typed)
    ]
    return render(request, "company/_reminder_preview.html", {"previews": previews})


def _edit(request: StaffRequest, step: ReminderStep) -> HttpResponse:
    form = StepForm(request.POST or None, instance=step)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            verb, changes = ("Changed", form.changes) if step.pk else ("Added", {})
            form.save()
            _note(request, f"{verb}: {step}", changes)
        messages.success(request, "Saved")
        return redirect("tenants:reminders")
    previews = [(label, text, "") for label, text in _previews(request.tenant, step)]
    context = {"tab": "reminders", "form": form, "step": step, "previews": previews}
    return render(
        request, "company/reminder_step.html", context, status=422 if form.errors else 200
    )


def _previews(tenant: Tenant, step: ReminderStep) -> list[tuple[str, Preview]]:
    sample: Invoice = sample_invoice(tenant)
    names = dict(Contact.Language.choices)
    return [
        (str(names[code]), shown(reminder_template(sample, step.words(code), code)))
        for code in LANGUAGES
    ]


def _steps() -> QuerySet[ReminderStep]:
    return ReminderStep.objects.select_related("tenant").filter(is_active=True)


def _note(request: StaffRequest, what: str, changes: Mapping[str, list[str]] | None = None) -> None:
    record(
        "tenant.reminders_changed",
        tenant=request.tenant,
        subject=request.tenant.audit_subject,
        actor=request.user,
        step=what,
        changes=dict(changes or {}),
    )
