"""The registrar's store and derivations, without a chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_node.errors import RegistryError
from chain_node.protocol.attestation import address_of
from chain_node.registry.derive import Subkeys, fields, member_key, nullifier_of
from chain_node.registry.registrar import Identity, Registrar
from chain_node.registry.store import REGISTERED

MASTER = b"\x05" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry" / "registry.sqlite"


def open_(path: Path, master: bytes = MASTER) -> Registrar:
    return Registrar(path, master)


def test_enrolment_is_durable_and_repeats(path: Path) -> None:
    registrar = open_(path)
    first = registrar.enrol_many(1, ["a", "b", "a"])
    assert registrar.enrol_many(1, ["b", "c"])["b"] == first["b"]
    registrar.close()
    registrar = open_(path)
    assert registrar.lookup_many(1, ["a", "b", "x"]) == first
    assert registrar.lookup_many(2, ["a"]) == {}
    for account in first.values():
        assert address_of(registrar.private_key(account)) == account
    with pytest.raises(RegistryError, match="no chain"):
        registrar.register_pending()
    with pytest.raises(RegistryError, match="not an account"):
        registrar.private_key(b"\0" * 20)
    registrar.close()


def test_many_lookups(path: Path) -> None:
    registrar = open_(path)
    users = [f"user {n}" for n in range(1300)]
    made = registrar.enrol_many(1, users)
    assert len(set(made.values())) == 1300
    assert registrar.lookup_many(1, users) == made
    registrar.close()


def test_two_processes_that_enrol_one_person_at_once_agree(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faster, slower = open_(path), open_(path)
    look, done = slower.lookup_many, []

    def overtaken(organisation: int, users: list[str]) -> dict[str, bytes]:
        found = look(organisation, users)
        if not done:
            done.append(faster.enrol_many(1, ["a", "b"]))
        return found

    monkeypatch.setattr(slower, "lookup_many", overtaken)
    made = slower.enrol_many(1, ["a", "b", "c"])
    assert {user: made[user] for user in "ab"} == done[0]
    faster.close()
    slower.close()


def test_accounts_are_owed_to_a_new_ledger_until_all_are_there(path: Path) -> None:
    registrar = open_(path)
    assert registrar.ensure_registered(b"first") == 0
    account = registrar.enrol_many(1, ["a"])["a"]
    registrar._store.mark([account], REGISTERED)
    registrar.close()
    registrar = open_(path)
    assert registrar.ensure_registered(b"first") == 0
    for _ in range(2):  # a process that ended before all were registered is followed by one that tries again
        with pytest.raises(RegistryError, match="no chain"):
            registrar.ensure_registered(b"rebuilt")
    registrar.close()


def test_only_an_identity_joins(path: Path) -> None:
    registrar = open_(path)
    person = Identity("passport", "E123")
    one = registrar.enrol_many(1, ["x"], {"x": person})["x"]
    assert registrar.enrol_many(2, ["y"], {"y": person})["y"] == one
    assert registrar.enrol_many(2, ["x"])["x"] != one
    assert registrar.enrol_many(3, ["z"], {"z": Identity("passport", "E123", epoch=2027)})["z"] != one
    registrar.close()


def test_nothing_personal_is_readable_at_rest(path: Path) -> None:
    registrar = open_(path)
    user, number = "resident-zhang-8848", "510502199001015555"
    registrar.enrol_many(1, [user], {user: Identity("cn-resident-id", number)})
    registrar.close()
    for file in path.parent.iterdir():
        content = file.read_bytes()
        assert user.encode() not in content
        assert number.encode() not in content
        assert file.stat().st_mode & 0o077 == 0 or file.suffix != ".sqlite"


def test_another_master_secret_is_refused(path: Path) -> None:
    open_(path).close()
    with pytest.raises(RegistryError, match="another master secret"):
        open_(path, b"\x06" * 32)


def test_fields_cannot_be_confused() -> None:
    assert fields("ab", "c") != fields("a", "bc")
    keys = Subkeys(MASTER)
    assert nullifier_of(keys, "a", "bc") != nullifier_of(keys, "ab", "c")
    assert member_key(keys, 1, "u") != member_key(keys, 2, "u")
    assert len({keys.lookup, keys.account, keys.identity, keys.store}) == 4
