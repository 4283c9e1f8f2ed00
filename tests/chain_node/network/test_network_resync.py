"""A damaged node gives its data up, and never what it has signed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from network_support import part

from chain_node.errors import LockError, NetworkError
from chain_node.network.folders import OrganisationFolder
from chain_node.network.parts import Charter, save
from chain_node.network.resync import resync
from chain_node.storage.durable import FileLock

STATE = {"height": "17", "round": 0, "step": 3}


def organisation(root: Path, founders: int) -> OrganisationFolder:
    """A folder as it is after some blocks, as far as this concerns it."""
    folder = OrganisationFolder(root)
    charter = Charter(7, "2026-01-01T00:00:00Z", tuple(part(number + 1) for number in range(founders)))
    save(folder.network.charter_file, charter.to_json())
    data = folder.node / "data"
    (data / "blockstore.db").mkdir(parents=True)
    (data / "priv_validator_state.json").write_text(json.dumps(STATE), encoding="ascii")
    return folder


def test_the_data_goes_and_what_was_signed_stays(tmp_path: Path) -> None:
    folder = organisation(tmp_path, 4)
    aside = resync(folder)
    data = folder.node / "data"
    assert [path.name for path in data.iterdir()] == ["priv_validator_state.json"]
    assert json.loads((data / "priv_validator_state.json").read_bytes()) == STATE
    assert (data / "priv_validator_state.json").stat().st_mode & 0o777 == 0o600
    assert (aside / "blockstore.db").is_dir()
    assert resync(folder) != aside, "an older copy is never written over"


def test_killed_between_its_two_steps_it_is_given_again(tmp_path: Path) -> None:
    folder = organisation(tmp_path, 4)
    data = folder.node / "data"
    (data.with_name("data.new")).mkdir()
    shutil.copy(data / "priv_validator_state.json", data.with_name("data.new"))
    data.rename(data.with_name("data.replaced-1"))
    resync(folder)
    assert json.loads((data / "priv_validator_state.json").read_bytes()) == STATE
    assert (data.with_name("data.replaced-1") / "blockstore.db").is_dir()


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_who_does_not_know_what_it_signed_must_not_sign_again(content: str | None, tmp_path: Path) -> None:
    folder = organisation(tmp_path, 4)
    state = folder.node / "data" / "priv_validator_state.json"
    state.unlink() if content is None else state.write_text(content, encoding="ascii")
    with pytest.raises(NetworkError, match="nobody knows what this validator has signed"):
        resync(folder)
    assert (folder.node / "data" / "blockstore.db").is_dir()


def test_the_only_organisation_keeps_its_chain(tmp_path: Path) -> None:
    folder = organisation(tmp_path, 1)
    with pytest.raises(NetworkError, match="nobody has its chain"):
        resync(folder)
    assert (folder.node / "data" / "blockstore.db").is_dir()


def test_a_running_node_is_left_alone(tmp_path: Path) -> None:
    folder = organisation(tmp_path, 4)
    held = FileLock(folder.root / "lock", "the organisation's node")
    try:
        with pytest.raises(LockError):
            resync(folder)
    finally:
        held.release()
    assert (folder.node / "data" / "blockstore.db").is_dir()
