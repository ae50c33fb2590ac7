"""The address of CardPointe's Hosted iFrame Tokenizer, styled like our page.

Card number, expiration date and CVV, and bank account numbers, are typed into that frame only. Its
`css` parameter accepts an allow-list of properties; the frame stays usable without the others.
"""

from __future__ import annotations

from urllib.parse import urlencode

from payments.gateway.client import base_url

_FONT = "system-ui,-apple-system,Segoe UI,Roboto,Helvetica Neue,Arial,sans-serif"
CSS = (
    f"body{{margin:0;background-color:#fff;color:#12161c;font-family:{_FONT};font-size:16px}}"
    "label,.label{font-size:15px;font-weight:500;color:#12161c}"
    "input,select{height:46px;padding:0 12px;border:1px solid #838c98;border-radius:10px;"
    "background-color:#fff;color:#12161c;font-size:16px}"
    "select{padding:0 6px}"
    "input:focus,select:focus{outline:3px solid #12161c;outline-offset:1px}"
    ".error{border:2px solid #b0231c}"
    "@media (prefers-color-scheme: dark){"
    "body{background-color:#151920;color:#eef1f5}"
    "label,.label{color:#eef1f5}"
    "input,select{border-color:#717b89;background-color:#151920;color:#eef1f5}"
    "input::placeholder{color:#9aa5b3}"
    "input:focus,select:focus{outline-color:#fff}"
    ".error{border-color:#ff9d93}"
    "}"
)
COMMON = {
    "enhancedresponse": "true",
    "tokenizewheninactive": "true",
    "invalidinputevent": "true",
    "sendcardtypingevent": "true",
    "css": CSS,
}
CARD = {
    **COMMON,
    "useexpiry": "true",
    "usecvv": "true",
    "formatinput": "true",
    "invalidcreditcardevent": "true",
    "invalidcvvevent": "true",
    "invalidexpiryevent": "true",
    "cardlabel": "Card number",
    "cardtitle": "Card number",
    "placeholder": "1234 1234 1234 1234",
    "expirylabel": "Expires",
    "expirymonthtitle": "Expires, month",
    "expiryyeartitle": "Expires, year",
    "cvvlabel": "Security code",
    "cvvtitle": "Security code, 3 or 4 digits",
    "placeholdercvv": "3 or 4 digits",
}
# One field for both numbers needs a keyboard with a slash, and time to type a long number.
ACH = {
    **COMMON,
    "fullmobilekeyboard": "true",
    "inactivityto": "2000",
    "cardlabel": "Routing number / account number",
    "cardtitle": "Routing number, a slash, account number",
    "placeholder": "123456789/1234123412",
}


def url(site: str, method: str) -> str:
    """The frame's address for a card or for a bank account."""
    query = ACH if method == "ach" else CARD
    return f"{base_url(site)}/itoke/ajax-tokenizer.html?{urlencode(query)}"
