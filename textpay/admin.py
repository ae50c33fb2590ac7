"""The Django admin of platform administrators ("Support"): tenants, people, read-only history.

Nothing here writes money or history. CardConnect is called about credentials and the Text-to-Pay
switch after the form's transaction has ended, by payments/activation.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import ForeignKey, QuerySet
from django.forms import BaseModelFormSet, ModelChoiceField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join

from audit.models import AuditEntry, record
from payments.activation import (
    Credentials,
    NotEnabled,
    disable_text_to_pay,
    enable_text_to_pay,
    set_credentials,
    set_processor,
)
from payments.models import CardConnectAccount
from sms.content.campaign_samples import samples
from sms.models import TwilioAccount
from tenants.models import Membership, Role, Tenant, User
from textpay.admin_forms import (
    CardConnectForm,
    RoleForm,
    TenantForm,
    TwilioForm,
)

# What is done after the admin's transaction has committed, in this order.
SWITCH_OFF, CREDENTIALS, PROCESSOR, SWITCH_ON = range(4)
Step = tuple[int, Callable[[], None]]


class RequestedFilter(admin.SimpleListFilter):
    """Tenants that pressed **Contact Support to enable Text-to-Pay**."""

    title = "Text-to-Pay requests"
    parameter_name = "requested"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        """One choice beside "All"."""
        return [("yes", "Requested, not enabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        """Tenants with an open request."""
        if self.value() == "yes":
            return queryset.filter(
                text_to_pay_requested_at__isnull=False, text_to_pay_enabled=False
            )
        return queryset


class CardConnectInline(admin.StackedInline):
    model = CardConnectAccount
    form = CardConnectForm
    can_delete = False
    readonly_fields = ("checked_at", "card_fee")

    @admin.display(description="card fee")
    def card_fee(self, account: CardConnectAccount) -> str:
        """The fee that CardConnect adds to payments, in words."""
        if not account.adds_fee:
            return "None reported by CardConnect."
        end = " Payments cannot be taken with it." if account.refuses_payments else ""
        return f"This merchant account adds {account.fee_words}.{end}"


class TwilioInline(admin.StackedInline):
    model = TwilioAccount
    form = TwilioForm
    can_delete = False
    readonly_fields = ("sample_messages",)

    @admin.display(description="sample messages")
    def sample_messages(self, account: TwilioAccount) -> str:
        """The sample messages to register with the carriers, word for word."""
        lines = format_html_join("", "<li>{}</li>", ((text,) for text in samples(account.tenant)))
        return format_html(
            "<p>Register the sender with these messages. Register it again when a "
            "reminder changes.</p><ul>{}</ul>",
            lines,
        )


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        """Offer the tenant's own roles only."""
        if db_field.name == "role" and request.resolver_match is not None:
            tenant = request.resolver_match.kwargs.get("object_id")
            kwargs["queryset"] = Role.objects.filter(tenant=tenant)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Tenant)
class TenantAdmin(admin.ModelAdmin):
    """Tenants: processor and credentials, the Text-to-Pay switch, people."""

    form = TenantForm
    list_display = (
        "name",
        "processor",
        "credentials",
        "text_to_pay_requested_at",
        "text_to_pay_enabled",
        "is_active",
    )
    list_display_links = ("name",)
    list_editable = ("text_to_pay_enabled",)
    list_filter = (RequestedFilter, "text_to_pay_enabled", "processor", "is_active")
    search_fields = ("name", "slug", "email")
    prepopulated_fields = {"slug": ("name",)}
    actions = ("enable", "disable")
    readonly_fields = ("text_to_pay_requested_at",)
    inlines = (CardConnectInline, TwilioInline, MembershipInline)
    fieldsets = (
        (None, {"fields": ("name", "slug", "is_active", "timezone")}),
        (
            "Text-to-Pay",
            {"fields": ("processor", "text_to_pay_enabled", "text_to_pay_requested_at")},
        ),
        ("Address", {"fields": ("phone", "email", "street", "city", "region", "postal")}),
        ("For customers", {"fields": ("brand", "refund_policy")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        """Joins the merchant account, for the credentials column."""
        return super().get_queryset(request).select_related("cardconnect")

    def get_inlines(
        self, request: HttpRequest, obj: Tenant | None
    ) -> tuple[type[InlineModelAdmin], ...]:
        """A new tenant gets accounts and people after it is saved."""
        return self.inlines if obj else ()

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[ModelForm]:
        """The switch in the list follows the same rules as on the form."""
        return super().get_changelist_form(request, **{"form": TenantForm, **kwargs})

    @admin.display(description="credentials", boolean=True)
    def credentials(self, tenant: Tenant) -> bool:
        """Whether CardConnect accepted the stored credentials once and they can still be
        decrypted.
        """
        account = getattr(tenant, "cardconnect", None)
        return bool(account and account.checked_at and account.password_opens)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """A tenant with history is made inactive, never deleted."""
        return False

    # --- The form is stored at once; what CardConnect must accept follows --------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The list; then the switches that were changed in it."""
        return self._then(request, super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form; then credentials, processor and switch, in this order."""
        return self._then(request, super().changeform_view(request, *args, **kwargs))

    def _then(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        for _, step in sorted(_later(request), key=lambda entry: entry[0]):
            try:
                step()
            except NotEnabled as refused:
                messages.error(request, str(refused))
                break  # what follows depends on it
        return response

    def save_model(self, request: HttpRequest, obj: Tenant, form: ModelForm, change: bool) -> None:
        """Save what needs no check by CardConnect; remember the rest for afterwards."""
        fields = sorted(set(form.changed_data) - {"processor", "text_to_pay_enabled"})
        if change:
            # These columns only: an invoice written meanwhile takes a number from the same row.
            obj.save(update_fields=fields)
        else:
            super().save_model(request, obj, form, change)
            obj.add_built_in_roles()
        if fields:
            _note(request, obj, "tenant.edited", fields=fields)
        if isinstance(form, TenantForm):
            self._note_switches(request, obj, form)

    def _note_switches(self, request: HttpRequest, tenant: Tenant, form: TenantForm) -> None:
        actor, name = _actor(request), tenant.name

        def processor() -> None:
            fresh = Tenant.objects.get(pk=tenant.pk)
            if form.processor and set_processor(fresh, form.processor, actor):
                messages.success(
                    request, f"{name}: the processor is {fresh.get_processor_display()}."
                )

        def switch() -> None:
            self._switch(request, Tenant.objects.get(pk=tenant.pk), on=bool(form.switched_on))

        _later(request).append((SWITCH_ON if form.switched_on else SWITCH_OFF, switch))
        if form.processor is not None:
            _later(request).append((PROCESSOR, processor))

    def save_formset(
        self, request: HttpRequest, form: ModelForm, formset: BaseModelFormSet, change: bool
    ) -> None:
        """Keep credentials back until CardConnect has accepted them; save everything else now."""
        if formset.model is not CardConnectAccount:
            super().save_formset(request, form, formset, change)
            self._record_formset(request, form.instance, formset)
            return
        formset.save(commit=False)  # fills what the admin's log reads
        for inline in formset.forms:
            if inline.has_changed():
                _later(request).append(
                    (CREDENTIALS, self._credentials(request, form.instance, inline))
                )
        formset.new_objects, formset.changed_objects = [], []

    def _credentials(
        self, request: HttpRequest, tenant: Tenant, typed: ModelForm
    ) -> Callable[[], None]:
        names = ("site", "merchid", "username", "password", "ach_enabled")
        credentials = Credentials(**{name: typed.cleaned_data[name] for name in names})

        def store() -> None:
            set_credentials(tenant, credentials, _actor(request))
            messages.success(request, f"{tenant.name}: CardConnect accepted the credentials.")

        return store

    def _record_formset(
        self, request: HttpRequest, tenant: Tenant, formset: BaseModelFormSet
    ) -> None:
        if formset.model is TwilioAccount:
            for inline in formset.forms:
                if inline.has_changed():
                    fields = sorted(inline.changed_data)
                    _note(
                        request,
                        tenant,
                        "tenant.credentials_changed",
                        provider="Twilio",
                        fields=fields,
                    )
        elif formset.has_changed():
            people = [form.instance.user.email for form in formset.forms if form.has_changed()]
            _note(request, tenant, "tenant.person_changed", person=", ".join(people))

    # --- The switch --------------------------------------------------------------------------

    def _switch(self, request: HttpRequest, tenant: Tenant, *, on: bool) -> None:
        verb = enable_text_to_pay if on else disable_text_to_pay
        try:
            moved = verb(tenant, _actor(request))
        except NotEnabled as refused:
            messages.error(request, f"{tenant.name}: Text-to-Pay stays off. {refused}")
            return
        if moved:
            messages.success(request, f"{tenant.name}: Text-to-Pay is {'on' if on else 'off'}.")
        if moved and on and not TwilioAccount.objects.filter(tenant=tenant).exists():
            messages.warning(
                request, f"{tenant.name} does not have a Twilio account to send from yet."
            )

    @admin.action(description="Enable Text-to-Pay")
    def enable(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        """Check each tenant at CardConnect, and enable Text-to-Pay where it is accepted."""
        for tenant in queryset:
            self._switch(request, tenant, on=True)

    @admin.action(description="Disable Text-to-Pay")
    def disable(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        """No new text is sent; links already sent stay payable."""
        for tenant in queryset:
            self._switch(request, tenant, on=False)


def _later(request: HttpRequest) -> list[Step]:
    if not hasattr(request, "_later"):
        request._later = []  # type: ignore[attr-defined]
    later: list[Step] = request._later  # type: ignore[attr-defined]
    return later


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the admin lets nobody else in
    return request.user


def _note(request: HttpRequest, tenant: Tenant, action: str, **data: Any) -> None:
    record(action, tenant=tenant, subject=tenant.audit_subject, actor=_actor(request), **data)


@admin.register(Role)
class RoleAdmin(admin.ModelAdmin):
    """The permissions of a tenant's roles."""

    form = RoleForm
    list_display = ("name", "tenant")
    list_filter = ("tenant",)
    list_select_related = ("tenant",)

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        """A role stays with its tenant."""
        return ("tenant",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Role, form: ModelForm, change: bool) -> None:
        """Save with an entry in the tenant's history."""
        super().save_model(request, obj, form, change)
        _note(
            request, obj.tenant, "tenant.role_changed", role=obj.name, permissions=obj.permissions
        )


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People, by email address. Permissions come from their tenants' roles."""

    form = UserChangeForm
    add_form = AdminUserCreationForm
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "memberships__tenant")
    search_fields = ("email", "first_name", "last_name")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "email",
                    "first_name",
                    "last_name",
                    "usable_password",
                    "password1",
                    "password2",
                )
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """People stay in the history they made; make them inactive."""
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    """The audit history, read-only."""

    list_display = ("created_at", "tenant", "subject", "action", "who")
    list_filter = ("tenant", "action")
    list_select_related = ("tenant", "actor")
    search_fields = ("subject", "action")
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries are written by events only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Never deleted."""
        return False


admin.site.unregister(Group)
