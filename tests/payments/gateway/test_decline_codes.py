"""The processors' codes: each decline has words for people, and staff see the original."""

import csv
from pathlib import Path

import pytest

from payments.gateway import decline_codes
from payments.gateway.decline_codes import (
    FUNDS,
    NEVER,
    NO_REASON,
    declined,
    find,
    for_staff,
    original,
)

FILE = Path(decline_codes.__file__).with_name("decline_codes.csv")
ROWS = list(csv.DictReader(FILE.open(encoding="ascii")))
FAMILIES = {"PPS", "FNOR", "RPCT", "AMEX", "PSTR", "NASH", "PMT", "VANT", "VPS", "PTAM"}


def test_the_table_is_whole():
    assert len(ROWS) > 800
    keys = [(row["respproc"], row["respcode"]) for row in ROWS]
    assert keys == sorted(set(keys))
    assert {row["respproc"] for row in ROWS} >= FAMILIES
    for row in ROWS:
        assert row["respstat"] in ("A", "B", "C")
        assert bool(row["words"]) == (row["respstat"] == "C"), row
        assert len(row["respproc"]) <= 4
        assert len(row["respcode"]) <= 4


def test_every_decline_has_words_and_its_own_text():
    for row in ROWS:
        if row["respstat"] == "C":
            told = find(row["respproc"], row["respcode"], row["resptext"])
            assert told == getattr(decline_codes, row["words"])
            assert original(row["respproc"], row["respcode"]) == row["resptext"]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("FUNDS", "FNOR:NU RPCT:116 AMEX:116 NASH:NU PMT:302 PMT:521 VANT:51 VPS:51 MNS:51 DPS:51"),
        ("EXPIRED", "PPS:16 FNOR:54 RPCT:101 AMEX:101 PMT:522 VANT:54 VPS:33 PTAM:54 FOMA:06"),
        ("CODE", "PPS:37 FNOR:C2 RPCT:517 AMEX:103 NASH:C2 PMT:531 PMT:811 VANT:82 VPS:N7"),
        ("NEVER", "RPCT:208 RPCT:209 AMEX:200 PMT:501 VANT:41 VANT:43 VPS:04 PTAM:43 MNS:43"),
        ("NO_REASON", "FNOR:05 RPCT:100 RPCT:500 AMEX:100 PMT:530 VANT:05 VPS:05 PTAM:05"),
        ("CALL_BANK", "FNOR:01 RPCT:107 AMEX:107 NASH:01 PMT:401 VANT:02 VPS:01 PTAM:01"),
        ("DUPLICATE", "PPS:36 FNOR:94 RPCT:913 PSTR:01 VANT:94 CRDX:99 PMT:234 MNS:98"),
        ("NUMBER", "PPS:11 FNOR:14 RPCT:131 PMT:591 VANT:14 PTAM:14 MNS:14"),
        ("TRY_LATER", "RPCT:911 VANT:91 VPS:91 PMT:301 FNOR:NM PTAM:91"),
        ("OUR_SIDE", "PPS:97 FNOR:03 RPCT:109 AMEX:109 PMT:231 VANT:03 VPS:03 PSTR:12"),
        ("BANK_NUMBERS", "PSTR:28 PSTR:99"),
    ],
)
def test_one_meaning_is_one_sentence_at_every_processor(words, codes):
    for pair in codes.split():
        processor, code = pair.split(":")
        assert find(processor, code, "") == getattr(decline_codes, words), pair


def test_a_code_nobody_knows():
    assert find("XYZ", "??", "") == NO_REASON
    assert original("XYZ", "??") == ""
    assert find("PPS", "00", "") == NO_REASON  # an approval's code on a decline explains nothing


def test_a_lost_card_is_never_called_one():
    for words in decline_codes._WORDS.values():
        told = set(f"{words.sentence} {words.staff}".lower().split())
        assert not {"lost", "stolen", "fraud", "negative"} & told
    assert not find("RPCT", "209", "").may_retry


def test_staff_read_the_reason_and_the_payer_what_to_do():
    told = declined("FNOR", "NU", "Insufficient funds", FUNDS.sentence, may_retry=True)
    assert told == "The bank declined the card: insufficient funds."
    for words in decline_codes._WORDS.values():
        assert words.staff.endswith(".")
        assert not {"try", "use", "your", "please"} & set(words.staff.lower().split())


def test_staff_read_that_a_card_must_not_be_tried_again():
    assert declined("FNOR", "05", "", NEVER.sentence, may_retry=False) == NEVER.staff


def test_an_approval_that_was_canceled_is_no_decline():
    assert declined("FNOR", "00", "Approval", "The bank approved $1.00.", may_retry=True) == ""


def test_staff_are_told_what_to_do():
    assert "Refund it instead" in for_staff("void", "PPS", "26")
    assert for_staff("refund", "FNOR", "46") == for_staff("refund", "XYZ", "??")
    assert "refund" in for_staff("refund", "FNOR", "05")
