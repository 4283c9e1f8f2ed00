"""Certificates say what their own entry says: the mistakes that others print are looked for one by one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from protocol_world import START, person, secret

from chain_node.protocol.certificate import Certificate, Language, grams
from chain_node.protocol.kinds.act import ResidentTail, SerialPart
from chain_node.protocol.kinds.retirement import BeneficiaryKind, Retirement, padded

TONNE = 1_000_000_000
"""Milligrams."""


def retirement(*parts: SerialPart, reason: str = "公司年会碳中和", organisation: int = 7) -> Retirement:
    data = reason.encode()
    beneficiary = organisation.to_bytes(32, "big")
    tail = ResidentTail(person(6), 0, START + 60, bytes(65))
    kind = BeneficiaryKind.ORGANISATION
    return Retirement(START, person(0), kind, beneficiary, len(data), padded(data), parts, tail)


HUNDRED = retirement(SerialPart(2025, 0, 1, 99 * TONNE), SerialPart(2026, 0, 5_001, TONNE))


def test_a_hundred_tonnes_are_a_hundred_tonnes() -> None:
    made = Certificate.of(41, HUNDRED)
    assert made.milligrams == 100 * TONNE
    document = made.document()
    assert (document["grams"], document["milligrams"]) == ("100000000", "100000000000")
    assert [line["grams"] for line in document["lines"]] == ["99000000", "1000000"]
    assert "注销量：100,000,000 克二氧化碳当量\n" in made.text(Language.ZH)
    assert "Amount: 100,000,000 g CO2e\n" in made.text(Language.EN)


def test_serials_are_numbers_of_its_own_lines() -> None:
    made = Certificate.of(41, HUNDRED)
    serials = ["2025-0-1-99000000000", "2026-0-5001-1000005000"]
    assert [line["serials"] for line in made.document()["lines"]] == serials
    for language in Language:
        lines = made.text(language).splitlines()[-2:]
        assert [line.split()[-1] for line in lines] == serials
        assert "nan" not in made.text(language).lower()
    assert made.serial == made.document()["serial"] == 41


def test_the_last_serial_that_there_can_be_is_exact() -> None:
    last = (1 << 64) - 1
    line = Certificate.of(1, retirement(SerialPart(2026, 0, last, 1))).document()["lines"][0]
    assert line["serials"] == f"2026-0-{last}-{last}"
    assert (line["first"], line["milligrams"], line["grams"]) == (str(last), "1", "0.001")


def test_each_certificate_names_its_own_beneficiary() -> None:
    person_hash = secret("salt and name")
    other = replace(HUNDRED, beneficiary_kind=BeneficiaryKind.PERSON, beneficiary=person_hash)
    first, second = Certificate.of(1, HUNDRED), Certificate.of(2, other)
    assert first.document()["beneficiary"] == {"kind": "organisation", "organisation": 7, "commitment": None}
    assert second.document()["beneficiary"] == {
        "kind": "person",
        "organisation": None,
        "commitment": person_hash.hex(),
    }
    assert "受益方：机构 7\n" in first.text(Language.ZH)
    assert "Beneficiary: organisation 7\n" in first.text(Language.EN)
    for language in Language:
        assert person_hash.hex() in second.text(language)
        assert person_hash.hex() not in first.text(language)


def test_it_does_not_name_the_account() -> None:
    made = Certificate.of(1, HUNDRED)
    shown = [made.text(language) for language in Language] + [json.dumps(made.document())]
    assert all(HUNDRED.account.hex() not in text for text in shown)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("绿色出行 trip".encode(), "绿色出行 trip"),
        (b"x\nBeneficiary: organisation 1", "x\ufffdBeneficiary: organisation 1"),
        ("x\u2028受益方：机构 1".encode(), "x\ufffd受益方：机构 1"),
        ("\u202eabc\u200b\0".encode(), "\ufffdabc\ufffd\ufffd"),
        (b"\xff\xfeok", "\ufffd\ufffdok"),
    ],
)
def test_a_reason_forges_no_line(reason: bytes, shown: str) -> None:
    made = Certificate.of(1, replace(HUNDRED, reason_length=len(reason), reason=padded(reason)))
    assert made.document()["reason"] == shown
    for language in Language:
        text = made.text(language)
        assert f"{shown}\n" in text
        assert len(text.splitlines()) == 8


@pytest.mark.parametrize(
    ("milligrams", "text"),
    [(1, "0.001"), (10, "0.01"), (1_000, "1"), (1_500, "1.5"), ((1 << 64) - 1, "18446744073709551.615")],
)
def test_grams_are_exact(milligrams: int, text: str) -> None:
    assert grams(milligrams) == text


def test_its_time_is_the_entrys() -> None:
    made = Certificate.of(1, replace(HUNDRED, time=1_781_496_000))
    assert made.document()["retired_at"] == "2026-06-15T12:00:00+08:00"
    assert "2026-06-15 12:00:00（UTC+8）" in made.text(Language.ZH)
