"""Whose key signs an act, and the act's message as a contract takes it."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Any, Final

from chain_node.errors import KeystoreError
from chain_node.keys.keystore import ChainKey, Keystore, open_keyfile
from chain_node.protocol import acts
from chain_node.rpc.client import to_hex
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.session.session import Session

CUSTODIAN_KEY: Final = "custodian"
RELAY_KEY: Final = "relay"
"""Sends what somebody else signed."""
OPENED_BY: Final = "LUYA_PASSPHRASE_DEVICE"
"""The environment variable with the passphrase of a keystore file that is given by its path."""


def signer(home: LuyaHome, key: str) -> ChainKey:
    """A key that the home has, by its name; or that of a keystore file, by its path (`….json`). None is made, for
    nobody would have given it a right.

    Raises:
        UsageError: there is no such key, or it can't be opened.
    """
    try:
        if not key.endswith(".json"):
            return Keystore(home.root, new=False).chain_key(key)
        path = Path(key)
        if not path.is_file():
            raise UsageError(f"no such keystore file: {key}", f"没有这个密钥文件：{key}")
        return open_keyfile(path, _passphrase(path), path.stem)
    except KeystoreError as error:
        raise UsageError(
            f"this home cannot sign with {key!r}: {error}; name another key with --key",
            "没有可用的签名密钥，请用 --key 指定",
        ) from None


def signature(session: Session, key: ChainKey, act: str, values: acts.Values) -> bytes:
    """Of an act's message, under this ledger's domain."""
    return acts.sign(key.private_key, session.node.manifest.domain, act, values)


def as_struct(values: acts.Values) -> tuple[Any, ...]:
    """As the contract's struct takes them, which has the message's fields in their order."""
    return tuple(
        to_hex(value) if name == "account" and isinstance(value, bytes) else value for name, value in values.items()
    )


def _passphrase(path: Path) -> str:
    given = os.environ.get(OPENED_BY)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError(
            f"{path} is opened by a passphrase: put it into {OPENED_BY}", f"请将密钥口令放入环境变量 {OPENED_BY}"
        )
    return getpass(f"{path.name}: ")
