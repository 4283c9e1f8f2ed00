"""Files for Besu: extraData against the published answer, and what an operator gets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from coincurve import PrivateKey

from chain_node.errors import NetworkError
from chain_node.network.besu import BesuNode, BesuTerms, besu_genesis, extra_data, make_key, write_besu

KNOWN = [
    bytes.fromhex("be068f726a13c8d46c44be6ce9d275600e1735a4"),
    bytes.fromhex("5ff6f4b66a46a2b2310a6f3a93aaddc0d9a1c193"),
]
SENDER = "0x" + "5" * 40


def test_extra_data_of_the_published_vector() -> None:
    expected = (
        "f84fa0"
        + "0" * 64
        + "ea94be068f726a13c8d46c44be6ce9d275600e1735a4945ff6f4b66a46a2b2310a6f3a93aaddc0d9a1c193c080c0"
    )
    assert extra_data(KNOWN).hex() == expected


@pytest.mark.parametrize("count", [1, 4, 7, 64])
def test_extra_data_of_any_size(count: int) -> None:
    """Against RLP written out by hand: lengths above 55 bytes take a length of the length."""

    def wrap(body: bytes) -> bytes:
        if len(body) < 56:
            return bytes([0xC0 + len(body)]) + body
        size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
        return bytes([0xF7 + len(size)]) + size + body

    validators = [bytes([n]) * 20 for n in range(1, count + 1)]
    inner = wrap(b"".join(b"\x94" + one for one in validators))
    assert extra_data(validators) == wrap(b"\xa0" + bytes(32) + inner + b"\xc0\x80\xc0")


@pytest.mark.parametrize("validators", [[], [KNOWN[0], KNOWN[0]], [b"short"]])
def test_extra_data_refuses(validators: list[bytes]) -> None:
    with pytest.raises(NetworkError, match="each once"):
        extra_data(validators)


def test_the_genesis_has_no_fees_and_takes_our_contracts() -> None:
    genesis = besu_genesis(KNOWN, BesuTerms(4_000_000_001, (SENDER,), block_period=2, block_gas=30_000_000))
    assert genesis["config"]["zeroBaseFee"] is True
    assert genesis["config"]["cancunTime"] == 0
    assert genesis["config"]["contractSizeLimit"] >= 24_576
    assert genesis["config"]["qbft"] == {"blockperiodseconds": 2, "epochlength": 30_000, "requesttimeoutseconds": 4}
    assert int(genesis["gasLimit"], 16) == 30_000_000
    assert genesis["extraData"] == "0x" + extra_data(KNOWN).hex()


def test_an_enode_is_read_and_written() -> None:
    public = PrivateKey.from_int(7).public_key.format(compressed=False)[1:]
    node = BesuNode.parse("bank", f"enode://{public.hex()}@node.example.org:30303")
    assert node.enode == f"enode://{public.hex()}@node.example.org:30303"
    # the address of the private key 7, as any Ethereum tool gives it
    assert node.address.hex() == "d41c057fd1c78805aac12b0a94a405c0461a6fbb"
    for wrong in ("", "enode://12@host:1", f"enode://{public.hex()}@host:0", f"enode://{public.hex()}@host:99999"):
        with pytest.raises(NetworkError, match="no enode"):
            BesuNode.parse("bank", wrong)


def test_folders(tmp_path: Path) -> None:
    names = ["Green Bank", "metro", "bus", "city"]
    nodes = [
        BesuNode(name, make_key(tmp_path / name.lower().replace(" ", "-")), "127.0.0.1", 30_300 + 10 * at)
        for at, name in enumerate(names)
    ]
    folders = write_besu(tmp_path, nodes, BesuTerms(4_000_000_001, (SENDER,), jwt_public_key="-----BEGIN"))
    assert [folder.name for folder in folders] == ["green-bank", "metro", "bus", "city"]
    genesis = {(folder / "genesis.json").read_bytes() for folder in folders}
    assert len(genesis) == 1
    keys = {(folder / "key").read_text() for folder in folders}
    assert len(keys) == 4
    for folder, node in zip(folders, nodes, strict=True):
        assert (folder / "key").stat().st_mode & 0o077 == 0
        assert folder.stat().st_mode & 0o077 == 0
        config = tomllib.loads((folder / "config.toml").read_text())
        for name in ("genesis-file", "static-nodes-file", "permissions-nodes-config-file", "node-private-key-file"):
            assert (folder / config[name]).exists(), name
        assert config["p2p-port"] == node.port
        assert config["min-gas-price"] == 0
        assert config["rpc-http-host"] == "127.0.0.1"
        assert config["rpc-http-authentication-jwt-public-key-file"] == "jwt-public.pem"
        allowed = tomllib.loads((folder / "permissions-nodes.toml").read_text())["nodes-allowlist"]
        assert allowed == [each.enode for each in nodes]
        accounts = tomllib.loads((folder / config["permissions-accounts-config-file"]).read_text())
        assert accounts == {"accounts-allowlist": [SENDER]}
        assert json.loads((folder / "static-nodes.json").read_text()) == [n.enode for n in nodes if n is not node]
        assert (folder / "start.sh").stat().st_mode & 0o100
    listening = [
        tomllib.loads((folder / "config.toml").read_text())[name]
        for folder in folders
        for name in ("p2p-port", "rpc-http-port", "rpc-ws-port", "metrics-port")
    ]
    assert len(set(listening)) == len(listening)
    assert make_key(folders[0]) == nodes[0].public_key, "made once"


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no address"):
        BesuTerms(1, ("0x12",))
    with pytest.raises(NetworkError, match="chain_id"):
        BesuTerms(0, ())
    (tmp_path / "key").write_text("no key\n")
    with pytest.raises(NetworkError, match="no private key"):
        make_key(tmp_path)
