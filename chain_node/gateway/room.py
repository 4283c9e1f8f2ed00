"""What all callers share: the memory of requests and answers under way, and places for requests and connections."""

from __future__ import annotations

from typing import Final

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.callers import Caller
from chain_node.gateway.policy import Role

SMALL: Final = 64 * 1024


def share(role: Role, most: int) -> int:
    """How much of a bound a role may fill: a quarter is kept for callers with an entry, addresses cost nothing."""
    return most - most // 4 if role is Role.PUBLIC or role is Role.OWNER else most


class Room:
    """Bytes of answers (or of requests) that are under way, all together.

    Args:
        most: from here on, only what is small finds room: large answers must not close the door to small ones.
        what: they are called in a refusal.
    """

    def __init__(self, most: int, what: str = "answers") -> None:
        self._most = most
        self.what = what
        self.used = 0

    def full(self, size: int) -> bool:
        """There is no room for so many bytes more."""
        return self.used + size > self._most


class Hold:
    """What one holder has of the room. size: bytes."""

    __slots__ = ("_room", "size")

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def take(self, size: int) -> None:
        """Hold so many bytes more.

        Raises:
            CallRefused: it would no longer be small, and there is no room.
        """
        if self.size + size > SMALL and self._room.full(size):
            raise CallRefused(
                wire.LIMIT,
                f"the door has too many large {self._room.what} under way: try again, or ask for less",
                status=503,
            )
        self.size += size
        self._room.used += size

    def give(self, size: int) -> None:
        """Give so many back."""
        self.size -= size
        self._room.used -= size

    def release(self) -> None:
        """Give all back."""
        self.give(self.size)


class Places:
    """Who is inside at once.

    Args:
        most: all together.
        of_one: of one caller.
    """

    def __init__(self, most: int, of_one: int) -> None:
        self._most = most
        self._of_one = of_one
        self._by_caller: dict[str, int] = {}
        self._inside = 0

    def enter(self, caller: Caller) -> bool:
        """Take a place; False where there is none for this caller."""
        mine = self._by_caller.get(caller.key, 0)
        if mine >= self._of_one or self._inside >= share(caller.role, self._most):
            return False
        self._inside += 1
        self._by_caller[caller.key] = mine + 1
        return True

    def leave(self, caller: Caller) -> None:
        """Give it back."""
        self._inside -= 1
        mine = self._by_caller.pop(caller.key) - 1
        if mine:
            self._by_caller[caller.key] = mine
