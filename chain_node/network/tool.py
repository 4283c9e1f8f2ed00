"""Runs luyad's own commands: keys, genesis, configuration."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.engine.base import NodeIdentity
from chain_node.engine.build import find_luyad
from chain_node.errors import NetworkError, RuntimeMissing

_PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Luyad:
    """A luyad binary.

    Attributes:
        binary: the program.
    """

    binary: Path

    @staticmethod
    def find() -> Luyad:
        """The one of this machine.

        Raises:
            RuntimeMissing: it has not been built.
        """
        binary = find_luyad()
        if binary is None:
            raise RuntimeMissing("luyad is not built on this machine: run `luya engine build` (once, about 6 minutes)")
        return Luyad(binary)

    def make_keys(self, home: Path, moniker: str) -> NodeIdentity:
        """A node's keys, made where they are missing; its public part."""
        value = self._json("init", "--home", str(home), "--moniker", moniker)
        return NodeIdentity(str(value["node_id"]), str(value["validator_key"]))

    def make_genesis(self, plan: Path, out: Path) -> None:
        """The genesis of a plan: the same plan gives the same bytes."""
        self._run("genesis", "--plan", str(plan), "--out", str(out))

    def configure(self, home: Path, options: Mapping[str, str | int]) -> None:
        """A node's configuration files."""
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._run("configure", "--home", str(home), *given)

    def roll_back(self, home: Path) -> None:
        """One block back, after a commit that a crash has torn."""
        self._run("rollback", "--home", str(home))

    def start_command(self, home: Path) -> Sequence[str]:
        """What runs the node."""
        return (str(self.binary), "start", "--home", str(home))

    def _json(self, command: str, *arguments: str) -> dict[str, Any]:
        text = self._run(command, *arguments)
        try:
            value: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise NetworkError(f"`luyad {command}` did not answer with JSON: {text[-200:]!r}") from error
        return value

    def _run(self, command: str, *arguments: str) -> str:
        try:
            done = subprocess.run(
                [str(self.binary), command, *arguments],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NetworkError(f"`luyad {command}` cannot be run: {error}") from error
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-800:]
            raise NetworkError(f"`luyad {command}` failed (exit {done.returncode}): {said}")
        return done.stdout
