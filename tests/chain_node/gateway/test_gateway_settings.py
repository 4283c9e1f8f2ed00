"""Settings from TOML and environment; what is impossible is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_node.errors import GatewaySettingsError
from chain_node.gateway.policy import Role
from chain_node.gateway.settings import GatewaySettings, UpstreamSettings

FILE = """
store = "callers.sqlite"
audit = "/var/log/luya/audit"
chain_id = 9
port = 8546
siwe_domains = ["door.example"]
poll_seconds = 1
[contracts]
ledger = "0x1111111111111111111111111111111111111111"
[[nodes]]
name = "a"
url = "http://127.0.0.1:1"
[[nodes]]
name = "b"
url = "https://user:pass@node.example/path"
authorization = "$BESU_JWT"
[rates.auditor]
calls_per_s = 7
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE)
    found = GatewaySettings.load(path, {"BESU_JWT": "Bearer x"})
    assert found.store == tmp_path / "callers.sqlite"
    assert found.audit == Path("/var/log/luya/audit")
    assert found.nodes == (
        UpstreamSettings("a", "http://127.0.0.1:1"),
        UpstreamSettings("b", "https://user:pass@node.example/path", "Bearer x"),
    )
    assert found.addresses() == {"ledger": b"\x11" * 20}
    assert (found.port, found.siwe_domains, found.poll_seconds) == (8546, ("door.example",), 1.0)
    assert (found.rates_of(Role.AUDITOR).calls_per_s, found.rates_of(Role.AUDITOR).units_per_s) == (7.0, 5_000)


def test_the_environment_wins_and_a_home_serves_as_default(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE)
    environment = {
        "BESU_JWT": "x",
        "LUYA_GATEWAY_PORT": "1",
        "LUYA_GATEWAY_PUBLIC": "no",
        "LUYA_GATEWAY_NODES": "c=http://127.0.0.1:2, d=http://127.0.0.1:3",
        "LUYA_GATEWAY_CONTRACTS": "law=0x2222222222222222222222222222222222222222",
        "LUYA_GATEWAY_CLIENT_CA": "",
        "LUYA_GATEWAY_TRUSTED_PROXIES": "10.0.0.1,10.0.0.2",
        "LUYA_GATEWAY_POLL_SECONDS": "0.25",
    }
    found = GatewaySettings.load(path, environment, finality="finalized", chain_id=1)
    assert (found.port, found.public, found.chain_id, found.finality) == (1, False, 9, "finalized")
    assert [node.name for node in found.nodes] == ["c", "d"]
    assert found.contracts == (("law", "0x" + "22" * 20),)
    assert found.client_ca is None
    assert found.trusted_proxies == ("10.0.0.1", "10.0.0.2")
    assert found.poll_seconds == 0.25


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("surprise = 1", "no setting 'surprise'"),
        ('port = "8545"', "port is '8545': give a int"),
        ("port = true", "give a int"),
        ("public = 1", "give a bool"),
        ('nodes = "a"', "give a list"),
        ('[[nodes]]\nname = "c"', "name and url"),
        ('[[nodes]]\nname = "a"\nurl = "http://x"', "two nodes have one name"),
        ('[[nodes]]\nname = "c"\nurl = "ftp://x"', "is not http://host:port"),
        ('[[nodes]]\nname = "c"\nurl = "http://x"\nauthorization = "$NOTHING"', "NOTHING, which is unset"),
        ("[rates.auditor]\nspeed = 1", "rates.auditor"),
        ("[rates.nobody]\ncalls_per_s = 1", "rates.nobody"),
        ("[rates.auditor]\ncalls_per_s = 0", "positive"),
        ("port = ", "gateway.toml"),
    ],
)
def test_what_a_file_says_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "gateway.toml"
    scalars, _, tables = FILE.partition("[contracts]")
    if text.startswith("["):
        path.write_text(scalars + "[contracts]" + tables.partition("[rates")[0] + text)
    elif text.startswith("nodes"):
        path.write_text(scalars + text)
    else:
        path.write_text(scalars.replace("port = 8546", "") + text + "\n[contracts]" + tables)
    with pytest.raises(GatewaySettingsError, match=words.replace("[", r"\[")):
        GatewaySettings.load(path, {"BESU_JWT": "x"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nodes": ()}, "no node is named"),
        ({"chain_id": 0}, "chain_id"),
        ({"finality": "soon"}, "finality"),
        ({"heads": "newest"}, "heads"),
        ({"tls_key": Path("x")}, "go together"),
        ({"client_ca": Path("x")}, "needs tls_certificate"),
        ({"max_batch": 0}, "positive"),
        ({"total_answer": 1_000}, "total_answer 1000 is less"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], words: str) -> None:
    values: dict[str, object] = {
        "nodes": (UpstreamSettings("a", "http://127.0.0.1:1"),),
        "store": Path("s"),
        "audit": Path("a"),
        "chain_id": 1,
    }
    with pytest.raises(GatewaySettingsError, match=words):
        GatewaySettings(**(values | changes))  # type: ignore[arg-type]


def test_what_is_missing_and_what_is_no_address() -> None:
    with pytest.raises(GatewaySettingsError, match="nodes, store, audit, chain_id: not set"):
        GatewaySettings.load(None, {})
    with pytest.raises(GatewaySettingsError, match="LUYA_GATEWAY_PORT is 'x': give a number"):
        GatewaySettings.load(None, {"LUYA_GATEWAY_PORT": "x"})
    with pytest.raises(GatewaySettingsError, match="LUYA_GATEWAY_PUBLIC"):
        GatewaySettings.load(None, {"LUYA_GATEWAY_PUBLIC": "maybe"})
    with pytest.raises(GatewaySettingsError, match="give name=value"):
        GatewaySettings.load(None, {"LUYA_GATEWAY_NODES": "http://x"})
    found = GatewaySettings((UpstreamSettings("a", "http://x"),), Path("s"), Path("a"), 1, (("ledger", "0x12"),))
    with pytest.raises(GatewaySettingsError, match=r"contracts\.ledger"):
        found.addresses()
