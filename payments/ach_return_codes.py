"""Why a bank sent a payment back: Nacha's return codes in plain words."""

from __future__ import annotations

REASONS = {
    "R01": "There was not enough money in the account.",
    "R02": "The account is closed.",
    "R03": "The bank has no such account, or not in this name.",
    "R04": "The account number is not valid.",
    "R05": "A consumer's account was debited as a business account, which the customer "
    "did not authorize.",
    "R06": "The sending bank asked for the payment back.",
    "R07": "The customer withdrew permission for this payment.",
    "R08": "The customer stopped this payment.",
    "R09": "The money in the account was not available yet.",
    "R10": "The customer says they did not authorize this payment.",
    "R11": "The payment differs from what the customer authorized, such as the amount or the date.",
    "R12": "The account was sold to another bank.",
    "R13": "The routing number is not valid.",
    "R14": "Someone acting for the account's owner can no longer do so.",
    "R15": "The owner of the account has died.",
    "R16": "The account is frozen.",
    "R17": "The bank could not process the payment as it was sent.",
    "R20": "The account does not allow electronic debits.",
    "R21": "The company's identification is not valid.",
    "R22": "The individual's identification is not valid.",
    "R23": "The receiver refused the money.",
    "R24": "The bank considers it a duplicate.",
    "R28": "The routing number fails its own check digit.",
    "R29": "The business that owns the account says it did not authorize this payment.",
    "R31": "The bank returned it with the sending bank's consent.",
    "R33": "The bank returned it at its own discretion.",
    "R51": "The bank found a problem with the notice or the check behind it.",
}
# A credit comes back for fewer reasons than a debit.
REFUND_REASONS = {
    "R02": "The customer's account is closed.",
    "R03": "The bank has no such account, or not in this name.",
    "R04": "The account number is not valid.",
    "R14": "Someone acting for the account's owner can no longer do so.",
    "R15": "The owner of the account has died.",
    "R16": "The customer's account is frozen.",
    "R20": "The account does not take electronic payments.",
    "R23": "The customer refused the money.",
    "R24": "The bank considers it a duplicate.",
}
# Only more money or more time makes these good; a new account or a new permission does the others.
MAY_WORK_LATER = frozenset({"R01", "R09"})


def reason_of(code: str) -> str:
    """The sentence for staff; also for a code that is not in the table."""
    if not code:
        return "The bank returned the payment and has not said why yet."
    return REASONS.get(code, "The bank returned the payment.")


def reason_of_refund(code: str) -> str:
    """Why a refund came back, and what staff do then."""
    why = REFUND_REASONS.get(code, "The customer's bank returned it.")
    return f"{why} Pay the customer another way, for example by check."


def advice_of(code: str) -> str:
    """What to do next."""
    if code in MAY_WORK_LATER:
        return "Send a new text. The same account may work later."
    return "Send a new text and ask for a card or another account."
