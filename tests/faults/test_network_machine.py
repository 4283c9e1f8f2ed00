"""One validator's machine goes bad: its disk is full, its clock wrong, its database damaged, its key another."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fault_load import Load, check_whole
from fault_network import FaultNetwork, wait_for

from chain_node.engine.build import find_go, go_environment, source_folder
from chain_node.errors import BuildError, NetworkError
from chain_node.network.resync import resync
from chain_node.network.tool import Luyad

pytestmark = pytest.mark.deep
MIB = 1024 * 1024


@contextlib.contextmanager
def small_disk(image: Path, at: Path, mib: int) -> Iterator[None]:
    """A file system of its own, mounted there; skips, visibly, where none can be."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("a loop mount needs root and mkfs.ext4")
    with image.open("wb") as file:
        file.truncate(mib * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(at)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no loop mount here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is left."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096 * 16)
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)
    return ballast


def test_a_full_disk(founded_four: Path, luyad: Luyad, tmp_path: Path) -> None:
    shutil.copytree(founded_four, tmp_path / "net")
    home = tmp_path / "net" / "net" / "organisation-2" / "node"
    kept = home.with_name("kept")
    home.rename(kept)
    home.mkdir()
    with small_disk(tmp_path / "disk.img", home, 96):
        shutil.copytree(kept, home, dirs_exist_ok=True)
        with FaultNetwork(tmp_path / "net", luyad) as four:
            four.start()
            full = four.nodes[1]
            with four.opened() as node, Load(node).going_on() as load:
                four.goes_on()
                ballast = fill(home)
                wait_for(lambda: full.name in four.node_problems(), "its operator is told", 120)
                four.goes_on(10)
                full.stop()
                ballast.unlink()
                full.start()
                four.all_caught_up()
                four.is_well()
            with four.opened() as node:
                load.node = node
                check_whole(four, load)


@dataclass(frozen=True)
class Skewed(Luyad):
    """luyad whose clock is wrong on some homes."""

    skews: Mapping[Path, str] = field(default_factory=dict)

    def start_command(self, home: Path) -> Sequence[str]:
        """With its clock's error in the environment."""
        return ("/usr/bin/env", f"LUYAD_CLOCK_SKEW={self.skews.get(home, '')}", *Luyad.start_command(self, home))


@pytest.fixture(scope="session")
def skewable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build whose clock can be wrong."""
    configured = os.environ.get("LUYA_LUYAD_CLOCKSKEW")
    if configured:
        return Path(configured)
    try:
        go = find_go()
    except BuildError as error:
        pytest.skip(f"the build for wrong clocks cannot be made: {error}")
    binary = tmp_path_factory.mktemp("skew") / "luyad"
    subprocess.run(
        [str(go), "build", "-tags", "clockskew", "-o", str(binary), "."],
        cwd=source_folder(),
        env=go_environment(go),
        check=True,
        capture_output=True,
        timeout=1200,
    )
    return binary


@pytest.mark.parametrize("skew", ["90s", "-15m"])
def test_one_wrong_clock_changes_nothing(skew: str, founded_four: Path, skewable: Path, tmp_path: Path) -> None:
    """A block's time is the median of the validators': one alone does not move it."""
    shutil.copytree(founded_four, tmp_path / "net")
    wrong = tmp_path / "net" / "net" / "organisation-3" / "node"
    with FaultNetwork(tmp_path / "net", Skewed(skewable, {wrong: skew})) as four:
        four.start()
        with four.opened() as node, Load(node).going_on() as load:
            four.goes_on(20)
            block = node.rpc.call("eth_getBlockByNumber", "latest", False)
            assert abs(int(block["timestamp"], 16) - time.time()) < 10
            four.is_well()
        with four.opened() as node:
            load.node = node
            check_whole(four, load)


def test_three_wrong_clocks_are_told(founded_four: Path, skewable: Path, tmp_path: Path) -> None:
    """Then the median is wrong, and it is the operator's clock that differs."""
    shutil.copytree(founded_four, tmp_path / "net")
    skews = {tmp_path / "net" / "net" / f"organisation-{number}" / "node": "30s" for number in (1, 2, 3)}
    with FaultNetwork(tmp_path / "net", Skewed(skewable, skews)) as four:
        four.start()
        with four.opened() as node, Load(node).going_on() as load:
            four.goes_on(20)
            four.tells("clock-skew")
        with four.opened() as node:
            load.node = node
            check_whole(four, load)


def damage(home: Path, store: str) -> None:
    """Overwrites the middle of each of a store's files."""
    files = [path for path in (home / "data" / store).iterdir() if path.stat().st_size > 4096]
    assert files, f"{store} has no file worth damaging"
    for path in files:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(os.urandom(2048))


@pytest.mark.parametrize("store", ["application.db", "state.db", "blockstore.db"])
def test_a_damaged_database(store: str, four: FaultNetwork) -> None:
    broken = four.nodes[2]
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        broken.kill()
        damage(broken.folder.node, store)
        with contextlib.suppress(NetworkError):
            broken.start()  # it may notice at once, later, or not at all where that block is never read
        four.goes_on(10)
        if broken.pid is None:
            assert broken.name in four.node_problems()
        broken.stop()
        resync(broken.folder)
        broken.start()
        four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


def test_a_validator_that_signs_nothing(four: FaultNetwork, luyad: Luyad, tmp_path: Path) -> None:
    """It runs, answers and follows, but with a key that nobody has voted in: what it signs counts for nothing."""
    mute = four.nodes[3]
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        mute.stop()
        config = mute.folder.node / "config"
        own, other = config / "priv_validator_key.json", tmp_path / "other" / "config" / "priv_validator_key.json"
        luyad.make_keys(tmp_path / "other", "other")
        kept = own.read_bytes()
        own.write_bytes(other.read_bytes())
        mute.start()
        four.goes_on(10)
        assert mute.state().power == 0
        assert "signs" in four.node_problems()[mute.name]
        # one more missing is one too many
        four.nodes[2].kill()
        four.stands_still(10)
        four.nodes[2].start()
        four.goes_on()
        mute.stop()
        own.write_bytes(kept)
        mute.start()
        four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)
