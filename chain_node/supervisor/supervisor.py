"""The supervisor of one chain engine: looks at it every few seconds, mends what can be mended, says what cannot.

What it mends: an engine that died or went silent is started again, with growing pauses and a bounded number of times;
a commit that was torn by a power cut is rolled back by one block, then compared with the archive; an engine on a disk
that is nearly full is stopped before it damages its data, and started when there is room.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chain_node.engine.base import Health, Watched, probe
from chain_node.errors import EngineError, EngineLost, LockError, NodeError
from chain_node.rpc.client import JsonRpc
from chain_node.rpc.failover import connect
from chain_node.supervisor.endpoints import endpoint_problems, look_at, usual_block_time
from chain_node.supervisor.judge import (
    DiskSpace,
    block_offset,
    chain_problems,
    clock_problems,
    halt_limit,
    ordered,
    room_problems,
)
from chain_node.supervisor.measure import ClockWatch, alive, peers_clock
from chain_node.supervisor.problems import Problem, problem
from chain_node.supervisor.watched import start_mending

_log = logging.getLogger("luya.supervisor")
_ANSWER_WITHIN: Final = 5.0
_BLOCKS_COMPARED: Final = 4
_STILL: Final = 10.0
_PACE_EVERY: Final = 10.0
_MIB: Final = 1024 * 1024
_NOT_STARTED: Final = (EngineError, LockError, OSError)


@dataclass(frozen=True, slots=True)
class SupervisorSettings:
    """How an engine is watched; times in seconds.

    Attributes:
        every: between two looks.
        block_time: between two blocks; None where it is not known: of somebody else's engine it is then measured, and
            as long as it has no rhythm, nothing counts as halted.
        alone: the engine needs no peers.
        owned: it is ours to start and stop.
        in_place: started again, it still holds the ledger (the embedded engine does not).
        stop_when_full: stop it before its disk is full: it would damage its data.
        patience: an engine that lives and does not answer is started again after so long.
        restarts: in a row, before it is given up.
        first_pause, longest_pause: between restarts; doubled each time.
        forget_after: running so long without failure forgets the restarts before.
        peers: HTTP addresses whose clocks this one is compared with.
    """

    every: float = 2.0
    block_time: float | None = None
    alone: bool = True
    owned: bool = True
    in_place: bool = False
    stop_when_full: bool = False
    patience: float = 20.0
    restarts: int = 6
    first_pause: float = 1.0
    longest_pause: float = 60.0
    forget_after: float = 600.0
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineSample:
    """One look at an engine.

    Attributes:
        at: Unix time.
        up: it answered.
        head, final: heights; -1 where it did not answer.
        head_time: Unix time of the newest block, 0 where unknown.
        peers: nodes it is connected to; None where it does not say.
        detail: why it did not answer.
        still: seconds since the head last moved, as seen from here.
    """

    at: float = 0.0
    up: bool = False
    head: int = -1
    final: int = -1
    head_time: int = 0
    peers: int | None = None
    detail: str = ""
    still: float = 0.0


class Supervisor:
    """Watches one engine that has been started.

    Args:
        engine: started already.
        settings: how.
        name: of the engine, in logs and reports.
        rooms: measures the disks that matter.
        check: after an engine was mended: why the chain does not continue the archive; None when it does.
    """

    def __init__(
        self,
        engine: Watched,
        settings: SupervisorSettings,
        *,
        name: str = "engine",
        rooms: Callable[[], Sequence[DiskSpace]] = lambda: (),
        check: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self.rollbacks = 0
        self.sample = EngineSample()
        self.problems: list[Problem] = []
        self.accepting = True
        self.failure: NodeError | None = None
        self.rooms: Sequence[DiskSpace] = ()
        self.clock_ahead: float | None = None
        self._engine = engine
        self._settings = settings
        self._measure_rooms = rooms
        self._check = check
        self._rpc: JsonRpc | None = None
        self._url = engine.rpc_url
        self._block_time = settings.block_time
        self._pace_at = 0.0
        self._clock = ClockWatch()
        self._offsets: deque[float] = deque(maxlen=2 * _BLOCKS_COMPARED)
        self._jumped = (0.0, -1e9)
        self._moved_at = time.monotonic()
        self._silent_since: float | None = None
        self._well_since = time.monotonic()
        self._row = 0
        self._pause = settings.first_pause
        self._try_at = 0.0
        self._reason = ""
        self._paused = False

    # --- the loop

    def run(self, stop: threading.Event, tell: Callable[[Supervisor], None] = lambda _: None) -> None:
        """Look until `stop` is set, or until the engine is beyond mending (`failure`); `tell` hears of every look."""
        while not stop.is_set() and self.failure is None:
            try:
                self.look()
            except NodeError as error:
                self.failure = error
            except Exception:  # whatever it was: nobody else watches, so the next look is taken
                _log.exception("a look at the engine failed")
            try:
                tell(self)
            except Exception:  # a word that did not get out is no reason to stop watching
                _log.exception("what was seen could not be told")
            stop.wait(self._settings.every)

    def look(self) -> EngineSample:
        """One look: measure, mend, judge.

        Raises:
            EngineLost: beyond mending in place.
        """
        now = time.monotonic()
        self.rooms = tuple(self._measure_rooms())
        self.accepting = all(room.enough for room in self.rooms)
        self.sample = self._measure(now)
        lost: EngineLost | None = None
        try:
            self._mend(now)
        except EngineLost as error:
            lost = error
        self.problems = ordered(self._judge(now))
        if lost is not None:
            raise lost
        return self.sample

    def close(self) -> None:
        """Let go of the connection; the engine is left as it is."""
        if self._rpc is not None:
            self._rpc.close()
            self._rpc = None

    # --- measuring

    def _measure(self, now: float) -> EngineSample:
        if self._paused:
            return EngineSample(at=time.time(), detail="stopped, because the disk is nearly full")
        try:
            rpc = self._client()
        except NodeError as error:
            return EngineSample(at=time.time(), detail=str(error))
        health = probe(rpc, self._engine.finality)
        if not health.ok:
            return EngineSample(at=time.time(), detail=health.detail)
        if health.head != self.sample.head or not self.sample.up:
            self._compare_clocks(health, now - self._moved_at)
            self._moved_at = now
        still = now - self._moved_at
        if self._block_time is None and not self._settings.owned and now >= self._pace_at:
            self._block_time, self._pace_at = usual_block_time(rpc), now + _PACE_EVERY
        if still > _STILL:
            rpc.reconsider()  # this endpoint's chain stands still; another's may not
        return EngineSample(time.time(), True, health.head, health.final, health.head_time, self._peers(rpc), "", still)

    def _compare_clocks(self, health: Health, since: float) -> None:
        """A block that has come while we watch, one at a time, tells what the clocks of those who made it say."""
        block_time, more = self._block_time, health.head - self.sample.head
        if self.sample.up and health.head_time and 0 < more <= since / (block_time or since or 1.0) + 2:
            self._offsets.append(block_offset(health.head_time, time.time(), block_time))

    def _client(self) -> JsonRpc:
        urls = self._engine.rpc_urls
        if self._rpc is None or (self._rpc.url not in urls):
            self.close()
            self._rpc = connect(urls, timeout=_ANSWER_WITHIN)
        return self._rpc

    def _peers(self, rpc: JsonRpc) -> int | None:
        try:
            return int(rpc.call("net_peerCount"), 16)
        except (NodeError, TypeError, ValueError):
            return None

    # --- mending

    def _mend(self, now: float) -> None:
        settings = self._settings
        if not settings.owned:
            return
        if settings.stop_when_full and self._pause_or_resume():
            return
        if self.sample.up:
            self._silent_since = None
            if self._halted_alone():
                self._restart(now, f"no block for {self.sample.still:.0f} s")
            elif now - self._well_since > settings.forget_after:
                self._row, self._pause = 0, settings.first_pause
            return
        self._silent_since = self._silent_since or now
        self._well_since = now
        dead = not self._lives()
        if not dead and now - self._silent_since < settings.patience:
            return
        reason = self.sample.detail or "no answer"
        if not settings.in_place:
            raise EngineLost(f"the chain engine has gone: {reason}; the home is opened anew")
        if now >= self._try_at:
            self._restart(now, reason)

    def _lives(self) -> bool:
        pid = self._engine.pid
        return pid is not None and alive(pid)

    def _halted_alone(self) -> bool:
        """A single validator that makes no blocks is started again; of several, restarting one mends nothing."""
        limit = halt_limit(self._settings.block_time)
        return (
            limit is not None
            and self._settings.alone
            and self._settings.in_place
            and self.sample.still > 2 * limit * (1 + self._row)
        )

    def _pause_or_resume(self) -> bool:
        """True while the engine is, or is left, stopped because its disk is nearly full."""
        scarce = [room for room in self.rooms if room.free < room.reserve // 4]
        if scarce and not self._paused:
            _log.error("the engine is stopped: its disk is nearly full", extra={"free": scarce[0].free})
            self._engine.stop()
            self._paused = True
        elif self._paused and self.accepting and time.monotonic() >= self._try_at:
            self._resume()
        return self._paused

    def _resume(self) -> None:
        """There is room again; what does not start yet is tried again for as long as there is."""
        try:
            self.rollbacks += start_mending(self._engine)
        except _NOT_STARTED as error:
            self._reason = str(error)
            _log.error("the engine did not start", extra={"engine": self.name, "reason": str(error)})
            self._wait_longer()
            return
        self._paused, self._silent_since, self._pause = False, None, self._settings.first_pause
        _log.info("there is room again: the engine is started")
        self._after_mending()

    def _restart(self, now: float, reason: str) -> None:
        self._row += 1
        if self._row > self._settings.restarts:
            raise EngineLost(
                f"the chain engine failed {self._row - 1} restarts and is given up: {self._reason}; look at its log"
            )
        self._reason = reason
        _log.warning("the engine is started again", extra={"engine": self.name, "reason": reason, "attempt": self._row})
        try:
            self._engine.stop()
            self.rollbacks += start_mending(self._engine)
        except _NOT_STARTED as error:
            self._reason = str(error)
            _log.error("the engine did not start", extra={"engine": self.name, "reason": str(error)})
        else:
            self.restarts += 1
            self._silent_since = None
            self._well_since = self._moved_at = time.monotonic()
            self._after_mending()
        self._wait_longer()

    def _wait_longer(self) -> None:
        self._try_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, self._settings.longest_pause)

    def _after_mending(self) -> None:
        if self._engine.fresh or self._engine.rpc_url != self._url:
            raise EngineLost("the engine came back as another one: the home is opened anew")
        try:
            differs = self._check()
        except NodeError:
            return  # it is not up far enough to be asked; the next look sees whether it comes
        if differs is not None:
            raise EngineLost(f"after its restart the chain does not continue the archive: {differs}")

    # --- judging

    def _judge(self, now: float) -> list[Problem]:
        sample, settings = self.sample, self._settings
        found = room_problems(self.rooms)
        if self._paused and self.accepting:
            found.append(problem("engine-down", reason=self._reason))  # there is room, and it did not start
        elif self._paused:
            found.append(problem("engine-paused", free_mib=min(room.free for room in self.rooms) // _MIB))
        elif sample.up:
            found += chain_problems(
                head=sample.head,
                still=sample.still,
                peers=sample.peers,
                block_time=self._block_time,
                alone=settings.alone,
            )
        elif not settings.owned:
            found.append(problem("engine-unreachable", url=self._engine.rpc_url, reason=sample.detail))
        elif self._row > settings.restarts:
            found.append(problem("engine-gave-up", restarts=settings.restarts, reason=self._reason))
        else:
            found.append(problem("engine-down", reason=sample.detail))
        # an engine of ours has one endpoint, and none while it is stopped
        urls = () if settings.owned else self._engine.rpc_urls
        found += endpoint_problems(look_at(urls) if len(urls) > 1 else ())
        if self._row and sample.up:
            found.append(problem("engine-restarted", restarts=self._row, reason=self._reason))
        if self.rollbacks or self._engine.mended:
            found.append(problem("torn-commit-mended"))
        return found + self._judge_clock(now)

    def _judge_clock(self, now: float) -> list[Problem]:
        jump = self._clock.jump()
        if abs(jump) > 1.0:
            self._jumped = (jump, now)
        offsets: dict[str, float | None] = {}
        if self._settings.peers:
            offsets["peers"] = peers_clock(self._settings.peers)
        if len(self._offsets) >= _BLOCKS_COMPARED:
            offsets["blocks"] = min(self._offsets, key=abs)  # late ones tell of the network, not of clocks
        known = [off for off in offsets.values() if off is not None]
        self.clock_ahead = max(known, key=abs) if known else None
        recent = self._jumped[0] if now - self._jumped[1] < self._settings.forget_after else 0.0
        return clock_problems(offsets, recent)
