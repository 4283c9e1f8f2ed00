"""`luya project …`: opening, closing and abandoning, pledging, delivering, deciding, reporting, returning; looking."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.kinds.projects import Project, ProjectKind, ProjectState
from chain_node.protocol.records import text_hash
from chain_node.protocol.times import day_of
from chain_node.rpc.client import to_hex
from luya.console import progress, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.loop import amounts, evidence, waiting
from luya.loop.project_view import ProjectView, views
from luya.loop.relay import SentAct, answered, module, said, send
from luya.loop.signing import CUSTODIAN_KEY, RELAY_KEY, as_struct, signature, signer
from luya.session.session import Session, opened

MODULE: Final = "LuyaProjects"
OFFICE_KEY: Final = "catalogue-manager"

_VALID_SECONDS: Final = 3_600
"""How long a pledge's signature may wait."""
_TERMS: Final = frozenset(
    {"project", "organisation", "kind", "price_points", "settlement_yuan", "target", "opens", "closes", "survival"}
    | {"text"}
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What shows a delivery or a survival report. day: YYYY-MM-DD, today where it is None."""

    photo: Path
    more: Sequence[Path]
    day: str | None


# ------------------------------------------------------------------------------------------------------ the office


def open_project(home: LuyaHome, path: Path, *, rehearse: bool) -> dict[str, Any]:
    """Opens the project that a TOML file describes.

    Raises:
        UsageError: the file does not describe one.
        LoopRefused: the ledger does not take it.
    """
    terms = described(path)
    with progress() as advance, opened(home, advance=advance) as session:
        sent = _set(session, terms, rehearse)
    said(sent, f"项目 {terms.project} 已开放。Project {terms.project} is open: units can be pledged.")
    return {"project": terms.project, "state": "open", "text": terms.text.hex()} | answered(sent)


def end_project(home: LuyaHome, project: int, state: ProjectState, *, rehearse: bool) -> dict[str, Any]:
    """Closes a project (no more pledges) or abandons it (what is not delivered can be returned).

    Raises:
        UsageError: the log has no such project.
        LoopRefused: the ledger does not take it.
    """
    with progress() as advance, opened(home, advance=advance) as session:
        newest = _view(session.node.archive, project).newest
        sent = _set(session, replace(newest, state=state), rehearse)
    word = {ProjectState.CLOSED: "已截止认捐", ProjectState.ABANDONED: "已终止"}.get(state, "")
    said(sent, f"项目 {project} {word}。Project {project} is {state.name.lower()}.")
    return {"project": project, "state": state.name.lower()} | answered(sent)


def described(path: Path) -> Project:
    """The terms in a TOML file, of a project that is open. Raises UsageError: it does not say them all, or more."""
    try:
        value = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}", "无法读取项目文件") from None
    if value.keys() != _TERMS:
        wrong = ", ".join(sorted(value.keys() ^ _TERMS))
        raise UsageError(f"{path}: these are missing or unknown: {wrong}", "项目文件缺少或多出字段")
    numbers = {name: _number(path, name, value[name]) for name in ("project", "organisation", "target")}
    try:
        kind = ProjectKind[str(value["kind"]).upper()]
    except KeyError:
        names = ", ".join(one.name.lower() for one in ProjectKind)
        raise UsageError(f"{path}: kind is one of {names}, not {value['kind']!r}", "项目类别有误") from None
    if not isinstance(value["survival"], bool) or not isinstance(value["text"], str) or not value["text"]:
        raise UsageError(f"{path}: survival is true or false, text is some text", "survival 或 text 有误")
    return Project(
        0,
        numbers["project"],
        numbers["organisation"],
        kind,
        amounts.millipoints(str(value["price_points"])),
        amounts.fen(str(value["settlement_yuan"])),
        numbers["target"],
        amounts.instant(value["opens"]),
        amounts.instant(value["closes"]),
        value["survival"],
        text_hash(value["text"]),
        ProjectState.OPEN,
    )


def _number(path: Path, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 32:
        raise UsageError(f"{path}: {name} is a whole number from 1 on, not {value!r}", f"{name} 应为正整数")
    return value


def _set(session: Session, terms: Project, rehearse: bool) -> SentAct:
    contract = module(session, MODULE)
    values = (
        *(terms.project, terms.organisation, int(terms.kind), terms.price, terms.settlement, terms.target),
        *(terms.opens, terms.closes, int(terms.survival), terms.text),
    )
    data = contract.data("setProject", values, int(terms.state))
    return send(session, contract, data, by=OFFICE_KEY, rehearse=rehearse)


# ------------------------------------------------------------------------------------------------------- residents


def pledge(
    home: LuyaHome,
    project: int,
    *,
    account: str,
    units: int,
    max_points: str | None,
    key: str | None,
    rehearse: bool,
) -> dict[str, Any]:
    """Pledges for a resident, signed by the custodian's key or another of the home's.

    Raises:
        UsageError: no such project, or a value that can't be.
        LoopRefused: the ledger does not take it.
    """
    who = amounts.address(account)
    with progress() as advance, opened(home, advance=advance) as session:
        terms = _view(session.node.archive, project).newest
        asked: dict[str, int | bytes] = {"account": who, "project": project, "units": units}
        pending = None if rehearse else waiting.left_over(session, _folder(home), asked)
        fresh = pending is None
        if pending is None:
            most = terms.price * units if max_points is None else amounts.millipoints(max_points)
            pending = _sign_pledge(session, home, asked, most, key or CUSTODIAN_KEY, keep=not rehearse)
        submit = partial(_pledge, session, pending, rehearse)
        sent = waiting.send_once(session, pending, submit, fresh=fresh, rehearse=rehearse)
        first = None if sent.index is None else _view(session.node.archive, project).pledges[sent.index].first
    pending.forget()
    spent = amounts.points_text(terms.price * units)
    said(sent, f"已认捐 {units} 个单位，{spent} 积分。{units} units are pledged for {spent} points.")
    return {"project": project, "account": to_hex(who), "first": first, "units": units, "points": spent} | answered(
        sent
    )


def _sign_pledge(
    session: Session, home: LuyaHome, asked: dict[str, int | bytes], most: int, key: str, *, keep: bool
) -> waiting.WaitingAct:
    by = signer(home, key)
    nonce = module(session, "LuyaControllers").read("nonceOf", as_struct(asked)[0], to_hex(by.address))
    bounds = {"maxPrice": most, "nonce": int(nonce), "deadline": int(time.time()) + _VALID_SECONDS}
    values = asked | bounds
    return waiting.keep(session, _folder(home) if keep else None, values, signature(session, by, "Pledge", values))


def _pledge(session: Session, pending: waiting.WaitingAct, rehearse: bool) -> SentAct:
    contract = module(session, MODULE)
    data = contract.data("pledge", (*as_struct(pending.values), pending.signature))
    return send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)


def _folder(home: LuyaHome) -> Path:
    return home.root / "pledges"


def give_back(home: LuyaHome, index: int, *, rehearse: bool) -> dict[str, Any]:
    """Has the undelivered units of an abandoned project's pledge returned; nobody needs to sign it.

    Raises LoopRefused: there is nothing to return.
    """
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, MODULE)
        sent = send(session, contract, contract.data("returnPledge", index), by=RELAY_KEY, rehearse=rehearse)
    said(sent, f"认捐 {index} 未交付的积分已退还。What of pledge {index} was not delivered is given back.")
    return {"pledge": index} | answered(sent)


# ---------------------------------------------------------------------------------------------------------- agents


def deliver(
    home: LuyaHome,
    project: int,
    *,
    units: int,
    first: int | None,
    place: str,
    shown: Shown,
    key: str | None,
    rehearse: bool,
) -> dict[str, Any]:
    """Delivers units, signed by a merchant's agent of the project's organisation.

    first: None takes the first stretch of free units that is long enough.

    Raises:
        UsageError: no such project, no such stretch, or evidence that can't be.
        LoopRefused: the ledger does not take it.
    """
    latitude, longitude = amounts.place(place)
    with progress() as advance, opened(home, advance=advance) as session:
        view = _view(session.node.archive, project)
        begin = _free(view, units) if first is None else first
        contract = module(session, MODULE)
        chain_key = signer(home, key or f"agent-{view.newest.organisation}-merchant")
        proof = evidence.commit([shown.photo, *shown.more], keep=not rehearse)
        values: dict[str, int | bytes] = {
            "project": project,
            "first": begin,
            "units": units,
            "day": _day(shown.day),
            "latitude": latitude,
            "longitude": longitude,
            "evidence": proof.commitment,
            "nullifier": evidence.nullifier(shown.photo),
        }
        data = contract.data("deliver", as_struct(values), signature(session, chain_key, "Delivery", values))
        sent = send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)
    said(sent, f"交付 {sent.index} 等待其他机构验收。Delivery {sent.index} waits for another organisation's acceptor.")
    return {"project": project, "first": begin, "units": units} | answered(sent) | _kept(proof)


def accept(
    home: LuyaHome, index: int, *, accepted: bool, files: Sequence[Path], key: str, rehearse: bool
) -> dict[str, Any]:
    """Decides on a delivery, signed by an acceptor's agent of another organisation than the project's.

    Raises:
        UsageError: evidence that can't be.
        LoopRefused: the ledger does not take it.
    """
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, MODULE)
        chain_key = signer(home, key)
        proof = evidence.commit(files, keep=not rehearse)
        values: dict[str, int | bytes] = {"delivery": index, "accepted": int(accepted), "evidence": proof.commitment}
        data = contract.data("accept", *as_struct(values), signature(session, chain_key, "Acceptance", values))
        sent = send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)
    word = ("通过", "accepted") if accepted else ("未通过", "refused")
    said(sent, f"交付 {index} 验收{word[0]}。Delivery {index} is {word[1]}.")
    return {"delivery": index, "accepted": accepted} | answered(sent) | _kept(proof)


def report(
    home: LuyaHome, index: int, *, months: int, surviving: int, shown: Shown, key: str, rehearse: bool
) -> dict[str, Any]:
    """Reports what lives of a delivery, signed as a decision is.

    Raises:
        UsageError: evidence that can't be.
        LoopRefused: the ledger does not take it.
    """
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, MODULE)
        chain_key = signer(home, key)
        proof = evidence.commit([shown.photo, *shown.more], keep=not rehearse)
        values: dict[str, int | bytes] = {
            "delivery": index,
            "months": months,
            "surviving": surviving,
            "day": _day(shown.day),
            "evidence": proof.commitment,
            "nullifier": evidence.nullifier(shown.photo),
        }
        data = contract.data("reportSurvival", as_struct(values), signature(session, chain_key, "Survival", values))
        sent = send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)
    said(
        sent,
        f"交付 {index} 第 {months} 个月存活 {surviving}。Of delivery {index} {surviving} live after {months} months.",
    )
    return {"delivery": index, "months": months, "surviving": surviving} | answered(sent) | _kept(proof)


# ---------------------------------------------------------------------------------------------------------- looking


def list_all(home: LuyaHome) -> dict[str, Any]:
    """All projects of the home's log."""
    found = [view.summary() for _, view in sorted(views(ArchiveReader(home.archive).entries()).items())]
    for one in found:
        tell(
            f"  {one['project']}  {one['kind']}  {one['state']}  "
            f"认捐 pledged {one['pledged']}/{one['target']}, 已验收 accepted {one['accepted']}"
        )
    return {"projects": found}


def show(home: LuyaHome, project: int) -> dict[str, Any]:
    """A project, its pledges and deliveries. Raises UsageError: the log has no such project."""
    return _view(ArchiveReader(home.archive), project).details()


def _view(archive: ArchiveReader, project: int) -> ProjectView:
    found = views(archive.entries())
    if project not in found:
        known = ", ".join(str(number) for number in sorted(found)) or "none"
        raise UsageError(f"the log has no project {project}; it has: {known}", f"没有项目 {project}")
    return found[project]


def _free(view: ProjectView, units: int) -> int:
    for first, length in view.free():
        if length >= units:
            return first
    longest = max((length for _, length in view.free()), default=0)
    raise UsageError(
        f"project {view.newest.project} has no {units} pledged and undelivered units in a row: {longest} at most",
        "没有这么多连续的、已认捐而未交付的单位",
    )


def _day(text: str | None) -> int:
    return day_of(int(time.time())) if text is None else amounts.day(text)


def _kept(proof: evidence.Evidence) -> dict[str, Any]:
    return {"evidence": proof.commitment.hex(), "opening": None if proof.opening is None else str(proof.opening)}
