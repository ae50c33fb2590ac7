"""Cards and bank accounts that the gateway keeps for later, as profiles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.views.decorators.debug import sensitive_variables

from payments.gateway import http, responses
from payments.gateway.http import Unknown
from payments.gateway.responses import Declined
from payments.models.account import CardConnectAccount

_KEPT = re.compile(r"\d{1,20}/\d{1,3}")
_PROFILE = re.compile(r"\d{1,20}")
_ACCOUNT = re.compile(r"\d{0,3}")
_DELETED, _SAVED, _NOT_FOUND = "08", "09", "96"


@dataclass(frozen=True)
class StoredCredential:
    """How a charge uses a card that is, or will be, kept at the gateway.

    `profile` is "Y" to keep it, or "profile/account" to take a kept one. `cof` says who is there:
    C the customer, M nobody but the merchant.
    """

    profile: str = field(default="", repr=False)
    cof: str = "C"
    scheduled: bool = False
    permission: bool = False

    def __post_init__(self) -> None:
        if self.profile not in ("", "Y") and not _KEPT.fullmatch(self.profile):
            raise ValueError("A profile is Y, or its number and an account number.")
        if self.cof not in ("C", "M"):
            raise ValueError("The customer (C) or the merchant (M) starts a payment.")

    def fields(self) -> dict[str, str]:
        """What goes into the request; a kept card replaces the token and its date."""
        said = {
            "profile": self.profile,
            "cof": self.cof,
            "cofscheduled": "Y" if self.scheduled else "N",
            "cofpermission": "Y" if self.permission else "",
            "ecomind": "R" if self.scheduled else "E",
        }
        kept = self.profile not in ("", "Y")
        return said | ({"account": "", "expiry": "", "accttype": ""} if kept else {})


@dataclass(frozen=True)
class Profile:
    """One account of a profile."""

    profileid: str = field(repr=False)
    acctid: str = field(repr=False)
    token: str = field(repr=False)
    kind: str
    expiry: str = field(repr=False)
    name: str
    is_default: bool
    permission: bool


@sensitive_variables()
def profile_create(
    account: CardConnectAccount,
    token: str,
    *,
    profileid: str = "",
    default: bool = False,
    permission: bool = False,
    **details: str,
) -> Profile | Declined:
    """Keep a card, in a new profile or as one more account of one; raises NotSent or Unknown.

    `details` are expiry (cards only), accttype, name, address, postal and the like. The same card
    with the same details gets the numbers it has already.
    """
    return _save(account, {"account": token, "profile": profileid}, default, permission, details)


@sensitive_variables()
def profile_update(
    account: CardConnectAccount,
    profileid: str,
    acctid: str,
    *,
    default: bool = False,
    permission: bool = False,
    **details: str,
) -> Profile | Declined:
    """Change the details that are given and leave the others; raises NotSent or Unknown."""
    what = {"profile": f"{profileid}/{acctid}", "profileupdate": "Y"}
    return _save(account, what, default, permission, details)


def profile_read(account: CardConnectAccount, profileid: str, acctid: str = "") -> list[Profile]:
    """The accounts of a profile, or one of them; [] for none. Raises NotSent or Unknown."""
    told = http.ask(account, "GET", _path(account, profileid, acctid))
    rows = told if isinstance(told, list) else [told]
    return [_profile(row) for row in rows if http.field(row, "respcode") != _NOT_FOUND]


def profile_delete(
    account: CardConnectAccount, profileid: str, acctid: str = ""
) -> Declined | None:
    """Forget a profile or one account of it; None when it is gone. Raises NotSent or Unknown."""
    row = http.ask(account, "DELETE", _path(account, profileid, acctid))
    if _answered(row, _DELETED):
        return None
    return responses.refused(row, "profile")


def _save(
    account: CardConnectAccount,
    what: dict[str, str],
    default: bool,
    permission: bool,
    details: dict[str, str],
) -> Profile | Declined:
    request = {"merchid": account.merchid, **what, **details}
    request["defaultacct"] = "Y" if default else ""
    request["cofpermission"] = "Y" if permission else ""
    filled = {name: value for name, value in request.items() if value}
    row = http.ask(account, "PUT", "profile", filled)
    return _profile(row) if _answered(row, _SAVED) else responses.refused(row, "profile")


def _answered(row: Any, code: str) -> bool:
    """Whether it was done; raises Unknown unless the answer is a yes or a no."""
    respstat = http.field(row, "respstat")
    if respstat not in ("A", "C"):
        raise Unknown("The answer does not say how it went.")
    return respstat == "A" and http.field(row, "respcode") in (code, "00")


def _profile(row: Any) -> Profile:
    profileid, acctid = http.field(row, "profileid", 20), http.field(row, "acctid", 3)
    if not profileid or not acctid:
        raise Unknown("The answer does not name the profile.")
    return Profile(
        profileid=profileid,
        acctid=acctid,
        token=http.field(row, "token", 19) or http.field(row, "account", 19),
        kind=http.field(row, "accttype", 6),
        expiry=http.field(row, "expiry", 8),
        name=http.field(row, "name", 30),
        is_default=http.flag(row, "defaultacct"),
        permission=http.flag(row, "cofpermission"),
    )


def _path(account: CardConnectAccount, profileid: str, acctid: str) -> str:
    """A blank account number is all of them; numbers only, so that a path stays a path."""
    if not _PROFILE.fullmatch(profileid) or not _ACCOUNT.fullmatch(acctid):
        raise ValueError("Profiles and their accounts are numbers.")
    return f"profile/{profileid}/{acctid}/{account.merchid}"
