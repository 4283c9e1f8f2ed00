"""A second copy that is damaged, or whose disk is not mounted: told, and nothing else ends because of it."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node.archive.calls import Call
from chain_node.archive.mirror import Mirror, verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, MirrorError
from chain_node.node.home import Home
from chain_node.node.metrics import NodeCollector, Sources
from chain_node.operations import guard
from chain_node.operations.copies import mend_archive, replace_archive
from chain_node.operations.guard import MirrorKeeper, rooms
from chain_node.operations.mirrors import remember_mirror
from chain_node.protocol import checkpoint
from chain_node.storage import disk_space as room

ORIGIN = "test.luya/mirrors"
KEY = Ed25519PrivateKey.generate()


def grow(home: Home, count: int) -> None:
    with Archive(home.archive) as archive:
        archive.append([b"\x40" * 20] * count, [Call(archive.size, count, "0x0", 1)])
        archive.publish(lambda one: checkpoint.sign(one, ORIGIN, KEY), ORIGIN)


def by_hand(home: Home, copy: Path) -> int:
    """As `luya archive mirror --once` does."""
    with Mirror(home.archive, copy) as mirror:
        size = mirror.sync().size
    remember_mirror(home.mirrors, copy)
    return size


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """With an archive of 300 entries."""
    monkeypatch.setattr(guard, "_MIRROR_RETRY", 0.1)
    made = Home(tmp_path / "home")
    grow(made, 300)
    return made


@pytest.fixture
def keeper(home: Home, tmp_path: Path) -> Iterator[MirrorKeeper]:
    """Of a copy that is there."""
    made = MirrorKeeper(home, tmp_path / "copy")
    until(lambda: made.state().size == 300 and not made.state().reason)
    yield made
    made.close()


@pytest.mark.parametrize("damage", [b"\xff\xfe not text", b"no checkpoint\n"])
@pytest.mark.parametrize("which", ["copy", "home/archive"])
def test_a_damaged_checkpoint_is_told(
    keeper: MirrorKeeper, home: Home, tmp_path: Path, which: str, damage: bytes
) -> None:
    good = (tmp_path / which / "checkpoint").read_bytes()
    (tmp_path / which / "checkpoint").write_bytes(damage)
    until(lambda: [one.code for one in keeper.problems()] == ["mirror-failing"])
    assert f"{which}/checkpoint is damaged" in str(keeper.problems()[0].facts["reason"])
    sources = Sources(
        archive=home.archive,
        mirrors=lambda: [keeper.state()],
        extra=lambda: [(one.code, one.severity) for one in keeper.problems()],
    )
    found = {(one.name, one.value) for family in NodeCollector(sources).collect() for one in family.samples}
    assert ("luya_supervisor_problem", 1.0) in found
    assert ("luya_archive_mirror_up", 0.0) in found
    (tmp_path / which / "checkpoint").write_bytes(good)
    grow(home, 5)
    until(lambda: keeper.state().size == 305 and not keeper.problems())


def test_calls_are_mended_from_the_copy_that_is_known(home: Home, tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match="--from"):
        mend_archive(home, None)
    by_hand(home, tmp_path / "copy")
    whole = (home.archive / "calls").read_bytes()
    (home.archive / "calls").write_bytes(whole.replace(b'"block":1', b'"block":3'))
    with pytest.raises(ArchiveError, match="luya archive mend"):
        verify_copy(home.archive)
    assert mend_archive(home, None).written == ["calls"]
    assert (home.archive / "calls").read_bytes() == whole
    assert verify_copy(home.archive).size == 300


def test_a_copy_takes_the_archives_place(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="there is no archive"):
        mend_archive(Home(tmp_path / "nothing"), None)
    by_hand(home, tmp_path / "copy")
    grow(home, 5)
    with pytest.raises(MirrorError, match="a checkpoint over 305 entries, the copy only 300"):
        replace_archive(home, tmp_path / "copy")
    home.network.write_text('{"origin": "another.log"}')
    by_hand(home, tmp_path / "copy")
    with pytest.raises(MirrorError, match="is not the log of"):
        replace_archive(home, tmp_path / "copy")
    home.network.unlink()
    (home.archive / "checkpoint").write_bytes(b"no checkpoint")
    made = replace_archive(home, tmp_path / "copy")
    assert made.kept is not None
    assert (made.size, (made.kept / "checkpoint").read_bytes()) == (305, b"no checkpoint")
    assert (ArchiveReader(home.archive).size, ArchiveReader(home.archive).root_at(305)) == (305, made.root)


def test_a_copy_whose_disk_is_not_mounted_is_not_begun_anew(keeper: MirrorKeeper, home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    keeper.close()
    copy.rename(tmp_path / "unmounted")
    copy.mkdir()
    again = MirrorKeeper(home, copy)
    try:
        until(lambda: bool(again.problems()))
        assert "is its disk mounted" in str(again.problems()[0].facts["reason"])
        grow(home, 5)
        time.sleep(0.3)
        assert not any(copy.iterdir()), "nothing was written where the copy's disk belongs"
        copy.rmdir()
        (tmp_path / "unmounted").rename(copy)
        until(lambda: not again.problems() and again.state().size == 305)
    finally:
        again.close()
    shutil.rmtree(copy)
    assert by_hand(home, copy) == 305, "by hand it may be begun anew"
    last = MirrorKeeper(home, copy)
    until(lambda: not last.problems())
    last.close()
    assert ArchiveReader(copy).size == 305


def test_a_copy_made_by_hand_is_remembered_too(home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    by_hand(home, copy)
    shutil.rmtree(copy)
    keeper = MirrorKeeper(home, copy)
    until(lambda: [one.code for one in keeper.problems()] == ["mirror-failing"])
    keeper.close()
    assert not copy.exists()


def test_a_disk_that_does_not_say_how_full_it_is_hides_no_other(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = room.free

    def gone(path: Path) -> int:
        if path == tmp_path / "copy":
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", str(path))
        return free(path)

    monkeypatch.setattr(room, "free", gone)
    assert [one.place for one in rooms(home, tmp_path / "copy")] == [str(home.root)]
