"""Demo clock is set ahead, and what was announced for tomorrow arrives on the phones."""

from __future__ import annotations

import re

from tests.journeys.stack import Stack
from tests.journeys.walks import VISA, office, send_text, tokenize
from tests.pages import Person
from tests.waiting import eventually


def test_what_the_page_announces_for_tomorrow_arrives_once_when_the_clock_is_moved(
    house: Stack,
) -> None:
    boss = office(house, "Administrator").open("/reminders/")
    tomorrow = boss.page.find(id="live-tomorrow").get_text(" ")
    announced = set(re.findall(r"INV-\d+", tomorrow))
    assert announced, tomorrow  # how many depends on what the journeys before have sent
    boss.press("Next day, 10 AM")
    assert boss.sees("The demo clock shows")
    eventually(lambda: set(_reminded(house)) >= announced, "the reminders arrive", 60)
    boss.press("Ahead 1 hour")
    today = eventually(lambda: _all_arrived(boss), "all of them are shown as delivered", 60)
    assert announced <= set(re.findall(r"INV-\d+", today))
    boss.press("Back to now")
    assert not boss.sees("The demo clock shows")
    assert sorted(_reminded(house)) == sorted(set(_reminded(house)))  # each of them once
    spanish = [body for body in _bodies(house) if "vence el" in body]
    assert all("Pague en: " in body and "AYUDA" in body for body in spanish)


def test_while_the_clock_is_set_ahead_people_pay_as_ever(house: Stack) -> None:
    boss = office(house, "Administrator").open("/reminders/").press("Next week, 10 AM")
    try:
        number, link = send_text(house, office(house))
        dana = Person(house.url).open(link)
        [amount] = re.findall(r"Pay \$([\d,]+\.\d\d)", dana.text)[:1]
        card = tokenize(house, VISA)
        dana.press(f"Pay ${amount}", token=card, expiry="203012", authorized="yes")
        assert dana.sees("Paid"), dana.text
        assert dana.open(link).sees("Already paid")
        maya = office(house).open(f"/invoices/?q={number}")
        assert maya.sees("Paid"), maya.text
    finally:
        boss.open("/reminders/").press("Back to now")
    house.manage("verify_money", "--no-gateway")  # its gateway knows nothing of the demo's past


def _bodies(house: Stack) -> list[str]:
    return [row["body"] for row in house.sandbox.ledger()["messages"]]


def _reminded(house: Stack) -> list[str]:
    """The invoices that a reminder arrived for, by their numbers."""
    words = re.compile(r"Reminder: |Past due: |Link ends soon: |is due |vence el |Recordatorio: ")
    return [
        found[0]
        for body in _bodies(house)
        if words.search(body) and (found := re.search(r"INV-\d+", body))
    ]


def _all_arrived(boss: Person) -> str:
    """Today's part of the page once every reminder on it has been delivered; else ""."""
    today = str(boss.open("/reminders/").page.find(id="live-today").get_text(" "))
    return today if "Delivered" in today and "Queued" not in today else ""
