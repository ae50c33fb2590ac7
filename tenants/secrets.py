"""Stored credentials, encrypted with a key that is not in the database."""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretError(Exception):
    """A stored credential cannot be decrypted: the key is missing, or the row was moved or
    altered.
    """


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(plain: str, *, context: str) -> str:
    """Encrypt `plain` so that it decrypts only with FIELD_KEYS and only for the same `context`.

    `context` names the owner and the field ("tenant:7:twilio.auth_token"), so that a ciphertext
    copied into another tenant's row does not decrypt there.
    """
    if not plain:
        return ""
    sealed = _box(tuple(settings.FIELD_KEYS)).encrypt(f"{context}\0{plain}".encode())
    return sealed.decode()


def unseal(sealed: str, *, context: str) -> str:
    """Decrypt what `seal` encrypted; raises SecretError when key or context do not match."""
    if not sealed:
        return ""
    try:
        text = _box(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SecretError("A stored credential cannot be decrypted with FIELD_KEYS.") from None
    owner, _, plain = text.partition("\0")
    if owner != context:
        raise SecretError("A stored credential belongs to another record.")
    return plain


def opens(sealed: str, *, context: str) -> bool:
    """Whether `unseal` would succeed."""
    try:
        unseal(sealed, context=context)
    except SecretError:
        return False
    return True
