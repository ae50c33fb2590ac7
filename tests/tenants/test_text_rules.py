"""Settings, Texts: when texts go out, changed by administrators only and kept in the history."""

import pytest
from django.db import IntegrityError, transaction

from audit.models import AuditEntry
from sms.models import TextRules, TwilioAccount

pytestmark = pytest.mark.django_db
URL = "/settings/texts/rules/"


@pytest.fixture
def alma(admin_user, browser_of):
    return browser_of(admin_user)


def form(**fields):
    return {"quiet_hours": "on", "outside_hours": "later", **fields}


def test_a_change_is_kept_with_who_and_what(alma, tenant, admin_user):
    TextRules.objects.create(tenant=tenant, quiet_hours=True)
    answer = alma.post(URL, form(outside_hours="refuse", strict_states="on"))
    assert answer.status_code == 302
    rules = TextRules.of(tenant)
    assert (rules.quiet_hours, rules.outside_hours, rules.strict_states) == (True, "refuse", True)
    entry = AuditEntry.objects.about(tenant.audit_subject).first()
    assert (entry.action, entry.actor) == ("tenant.text_rules_changed", admin_user)
    assert entry.data == {
        "outside_hours": "refuse",
        "strict_states": True,
        "changes": {
            "Texts sent outside these hours": ["Send at the next allowed time", "Do not send"],
            "Follow the stricter hours of some states": ["No", "Yes"],
        },
    }
    page = alma.get("/settings/texts/").content.decode()
    assert "Last changed by Alma Reyes" in page
    alma.post(URL, form(outside_hours="refuse", strict_states="on"))
    assert AuditEntry.objects.about(tenant.audit_subject).first() == entry  # nothing changed


def test_who_collects_for_others_cannot_switch_the_hours_off(alma, tenant):
    answer = alma.post(URL, {"outside_hours": "later", "third_party_collector": "on"})
    assert answer.status_code == 422
    assert "Select it again" in answer.content.decode()
    assert TextRules.of(tenant).third_party_collector is False
    with pytest.raises(IntegrityError), transaction.atomic():
        TextRules.objects.update_or_create(
            tenant=tenant, defaults={"quiet_hours": False, "third_party_collector": True}
        )


def test_texting_at_any_hour_is_said_on_the_page(alma, tenant):
    TextRules.objects.create(tenant=tenant, quiet_hours=False)
    assert "Texts go out at any hour." in alma.get("/settings/texts/").content.decode()
    alma.post(URL, form())
    assert "Texts go out at any hour." not in alma.get("/settings/texts/").content.decode()


def test_the_sender_says_whether_the_carriers_approved_it(alma):
    assert "Registered" in alma.get("/settings/texts/").content.decode()
    TwilioAccount.objects.update(is_registered=False)
    page = alma.get("/settings/texts/").content.decode()
    assert "Not approved yet" in page
    assert "Nothing is sent until" in page


def test_support_reads_what_to_register_with_the_carriers(support, browser_of, tenant):
    page = browser_of(support).get(f"/admin/tenants/tenant/{tenant.pk}/change/").content.decode()
    assert (
        "Harbor Plumbing &amp; Heating: $[amount] for invoice [invoice number]. Pay here:" in page
    )


def test_only_administrators(clerk, browser_of, tenant):
    assert browser_of(clerk).post(URL, form(strict_states="on")).status_code == 403
    assert not TextRules.objects.exists()
