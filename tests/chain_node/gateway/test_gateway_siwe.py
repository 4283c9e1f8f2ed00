"""Sign-In with Ethereum: EIP-4361's grammar, and what a session is worth."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_hash.auto import keccak
from gateway_support import Door, GatewayThread, World, let_in, refused, wait_until_let_in
from gateway_support import settings as gateway_settings
from hypothesis import given
from hypothesis import strategies as st

from chain_node.contracts.handles import artefact
from chain_node.errors import CallerError
from chain_node.gateway.siwe import SignIn, _address, parse, personal_digest
from chain_node.rpc.client import to_hex

OWNER = Account.from_key(b"\x61" * 32)
AUDITOR = Account.from_key(b"\x62" * 32)
DOMAIN = "door.example"
# EIP-4361's own example
EXAMPLE = """example.com wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""


def moment(seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message(account: Any, nonce: str, chain_id: int, **changes: str) -> str:
    values = {
        "domain": DOMAIN,
        "address": account.address,
        "uri": f"https://{DOMAIN}/login",
        "version": "1",
        "chain": str(chain_id),
        "nonce": nonce,
        "issued": moment(),
        "more": "",
    } | changes
    return (
        "{domain} wants you to sign in with your Ethereum account:\n{address}\n\nRead my own account.\n\n"
        "URI: {uri}\nVersion: {version}\nChain ID: {chain}\nNonce: {nonce}\nIssued At: {issued}{more}"
    ).format(**values)


def signature(account: Any, text: str) -> str:
    return to_hex(bytes(account.sign_message(encode_defunct(text=text)).signature))


def sign_in(gateway: GatewayThread, account: Any, **changes: str) -> tuple[int, Any]:
    offer = gateway.post({}, path="/siwe/nonce")[1]
    text = message(account, changes.pop("nonce", offer["nonce"]), offer["chain_id"], **changes)
    status, answer, _ = gateway.post({"message": text, "signature": signature(account, text)}, path="/siwe/login")
    return status, answer


def test_the_standards_own_example_is_read() -> None:
    found = parse(EXAMPLE)
    assert found.domain == "example.com"
    assert found.address.hex() == "c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
    assert found.statement == "I accept the ExampleOrg Terms of Service: https://example.com/tos"
    assert (found.uri, found.chain_id, found.nonce) == ("https://example.com/login", 1, "32891756")
    assert found.issued_at == datetime(2021, 9, 30, 16, 25, 24, tzinfo=UTC).timestamp()
    assert len(found.resources) == 2
    bare = parse(EXAMPLE.replace("\nI accept the ExampleOrg Terms of Service: https://example.com/tos\n", "\n"))
    assert bare.statement is None
    full = parse(
        EXAMPLE.replace("\nResources:", "\nExpiration Time: 2021-10-01T00:00:00.5+08:00\n"
        "Not Before: 2021-09-30T16:25:24Z\nRequest ID: some-id\nResources:")
    )  # fmt: skip
    assert full.expires == datetime(2021, 9, 30, 16, 0, 0, 500_000, tzinfo=UTC).timestamp()
    assert full.request_id == "some-id"
    assert parse(EXAMPLE.replace("example.com wants", "https://example.com:8443 wants")).scheme == "https"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wants you", "wants  you"),
        ("0xC02aaA39b2", "0xc02aaA39b2"),
        ("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc"),
        ("\n\nI accept", "\nI accept"),
        ("tos\n\nURI", "tos\nURI"),
        ("tos\n\nURI", "tos\nmore\n\nURI"),
        ("URI: https", "URI:https"),
        ("URI: https://example.com/login", "URI: nowhere"),
        ("Version: 1", "Version: 2"),
        ("Version: 1\nChain ID: 1", "Chain ID: 1\nVersion: 1"),
        ("Chain ID: 1", "Chain ID: 01"),
        ("Chain ID: 1", "Chain ID: 0x1"),
        ("Chain ID: 1\n", ""),
        ("Nonce: 32891756", "Nonce: 3289175"),
        ("Nonce: 32891756", "Nonce: 3289-1756"),
        ("2021-09-30T16:25:24Z", "2021-09-30 16:25:24Z"),
        ("2021-09-30T16:25:24Z", "2021-13-30T16:25:24Z"),
        ("2021-09-30T16:25:24Z", "2021-09-30T16:25:24"),
        ("\nResources:", "\nRequest ID: a b\nResources:"),
        ("\nResources:", "\nRequest ID: a\nNot Before: 2021-09-30T16:25:24Z\nResources:"),
        ("\nResources:", "\nExtra: 1\nResources:"),
        ("- ipfs", "-ipfs"),
        ("claim.json", "claim.json\n"),
        ("claim.json", "claim.json\r"),
        ("Terms", "T\u00e9rms"),
        ("Terms", "T\terms"),
    ],
)
def test_any_slip_is_refused(old: str, new: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(CallerError):
        parse(EXAMPLE.replace(old, new))


@given(st.text(max_size=300) | st.integers(0, len(EXAMPLE)).flatmap(lambda at: st.text(max_size=3).map(
    lambda text: EXAMPLE[:at] + text + EXAMPLE[at + 1 :])))  # fmt: skip
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except CallerError:
        return


def test_addresses_are_spelled_as_eip_55_says() -> None:
    for text in (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ):
        assert _address(text) == bytes.fromhex(text[2:])
        for other in (text.lower(), "0x" + text[2:].upper(), text[:-1] + text[-1].swapcase(), text.replace("0x", "0X")):
            if other != text:
                with pytest.raises(CallerError, match="EIP-55"):
                    _address(other)


@pytest.mark.parametrize("text", ["", "a", "一" * 100, "x" * 1_000, "\x19Ethereum Signed Message:\n"])
def test_the_digest_is_the_librarys(text: str) -> None:
    message = encode_defunct(text=text)
    assert personal_digest(text.encode()) == keccak(b"\x19" + b"".join(message))


def test_an_owner_reads_the_own_account_only(door: Door, world: World) -> None:
    status, answer = sign_in(door.gateway, OWNER)
    assert (status, answer["role"]) == (200, "owner")
    token = answer["token"]
    views, ledger = artefact("LuyaViews").abi, artefact("LuyaLedger").abi
    own, rider = OWNER.address, to_hex(world.riders[0])

    def ask(contract: str, data: bytes) -> Any:
        return door.gateway.call("eth_call", {"to": world.address(contract), "data": to_hex(data)}, token=token)

    assert int(ask("ledger", ledger.function("balanceOf").data(own, 12_019)), 16) == 0
    assert ask("ledger", ledger.function("balanceOfBatch").data([own, own], [12_019, 22_019])).startswith("0x")
    assert ask("views", views.function("accounts").data([own])).startswith("0x")
    assert ask("views", views.function("balances").data([own], [2019])).startswith("0x")
    assert door.gateway.call("eth_getTransactionCount", own, "latest", token=token) == "0x0"
    balance_of = ledger.function("balanceOf").data(own, 12_019)
    for contract, data in (
        ("ledger", ledger.function("balanceOf").data(rider, 12_019)),
        ("ledger", ledger.function("balanceOfBatch").data([own, rider], [12_019, 12_019])),
        ("views", views.function("accounts").data([rider])),
        ("views", views.function("accounts").data([own, rider])),
        ("views", views.function("words").data([1])),
        ("ledger", ledger.function("extsload").data([bytes(32)])),
        ("ledger", balance_of + b"\0"),
        ("ledger", balance_of[:-1]),
        ("ledger", balance_of[:4] + b"\1" + balance_of[5:]),  # dirty bits above the address
    ):
        assert refused(lambda c=contract, d=data: ask(c, d)).code == 4100
    for method, params in (
        ("eth_getLogs", [{}]),
        ("eth_getBalance", [rider, "latest"]),
        ("eth_getStorageAt", [own, "0x0", "latest"]),
    ):
        assert refused(lambda m=method, p=params: door.gateway.call(m, *p, token=token)).code == 4100
    assert door.gateway.post({}, token, path="/siwe/logout")[1] == {"ended": True}
    assert door.gateway.post({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, token)[0] == 401


def test_a_socket_ends_with_its_session(door: Door) -> None:
    token = sign_in(door.gateway, OWNER)[1]["token"]

    async def until_closed() -> int | None:
        url = f"{door.gateway.ws_url}/t/{token}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await asyncio.to_thread(door.gateway.post, {}, token, "/siwe/logout")
            await socket.receive(timeout=10)
            return socket.close_code

    assert asyncio.run(until_closed()) == 1008


def test_a_listed_address_signs_in_as_its_caller(door: Door, world: World) -> None:
    entry, nothing = let_in(door.folder, role="auditor", address=AUDITOR.address, label="audit office")
    assert nothing == ""
    deadline = time.monotonic() + 10
    while (answer := sign_in(door.gateway, AUDITOR)[1])["role"] != "auditor":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    token = answer["token"]
    assert door.gateway.call("eth_getLogs", {"fromBlock": "0x0"}, token=token)
    from chain_node.gateway.callers import CallerStore

    store = CallerStore(door.folder / "callers.sqlite")
    store.revoke(entry.id)
    store.close()
    while door.gateway.post({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, token)[0] != 401:
        assert time.monotonic() < deadline + 10
        time.sleep(0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "elsewhere.example"},
        {"uri": "https://elsewhere.example/login"},
        {"uri": "urn:door.example"},
        {"chain": "1"},
        {"nonce": "a" * 62},
        {"nonce": "12345678"},
        {"issued": moment(3_600)},
        {"more": "\nExpiration Time: 2020-01-01T00:00:00Z"},
        {"more": "\nNot Before: 2999-01-01T00:00:00Z"},
        {"address": AUDITOR.address},
    ],
)
def test_what_does_not_hold_is_refused(door: Door, changes: dict[str, str]) -> None:
    status, answer = sign_in(door.gateway, OWNER, **changes)
    assert status == 400
    assert answer["error"]


def test_a_nonce_serves_once(door: Door) -> None:
    offer = door.gateway.post({}, path="/siwe/nonce")[1]
    text = message(OWNER, offer["nonce"], offer["chain_id"])
    body = {"message": text, "signature": signature(OWNER, text)}
    assert door.gateway.post(body, path="/siwe/login")[0] == 200
    status, answer, _ = door.gateway.post(body, path="/siwe/login")
    assert (status, answer) == (400, {"error": "Nonce: has been used"})


def test_malformed_sign_ins_are_refused(door: Door) -> None:
    for body in (b"", b"[]", b"{}", b'{"message":1}', json.dumps({"message": "x", "signature": "0x1"}).encode(),
                 json.dumps({"message": EXAMPLE, "signature": "0x" + "00" * 65}).encode(), b"[" * 10_000):  # fmt: skip
        assert door.gateway.post(body, path="/siwe/login")[0] == 400
    assert door.gateway.post(b" " * 20_000, path="/siwe/login")[0] == 413
    assert door.gateway.post({}, path="/siwe/other")[0] == 404


def test_sessions_and_nonces_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("chain_node.gateway.siwe.time.time", lambda: now)
    desk = SignIn((DOMAIN,), 9, 600, True, lambda _address: None)

    def login(account: Any, nonce: str) -> str:
        text = message(account, nonce, 9, issued=moment(-30))
        return desk.sign_in(text, bytes.fromhex(signature(account, text)[2:]), "ip:1")[0]

    token = login(OWNER, desk.nonce())
    assert desk.by_token(token) is not None
    old = desk.nonce()
    now += 301
    with pytest.raises(CallerError, match="older than"):
        login(OWNER, old)
    assert desk.by_token(token) is not None
    now += 300
    assert desk.by_token(token) is None
    tokens = [login(OWNER, desk.nonce()) for _ in range(10)]
    assert [desk.by_token(one) is not None for one in tokens] == [False, False] + [True] * 8
    assert not SignIn((), 9, 600, True, lambda _address: None).on


@pytest.fixture
def without_owners(world: World, tmp_path: Path) -> Iterator[GatewayThread]:
    gateway = GatewayThread(gateway_settings(world, tmp_path, siwe_domains=(DOMAIN,), siwe_owners=False, public=False))
    try:
        yield gateway
    finally:
        gateway.stop()


def test_a_closed_door_lets_nobody_in(without_owners: GatewayThread, tmp_path: Path) -> None:
    status, answer = sign_in(without_owners, OWNER)
    assert status == 400
    assert "not known here" in answer["error"]
    status, answer, headers = without_owners.post({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
    assert status == 401
    assert answer["error"]["code"] == 4100
    assert headers["WWW-Authenticate"].startswith("Bearer")
    token = let_in(tmp_path, role="auditor")[1]
    wait_until_let_in(without_owners, token)
