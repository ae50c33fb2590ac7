"""Texts in Django admin, read-only. The Twilio account is edited with its company."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from sms.models import TextMessage


@admin.register(TextMessage)
class TextMessageAdmin(admin.ModelAdmin):
    list_display = ("invoice", "tenant", "to", "status", "error_code", "queued_at", "sent_at")
    list_filter = ("status", "tenant")
    list_select_related = ("invoice", "tenant")
    search_fields = ("sid", "to", "invoice__number")
    date_hierarchy = "queued_at"
    fields = (
        "tenant",
        "invoice",
        "to",
        "masked_body",
        "status",
        "error_code",
        "error",
        "sid",
        "sender",
        "segments",
        "attempts",
        "sent_by",
        "queued_at",
        "claimed_at",
        "sent_at",
        "finished_at",
        "next_try_at",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
