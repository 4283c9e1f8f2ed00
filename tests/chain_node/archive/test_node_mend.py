"""What stands beside the log (calls, deployments) is hashed: a changed byte is found, never copied, and mended."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_node_archive import ORIGIN, append, sign

from chain_node.archive.calls import Call
from chain_node.archive.domains import FILE, deployments, nonces, remember
from chain_node.archive.mend import mend
from chain_node.archive.mirror import Mirror, verify_copy
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, LockError, MirrorError

BESIDE = ("calls", "calls.idx", "calls.sum", "domains")


def grow(folder: Path, runs: int) -> None:
    with Archive(folder) as archive:
        for _ in range(runs):
            append(archive, 25)
        archive.publish(sign, ORIGIN)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """An archive of 40 calls in two deployments, and its copy."""
    source, copy = tmp_path / "archive", tmp_path / "copy"
    grow(source, 40)
    remember(source, ORIGIN, b"\x01" * 32)
    remember(source, ORIGIN, b"\x02" * 32)
    with Mirror(source, copy) as mirror:
        mirror.sync()
    return source, copy


def flips(path: Path, count: int) -> Iterator[int]:
    """`path` with one bit changed, at the first, the last and some places between; whole again afterwards."""
    whole = path.read_bytes()
    chosen = random.Random(8)
    for at in {0, len(whole) - 1, *(chosen.randrange(len(whole)) for _ in range(count))}:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chosen.randrange(8))]) + whole[at + 1 :])
        yield at
        path.write_bytes(whole)


@pytest.mark.parametrize("name", BESIDE)
def test_verify_finds_any_changed_byte(name: str, places: tuple[Path, Path]) -> None:
    folder = places[1]
    for at in flips(folder / name, 25):
        with pytest.raises(ArchiveError, match="mend"):
            pytest.fail(f"byte {at} of {name}: {verify_copy(folder)}")
    assert verify_copy(folder).size == 1000


@pytest.mark.parametrize("name", BESIDE)
def test_a_changed_byte_is_never_copied_and_is_mended_from_the_copy(name: str, places: tuple[Path, Path]) -> None:
    source, copy = places
    before = {one: (copy / one).read_bytes() for one in BESIDE}
    for _ in flips(source / name, 6):
        damaged = (source / name).read_bytes()
        with pytest.raises(ArchiveError), Mirror(source, source.parent / "fresh") as mirror:
            mirror.sync()
        assert mend(source, copy) == [name]
        assert (source / f"{name}.damaged").read_bytes() == damaged
        assert {one: (source / one).read_bytes() for one in BESIDE} == before
        assert not (source / ".mending").exists()
    assert mend(source, copy) == []
    assert {one: (copy / one).read_bytes() for one in BESIDE} == before
    grow(source, 1)
    with Mirror(source, copy) as mirror:
        assert mirror.sync().size == 1025


@pytest.mark.parametrize("name", ["calls", "calls.idx", "calls.sum"])
def test_what_the_archive_has_beyond_its_copy_stays(name: str, places: tuple[Path, Path]) -> None:
    source, copy = places
    short = {one: (source / one).stat().st_size for one in BESIDE}
    grow(source, 8)
    remember(source, ORIGIN, b"\x03" * 32)
    whole = {one: (source / one).read_bytes() for one in BESIDE}

    def damage(at: int) -> None:
        (source / name).write_bytes(whole[name][:at] + bytes([whole[name][at] ^ 1]) + whole[name][at + 1 :])

    damage(short[name] // 2)
    assert mend(source, copy) == [name]
    assert {one: (source / one).read_bytes() for one in BESIDE} == whole
    damage(short[name] + 40)
    with pytest.raises(ArchiveError, match="does not reach"):
        mend(source, copy)
    assert (source / name).read_bytes() != whole[name], "nothing is written where it would not be whole"


def test_a_mended_deployment_keeps_those_that_only_the_archive_knows(places: tuple[Path, Path]) -> None:
    source, copy = places
    remember(source, ORIGIN, b"\x03" * 32)
    path = source / FILE
    path.write_bytes(path.read_bytes().replace(b"0202", b"0212", 1))
    with pytest.raises(ArchiveError, match="as it was written"):
        remember(source, ORIGIN, b"\x04" * 32)
    assert mend(source, copy) == ["domains"]
    assert [nonce[0] for _, nonce in deployments(source)] == [1, 2, 3]


def test_no_mending_from_another_log_or_under_a_writer(places: tuple[Path, Path], tmp_path: Path) -> None:
    source, copy = places
    other = tmp_path / "other"
    with Archive(other) as archive:
        archive.append([b"\x41"] * 20, [Call(0, 20, "0x0", 1)])
        archive.publish(sign, ORIGIN)
    with pytest.raises(MirrorError, match="another log"):
        mend(source, other)
    with Archive(source), pytest.raises(LockError):
        mend(source, copy)


def test_an_archive_from_before_there_were_sums_gets_them(places: tuple[Path, Path]) -> None:
    """Its lines are checked from then on; its domains get their sums when the next deployment is remembered."""
    source, copy = places
    (source / "calls.sum").unlink()
    lines = [b'{"genesis_nonce":"%s","origin":"%s"}\n' % (b"%02d" % n * 32, ORIGIN.encode()) for n in (1, 2)]
    (source / FILE).write_bytes(b"".join(lines))
    assert verify_copy(source).size == 1000
    with Archive(source):
        remember(source, ORIGIN, b"\x02" * 32)
    for name in BESIDE:
        assert (source / name).read_bytes() == (copy / name).read_bytes(), name
    assert len(nonces(source)) == 2
    (source / "calls.sum").write_bytes((source / "calls.sum").read_bytes()[:100])
    grow(source, 1)
    assert verify_copy(source).size == 1025
