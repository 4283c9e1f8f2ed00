"""Two halves of a network in two network namespaces, with a cable between them that can be cut.

Each half has a cable to this machine, over which its JSON-RPC is reached; between themselves they only have the one
that is cut: then packets go nowhere and nobody is told, which is what a network failure is.
Needs Linux, root, iproute2.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
from fault_network import FaultNode

from chain_node.network.folders import OrganisationFolder, ValidatorSettings
from chain_node.network.tool import Luyad

HALVES = ("a", "b")


@dataclass(frozen=True)
class Halves:
    """Names and addresses.

    Attributes:
        tag: part of all names, so that two runs do not meet.
    """

    tag: str

    def space(self, half: str) -> str:
        """The namespace."""
        return f"luya-{self.tag}-{half}"

    def inside(self, half: str) -> str:
        """Where a half's nodes reach each other, and the other half."""
        return f"10.77.3.{HALVES.index(half) + 1}"

    def outside(self, half: str) -> str:
        """Where this machine reaches a half."""
        return f"10.77.{HALVES.index(half) + 1}.2"

    def cut(self) -> None:
        """The cable between the halves."""
        _ip("-n", self.space("a"), "link", "set", "between", "down")

    def heal(self) -> None:
        """It is plugged in again."""
        _ip("-n", self.space("a"), "link", "set", "between", "up")


@contextlib.contextmanager
def halves() -> Iterator[Halves]:
    """Two connected namespaces; skips, visibly, where they cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    made = Halves(f"{os.getpid():x}")
    with contextlib.ExitStack() as stack:
        try:
            _lay(made, stack)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield made


def _lay(made: Halves, stack: contextlib.ExitStack) -> None:
    for at, half in enumerate(HALVES, start=1):
        space, cable = made.space(half), f"ly{made.tag}{half}"
        _ip("netns", "add", space)
        stack.callback(_ip, "netns", "del", space)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "outside", "netns", space)
        _ip("address", "add", f"10.77.{at}.1/24", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip("-n", space, "address", "add", f"10.77.{at}.2/24", "dev", "outside")
        for device in ("lo", "outside"):
            _ip("-n", space, "link", "set", device, "up")
    there = made.space("b")
    _ip("-n", made.space("a"), "link", "add", "between", "type", "veth", "peer", "name", "between", "netns", there)
    for half in HALVES:
        _ip("-n", made.space(half), "address", "add", f"{made.inside(half)}/24", "dev", "between")
        _ip("-n", made.space(half), "link", "set", "between", "up")


class Moved(ValidatorSettings):
    """Settings of a node in a namespace: what is on loopback elsewhere listens there for this machine."""

    def address(self, name: str) -> str:
        """host:port of a service."""
        return ValidatorSettings.address(self, name) if name == "p2p" else f"{self._host()}:{self._port(name)}"

    def _host(self) -> str:
        return self.p2p_bind.replace("10.77.3.", "10.77.") + ".2"

    def _port(self, name: str) -> str:
        return ValidatorSettings.address(self, name).rpartition(":")[2]


class MovedFolder(OrganisationFolder):
    """An organisation's folder whose node is in a namespace."""

    def settings(self) -> ValidatorSettings:
        """As this machine reaches it."""
        return Moved(**asdict(OrganisationFolder.settings(self)))


@dataclass(frozen=True)
class Placed(Luyad):
    """luyad that runs each home in its namespace."""

    spaces: Mapping[Path, str] = field(default_factory=dict)

    def start_command(self, home: Path) -> Sequence[str]:
        """In the namespace."""
        return (str(shutil.which("ip")), "netns", "exec", self.spaces[home], *Luyad.start_command(self, home))


class PlacedNode(FaultNode):
    """A validator in a namespace."""

    local = False

    def __init__(self, folder: OrganisationFolder, luyad: Luyad) -> None:
        super().__init__(MovedFolder(folder.root), luyad)


def _ip(*arguments: str) -> object:
    done = subprocess.run(["ip", "-j", *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else None
