"""Credentials at rest: unreadable without the key, useless in another company's row."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import connection

from payments.models import CardConnectAccount
from sms.models import TwilioAccount
from tenants.models import Tenant, User
from tenants.secrets import SecretError, seal, unseal
from tests.factories import make_ready_tenant

pytestmark = pytest.mark.django_db
SECRETS = ("testing123", "test-auth-token")


def test_the_database_holds_no_plain_credential(tenant: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM payments_cardconnectaccount")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT * FROM sms_twilioaccount")
        stored += str(cursor.fetchall())
    for secret in SECRETS:
        assert secret not in stored
    assert tenant.cardconnect.password == "testing123"
    assert tenant.twilio.auth_token == "test-auth-token"


def test_nothing_prints_them(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    account, twilio = tenant.cardconnect, tenant.twilio
    caplog.set_level(logging.DEBUG)
    logging.getLogger("x").warning("%s %r %s %r", account, account, twilio, twilio)
    shown = caplog.text + serializers.serialize("json", [account, twilio])
    for secret in SECRETS:
        assert secret not in shown


def test_a_ciphertext_does_not_open_in_another_row(tenant: Tenant) -> None:
    other = make_ready_tenant("Mesa Verde Electric")
    moved = CardConnectAccount.objects.get(tenant=other)
    moved.password_sealed = tenant.cardconnect.password_sealed
    moved.save()
    with pytest.raises(SecretError, match="another record"):
        _ = moved.password
    twilio = TwilioAccount.objects.get(tenant=tenant)
    twilio.auth_token_sealed = tenant.cardconnect.password_sealed
    with pytest.raises(SecretError):
        _ = twilio.auth_token


def test_without_the_key_it_is_closed(settings: Any) -> None:
    sealed = seal("secret", context="tenant:1:x")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(SecretError) as caught:
        unseal(sealed, context="tenant:1:x")
    assert "secret" not in str(caught.value)


def test_keys_are_changed_without_losing_anything(settings: Any) -> None:
    old = settings.FIELD_KEYS
    sealed = seal("secret", context="tenant:1:x")
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *old]
    assert unseal(sealed, context="tenant:1:x") == "secret"
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    fresh = seal("secret", context="tenant:1:x")
    assert unseal(fresh, context="tenant:1:x") == "secret"


def test_an_altered_ciphertext_does_not_open() -> None:
    sealed = seal("secret", context="tenant:1:x")
    broken = sealed[:-4] + ("AAA=" if sealed[-4:] != "AAA=" else "BBB=")
    with pytest.raises(SecretError):
        unseal(broken, context="tenant:1:x")


def test_nothing_stays_nothing() -> None:
    assert seal("", context="x") == ""
    assert unseal("", context="x") == ""


def test_pages_say_what_cannot_be_opened(
    tenant: Tenant, support: User, admin_user: User, browser_of: Any, settings: Any
) -> None:
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    change = f"/admin/tenants/tenant/{tenant.pk}/change/"
    page = browser_of(support).get(change).content.decode()
    assert (
        page.count("Cannot be decrypted: FIELD_KEYS does not contain its key. Enter it again.") == 2
    )
    for path in ("/settings/payments/", "/settings/texts/"):
        page = browser_of(admin_user).get(path).content.decode()
        assert "Cannot be decrypted; Support has to enter it again" in page
