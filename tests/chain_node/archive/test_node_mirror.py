"""The archive's second copy: it grows with the archive, survives interruption, and never takes what is damaged."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest
from test_node_archive import ORIGIN, append, entry, root_of, sign

from chain_node.archive import mirror as mirror_module
from chain_node.archive.domains import remember
from chain_node.archive.layout import tile_path
from chain_node.archive.mirror import Mirror, verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, LockError, MirrorError
from chain_node.storage.durable import Disk


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An archive of 1,000 entries."""
    folder = tmp_path / "archive"
    with Archive(folder) as archive:
        append(archive, 1000)
        archive.publish(sign, ORIGIN)
    remember(folder, ORIGIN, b"\x01" * 32)
    return folder


def grow(folder: Path, count: int) -> None:
    with Archive(folder) as archive:
        append(archive, count)
        archive.publish(sign, ORIGIN)


def test_a_copy_grows_with_its_source_and_takes_its_place(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "far" / "copy"
    with Mirror(source, target) as mirror:
        assert mirror.lag() == 1000
        first = mirror.sync()
        assert (first.before, first.size, first.root) == (0, 1000, root_of(1000))
        assert mirror.sync().before == 1000, "nothing new: nothing done"
        grow(source, 777)
        remember(source, ORIGIN, b"\x02" * 32)
        assert mirror.lag() == 777
        assert mirror.sync().size == 1777
    assert verify_copy(target) == ArchiveReader(source).checkpoint()
    for name in ("checkpoint", "calls", "calls.idx", "domains"):
        assert (target / name).read_bytes() == (source / name).read_bytes(), name
    tiles = [path.relative_to(source) for path in source.glob("tile/**/*") if path.is_file() and ".p" not in str(path)]
    assert tiles
    for tile in tiles:
        assert (target / tile).read_bytes() == (source / tile).read_bytes(), tile

    shutil.rmtree(source)
    with Mirror(target, source) as back:
        assert back.sync().root == root_of(1777)
    with Archive(source) as archive:
        assert (archive.size, archive.published) == (1777, 1777)
        append(archive, 5)
        archive.publish(sign, ORIGIN)
    assert list(ArchiveReader(source).entries(1770)) == [entry(index) for index in range(1770, 1782)]


def test_a_checkpoint_of_earlier_may_be_asked_for(source: Path, tmp_path: Path) -> None:
    """A backup takes the one that fits the journals it has frozen, while the archive goes on."""
    note = ArchiveReader(source).checkpoint_note()
    grow(source, 300)
    with Mirror(source, tmp_path / "copy") as mirror:
        assert mirror.sync(note).size == 1000
    assert verify_copy(tmp_path / "copy").size == 1000


class Stops(Disk):
    """Fails at the n-th operation, before or after it has been done."""

    def __init__(self, at: int, done: bool) -> None:
        self.left, self.done = at, done

    def append(self, path: Path, data: bytes) -> None:
        self.left -= 1
        if self.left < 0 and not self.done:
            raise OSError(28, "No space left on device")
        super().append(path, data)
        if self.left < 0:
            raise OSError(5, "Input/output error")


@pytest.mark.parametrize("done", [False, True], ids=["failed", "failed but persisted"])
@pytest.mark.parametrize("at", range(4))
def test_an_interrupted_copy_goes_on(
    at: int, done: bool, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "STEP", 300)
    target = tmp_path / "copy"
    mirror = Mirror(source, target)
    mirror._copy._journal._disk = Stops(at, done)
    with pytest.raises(OSError):
        mirror.sync()
    mirror.close()
    with Mirror(source, target) as again:
        copied = again.sync()
        assert copied.size == 1000
        assert (copied.before > 0) == (at > 0 or done), "it goes on where it was"
    assert verify_copy(target).root == root_of(1000)


def test_what_is_damaged_at_the_source_never_reaches_the_copy(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with Mirror(source, target) as mirror:
        mirror.sync()
    grow(source, 400)
    bundle = source / tile_path("entries", 4)
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    with Mirror(source, target) as mirror, pytest.raises(MirrorError, match="damaged"):
        mirror.sync()
    assert verify_copy(target).size == 1000
    bundle.write_bytes(whole)
    with Mirror(source, target) as mirror:
        assert mirror.sync().size == 1400


def test_another_log_or_an_older_one_never_touches_a_good_copy(source: Path, tmp_path: Path) -> None:
    target, other = tmp_path / "copy", tmp_path / "other"
    older = Path(shutil.copytree(source, tmp_path / "older"))
    grow(source, 100)
    with Mirror(source, target) as mirror:
        mirror.sync()
    with Mirror(older, target) as mirror, pytest.raises(MirrorError, match="newer"):
        mirror.sync()
    with Archive(other) as archive:
        archive.append([b"\x41"] * 1200, [mirror_module.Call(0, 1200, "0x0", 1)])
        archive.publish(sign, ORIGIN)
    with Mirror(other, target) as mirror, pytest.raises(MirrorError, match="another log"):
        mirror.sync()
    with Mirror(tmp_path / "empty", target) as mirror, pytest.raises(MirrorError, match="empty"):
        mirror.sync()
    assert verify_copy(target).size == 1100


def test_places_that_are_no_second_place(source: Path) -> None:
    for place in (source, source / "copy", source.parent):
        with pytest.raises(MirrorError, match="one place"):
            Mirror(source, place)


def test_one_copier_at_a_time(source: Path, tmp_path: Path) -> None:
    with Mirror(source, tmp_path / "copy"), pytest.raises(LockError):
        Mirror(source, tmp_path / "copy")


def test_it_follows_while_the_source_grows(source: Path, tmp_path: Path) -> None:
    stop, sizes = threading.Event(), []
    with Mirror(source, tmp_path / "copy") as mirror:
        thread = threading.Thread(
            target=mirror.run, args=(stop,), kwargs={"every": 0.01, "tell": lambda one: sizes.append(one.size)}
        )
        thread.start()
        with Archive(source) as archive:
            for _ in range(5):
                append(archive, 100)
                archive.publish(sign, ORIGIN)
                time.sleep(0.03)
        deadline = time.monotonic() + 10
        while mirror.lag() and time.monotonic() < deadline:
            time.sleep(0.01)
        stop.set()
        thread.join()
    assert sizes == sorted(sizes)
    assert sizes[-1] == 1500
    assert verify_copy(tmp_path / "copy").root == root_of(1500)


def test_verify_finds_a_flipped_bit(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with Mirror(source, target) as mirror:
        mirror.sync()
    assert verify_copy(target).size == 1000
    path = target / tile_path(0, 1)
    data = path.read_bytes()
    path.write_bytes(data[:5] + bytes([data[5] ^ 4]) + data[6:])
    with pytest.raises(ArchiveError, match="damaged"):
        verify_copy(target)
    with pytest.raises(ArchiveError, match="no checkpoint"):
        verify_copy(tmp_path / "nothing")
