"""Files become a commitment that their owner can open, and nobody else can guess."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from chain_node.protocol.records import evidence as commitment_of
from luya.errors import UsageError
from luya.loop import evidence


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "plot.jpg", tmp_path / "list.csv"]
    made[0].write_bytes(b"a photo")
    made[1].write_bytes(b"tree,place")
    return made


def test_the_opening_beside_the_files_leads_to_the_commitment(files: list[Path]) -> None:
    made = evidence.commit(files, keep=True)
    assert made.opening == files[0].with_name("plot.jpg.evidence.json")
    assert made.opening.stat().st_mode & 0o777 == 0o600
    value = json.loads(made.opening.read_text("utf-8"))
    raw = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert value["files"] == raw
    assert commitment_of(bytes.fromhex(value["salt"]), raw) == made.commitment == bytes.fromhex(value["commitment"])


def test_the_same_files_again_are_the_same_commitment(files: list[Path]) -> None:
    first = evidence.commit(files, keep=True)
    assert evidence.commit(files, keep=True) == first
    files[1].write_bytes(b"another list")
    with pytest.raises(UsageError, match="opening of other files"):
        evidence.commit(files, keep=True)


def test_a_rehearsal_keeps_nothing(files: list[Path]) -> None:
    first, second = (evidence.commit(files, keep=False) for _ in range(2))
    assert first.commitment != second.commitment, "the salt is random"
    assert first.opening is None
    assert sorted(files[0].parent.iterdir()) == sorted(files)


def test_a_broken_opening_is_not_written_over(files: list[Path]) -> None:
    place = files[0].with_name("plot.jpg.evidence.json")
    for text in ("", "{}", '{"salt": "00", "files": [], "commitment": ""}'):
        place.write_text(text)
        with pytest.raises(UsageError, match="opening of"):
            evidence.commit(files, keep=True)
        assert place.read_text() == text


def test_what_is_no_evidence(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "plot.jpg").write_bytes(b"another photo")
    (tmp_path / "empty").touch()
    for wrong, why in (
        ([], "one file or more"),
        ([files[0], other / "plot.jpg"], "are called plot.jpg"),
        ([tmp_path / "none"], "no such file"),
        ([other], "no such file"),
        ([tmp_path / "empty"], "has 0 bytes"),
    ):
        with pytest.raises(UsageError, match=why):
            evidence.commit(wrong, keep=True)
    monkeypatch.setattr(evidence, "MOST_BYTES", 3)
    with pytest.raises(UsageError, match="has 7 bytes"):
        evidence.commit(files, keep=True)


def test_a_photos_nullifier_is_of_its_bytes_alone(files: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(files[0].read_bytes())
    assert evidence.nullifier(copy) == evidence.nullifier(files[0]) != evidence.nullifier(files[1])
    assert evidence.nullifier(copy).hex() != evidence.digest(copy), "no hash that a file's list would show"
