"""`luya feed`: the home's feeds, and registering one on the ledger from its TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from chain_node.deployment.manifest import Manifest
from chain_node.deployment.steps import feed_settings
from chain_node.protocol.entries import FEED, ORGANISATION
from chain_node.sending.sender import Tx
from chain_node.storage.durable import write_atomic
from luya.console import progress, tell
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.oracle import standing
from luya.session import feeds
from luya.session.session import Session, opened
from oracle.calls.report import DIGITS
from oracle.families.config import FeedConfig

_GAS: Final = 5_000_000
_ACTIVE: Final = 1


def register(home: LuyaHome, path: Path) -> dict[str, Any]:
    """Registers the feed (and its organisation, where it is new) with the home's own role keys, and keeps its TOML.

    Registering it again with other settings sets them anew: a new signer-set version.

    Raises:
        UsageError: the file is missing, or another feed of this home has its id or name.
        ConfigError: the file does not describe a feed, names a method that the ledger does not have, or gives the feed
            to another organisation.
        HomeError: the ledger's contracts are older than this.
        Reverted: the ledger refuses; the text names the rule.
    """
    feed = feeds.described(home, path)
    standing.check_feed(standing.law_of(home), feed)  # before an engine is started, which takes seconds
    with progress() as advance, opened(home, advance=advance) as session:
        _enact(session, feed)
        session.node.catch_up()
        session.project()
    kept = keep(home, path, feed)
    tell(f"数据源 {feed.name} 已登记。Feed {feed.id} {feed.name} is registered; its settings are kept in {kept}.")
    return {"feed": feed.id, "name": feed.name, "organisation": feed.organisation.id, "methods": list(feed.method_ids)}


def keep(home: LuyaHome, path: Path, feed: FeedConfig) -> Path:
    """Copies the feed's TOML, and before it its station table, into the home; returns where the TOML lies."""
    kept = home.feeds / f"{feed.name}.toml"
    if path.resolve() != kept.resolve():
        # In this order: without its table a feed cannot be read, and no command goes on with such a home.
        if feed.stations is not None:
            write_atomic(home.feeds / feed.stations.file, (path.parent / feed.stations.file).read_bytes())
        write_atomic(kept, path.read_bytes())
    return kept


def _enact(session: Session, feed: FeedConfig) -> None:
    node = session.node
    _check_contracts(node.manifest)
    size = node.ledger.log_size()
    law = node.law
    organisation = feeds.organisation_entry(feed)
    description, state = law.read("organisation", organisation.id)
    if (bytes(description), int(state)) != (organisation.description, _ACTIVE):
        replaces = law.read("entryHash", ORGANISATION, organisation.id)
        data = law.data("setOrganisation", organisation.id, organisation.description, _ACTIVE, replaces)
        _send(session, "governance", Tx(law.address, data, _GAS, f"organisation/{organisation.id}/{size}"))
    settings = feed_settings(feeds.feed_entry(feed, feeds.signer_addresses(node.keystore, feed)))
    data = law.data("setFeed", settings, law.read("entryHash", FEED, feed.id))
    _send(session, "feed-admin", Tx(law.address, data, _GAS, f"feed/{feed.id}/{size}"))


def _check_contracts(manifest: Manifest) -> None:
    """Raises HomeError: the ledger's contracts are of the time before an act named what it replaces."""
    if not manifest.administration:
        raise HomeError(
            f"the contracts of this home's ledger ({manifest.law}) are older than this program and take no such act: "
            "run `luya rebuild` once, which deploys the present ones from the archive",
            zh=f"本目录账本的合约（{manifest.law}）早于本程序，不能登记数据源：请先运行一次 `luya rebuild`",
        )


def _send(session: Session, role: str, tx: Tx) -> None:
    sender = session.node.sender(role)
    try:
        sender.run([tx])
    finally:
        session.node.release_sender(role)


def list_all(home: LuyaHome) -> dict[str, Any]:
    """The home's feeds as their files say. settings: as reports name those that a row was judged by."""
    found = [
        {
            "feed": one.id,
            "name": one.name,
            "kind": one.kind,
            "organisation": one.organisation.id,
            "trial": one.trial,
            "settings": one.digest.hex()[:DIGITS],
        }
        for one in sorted(feeds.of_home(home).values(), key=lambda feed: feed.id)
    ]
    for one in found:
        tell(f"  {one['feed']}  {one['name']}  ({one['kind']})  {one['settings']}")
    return {"feeds": found}
