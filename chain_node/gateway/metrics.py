"""Prometheus metrics of the door, all `luya_gateway_*`. No label names a caller or an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from chain_node.gateway.policy import METHODS

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class DoorMetrics:
    """The counters and gauges of one door, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._calls = Counter("luya_gateway_calls", "Calls answered", ["method", "role", "outcome"], registry=registry)
        self._seconds = Histogram(
            "luya_gateway_call_seconds", "Time to answer a call", ["kind"], buckets=_SECONDS, registry=registry
        )
        self._requests = Counter(
            "luya_gateway_node_requests", "Requests to nodes", ["node", "outcome"], registry=registry
        )
        self._refused = Counter(
            "luya_gateway_refused", "Requests refused before any call", ["reason"], registry=registry
        )
        self._cache = Counter("luya_gateway_cache", "Look-ups in the cache", ["outcome"], registry=registry)
        self._sends = Counter(
            "luya_gateway_transactions", "Transactions sent on", ["role", "outcome"], registry=registry
        )
        self._node_up = Gauge("luya_gateway_node_up", "1: the node may be asked", ["node"], registry=registry)
        self._node_head = Gauge("luya_gateway_node_head", "Newest block of a node", ["node"], registry=registry)
        self._bound: dict[tuple[str, str, str], Counter] = {}
        self._asked: dict[tuple[str, str], Counter] = {}
        self._kinds = {kind: self._seconds.labels(kind) for kind in ("local", "cached", "node", "refused")}
        self._hit, self._miss = self._cache.labels("hit"), self._cache.labels("miss")

    def watch(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, what, registry=self.registry).set_function(read)

    def call(self, method: str, role: str, outcome: str, kind: str, seconds: float) -> None:
        """A call was answered. outcome: ok, or the error's code; kind: local, cached, node or refused."""
        key = (method if method in METHODS else "other", role, outcome)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = self._calls.labels(*key)
        bound.inc()
        self._kinds[kind].observe(seconds)

    def request(self, node: str, outcome: str) -> None:
        """A node was asked."""
        bound = self._asked.get((node, outcome))
        if bound is None:
            bound = self._asked[node, outcome] = self._requests.labels(node, outcome)
        bound.inc()

    def refused(self, reason: str) -> None:
        """A request was refused whole: credentials, size, type, json, origin, connections, requests."""
        self._refused.labels(reason).inc()

    def cached(self, hit: bool) -> None:
        """The cache was asked."""
        (self._hit if hit else self._miss).inc()

    def sent(self, role: str, accepted: bool) -> None:
        """A transaction was sent on."""
        self._sends.labels(role, "accepted" if accepted else "rejected").inc()

    def node(self, name: str, up: bool, head: int) -> None:
        """How a node is."""
        self._node_up.labels(name).set(1 if up else 0)
        self._node_head.labels(name).set(head)
