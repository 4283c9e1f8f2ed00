"""One store of tokens over two tables: what holds of the door's and of the API's alike."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.store import migrate
from api.store.database import writer
from api.tokens.service import ApiTokens
from chain_node.errors import TokenError
from chain_node.gateway.callers import CallerStore, Grant
from chain_node.tokens.store import TokenStore
from chain_node.tokens.token import Token, admits, mint, split


class Subject:
    """A store, how an entry is made in it, and the bytes of all that it keeps."""

    def __init__(self, store: TokenStore[Any, Any], path: Path) -> None:
        self.store, self._path = store, path

    def make(self, label: str = "", lifetime: int | None = None) -> tuple[Any, str]:
        if isinstance(self.store, ApiTokens):
            return self.store.create(["auditor"], label=label, lifetime=lifetime)
        assert isinstance(self.store, CallerStore)
        entry, token = self.store.create(Grant("auditor", label, lifetime))
        assert token is not None
        return entry, token

    def kept(self) -> bytes:
        return b"".join(path.read_bytes() for path in self._path.parent.glob(f"{self._path.name}*"))


@pytest.fixture(params=["door", "api"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    path = tmp_path / "tokens.sqlite"
    if request.param == "door":
        store = CallerStore(path)
        yield Subject(store, path)
        store.close()
        return
    engine = writer(f"sqlite:///{path}")
    migrate.upgrade(engine)
    yield Subject(ApiTokens(engine), path)
    engine.dispose()


def test_a_secret_is_shown_once_and_kept_nowhere(subject: Subject) -> None:
    entry, token = subject.make("dashboards", 60)
    parts = split(subject.store.prefix, token)
    assert parts is not None
    assert parts[0] == entry.id
    assert entry.expires == entry.created + 60
    assert subject.store.entries() == [entry]
    assert parts[1].encode() not in subject.kept()
    assert parts[1] not in repr(asdict(entry))
    assert hashlib.sha256(parts[1].encode()).digest() in subject.kept()


def test_entries_are_listed_and_revoked_once(subject: Subject) -> None:
    made = [subject.make(str(number)) for number in range(3)]
    assert {entry.id for entry, _ in made} == {entry.id for entry in subject.store.entries()}
    (first, _), (second, token), _ = made
    revoked = subject.store.revoke(f" {first.id}\n")
    assert revoked.revoked is not None
    assert subject.store.revoke(first.id) == revoked
    assert subject.store.revoke(token).id == second.id
    assert [entry.revoked is None for entry in subject.store.entries()].count(True) == 1


@pytest.mark.parametrize("wanted", ["nobody", "", "luya_", "luyagw__", "' OR 1=1 --"])
def test_who_is_not_there_cannot_be_revoked(subject: Subject, wanted: str) -> None:
    subject.make()
    with pytest.raises(TokenError, match=f"there is no {subject.store.entry}.*{subject.store.command}"):
        subject.store.revoke(wanted)
    assert subject.store.entries()[0].revoked is None


def test_what_cannot_be_is_refused(subject: Subject) -> None:
    with pytest.raises(TokenError, match="201 characters"):
        subject.make("x" * 201)
    for lifetime in (0, -1):
        with pytest.raises(TokenError, match="would have ended already"):
            subject.make(lifetime=lifetime)
    assert subject.store.entries() == []


def test_who_is_admitted() -> None:
    token, secret = mint("", 1_000, 60)
    assert admits(token, secret, 1_059.9)
    assert not admits(token, secret, 1_060)
    assert not admits(Token(token.id, token.digest, "", 1_000, None, 1_001), secret, 1_002)
    assert not admits(token, secret[:-1] + ("a" if secret[-1] != "a" else "b"), 1_001)
    assert not admits(None, secret, 1_001)
    assert not admits(mint("", 1_000, None, secret=False)[0], "", 1_001)
    assert not admits(token, "\ud800" * 43, 1_001)


def test_each_attempt_is_one_comparison_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    token, secret = mint("", 1_000, None)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for kept in (token, None, mint("", 1_000, None, secret=False)[0], Token(token.id, token.digest, "", 0, 1, 1)):
        admits(kept, secret, 1_001)
    assert compared == [(32, 32)] * 4


@pytest.mark.parametrize(
    "text_",
    ["", "luya", "luya_abcdefgh", "luya_abcdefg_" + "s" * 43, "luya_abcdefgh_" + "s" * 42, "gw_abcdefgh_" + "s" * 43],
)
def test_other_texts_are_no_tokens(text_: str) -> None:
    assert split("luya", text_) is None
    assert split("luya", "luya_abcdefgh_" + "_" * 43) == ("abcdefgh", "_" * 43)


SECRET = "Hv5bZf0PZ0y6yvO2mSxm4G0m5yJ1Hq2yJ9mV0d3k7Qw"
DIGEST = hashlib.sha256(SECRET.encode()).digest()
ROWS = {
    "door": "INSERT INTO callers VALUES ('mfzwizlt', 'auditor', 'old', :digest, NULL, NULL, '[]', '[]', 0, NULL, NULL, "
    "1700000000, NULL, NULL)",
    "api": "INSERT INTO token (id, secret_hash, scopes, label, created, expires, revoked) "
    "VALUES ('mfzwizlt', :digest, '[\"auditor\"]', 'old', 1700000000, NULL, NULL)",
}


def test_tokens_made_before_there_was_one_store_still_hold(subject: Subject) -> None:
    """Rows as 0.1 wrote them, by their SQL."""
    store = subject.store
    if isinstance(store, ApiTokens):
        with store._engine.begin() as connection:
            connection.execute(text(ROWS["api"]), {"digest": DIGEST})
            (kept,) = connection.execute(text("SELECT secret_hash FROM token")).all()
        assert admits(Token("mfzwizlt", kept[0], "old", 1_700_000_000), SECRET, 1_800_000_000)
    else:
        assert isinstance(store, CallerStore)
        store._connection.execute(ROWS["door"], {"digest": DIGEST})
        found = store.load().by_token(f"luyagw_mfzwizlt_{SECRET}")
        assert found is not None
        assert (found.id, found.role) == ("mfzwizlt", "auditor")
    assert [entry.id for entry in store.entries()] == ["mfzwizlt"]
    assert store.revoke("mfzwizlt").revoked is not None
