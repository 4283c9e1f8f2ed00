"""Who is let in: the store, tokens, client certificates, addresses behind a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import sqlite3
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp.test_utils import make_mocked_request
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gateway_support import GatewayThread, World, let_in, wait_until
from gateway_support import settings as gateway_settings
from multidict import CIMultiDict

from chain_node.errors import CallerError, TokenError
from chain_node.gateway.callers import Callers, CallerStore
from chain_node.gateway.identify import Identify, _budget_key
from chain_node.gateway.server import opened
from chain_node.gateway.settings import GatewaySettings, UpstreamSettings
from chain_node.gateway.siwe import SignIn

OK = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
SENDER = "0x" + "ab" * 20


def test_a_token_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    entry, token = let_in(tmp_path, role="auditor", label="audit office")
    assert entry.token
    raw = (tmp_path / "callers.sqlite").read_bytes()
    assert token.encode() not in raw
    assert token.rpartition("_")[2].encode() not in raw
    assert (tmp_path / "callers.sqlite").stat().st_mode & 0o077 == 0
    store = CallerStore(tmp_path / "callers.sqlite")
    callers = store.load()
    found = callers.by_token(token)
    assert found is not None
    assert (found.id, found.role, found.how) == (entry.id, "auditor", "token")
    for wrong in ("", token[:-1], token + "x", token[:-1] + ("a" if token[-1] != "a" else "b"), token.upper(),
                  "luyagw_aaaaaaaa_" + token.split("_", 2)[2], "x" + token, "\ud800" * 60):  # fmt: skip
        assert callers.by_token(wrong) is None
    assert store.revoke(token).revoked is not None
    assert store.revoke(entry.id).revoked == store.entries()[0].revoked
    assert store.load().by_token(token) is None
    with pytest.raises(TokenError, match="there is no caller"):
        store.revoke("nobody")
    store.close()


def test_an_entry_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, token = let_in(tmp_path, role="auditor", lifetime=60)
    store = CallerStore(tmp_path / "callers.sqlite")
    callers = store.load()
    store.close()
    assert callers.by_token(token) is not None
    assert entry.expires is not None
    monkeypatch.setattr("chain_node.gateway.callers.time.time", lambda: entry.expires)
    assert callers.by_token(token) is None


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        ({"role": "public"}, "not a role of an entry"),
        ({"role": "owner"}, "not a role of an entry"),
        ({"role": "root"}, "not a role of an entry"),
        ({"role": "auditor", "senders": (SENDER,)}, "an oracle's"),
        ({"role": "oracle"}, "--sender"),
        ({"role": "oracle", "senders": ("0x12",)}, "not an address"),
        ({"role": "oracle", "senders": (SENDER,), "feeds": (70_000,)}, "feed's number"),
        ({"role": "auditor", "certificate": "12:34"}, "not a certificate"),
        ({"role": "auditor", "certificate": "subject:"}, "not a certificate"),
        ({"role": "auditor", "address": "me"}, "not an address"),
        ({"role": "auditor", "calls_per_s": 0.0}, "budget"),
    ],
)
def test_an_impossible_entry_is_refused(tmp_path: Path, grant: dict[str, Any], words: str) -> None:
    with pytest.raises(CallerError, match=words):
        let_in(tmp_path, **grant)


def test_a_certificate_and_an_address_are_one_callers(tmp_path: Path) -> None:
    for grant in ({"certificate": "ab" * 32}, {"address": SENDER}):
        entry, _ = let_in(tmp_path, role="auditor", **grant)
        with pytest.raises(CallerError, match="an entry already"):
            let_in(tmp_path, role="operator", **grant)
        store = CallerStore(tmp_path / "callers.sqlite")
        store.revoke(entry.id)
        store.close()
        let_in(tmp_path, role="operator", **grant)


def test_a_store_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "callers.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(CallerError, match="cannot be used"):
        CallerStore(tmp_path / "callers.sqlite")
    (tmp_path / "other.sqlite").mkdir()
    with pytest.raises(CallerError, match="cannot be used"):
        CallerStore(tmp_path / "other.sqlite")
    assert sqlite3.sqlite_version_info >= (3, 37)  # STRICT tables


def test_budgets_of_addresses() -> None:
    assert _budget_key("192.0.2.7") == "ip:192.0.2.7"
    assert _budget_key("::ffff:192.0.2.7") == "ip:192.0.2.7"
    assert _budget_key("2001:db8:1:2:3:4:5:6") == _budget_key("2001:db8:1:2::9") == "ip:2001:db8:1:2::/64"
    assert _budget_key("x" * 500) == "ip:" + "x" * 64


def test_every_way_to_give_a_token(world: World, tmp_path: Path) -> None:
    import base64

    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    logs = OK | {"method": "eth_getLogs", "params": [{}]}
    basic = base64.b64encode(f"anybody:{token}".encode()).decode()
    try:
        assert "result" in gateway.post(logs, token)[1]
        assert "result" in gateway.post(logs, Authorization=f"Basic {basic}")[1]
        assert "result" in gateway.post(logs, path=f"/t/{token}")[1]
        assert "result" in gateway.post(logs, path=f"/t/{token}/")[1]
        for headers in ("Bearer", "Bearer ", "Basic %%%", "Basic " + base64.b64encode(b"x").decode(), "Digest x"):
            assert gateway.post(OK, Authorization=headers)[0] == 401
        # a wrong header is not mended by a right path
        assert gateway.post(OK, "luyagw_wrong", path=f"/t/{token}")[0] == 401
        assert gateway.post(OK, path="/t/")[0] == 401
    finally:
        gateway.stop()


class Authority:
    """A certificate authority of a test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key.public_key(), ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, common_name: str) -> tuple[Path, Path, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Audit Office"),
             x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        )  # fmt: skip
        certificate = self._sign(subject, key.public_key(), ca=False)
        files = self.folder / f"{common_name}.crt", self.folder / f"{common_name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return *files, certificate

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(True, False, False, False, False, ca, ca, False, False), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        return builder.sign(self.key, hashes.SHA256())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_client_certificates(world: World, tmp_path: Path, loop: Any) -> None:
    """By fingerprint and by subject; another authority's is refused by TLS, an unlisted one by the door."""
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    server = ours.issue("door")
    by_print, by_name, unlisted, foreign = (
        ours.issue("auditor-1"), ours.issue("auditor-2"), ours.issue("auditor-3"), other.issue("auditor-2")
    )  # fmt: skip
    fingerprint = by_print[2].fingerprint(hashes.SHA256()).hex(":").upper()
    let_in(tmp_path, role="auditor", certificate=fingerprint)
    let_in(tmp_path, role="auditor", certificate="subject:" + by_name[2].subject.rfc4514_string())
    made = gateway_settings(
        world, tmp_path, tls_certificate=server[0], tls_key=server[1], client_ca=ours.file, public=True
    )
    ready, stop, found = threading.Event(), [], []

    async def serve() -> None:
        event = asyncio.Event()
        stop.append((asyncio.get_running_loop(), event))
        async with opened(made) as running:
            found.append(running.url)
            ready.set()
            await event.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        assert found[0].startswith("https://")
        assert ask(found[0], ours.file, by_print) == 200
        assert ask(found[0], ours.file, by_name) == 200
        assert ask(found[0], ours.file, None) == 4100  # nobody: the public
        assert ask(found[0], ours.file, unlisted) == 401
        with pytest.raises(OSError, match=r"(?i)alert|certificate|reset|EOF|broken|closed"):
            ask(found[0], ours.file, foreign)
    finally:
        stop[0][0].call_soon_threadsafe(stop[0][1].set)
        thread.join(20)


def ask(url: str, authority: Path, certificate: tuple[Path, Path, x509.Certificate] | None) -> int:
    """200 where logs may be read, the error's code where not, the HTTP status of a refusal."""
    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(certificate[0], certificate[1])
    body = json.dumps(OK | {"method": "eth_getLogs", "params": [{}]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            value = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200 if "result" in value else int(value["error"]["code"])


def test_a_proxy_is_believed_only_where_it_is_trusted(world: World, tmp_path: Path) -> None:
    token = let_in(tmp_path, role="auditor")[1]
    for trusted, expected in (((), "127.0.0.1"), (("127.0.0.1", "10.0.0.1"), "192.0.2.9")):
        folder = tmp_path / expected
        gateway = GatewayThread(gateway_settings(world, tmp_path, audit=folder, trusted_proxies=trusted))
        try:
            gateway.post(
                OK | {"method": "eth_getLogs", "params": [{}]},
                token,
                **{"X-Forwarded-For": "6.6.6.6, 192.0.2.9, 10.0.0.1"},
            )
        finally:
            gateway.stop()
        line = json.loads(next(folder.glob("*.jsonl")).read_text())
        assert line["address"] == expected


def client_of(lines: list[str], **changes: Any) -> str:
    """Whom a request with these lines is taken to be from."""
    request = make_mocked_request("POST", "/", CIMultiDict([("X-Forwarded-For", line) for line in lines]))
    made = GatewaySettings(
        (UpstreamSettings("a", "http://a"),), Path(), Path(), 1, trusted_proxies=("127.0.0.1", "10.0.0.1")
    )
    sign_in = SignIn((), 1, 1, False, lambda _address: None)
    return Identify(made, sign_in, Callers([])).client(request.clone(remote="127.0.0.1")).address


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "127.0.0.1"),
        (["192.0.2.9"], "192.0.2.9"),
        (["6.6.6.6", "192.0.2.9"], "192.0.2.9"),  # the client's own line comes first
        (["6.6.6.6, 7.7.7.7", "192.0.2.9, 10.0.0.1"], "192.0.2.9"),
        (["6.6.6.6, unknown"], "127.0.0.1"),
        (["6.6.6.6", "_hidden"], "127.0.0.1"),
    ],
)
def test_the_last_hop_says_who_the_client_is(lines: list[str], expected: str) -> None:
    assert client_of(lines) == expected


def test_a_store_that_cannot_be_read_lets_no_entry_in(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that nobody can read: what was known holds for some seconds, then no entry does; then all goes on."""
    monkeypatch.setattr("chain_node.gateway.server._STORE_EVERY", 0.1)
    monkeypatch.setattr("chain_node.gateway.server._STORE_STALE", 1.5)
    kept, token = let_in(tmp_path, role="auditor")
    other, revoked = let_in(tmp_path, role="auditor")
    gateway = GatewayThread(gateway_settings(world, tmp_path))

    def write(statement: str, *values: str) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "callers.sqlite")) as connection, connection:
            connection.execute(statement, values)

    try:
        assert gateway.post(OK, token)[0] == 200
        write("UPDATE callers SET role='root', revoked=NULL WHERE id=?", other.id)
        time.sleep(0.5)
        assert gateway.post(OK, token)[0] == 200
        wait_until(lambda: gateway.post(OK, token)[0] == 503)
        assert gateway.post(OK)[0] == 200  # the public is not concerned
        write("UPDATE callers SET role='auditor', revoked=1 WHERE id=?", other.id)
        wait_until(lambda: gateway.post(OK, token)[0] == 200)
        assert gateway.post(OK, revoked)[0] == 401
        assert kept.id != other.id
    finally:
        gateway.stop()


def test_pages_of_other_origins_may_not_call(world: World, tmp_path: Path) -> None:
    gateway = GatewayThread(gateway_settings(world, tmp_path, cors_origins=("https://audit.example",)))
    try:
        _, _, headers = gateway.post(OK, Origin="https://audit.example")
        assert headers["Access-Control-Allow-Origin"] == "https://audit.example"
        _, _, headers = gateway.post(OK, Origin="https://evil.example")
        assert "Access-Control-Allow-Origin" not in headers
        for origin, expected in (("https://audit.example", 204), ("https://evil.example", 403)):
            request = urllib.request.Request(gateway.url, method="OPTIONS", headers={"Origin": origin})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    status = answer.status
            except urllib.error.HTTPError as error:
                with error:
                    status = error.code
            assert status == expected
    finally:
        gateway.stop()


def test_metrics_name_no_caller(world: World, tmp_path: Path) -> None:
    entry, token = let_in(tmp_path, role="auditor", label="audit-office-7")
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    try:
        gateway.call("eth_blockNumber", token=token)
        gateway.post(OK | {"method": "eth_" + "x" * 50}, token)
        text = wait_until(gateway.metrics)
        assert 'luya_gateway_calls_total{method="eth_blockNumber",outcome="ok",role="auditor"} 1.0' in text
        assert 'luya_gateway_calls_total{method="other",outcome="-32601",role="auditor"} 1.0' in text
        for secret in (entry.id, token, "audit-office-7", "xxxx"):
            assert secret not in text
    finally:
        gateway.stop()
