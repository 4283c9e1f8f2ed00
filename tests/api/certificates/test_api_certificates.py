"""A certificate by its number: anyone's to read, its own entry's content, in two languages."""

from __future__ import annotations

from api_ledger import person
from api_world import World

from chain_node.protocol.certificate import Certificate, Language
from chain_node.protocol.kinds.act import ResidentTail, SerialPart
from chain_node.protocol.kinds.controllers import Custodian, CustodianState
from chain_node.protocol.kinds.retirement import BeneficiaryKind, Retirement, padded
from chain_node.protocol.merkle import leaf_hash
from chain_node.protocol.postings import Unit

CUSTODIAN = bytes([9]) * 20


def retire(world: World, reason: str, beneficiary: bytes, kind: BeneficiaryKind, nonce: int) -> tuple[int, Retirement]:
    """One milligram of each vintage that person 1 holds, from serial 1 + nonce on."""
    ledger, account = world.ledger, person(1)
    held = [
        year for year in sorted(ledger.state.vintages_of(account)) if ledger.state.held(account, year, Unit.CREDITS)
    ]
    parts = tuple(SerialPart(year, 0, 1 + nonce, 1) for year in held)
    data, tail = reason.encode(), ResidentTail(CUSTODIAN, nonce, ledger.time, bytes(65))
    act = Retirement(ledger.time, account, kind, beneficiary, len(data), padded(data), parts, tail)
    return ledger.append(act), act


def test_certificates_say_what_their_entries_say(world: World) -> None:
    world.ledger.append(Custodian(world.ledger.time, CUSTODIAN, CustodianState.ACTIVE))
    one, act = retire(world, "年会", (1).to_bytes(32, "big"), BeneficiaryKind.ORGANISATION, 0)
    other, _ = retire(world, "trip", bytes([5]) * 32, BeneficiaryKind.PERSON, 1)
    world.project()
    client = world.client()
    answer = client.get(f"/v1/certificates/{one}")
    shown = answer.json()
    made = Certificate.of(one, act)
    assert shown.pop("leaf_hash") == leaf_hash(world.ledger.bodies[one]).hex()
    assert shown == made.document()
    assert shown["beneficiary"] == {"kind": "organisation", "organisation": 1, "commitment": None}
    assert shown["milligrams"] == str(len(act.parts))
    assert shown["lines"]
    assert client.get(f"/v1/certificates/{other}").json()["beneficiary"] == {
        "kind": "person",
        "organisation": None,
        "commitment": "05" * 32,
    }
    assert person(1).hex() not in answer.text
    again = client.get(f"/v1/certificates/{one}", if_none_match=answer.headers["etag"])
    assert again.status_code == 304


def test_a_certificate_as_text(world: World) -> None:
    world.ledger.append(Custodian(world.ledger.time, CUSTODIAN, CustodianState.ACTIVE))
    serial, act = retire(world, "年会", (1).to_bytes(32, "big"), BeneficiaryKind.ORGANISATION, 0)
    world.project()
    client, made = world.client(), Certificate.of(serial, act)
    chinese = client.get(f"/v1/certificates/{serial}", accept="text/plain")
    assert (chinese.text, chinese.headers["content-type"]) == (made.text(Language.ZH), "text/plain; charset=utf-8")
    assert client.get(f"/v1/certificates/{serial}?lang=zh").text == chinese.text
    assert client.get(f"/v1/certificates/{serial}?lang=en").text == made.text(Language.EN)
    assert client.get(f"/v1/certificates/{serial}?lang=fr").status_code == 400


def test_other_numbers_are_no_certificates(world: World) -> None:
    client = world.client()
    for number in (0, world.ledger.marks["rides"], world.ledger.state.size):
        answer = client.get(f"/v1/certificates/{number}")
        assert answer.status_code == 404
        assert f"there is no certificate {number}" in answer.text
    assert client.get("/v1/certificates/-1").status_code == 400
    assert client.get(f"/v1/certificates/{1 << 63}").status_code == 400
