"""Keys at rest, and the durable helpers they stand on."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from chain_node.deployment.manifest import Manifest
from chain_node.errors import KeystoreError, LockError, ManifestError
from chain_node.keys import keystore
from chain_node.keys.keystore import ChainKey, Keystore
from chain_node.storage import durable
from chain_node.storage.durable import FileLock, append_fsync, lock, write_atomic


def test_keys_are_made_once_and_sealed(tmp_path: Path) -> None:
    first = Keystore(tmp_path)
    key, secret, log = first.chain_key("auditor"), first.secret("registry"), first.log_key()
    again = Keystore(tmp_path)
    assert again.chain_key("auditor") == key
    assert again.secret("registry") == secret
    assert again.log_key().private_bytes_raw() == log.private_bytes_raw()
    for path in [*(tmp_path / "keys").iterdir(), *(tmp_path / "secrets").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0
    stored = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    for value in (key.private_key, secret, log.private_bytes_raw()):
        assert value.hex().encode() not in stored
    assert key.private_key.hex() not in repr(key)


def test_two_processes_that_make_a_key_at_once_have_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faster = Keystore(tmp_path)
    made: list[tuple[ChainKey, bytes]] = []
    write = durable.write_new

    def overtaken(path: Path, data: bytes, mode: int = 0o644) -> bool:
        monkeypatch.setattr(keystore, "write_new", write)
        made.append((faster.chain_key("auditor"), faster.secret("registry")))
        return write(path, data, mode)

    monkeypatch.setattr(keystore, "write_new", overtaken)
    slower = Keystore(tmp_path)
    assert (slower.chain_key("auditor"), slower.secret("registry")) == made[0]
    assert not list(tmp_path.glob("**/*.tmp"))


def test_wrong_and_given_passphrases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keystore = Keystore(tmp_path)
    key = keystore.chain_key("feed-admin")
    keystore.secret("registry")
    passphrase = keystore.passphrase("feed-admin")
    monkeypatch.setenv("LUYA_PASSPHRASE_FEED_ADMIN", "wrong")
    monkeypatch.setenv("LUYA_PASSPHRASE_REGISTRY", "wrong")
    with pytest.raises(KeystoreError, match="LUYA_PASSPHRASE_FEED_ADMIN"):
        keystore.chain_key("feed-admin")
    with pytest.raises(KeystoreError, match="LUYA_PASSPHRASE_REGISTRY"):
        keystore.secret("registry")
    (tmp_path / "secrets" / "feed-admin").unlink()
    monkeypatch.setenv("LUYA_PASSPHRASE_FEED_ADMIN", passphrase)
    assert keystore.chain_key("feed-admin") == key


def test_a_missing_passphrase_is_not_replaced_by_another(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path)
    keystore.chain_key("feed-admin")
    keystore.secret("registry")
    for name, use in (("feed-admin", keystore.chain_key), ("registry", keystore.secret)):
        kept = tmp_path / "secrets" / name
        passphrase = kept.read_bytes()
        kept.unlink()
        variable = f"LUYA_PASSPHRASE_{name.upper().replace('-', '_')}"
        with pytest.raises(KeystoreError, match=f"{name}.json is missing.*secrets/{name}.*{variable}"):
            use(name)
        assert not kept.exists(), "a new one would look like the one that is wanted"
        kept.write_bytes(passphrase)
        kept.chmod(0o600)
        use(name)


def test_a_keystore_that_makes_nothing_new_writes_nothing(tmp_path: Path) -> None:
    only = Keystore(tmp_path, new=False)
    with pytest.raises(KeystoreError, match=r"secrets/registry is missing: put it back"):
        only.secret("registry")
    assert list(tmp_path.iterdir()) == []
    made = Keystore(tmp_path).secret("registry")
    assert only.secret("registry") == made
    (tmp_path / "keys" / "registry.json").unlink()
    with pytest.raises(KeystoreError, match=r"keys/registry.json is missing: put it back"):
        only.secret("registry")
    assert list((tmp_path / "keys").iterdir()) == []


def test_readable_secret_is_refused(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path)
    keystore.chain_key("auditor")
    (tmp_path / "secrets" / "auditor").chmod(0o644)
    with pytest.raises(KeystoreError, match="chmod 600"):
        keystore.chain_key("auditor")


def test_damaged_key_file(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path)
    keystore.chain_key("auditor")
    (tmp_path / "keys" / "auditor.json").write_text("{")
    with pytest.raises(KeystoreError, match=r"auditor\.json"):
        keystore.chain_key("auditor")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_replacement_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(*_arguments: object) -> None:
        raise OSError(step)

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, step, fail)
        with pytest.raises(OSError, match=step):
            write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomic(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    append_fsync(path, b"er")
    assert path.read_bytes() == b"newer"


def test_locks(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with lock(path, "the thing"), pytest.raises(LockError, match=f"the thing is in use by process {os.getpid()}"):
        FileLock(path, "the thing")
    held = FileLock(path, "the thing")
    held.release()
    held.release()
    assert not held.held


@pytest.mark.parametrize("step", ["pwrite", "ftruncate"])
def test_a_lock_on_a_full_disk_holds_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "lock"
    with monkeypatch.context() as patched:
        patched.setattr(durable.os, step, full)
        held = FileLock(path, "the thing")
    with pytest.raises(LockError):
        FileLock(path, "the thing")
    held.release()
    FileLock(path, "the thing").release()


def test_manifest_errors(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    with pytest.raises(ManifestError, match="nothing has been deployed"):
        Manifest.load(path)
    for text in ("{", "[]", '{"version": 1}', '{"version": 2}'):
        path.write_text(text)
        with pytest.raises(ManifestError):
            Manifest.load(path)
