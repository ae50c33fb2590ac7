"""S1 and S2: CardConnect as the processor, Text-to-Pay on; refused with the reason, audited."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from audit.models import AuditEntry
from payments.activation import (
    Credentials,
    NotEnabled,
    disable_text_to_pay,
    enable_text_to_pay,
    request_text_to_pay,
    set_credentials,
    set_processor,
)
from payments.models import CardConnectAccount
from sms.models import TwilioAccount
from tenants.models import Membership, Role, Tenant, User
from tests.factories import MERCHID, make_cardconnect, make_member, make_tenant
from tests.sandbox_process import Sandbox
from tests.workers import free_port
from textpay.admin_forms import TenantForm
from textpay.tasks import tell_support

pytestmark = pytest.mark.django_db
WRONG = "CardConnect did not accept this user name and password"


@pytest.fixture
def newcomer(db: None) -> Tenant:
    """A company with credentials that the gateway knows, and nothing switched on."""
    tenant = make_tenant("Pine Street Cleaning")
    make_cardconnect(tenant)
    return tenant


@pytest.fixture
def ready(newcomer: Tenant) -> Tenant:
    newcomer.processor = Tenant.Processor.CARDCONNECT
    newcomer.save()
    return newcomer


def actions(tenant: Tenant) -> list[str]:
    entries = AuditEntry.objects.filter(subject=tenant.audit_subject).order_by("id")
    return [action.removeprefix("tenant.") for action in entries.values_list("action", flat=True)]


def typed(**fields: Any) -> Credentials:
    values = {
        "site": "fts-uat",
        "merchid": MERCHID,
        "username": "testing",
        "password": "testing123",
        "ach_enabled": True,
        **fields,
    }
    return Credentials(**values)


# --- The verbs ------------------------------------------------------------------------------


def test_enabled_when_the_gateway_agrees(ready: Tenant, support: User, gateway: Sandbox) -> None:
    assert enable_text_to_pay(ready, support)
    ready.refresh_from_db()
    assert ready.text_to_pay_enabled
    assert ready.cardconnect.checked_at
    assert actions(ready) == ["text_to_pay_enabled"]
    assert not enable_text_to_pay(ready, support)
    assert actions(ready) == ["text_to_pay_enabled"]


def test_refused_when_it_does_not(ready: Tenant, support: User, gateway: Sandbox) -> None:
    account = ready.cardconnect
    account.set_password("wrong")
    account.save()
    with pytest.raises(NotEnabled, match=WRONG):
        enable_text_to_pay(ready, support)
    ready.refresh_from_db()
    assert not ready.text_to_pay_enabled
    entry = AuditEntry.objects.get(subject=ready.audit_subject)
    assert entry.action == "tenant.text_to_pay_refused"
    assert WRONG in entry.data["reason"]
    assert "wrong" not in str(entry.data)


def test_refused_when_it_is_down(ready: Tenant, support: User, settings: Any) -> None:
    settings.CARDCONNECT_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NotEnabled, match="could not be reached"):
        enable_text_to_pay(ready, support)
    assert actions(ready) == ["text_to_pay_refused"]


def test_refused_without_credentials(support: User) -> None:
    tenant = make_tenant(processor=Tenant.Processor.CARDCONNECT)
    with pytest.raises(NotEnabled, match="Enter the CardConnect credentials"):
        enable_text_to_pay(tenant, support)


def test_refused_without_processor(newcomer: Tenant, support: User) -> None:
    with pytest.raises(NotEnabled, match="Set CardConnect as the payment processor"):
        enable_text_to_pay(newcomer, support)


def test_disabled_and_asked_for_again(ready: Tenant, support: User, gateway: Sandbox) -> None:
    enable_text_to_pay(ready, support)
    assert disable_text_to_pay(ready, support)
    assert not disable_text_to_pay(ready, support)
    assert request_text_to_pay(ready, support)
    assert not request_text_to_pay(ready, support)
    assert actions(ready) == [
        "text_to_pay_enabled",
        "text_to_pay_disabled",
        "text_to_pay_requested",
    ]


def test_processor_needs_the_gateway(newcomer: Tenant, support: User, gateway: Sandbox) -> None:
    assert set_processor(newcomer, "cardconnect", support)
    assert not set_processor(newcomer, "cardconnect", support)
    enable_text_to_pay(newcomer, support)
    with pytest.raises(NotEnabled, match="Turn it off first"):
        set_processor(newcomer, "none", support)
    newcomer.refresh_from_db()
    assert newcomer.takes_payments
    disable_text_to_pay(newcomer, support)
    assert set_processor(newcomer, "none", support)


def test_bad_credentials_leave_the_good_ones(
    newcomer: Tenant, support: User, gateway: Sandbox
) -> None:
    with pytest.raises(NotEnabled, match=WRONG):
        set_credentials(newcomer, typed(password="nope"), support)
    with pytest.raises(NotEnabled, match=WRONG):
        set_credentials(newcomer, typed(merchid="999999"), support)
    account = CardConnectAccount.objects.get(tenant=newcomer)
    assert (account.merchid, account.password) == (MERCHID, "testing123")
    assert actions(newcomer) == []


def test_an_empty_password_keeps_the_stored_one(
    newcomer: Tenant, support: User, gateway: Sandbox
) -> None:
    set_credentials(newcomer, typed(password="", ach_enabled=False), support)
    account = CardConnectAccount.objects.get(tenant=newcomer)
    assert account.password == "testing123"
    assert not account.ach_enabled
    assert account.checked_at
    entry = AuditEntry.objects.get(subject=newcomer.audit_subject)
    assert entry.data == {"provider": "CardConnect", "fields": ["ach_enabled"]}


# --- The tenant asks --------------------------------------------------------------------------


def test_the_button_asks_support_once(
    ready: Tenant, browser_of: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.SUPPORT_EMAIL = "support@textpay.example"
    browser = browser_of(make_member(ready, "Administrator", name="Pia Stone"))
    page = browser.get("/settings/texts/").content.decode()
    assert "Contact Support to enable Text-to-Pay" in page
    for _ in range(2):
        assert browser.post("/settings/texts/request/").status_code == 302
    ready.refresh_from_db()
    assert ready.text_to_pay_requested_at
    assert actions(ready) == ["text_to_pay_requested"]
    assert "Support has your request" in browser.get("/settings/texts/").content.decode()
    tell_support(ready.pk)
    (message,) = mail.outbox
    assert message.to == ["support@textpay.example"]
    assert f"/admin/tenants/tenant/{ready.pk}/change/" in message.body


def test_only_those_who_may_change_settings_ask(ready: Tenant, browser_of: Any) -> None:
    browser = browser_of(make_member(ready, "Office"))
    assert browser.post("/settings/texts/request/").status_code == 403
    assert actions(ready) == []


def test_without_processor_the_application_is_linked(newcomer: Tenant, browser_of: Any) -> None:
    browser = browser_of(make_member(newcomer, "Administrator"))
    page = browser.get("/settings/payments/").content.decode()
    assert 'href="https://integrated-payments.example/apply"' in page
    assert "Integrated Payments Application" in page


# --- Support, in the Django admin ---------------------------------------------------------------


def change_form(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    """The company's form as its page sends it."""
    names = "name slug timezone phone email street city region postal brand refund_policy processor"
    form = {name: getattr(tenant, name) for name in names.split()}
    form["is_active"] = "on"
    account = CardConnectAccount.objects.filter(tenant=tenant).first()
    for prefix, there in (("cardconnect", account is not None), ("twilio", False)):
        form[f"{prefix}-TOTAL_FORMS"] = 1
        form[f"{prefix}-INITIAL_FORMS"] = int(there)
    form |= {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    form["twilio-0-texts_per_second"] = "1.00"  # what the page proposes for an account to come
    if account:
        form |= {"cardconnect-0-id": account.pk, "cardconnect-0-tenant": tenant.pk}
        for name in ("site", "merchid", "username"):
            form[f"cardconnect-0-{name}"] = getattr(account, name)
        form["cardconnect-0-ach_enabled"] = "on"
    return form | fields


@pytest.fixture
def desk(support: User, browser_of: Any) -> Any:
    """Support's browser."""
    return browser_of(support)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def test_support_sets_the_processor_and_enables(
    newcomer: Tenant, desk: Any, gateway: Sandbox
) -> None:
    page = f"/admin/tenants/tenant/{newcomer.pk}/change/"
    form = change_form(newcomer, processor="cardconnect", text_to_pay_enabled="on")
    answer = desk.post(page, form, follow=True)
    assert "Text-to-Pay is on" in said(answer)
    newcomer.refresh_from_db()
    assert newcomer.text_to_pay_enabled
    assert actions(newcomer) == ["processor_changed", "text_to_pay_enabled"]


def test_support_sees_why_not(newcomer: Tenant, desk: Any, gateway: Sandbox) -> None:
    page = f"/admin/tenants/tenant/{newcomer.pk}/change/"
    form = change_form(newcomer, processor="cardconnect", text_to_pay_enabled="on")
    answer = desk.post(page, form | {"cardconnect-0-password": "nope"}, follow=True)
    assert WRONG in said(answer)
    newcomer.refresh_from_db()
    assert not newcomer.text_to_pay_enabled
    assert newcomer.processor == "none"
    assert newcomer.cardconnect.password == "testing123"


def test_new_credentials_are_checked_and_stored(
    newcomer: Tenant, desk: Any, gateway: Sandbox
) -> None:
    page = f"/admin/tenants/tenant/{newcomer.pk}/change/"
    fields = {
        "cardconnect-0-merchid": "800000009033",
        "cardconnect-0-password": "testing123",
        "cardconnect-0-ach_enabled": "",
    }
    answer = desk.post(page, change_form(newcomer, **fields), follow=True)
    assert "accepted the credentials" in said(answer)
    assert CardConnectAccount.objects.get(tenant=newcomer).merchid == "800000009033"
    assert actions(newcomer) == ["credentials_changed"]


def test_invoices_written_while_support_saves_keep_their_numbers(
    ready: Tenant, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form was read before the number was taken, and is stored after."""
    clean, taken = TenantForm.clean, []

    def slow(form: TenantForm) -> dict[str, Any]:
        taken.append(ready.next_number("invoice"))
        return clean(form)

    monkeypatch.setattr(TenantForm, "clean", slow)
    page = f"/admin/tenants/tenant/{ready.pk}/change/"
    desk.post(page, change_form(ready, city="Salem"))
    ready.refresh_from_db()
    assert ready.city == "Salem"
    assert ready.next_number("invoice") == taken[0] + 1


def test_the_switch_in_the_list(ready: Tenant, desk: Any, gateway: Sandbox) -> None:
    other = make_tenant("No Credentials Inc", processor=Tenant.Processor.CARDCONNECT)
    rows = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save"}
    for number, tenant in enumerate(Tenant.objects.order_by("-pk")):
        rows |= {f"form-{number}-id": tenant.pk, f"form-{number}-text_to_pay_enabled": "on"}
    answer = desk.post("/admin/tenants/tenant/?o=", rows, follow=True)
    ready.refresh_from_db()
    other.refresh_from_db()
    assert (ready.text_to_pay_enabled, other.text_to_pay_enabled) == (True, False)
    assert "No Credentials Inc: Text-to-Pay stays off" in said(answer)
    assert actions(other) == ["text_to_pay_refused"]


@pytest.mark.parametrize(("action", "on"), [("enable", True), ("disable", False)])
def test_the_actions(
    ready: Tenant, desk: Any, support: User, gateway: Sandbox, action: str, on: bool
) -> None:
    if not on:
        enable_text_to_pay(ready, support)
    data: dict[str, Any] = {"action": action, "_selected_action": [ready.pk]}
    data |= {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1}
    desk.post("/admin/tenants/tenant/", data)
    ready.refresh_from_db()
    assert ready.text_to_pay_enabled is on


def test_requests_are_found(ready: Tenant, desk: Any, support: User, tenant: Tenant) -> None:
    request_text_to_pay(ready, support)
    page = desk.get("/admin/tenants/tenant/?requested=yes").content.decode()
    assert ready.name in page
    assert tenant.name not in page.replace("&amp;", "&")


def test_twilio_and_people_are_kept_with_entries(newcomer: Tenant, desk: Any) -> None:
    page = f"/admin/tenants/tenant/{newcomer.pk}/change/"
    fields = {
        "twilio-0-account_sid": "AC" + "a" * 32,
        "twilio-0-auth_token": "very-secret-token",
        "twilio-0-sender": "+19785550155",
        "memberships-TOTAL_FORMS": 1,
        "memberships-0-user": User.objects.create_user("new@staff.example").pk,
        "memberships-0-role": Role.objects.get(tenant=newcomer, name="Office").pk,
        "memberships-0-is_active": "on",
    }
    assert desk.post(page, change_form(newcomer, **fields)).status_code == 302
    assert TwilioAccount.objects.get(tenant=newcomer).auth_token == "very-secret-token"
    assert actions(newcomer) == ["credentials_changed", "person_changed"]
    assert "very-secret" not in str([entry.data for entry in AuditEntry.objects.all()])


def test_a_role_of_another_company_is_refused(newcomer: Tenant, tenant: Tenant, desk: Any) -> None:
    page = f"/admin/tenants/tenant/{newcomer.pk}/change/"
    fields = {
        "memberships-TOTAL_FORMS": 1,
        "memberships-0-user": User.objects.create_user("new@staff.example").pk,
        "memberships-0-role": Role.objects.get(tenant=tenant, name="Office").pk,
    }
    assert desk.post(page, change_form(newcomer, **fields)).status_code == 200
    assert not Membership.objects.filter(tenant=newcomer).exists()


def test_secrets_never_come_back(
    tenant: Tenant, desk: Any, admin_user: User, browser_of: Any
) -> None:
    pages = [desk.get(f"/admin/tenants/tenant/{tenant.pk}/change/")]
    browser = browser_of(admin_user)
    pages += [browser.get(f"/settings/{tab}/") for tab in ("texts", "payments", "company")]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert "testing123" not in text
        assert "test-auth-token" not in text
        assert tenant.cardconnect.password_sealed not in text
        assert tenant.twilio.auth_token_sealed not in text


def test_history_and_money_cannot_be_changed(desk: Any, tenant: Tenant, clerk: User) -> None:
    entry = AuditEntry.objects.create(tenant=tenant, subject="tenant:1", action="tenant.edited")
    for model, pk in (("audit/auditentry", entry.pk), ("payments/payment", 1)):
        assert desk.get(f"/admin/{model}/").status_code == 200
        assert desk.get(f"/admin/{model}/add/").status_code == 403
        assert desk.post(f"/admin/{model}/{pk}/delete/").status_code in (302, 403)
    assert desk.get(f"/admin/audit/auditentry/{entry.pk}/change/").status_code == 200
    assert desk.post(f"/admin/audit/auditentry/{entry.pk}/change/", {}).status_code == 403
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_staff_of_a_company_are_no_support(admin_user: User, browser_of: Any) -> None:
    answer = browser_of(admin_user).get("/admin/tenants/tenant/")
    assert answer.status_code in (302, 403)


def test_every_admin_page_opens(desk: Any, tenant: Tenant, clerk: User) -> None:
    for page in ("", "tenants/tenant/add/", "tenants/user/", "tenants/user/add/", "tenants/role/"):
        assert desk.get(f"/admin/{page}").status_code == 200
    assert desk.get(f"/admin/tenants/user/{clerk.pk}/change/").status_code == 200
    role = Role.objects.filter(tenant=tenant).first()
    assert role
    assert desk.get(f"/admin/tenants/role/{role.pk}/change/").status_code == 200
