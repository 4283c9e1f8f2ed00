"""Keys at rest: encrypted files in HOME/keys, their random passphrases in HOME/secrets (mode 0600).

An environment variable `LUYA_PASSPHRASE_<NAME>` (upper case, dashes as underscores) stands in for a passphrase file, so
that an operator can keep passphrases elsewhere. Chain keys are Ethereum keystores (version 3); the
log's Ed25519 key and other secrets lie under AES-256-GCM with a scrypt key.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coincurve import PrivateKey
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chain_node.errors import KeystoreError
from chain_node.keys import recursion
from chain_node.protocol.attestation import address_of
from chain_node.storage.durable import make_dir, write_new

_FAST_N: Final = 2**12
"""scrypt cost for our own passphrases: 256 random bits cannot be guessed, so the cost only slows our starts."""
_SLOW_N: Final = 2**17
"""… and for passphrases that somebody chose."""
_RANDOM_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class ChainKey:
    """A secp256k1 key.

    Attributes:
        name: what it is for.
        private_key: 32 bytes; never logged (`repr` hides it).
        address: 20 bytes.
    """

    name: str
    private_key: bytes
    address: bytes

    def __repr__(self) -> str:
        return f"ChainKey({self.name}, 0x{self.address.hex()})"


class Keystore:
    """The keys of one home.

    Args:
        home: holds `keys/` and `secrets/`, created when needed.
        new: make what is asked for and not there; without, that is a KeystoreError, and nothing is ever written.
    """

    def __init__(self, home: Path, *, new: bool = True) -> None:
        self._keys = home / "keys"
        self._secrets = home / "secrets"
        self._new = new

    def passphrase(self, name: str) -> str:
        """The passphrase called `name`: from the environment, else from its file, else, for a new key, a random one.

        Raises:
            KeystoreError: the file can be read by others, or is missing though there is a key that it opens.
        """
        variable = f"LUYA_PASSPHRASE_{name.upper().replace('-', '_')}"
        given = os.environ.get(variable)
        if given:
            return given
        path = self._secrets / name
        if not path.exists():
            # the key is made after its passphrase: where it is there, a new passphrase would only hide what is missing
            if (self._keys / f"{name}.json").exists():
                raise KeystoreError(
                    f"the passphrase of {self._keys / f'{name}.json'} is missing: put it into {path} (mode 0600; "
                    f"`luya backup --secrets` has kept it) or into {variable}"
                )
            self._may_make(path)
            make_dir(self._secrets, 0o700)
            write_new(path, secrets.token_hex(32).encode() + b"\n", 0o600)
        if path.stat().st_mode & 0o077:
            raise KeystoreError(f"{path} can be read by others: run `chmod 600 {path}`")
        return path.read_text("ascii").strip()

    def chain_key(self, name: str) -> ChainKey:
        """The chain key called `name`, made at its first use.

        Raises:
            KeystoreError: the passphrase does not open it.
        """
        with recursion.held():  # seconds to import: only chain keys need it
            from eth_keyfile.keyfile import create_keyfile_json

        path = self._keys / f"{name}.json"
        passphrase = self.passphrase(name)
        if not path.exists():
            private_key = PrivateKey().secret
            stored = create_keyfile_json(private_key, passphrase.encode(), kdf="scrypt", iterations=_cost(passphrase))
            self._write(path, stored)
        return open_keyfile(path, passphrase, name)

    def log_key(self) -> Ed25519PrivateKey:
        """The Ed25519 key that signs checkpoints, made at its first use.

        Raises:
            KeystoreError: the passphrase does not open it.
        """
        return Ed25519PrivateKey.from_private_bytes(self.secret("log"))

    def secret(self, name: str) -> bytes:
        """A 32-byte secret, made at its first use, encrypted at rest.

        Raises:
            KeystoreError: the passphrase does not open it.
        """
        path = self._keys / f"{name}.json"
        passphrase = self.passphrase(name)
        if not path.exists():
            self._write(path, _seal(secrets.token_bytes(32), passphrase, name))
        try:
            return _open(json.loads(path.read_bytes()), passphrase, name)
        except (ValueError, KeyError, TypeError, InvalidTag) as error:
            raise KeystoreError(_wrong(path, name, error)) from error

    def _may_make(self, path: Path) -> None:
        if not self._new:
            raise KeystoreError(f"{path} is missing: put it back (`luya backup` has kept it)")

    def _write(self, path: Path, value: Any) -> None:
        """Two processes may come here at once with different secrets: the first one's is kept, both then read it."""
        self._may_make(path)
        make_dir(self._keys, 0o700)
        write_new(path, json.dumps(value, indent=1).encode() + b"\n", 0o600)


def open_keyfile(path: Path, passphrase: str, name: str) -> ChainKey:
    """The key in an Ethereum keystore file (version 3).

    Raises:
        KeystoreError: it is none, or the passphrase does not open it.
        OSError: it can't be read.
    """
    with recursion.held():  # seconds to import: only chain keys need it
        from eth_keyfile.keyfile import decode_keyfile_json

    try:
        private_key = bytes(decode_keyfile_json(json.loads(path.read_bytes()), passphrase.encode()))
    except (ValueError, KeyError, TypeError) as error:
        raise KeystoreError(_wrong(path, name, error)) from error
    return ChainKey(name, private_key, address_of(private_key))


def _cost(passphrase: str) -> int:
    return _FAST_N if len(passphrase) >= _RANDOM_LENGTH else _SLOW_N


def _derive(passphrase: str, salt: bytes, n: int) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=n, r=8, p=1).derive(passphrase.encode()))


def _seal(value: bytes, passphrase: str, name: str) -> dict[str, Any]:
    salt, nonce, n = secrets.token_bytes(16), secrets.token_bytes(12), _cost(passphrase)
    sealed = _derive(passphrase, salt, n).encrypt(nonce, value, name.encode())
    kept = {"salt": salt.hex(), "nonce": nonce.hex(), "data": sealed.hex()}
    return {"cipher": "aes-256-gcm", "kdf": "scrypt", "n": n} | kept


def _open(stored: dict[str, Any], passphrase: str, name: str) -> bytes:
    cipher = _derive(passphrase, bytes.fromhex(stored["salt"]), int(stored["n"]))
    return cipher.decrypt(bytes.fromhex(stored["nonce"]), bytes.fromhex(stored["data"]), name.encode())


def _wrong(path: Path, name: str, error: Exception) -> str:
    return (
        f"{path} cannot be opened ({type(error).__name__}): the passphrase is wrong or the file is damaged; "
        f"it is looked for in LUYA_PASSPHRASE_{name.upper().replace('-', '_')}, then in secrets/{name}"
    )
