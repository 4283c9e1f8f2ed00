"""Folders: each organisation has its own keys, nobody has another's, and a changed genesis is noticed."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from chain_node.engine.base import NodeIdentity
from chain_node.engine.process import free_port_range
from chain_node.errors import NetworkError
from chain_node.network.folders import PORT_STEP, NetworkFolder, OrganisationFolder, ValidatorSettings, organisations_in
from chain_node.network.founding import OrganisationRequest, adopt, assemble, init_network, join, prepare, second_node
from chain_node.network.parts import FoundingTerms, load_part, save
from chain_node.network.tool import Luyad

NAMES = ["Green Bank", "地铁集团", "bus", "city"]


@pytest.fixture(scope="module")
def made(luyad: Luyad, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of four; never to be touched."""
    out = tmp_path_factory.mktemp("network") / "out"
    init_network(out, NAMES, FoundingTerms(), luyad, port=free_port_range(PORT_STEP * 4))
    return out


@pytest.fixture
def network(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "out"))


def _secrets(folder: OrganisationFolder) -> list[bytes]:
    config = folder.node / "config"
    validator = json.loads((config / "priv_validator_key.json").read_bytes())["priv_key"]["value"]
    node = json.loads((config / "node_key.json").read_bytes())["priv_key"]["value"]
    key = folder.council_key().private_key.hex()
    passphrase = (folder.root / "secrets" / "council").read_text().strip()
    return [text.encode() for text in (validator, node, key, passphrase)]


def test_each_has_its_own_keys_and_nobody_anothers(made: Path) -> None:
    folders = organisations_in(made)
    assert [folder.root.name for folder in folders] == ["green-bank", "地铁集团", "bus", "city"]
    secrets = {folder.root.name: _secrets(folder) for folder in folders}
    assert len({secret for some in secrets.values() for secret in some}) == 16
    files = [path for path in made.rglob("*") if path.is_file()]
    for name, some in secrets.items():
        for path in files:
            if path.relative_to(made).parts[0] != name:
                assert not any(secret in path.read_bytes() for secret in some), f"{path} holds a secret of {name}"
    for folder in folders:
        private = [*(folder.root / "keys").iterdir(), *(folder.root / "secrets").iterdir()]
        private += [folder.node / "config" / name for name in ("priv_validator_key.json", "node_key.json")]
        for path in private:
            assert path.stat().st_mode & 0o077 == 0, path


def test_all_have_the_same_genesis_and_know_each_other(made: Path) -> None:
    folders = organisations_in(made)
    genesis = {(folder.node / "config" / "genesis.json").read_bytes() for folder in folders}
    assert genesis == {NetworkFolder(made / "network").genesis.read_bytes()}
    for folder in folders:
        config = (folder.node / "config" / "config.toml").read_text()
        for other in folders:
            assert (other.part().peer in config) == (other is not folder)


def test_the_honest_way_gives_the_same_genesis_to_all(luyad: Luyad, tmp_path: Path) -> None:
    port = free_port_range(PORT_STEP * 2)
    folders = [OrganisationFolder(tmp_path / f"machine-{n}" / "mine") for n in (1, 2)]
    public = []
    for n, folder in enumerate(folders, start=1):
        wish = OrganisationRequest(n, f"organisation {n}", ValidatorSettings(port + 10 * n), power=n)
        part = prepare(folder, wish, luyad)
        assert prepare(folder, wish, luyad) == part, "made once"
        # what travels is one file
        sent = tmp_path / f"sent-{n}.json"
        shutil.copy(folder.public_file, sent)
        public.append(load_part(sent))
    network = NetworkFolder(tmp_path / "public")
    charter = assemble(network, public[::-1], FoundingTerms(threshold=2), luyad)
    for folder in folders:
        assert adopt(folder, network, luyad) == charter
        assert adopt(folder, network, luyad) == charter, "again"
    with pytest.raises(NetworkError, match="holds a network already"):
        assemble(network, public, FoundingTerms(), luyad)


def test_a_changed_genesis_is_not_adopted(luyad: Luyad, network: Path) -> None:
    folder = organisations_in(network)[0]
    public = NetworkFolder(network / "network")
    value = json.loads(public.genesis.read_bytes())
    value["consensus"]["validators"][0]["power"] = "1000"
    public.genesis.write_text(json.dumps(value))
    with pytest.raises(NetworkError, match="not what follows"):
        adopt(folder, public, luyad)


def test_a_charter_that_lies_about_me_is_not_adopted(luyad: Luyad, network: Path) -> None:
    folder = organisations_in(network)[0]
    public = NetworkFolder(network / "network")
    charter = public.charter()
    lying = replace(charter, parts=(replace(charter.parts[0], power=1), *charter.parts[1:]))
    save(public.charter_file, lying.to_json())
    with pytest.raises(NetworkError, match="power 1 instead of 10"):
        adopt(folder, public, luyad)


def test_a_node_of_another_network_is_not_taken_over(luyad: Luyad, network: Path, tmp_path: Path) -> None:
    folder = organisations_in(network)[0]
    other = NetworkFolder(tmp_path / "other")
    assemble(other, [folder.part()], FoundingTerms(), luyad)
    with pytest.raises(NetworkError, match="part of another network"):
        adopt(folder, other, luyad)


def test_a_newcomer(luyad: Luyad, network: Path) -> None:
    folder, public = OrganisationFolder(network / "fifth"), NetworkFolder(network / "network")
    wish = OrganisationRequest(5, "fifth", ValidatorSettings(free_port_range(PORT_STEP)))
    part = join(folder, public, wish, luyad)
    assert join(folder, public, wish, luyad) == part, "again"
    config = (folder.node / "config" / "config.toml").read_text()
    assert all(founder.peer in config for founder in public.parts())
    with pytest.raises(NetworkError, match="in this network already"):
        join(OrganisationFolder(network / "sixth"), public, replace(wish, organisation=1), luyad)
    with pytest.raises(NetworkError, match="same name"):
        join(OrganisationFolder(network / "sixth"), public, OrganisationRequest(6, "bus", wish.settings), luyad)
    with pytest.raises(NetworkError, match="holds organisation 5, not 7"):
        prepare(folder, replace(wish, organisation=7), luyad)
    save(public.part_file(5), asdict(part))
    with pytest.raises(NetworkError, match="same organisation"):
        join(OrganisationFolder(network / "sixth"), public, replace(wish, name="other"), luyad)
    moved = join(folder, public, replace(wish, endpoint="10.0.0.5:26656"), luyad)
    assert moved == replace(part, endpoint="10.0.0.5:26656"), "the same node elsewhere"


class Cut(Luyad):
    """A luyad that is killed when it is asked for keys."""

    def make_keys(self, home: Path, moniker: str) -> NodeIdentity:
        raise KeyboardInterrupt


def test_a_second_node_that_was_cut_off_is_gone_on_with(luyad: Luyad, network: Path, tmp_path: Path) -> None:
    original, other = organisations_in(network)[:2]
    folder, settings = OrganisationFolder(tmp_path / "second"), ValidatorSettings(free_port_range(PORT_STEP))
    with pytest.raises(KeyboardInterrupt):
        second_node(folder, original, settings, Cut(luyad.binary))
    with pytest.raises(NetworkError, match="not empty"):
        second_node(folder, other, settings, luyad)  # another organisation's
    part = second_node(folder, original, settings, luyad)
    assert folder.part() == part
    assert folder.council_key() == original.council_key()
    assert part.validator_key != original.part().validator_key
    with pytest.raises(NetworkError, match="not empty"):
        second_node(folder, original, settings, luyad)  # it is finished


def test_a_second_nodes_secrets_are_its_own_however_the_first_ones_lie(
    luyad: Luyad, network: Path, tmp_path: Path
) -> None:
    original, folder = organisations_in(network)[0], OrganisationFolder(tmp_path / "second")
    for name in ("keys", "secrets"):
        (original.root / name).chmod(0o755)
        for path in (original.root / name).iterdir():
            path.chmod(0o644)
    second_node(folder, original, ValidatorSettings(free_port_range(PORT_STEP)), luyad)
    for name in ("keys", "secrets"):
        for path in (folder.root / name, *(folder.root / name).iterdir()):
            assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_made_once(luyad: Luyad, network: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="not empty"):
        init_network(network, NAMES, FoundingTerms(), luyad)
    with pytest.raises(NetworkError, match="must differ"):
        init_network(tmp_path / "new", ["a b", "a-b"], FoundingTerms(), luyad)
    with pytest.raises(NetworkError, match="must differ"):
        init_network(tmp_path / "new", ["network", "a"], FoundingTerms(), luyad)
    with pytest.raises(NetworkError, match="no organisation's folder"):
        organisations_in(tmp_path / "nowhere")


def test_settings_are_bounded() -> None:
    assert ValidatorSettings(27_000).address("json-rpc") == "127.0.0.1:27003"
    assert ValidatorSettings(27_000, "0.0.0.0").address("p2p") == "0.0.0.0:27000"
    with pytest.raises(NetworkError, match="first port"):
        ValidatorSettings(0)
