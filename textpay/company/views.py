"""The Settings pages, one per tab; all need the permission to change settings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.enqueue import enqueue
from audit.models import AuditEntry
from customers.models import Contact
from payments import activation
from payments.models import CardConnectAccount
from sms.content.message_text import preview
from sms.models import TextRules, TwilioAccount
from tenants.access import staff
from tenants.form_keys import makes_once
from tenants.models import Membership, Role, Tenant
from tenants.requests import StaffRequest
from tenants.roles import ADMINISTRATOR, Permission
from tenants.versions import for_change, holds_its_row
from textpay.company import people as verbs
from textpay.company.forms import (
    CompanyForm,
    InviteForm,
    MoneyBackForm,
    PartialForm,
    PersonForm,
    RoleForm,
    TextRulesForm,
)
from textpay.company.samples import sample_invoice
from textpay.tasks import tell_support

INVITED = ("first_name", "last_name", "email", "role")
LIMIT = "refund_release_over"


@require_GET
@staff(Permission.MANAGE_SETTINGS)
def settings(request: StaffRequest) -> HttpResponse:
    """The first tab."""
    return redirect("tenants:company")


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def company(request: StaffRequest) -> HttpResponse:
    """Name, address, time zone, brand color, refund policy."""
    form = CompanyForm(request.POST or None, instance=_tenant(request))
    if request.method == "POST" and form.is_valid():
        return _save(request, form, "tenants:company")
    return _page(request, "company", {"form": form})


@require_GET
@staff(Permission.MANAGE_SETTINGS)
def texts(request: StaffRequest) -> HttpResponse:
    """Whether texts can be sent, when, from which number, and their words."""
    return _texts(request, TextRulesForm(instance=TextRules.of(request.tenant)))


@require_POST
@staff(Permission.MANAGE_SETTINGS)
def text_rules(request: StaffRequest) -> HttpResponse:
    """When texts may be sent, and which checks a number needs before."""
    with transaction.atomic():
        TextRules.objects.get_or_create(tenant=request.tenant)
        rules = TextRules.objects.select_for_update(no_key=True).get(tenant=request.tenant)
        form = TextRulesForm(request.POST, instance=rules)
        if not form.is_valid():
            return _texts(request, form)
        changes = form.changes
        form.instance.save(update_fields=form.changed_data)
        if form.changed_data:
            changed = {name: form.cleaned_data[name] for name in form.changed_data}
            action = "tenant.text_rules_changed"
            verbs.edited(request.tenant, request.user, action, changes=changes, **changed)
    messages.success(request, "Saved")
    return redirect("tenants:texts")


def _texts(request: StaffRequest, form: TextRulesForm) -> HttpResponse:
    entries = AuditEntry.objects.about(request.tenant.audit_subject)
    sample = sample_invoice(request.tenant)
    context = {
        "form": form,
        "changed": entries.filter(action="tenant.text_rules_changed").first(),
        "sample": sample.number,
        "wordings": [(name, preview(sample, code)) for code, name in Contact.Language.choices],
        "account": TwilioAccount.objects.filter(tenant=request.tenant).first(),
        "cardconnect": CardConnectAccount.objects.filter(tenant=request.tenant).first(),
        "enabled": entries.filter(action="tenant.text_to_pay_enabled").first(),
    }
    return _page(request, "texts", context)


@require_POST
@staff(Permission.MANAGE_SETTINGS)
def request_text_to_pay(request: StaffRequest) -> HttpResponse:
    """**Contact Support to enable Text-to-Pay**"""
    if activation.request_text_to_pay(request.tenant, request.user):
        enqueue(tell_support, request.tenant.pk)
        messages.success(request, "Support has your request")
    else:
        messages.info(request, "Support already has your request")
    return redirect("tenants:texts")


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def payments(request: StaffRequest) -> HttpResponse:
    """The processor, whether its credentials are stored, and paying in parts."""
    form = PartialForm(request.POST or None, instance=_tenant(request))
    if request.method == "POST" and form.is_valid():
        return _save(request, form, "tenants:payments")
    account = CardConnectAccount.objects.filter(tenant=request.tenant).first()
    rules = MoneyBackForm(instance=request.tenant, user=request.user)
    return _page(request, "payments", {"account": account, "form": form, "rules": rules})


@require_POST
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def money_back(request: StaffRequest) -> HttpResponse:
    """The limit above which a refund needs two people, and when bank payments clear."""
    form = MoneyBackForm(request.POST, instance=_tenant(request), user=request.user)
    if form.is_valid():
        return _save(request, form, "tenants:payments")
    parts = PartialForm(instance=request.tenant)
    account = CardConnectAccount.objects.filter(tenant=request.tenant).first()
    context = {"account": account, "form": parts, "rules": form}
    return render(request, "company/payments.html", {"tab": "payments", **context}, status=422)


@require_GET
@staff(Permission.MANAGE_SETTINGS)
def people(request: StaffRequest) -> HttpResponse:
    """The people, and the permissions of each role."""
    at_work = Count("memberships", filter=Q(memberships__is_active=True))
    context = {
        "members": Membership.objects.filter(tenant=request.tenant).select_related("user", "role"),
        "roles": Role.objects.filter(tenant=request.tenant).annotate(people=at_work),
    }
    return _page(request, "people", context)


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@makes_once
def invite(request: StaffRequest) -> HttpResponse:
    """Add a person."""
    form = InviteForm(request.POST or None, giver=request.membership)
    if request.method == "POST" and form.is_valid():
        named = {name: form.cleaned_data[name] for name in INVITED}
        verbs.invite(request.tenant, actor=request.user, **named)
        messages.success(request, f"Email to {form.cleaned_data['email']} is on its way")
        return redirect("tenants:people")
    return _page(request, "people", {"form": form}, template="invite")


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def person(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Change a person's role, or remove their access."""
    people = Membership.objects.select_related("user", "role", "tenant")
    membership = for_change(request, people, tenant=request.tenant, public_id=public_id)
    form = PersonForm(request.POST or None, membership=membership, giver=request.membership)
    if request.method == "POST" and form.is_valid():
        role, is_active = form.cleaned_data["role"], form.cleaned_data["is_active"]
        verbs.change(membership, role=role, is_active=is_active, actor=request.user)
        messages.success(request, "Saved")
        return redirect("tenants:people")
    return _page(request, "people", {"form": form, "person": membership}, template="person")


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@makes_once
def new_role(request: StaffRequest) -> HttpResponse:
    """Add a role."""
    return _edit_role(request, Role(tenant=request.tenant))


@require_http_methods(["GET", "POST"])
@staff(Permission.MANAGE_SETTINGS)
@holds_its_row
def role(request: StaffRequest, name: str) -> HttpResponse:
    """Change a role's permissions; administrators always have all."""
    roles = Role.objects.filter(tenant=request.tenant).exclude(name=ADMINISTRATOR)
    return _edit_role(request, for_change(request, roles, name=name))


def _edit_role(request: StaffRequest, role: Role) -> HttpResponse:
    form = RoleForm(request.POST or None, instance=role, giver=request.membership)
    if request.method == "POST" and form.is_valid():
        verbs.save_role(form.instance, request.user)
        messages.success(request, "Saved")
        return redirect("tenants:people")
    context = {"form": form, "is_new": role.pk is None, "role": role}
    return _page(request, "people", context, template="role")


def _tenant(request: StaffRequest) -> Tenant:
    """The company as a form changes it; the page keeps showing `request.tenant`."""
    if request.method != "POST":
        return request.tenant
    return for_change(request, Tenant.objects.all(), pk=request.tenant.pk)


def _save(
    request: StaffRequest, form: CompanyForm | MoneyBackForm | PartialForm, back_to: str
) -> HttpResponse:
    """Save the changed columns of the company, and record who changed them."""
    changed = [name for name in form.changed_data if name in form.Meta.fields]
    before, now, changes = form.initial, form.cleaned_data, form.changes
    with transaction.atomic():
        # These columns only: others write the counters and switches of the same row.
        form.instance.save(update_fields=changed)
        if changed:
            verbs.edited(request.tenant, request.user, fields=changed, changes=changes)
        if LIMIT in changed:
            verbs.limit_changed(request.tenant, request.user, before=before[LIMIT], now=now[LIMIT])
    messages.success(request, "Saved")
    return redirect(back_to)


def _page(
    request: StaffRequest, tab: str, context: Mapping[str, object], *, template: str = ""
) -> HttpResponse:
    status = 422 if getattr(context.get("form"), "errors", None) else 200
    name = f"company/{template or tab}.html"
    return render(request, name, {"tab": tab, **context}, status=status)
