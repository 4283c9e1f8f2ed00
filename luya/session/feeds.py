"""The feeds of a home: shipped ones are copied to HOME/feeds, where the operator changes them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from chain_node.keys.keystore import Keystore
from chain_node.protocol import entries
from chain_node.protocol.entries import Standing
from chain_node.protocol.records import text_hash
from chain_node.storage.durable import fsync_dir, write_atomic
from luya.errors import HomeError, UsageError
from luya.home import LuyaHome
from oracle.attest.signer import LocalSigner
from oracle.errors import ConfigError
from oracle.families.config import FeedConfig
from oracle.feeds.sound import check_sound
from oracle.feeds.toml_files import SHIPPED, load, shipped

SIGNERS = 3
THRESHOLD = 2


def of_home(home: LuyaHome) -> dict[str, FeedConfig]:
    """The home's feeds by name; the shipped ones as long as the home has none of its own."""
    files = sorted(home.feeds.glob("*.toml")) if home.feeds.is_dir() else []
    if not files:
        return shipped()
    named: dict[str, FeedConfig] = {}
    numbered: dict[int, Path] = {}
    for path in files:
        feed = load(path)
        if feed.name in named or feed.id in numbered:
            other = numbered.get(feed.id, "another file")
            raise ConfigError(
                f"{path}: feed {feed.id} ({feed.name}) is described twice, also in {other}: "
                "give one of them an id and a name of its own, or remove it"
            )
        named[feed.name], numbered[feed.id] = feed, path
    return named


def find(home: LuyaHome, name: str) -> FeedConfig:
    """A feed of the home by its name, or the feed in the TOML file of that path.

    Raises:
        ConfigError: there is none; the text lists those there are.
    """
    if name.endswith(".toml"):
        return load(Path(name))
    feeds = of_home(home)
    if name not in feeds:
        raise ConfigError(
            f"no feed is called {name!r}: this home has {', '.join(feeds)}; or give the path of a .toml file",
            f"没有名为 {name!r} 的数据源：本账本有 {'、'.join(feeds)}；也可给出 .toml 文件的路径",
        )
    return feeds[name]


def described(home: LuyaHome, path: Path) -> FeedConfig:
    """The feed in this file, where this home can have it.

    Raises:
        UsageError: the file is missing, or another feed of this home has its id or name.
        ConfigError: the file does not describe a feed, or none that can be meant.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name the feed's TOML file in it", f"{path} 是目录：请写明其中的文件")
    if not path.is_file():
        raise UsageError(f"no such file: {path}", f"没有这个文件：{path}")
    feed = load(path)
    check_sound(feed)
    for other in of_home(home).values():
        if (other.id == feed.id) != (other.name == feed.name):
            raise UsageError(f"{path}: this home has feed {other.id} {other.name!r} already: give another id and name")
        if feed.stations is None or other.stations is None or other.id == feed.id:
            continue
        name = feed.stations.file
        if other.stations.file == name and (path.parent / name).read_bytes() != (home.feeds / name).read_bytes():
            raise UsageError(f"{path}: feed {other.name!r} has another station table {name!r} already: rename this one")
    return feed


def unregistered(feed: int) -> HomeError:
    """What is said of a feed that the ledger does not know."""
    return HomeError(
        f"feed {feed} is not on this ledger: `luya feed register FILE.toml` registers it there (its "
        "administrator's LuyaLaw.setFeed); all that lie in HOME/feeds when it is deployed are registered",
        f"数据源 {feed} 尚未在本账本登记：请运行 `luya feed register 数据源.toml`",
    )


def install(home: LuyaHome) -> None:
    """Copies the shipped feeds into a home that has none: all or none, whatever else is killed or does the same."""
    if home.feeds.is_dir() and any(home.feeds.glob("*.toml")):
        return
    copies = home.feeds.with_name(f".feeds.{os.getpid()}.tmp")
    try:
        for path in sorted(SHIPPED.glob("*.toml")):
            write_atomic(copies / path.name, path.read_bytes())
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            os.rename(copies, home.feeds)  # of two that come here at once, one succeeds
        fsync_dir(home.root)
    finally:
        shutil.rmtree(copies, ignore_errors=True)


def signers(keys: Keystore, feed: FeedConfig) -> list[LocalSigner]:
    """The feed's signers, each with an encrypted keystore of its own, by ascending address."""
    opened = [LocalSigner(keys.chain_key(f"feed-{feed.id}-signer-{n}").private_key) for n in range(1, SIGNERS + 1)]
    return sorted(opened, key=lambda signer: signer.address)


def signer_addresses(keys: Keystore, feed: FeedConfig) -> tuple[bytes, ...]:
    """The addresses of the feed's signers, ascending."""
    return tuple(signer.address for signer in signers(keys, feed))


def organisation_entry(feed: FeedConfig) -> entries.Organisation:
    """The partner as the ledger registers it; its description is its published name."""
    described = text_hash(feed.organisation.name)
    return entries.Organisation(time=0, id=feed.organisation.id, description=described, state=Standing.ACTIVE)


def feed_entry(feed: FeedConfig, addresses: Sequence[bytes]) -> entries.Feed:
    """The feed as the ledger registers it. addresses: of its signers, ascending."""
    return entries.Feed(
        time=0,
        feed=feed.id,
        organisation=feed.organisation.id,
        version=1,
        threshold=THRESHOLD,
        signers=tuple(addresses),
        late_days=feed.late_days,
        credits_cap=feed.registration.credits_cap_mg,
        millipoints_cap=feed.registration.millipoints_cap,
        methods=feed.method_ids,
        state=Standing.ACTIVE,
    )


def journal_key(keys: Keystore, feed: FeedConfig) -> bytes:
    """The key that seals salts and raw records in the feed's journal."""
    return keys.secret(f"feed-{feed.id}-journal")
