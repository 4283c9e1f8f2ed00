"""A home's folder: what the node keeps there (`chain_node.node.home`), and what oracles and API add."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from chain_node.node import home as node
from chain_node.storage.durable import make_dir
from luya.errors import HomeError


@dataclass(frozen=True, slots=True)
class LuyaHome(node.Home):
    """The folder of one ledger (`--home`, or `LUYA_HOME`, or `~/.luya`); deleting it deletes the ledger."""

    @staticmethod
    def of(given: Path | None) -> LuyaHome:
        """The home that is meant, as an absolute path; nothing is created."""
        chosen = given or Path(os.environ.get("LUYA_HOME") or Path.home() / ".luya")
        return LuyaHome(chosen.expanduser().resolve())

    def check_place(self) -> None:
        """Raises HomeError: a file is there, or it is a folder within a home (HOME/oracle), and no home itself."""
        if self.root.exists() and not self.root.is_dir():
            raise HomeError(f"--home {self.root} is a file: a home is a folder")
        if self.manifest.exists() or self.network.exists():
            return
        for parent in self.root.parents:
            around = LuyaHome(parent)
            if around.network.is_file() and (around.manifest.is_file() or around.archive.is_dir()):
                raise HomeError(f"--home {self.root} lies within the home {parent}: give --home {parent}")

    def make(self) -> None:
        """Creates the folder where it is missing, for its owner alone: entries tell where residents were, and when."""
        make_dir(self.root.parent)
        make_dir(self.root, 0o700)

    @property
    def feeds(self) -> Path:
        """One TOML file a feed."""
        return self.root / "feeds"

    @property
    def oracle(self) -> Path:
        """The oracles' journals, a folder a feed."""
        return self.root / "oracle"

    @property
    def read_model(self) -> str:
        """The read model's database URL (`LUYA_API_DATABASE_URL` overrides)."""
        return os.environ.get("LUYA_API_DATABASE_URL") or f"sqlite:///{self.root / 'read-model.sqlite'}"

    @property
    def api(self) -> Path:
        """Where the API says that it listens, while it runs."""
        return self.root / "run" / "api.json"
