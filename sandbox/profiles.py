"""Stored accounts: the profile calls, and payments with what they stored."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox import emulator, wire
from sandbox.models import ACH, Charge, Merchant, Profile, Token, note

Body = dict[str, Any]
DETAILS = (
    "name", "company", "address", "address2", "city", "region", "country", "postal", "phone",
    "email", "auoptout", "cofpermission",
)  # fmt: skip


def said(code: str) -> Body:
    """Return the gateway's answer for one of its codes."""
    return wire.code_fields(emulator.result("PPS", code))


def find(merchant: Merchant, profileid: str, acctid: str = "") -> list[Profile]:
    """Return the accounts of a profile, or the one named; [] when there is none."""
    found = Profile.objects.filter(merchant=merchant, profileid=profileid).order_by("acctid")
    if acctid:
        return list(found.filter(acctid=int(acctid))) if acctid.isdecimal() else []
    return list(found)


def put(merchant: Merchant, body: Body) -> Body:
    """PUT /profile: create a profile, add an account to one, or change an account."""
    profileid, _, acctid = str(body.get("profile") or "").partition("/")
    acctid = acctid or str(body.get("acctid") or "")
    if profileid and not find(merchant, profileid, acctid):
        return said("96")
    try:
        if acctid:
            profile = change(find(merchant, profileid, acctid)[0], body)
        else:
            profile = store(merchant, body, emulator.find_token(body), profileid)
    except emulator.Refusal as refusal:
        return wire.code_fields(refusal.outcome)
    return said("09") | account_body(profile)


def store(merchant: Merchant, body: Body, token: Token, profileid: str = "") -> Profile:
    """Store an account; an exact double of one stored before is that one."""
    values = columns(body, token)
    same = Profile.objects.filter(merchant=merchant, **values).order_by("pk")
    twin = (same.filter(profileid=profileid) if profileid else same).first()
    if twin:
        return twin
    others = find(merchant, profileid) if profileid else []
    profile = Profile(merchant=merchant, **values)
    profile.profileid = profileid or f"{secrets.randbelow(9 * 10**19) + 10**19}"
    profile.acctid = max((one.acctid for one in others), default=0) + 1
    profile.default = not others
    profile.save()
    if str(body.get("defaultacct") or "").upper() == "Y":
        make_default(profile)
    note("profile", str(profile), token=profile.token)
    return profile


def columns(body: Body, token: Token) -> Body:
    """Return what a request stores."""
    kind = str(body.get("accttype") or "").upper() or "ECHK"
    return {
        "token": token.token,
        "expiry": "" if token.kind == ACH else emulator.read_expiry(str(body.get("expiry") or "")),
        "accttype": kind if token.kind == ACH else token.brand,
        "details": {name: str(body[name]) for name in DETAILS if body.get(name)},
    }


def change(profile: Profile, body: Body) -> Profile:
    """Change an account: with `profileupdate: Y` only what was sent, otherwise all of it."""
    partly = str(body.get("profileupdate") or "").upper() == "Y"
    old = {"account": profile.token, "expiry": profile.expiry, "accttype": profile.accttype}
    given = {name: value for name, value in body.items() if value}
    wanted = old | profile.details | given if partly else body
    values = columns(wanted, emulator.find_token(wanted))
    for name, value in values.items():
        setattr(profile, name, value)
    profile.save()
    if str(body.get("defaultacct") or "").upper() == "Y":
        make_default(profile)
    note("profile", str(profile), token=profile.token)
    return profile


def make_default(profile: Profile) -> None:
    """Let this account be the one its profile stands for."""
    Profile.objects.filter(profileid=profile.profileid).update(default=False)
    profile.default = True
    profile.save(update_fields=["default"])


def account_body(profile: Profile) -> Body:
    """Return one stored account."""
    return profile.details | {
        "profileid": profile.profileid,
        "acctid": str(profile.acctid),
        "token": profile.token,
        "expiry": profile.expiry,
        "accttype": profile.accttype,
        "defaultacct": "Y" if profile.default else "N",
        "auoptout": profile.details.get("auoptout", "N"),
        "cofpermission": profile.details.get("cofpermission", "N"),
        "gsacard": "N",
    }


def get(merchant: Merchant, profileid: str, acctid: str) -> list[Body]:
    """GET /profile: always a list, even of one or of the answer that there is none."""
    accounts = find(merchant, profileid, acctid)
    return [account_body(one) for one in accounts] or [said("96") | {"profileid": profileid}]


def delete(merchant: Merchant, profileid: str, acctid: str) -> Body:
    """DELETE /profile: one account, or the profile; the default goes last."""
    accounts = find(merchant, profileid, acctid)
    ids = {"profileid": profileid, "acctid": acctid}
    if not accounts:
        return said("96") | ids
    if acctid and accounts[0].default and len(find(merchant, profileid)) > 1:
        return said("34") | ids
    for account in accounts:
        note("profile deleted", str(account))
        account.delete()
    return said("08") | ids


def fill(merchant: Merchant, body: Body) -> Body:
    """Return the auth request with the stored account in it; raises Refusal (PPS 96)."""
    named = str(body.get("profile") or "")
    if named in ("", "Y", "y", "N", "n"):
        return body
    profileid, _, acctid = named.partition("/")
    acctid = acctid or str(body.get("acctid") or "")
    accounts = find(merchant, profileid, acctid)
    chosen = next((one for one in accounts if acctid or one.default), None)
    if chosen is None:
        raise emulator.refuse("PPS", "96")
    stored = {name: value for name, value in chosen.details.items() if name != "cofpermission"}
    given = {name: value for name, value in body.items() if value and name != "account"}
    account = {"account": chosen.token, "accttype": chosen.accttype}
    if chosen.expiry:
        account["expiry"] = chosen.expiry
    ids = {"profileid": chosen.profileid, "acctid": str(chosen.acctid)}
    return stored | account | given | {"profile_ids": ids}


def remember(charge: Charge, body: Body) -> None:
    """Note the profile an approved payment used, or store the one it asked for."""
    if not charge.approved:
        return
    ids = body.get("profile_ids")
    if str(body.get("profile") or "").upper() == "Y" and charge.token:
        token = Token.objects.get(token=charge.token)
        stored = store(charge.merchant, body | {"expiry": charge.expiry}, token)
        ids = {"profileid": stored.profileid, "acctid": str(stored.acctid)}
    if ids:
        charge.extra |= ids
        charge.save(update_fields=["extra"])
