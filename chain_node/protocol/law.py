"""The law as the log's entries make it: organisations, feeds, methods, caps; for the replay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from chain_node.protocol.entries import Feed, GroupCaps, Method, Organisation, Standing
from chain_node.protocol.errors import ReplayError


class Terms(NamedTuple):
    """All that the law says of one method in one feed, flat, for the replay's hot path."""

    group: int
    credit_num: int
    credit_den: int
    point_num: int
    point_den: int
    max_activity: int
    max_per_slot: int
    windows: tuple[tuple[int, int], ...]
    claims_slots: bool
    valid_from: int
    valid_to: int
    needs_nullifier: bool
    late_days: int
    trial: bool
    group_credits: int
    group_millipoints: int
    feed_credits: int
    feed_millipoints: int


@dataclass(frozen=True, slots=True)
class Caps:
    """A group's caps per account and day."""

    credits_mg: int = 0
    millipoints: int = 0


class Law:
    """Organisations, feeds, methods and group caps by id, each with its newest value."""

    def __init__(self) -> None:
        self.organisations: dict[int, Organisation] = {}
        self.feeds: dict[int, Feed] = {}
        self.methods: dict[int, Method] = {}
        self.caps: dict[int, Caps] = {}
        self._terms: dict[int, Terms] = {}

    def terms(self, feed_id: int, method_id: int) -> Terms:
        """The terms of a method in a feed.

        Raises ReplayError: feed or organisation not active, unknown method, or one the feed may not use.
        """
        known = self._terms.get(feed_id << 16 | method_id)
        if known is not None:
            return known
        feed = self.active_feed(feed_id)
        method = self.methods.get(method_id)
        if method is None or method_id not in feed.methods:
            raise ReplayError(f"not-in-force: method {method_id} is unknown, or not of feed {feed_id}")
        caps = self.caps.get(method.group, Caps())
        terms = Terms(
            method.group,
            method.credit_num,
            method.credit_den,
            method.point_num,
            method.point_den,
            method.max_activity,
            method.max_per_slot,
            method.windows or (),
            method.claims_slots,
            method.valid_from,
            method.valid_to,
            method.needs_nullifier,
            feed.late_days,
            feed.trial,
            caps.credits_mg,
            caps.millipoints,
            feed.credits_cap,
            feed.millipoints_cap,
        )
        self._terms[feed_id << 16 | method_id] = terms
        return terms

    def active_feed(self, feed_id: int) -> Feed:
        """The feed. Raises ReplayError: it or its organisation is unknown or disabled."""
        feed = self.feeds.get(feed_id)
        if feed is None or feed.state is not Standing.ACTIVE:
            raise ReplayError(f"feed {feed_id} is unknown or disabled")
        organisation = self.organisations.get(feed.organisation)
        if organisation is None or organisation.state is not Standing.ACTIVE:
            raise ReplayError(f"organisation {feed.organisation} of feed {feed_id} is unknown or disabled")
        return feed

    def set_organisation(self, organisation: Organisation) -> None:
        self._terms.clear()
        self.organisations[organisation.id] = organisation

    def set_feed(self, feed: Feed) -> None:
        """Raises ReplayError: the version of the signer set goes back, or the organisation or a method is unknown."""
        old = self.feeds.get(feed.feed)
        if old is not None and feed.version < old.version:
            raise ReplayError(f"feed {feed.feed}: version {feed.version} after {old.version}")
        if feed.organisation not in self.organisations:
            raise ReplayError(f"feed {feed.feed}: organisation {feed.organisation} is unknown")
        self._terms.clear()
        self.feeds[feed.feed] = feed

    def set_method(self, method: Method) -> None:
        """Raises ReplayError: a version changes otherwise than by an earlier end, a behaviour changes its group, or
        two versions of it are valid on one day."""
        old = self.methods.get(method.id)
        if old is not None:
            if replace(old, time=method.time, valid_to=method.valid_to) != method or method.valid_to > old.valid_to:
                raise ReplayError(f"method {method.id}: a version changes by an earlier end only")
        else:
            self._check_behaviour(method)
        self._terms.clear()
        self.methods[method.id] = method

    def _check_behaviour(self, method: Method) -> None:
        first = self.methods.get(method.behaviour)
        if method.behaviour != method.id and (first is None or first.behaviour != first.id):
            raise ReplayError(f"method {method.id}: behaviour {method.behaviour} is unknown")
        for other in self.methods.values():
            if other.behaviour != method.behaviour:
                continue
            if other.group != method.group:
                raise ReplayError(f"method {method.id}: behaviour {method.behaviour} is of group {other.group}")
            # A version that was ended before it began is valid on no day.
            ever = other.valid_from <= other.valid_to
            if ever and other.valid_from <= method.valid_to and method.valid_from <= other.valid_to:
                raise ReplayError(f"method {method.id}: valid on days of method {other.id} of the same behaviour")

    def set_caps(self, caps: GroupCaps) -> None:
        self._terms.clear()
        self.caps[caps.group] = Caps(caps.credits_mg, caps.millipoints)
