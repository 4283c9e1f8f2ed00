"""What became of a partner's row, in every state, by every name; and rows handed in again."""

from __future__ import annotations

import pytest
from api_ledger import person
from api_world import World
from sqlalchemy import text

from api.errors import ProjectionError
from api.projection import outcomes
from api.projection.outcomes import ReportedRow
from chain_node.protocol.rules import Rule


def _ask(world: World, row: str, feed: int = 1) -> dict[str, object]:
    client = world.client()
    answer = client.get(f"/v1/records?feed={feed}&row={row}", world.token(f"feed:{feed}"))
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()["rows"][0]
    return found


def test_a_recorded_row_names_its_entry(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, "trips.csv", 7, "trip-7", "final", sequence=1)])
    for name in ("trip-7", "trips.csv:7"):
        row = _ask(world, name)
        assert row["outcome"] == "recorded"
        assert row["index"] == world.ledger.marks["rides"] + 1
        assert (row["credits_mg"], row["account"]) == (3002 * 48, f"0x{person(2).hex()}")
        assert row["rule"] is None


def test_a_revoked_row_says_so(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, "trips.csv", 8, "trip-8", "final", sequence=2)])
    assert _ask(world, "trip-8")["outcome"] == "revoked"


def test_the_ledgers_refusal_is_told_whatever_the_oracle_thought(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, "trips.csv", 9, "trip-9", "signed", sequence=4)])
    row = _ask(world, "trip-9")
    assert (row["outcome"], row["refused_by"]) == ("refused", "ledger")
    assert row["rule"]["name"] == "overlap"  # type: ignore[index]
    assert "只计一次" in row["message"]["zh"]  # type: ignore[index]


@pytest.mark.parametrize("rule", list(Rule))
def test_an_oracles_refusal_has_rule_value_and_remedy_in_both_languages(world: World, rule: Rule) -> None:
    outcomes.take(world.engine, [ReportedRow(1, "t.csv", 1, "k", "refused", int(rule), "802101 s")])
    row = _ask(world, "t.csv:1")
    assert (row["outcome"], row["refused_by"], row["value"]) == ("refused", "oracle", "802101 s")
    told = row["rule"]
    assert told["name"] == rule.label  # type: ignore[index]
    assert told["remedy"] == {"zh": rule.remedy_zh, "en": rule.remedy_en}  # type: ignore[index]
    assert rule.reason_zh in row["message"]["zh"]  # type: ignore[index]
    assert rule.remedy_en in row["message"]["en"]  # type: ignore[index]


def test_a_row_on_its_way_is_waiting(world: World) -> None:
    rows = [ReportedRow(1, "t.csv", 1, "k", "accepted"), ReportedRow(1, "t.csv", 2, "s", "set-aside", 1, "?")]
    outcomes.take(world.engine, rows)
    assert _ask(world, "k")["outcome"] == "waiting"
    aside = _ask(world, "s")
    assert (aside["outcome"], aside["rule"]["name"]) == ("set-aside", "malformed")  # type: ignore[index]


def test_taking_a_row_again_replaces_its_state(world: World) -> None:
    row = ReportedRow(1, "t.csv", 1, "k", "accepted")
    assert outcomes.take(world.engine, [row, ReportedRow(1, "t.csv", 1, "k", "signed", sequence=99)]) == 2
    outcomes.take(world.engine, [ReportedRow(1, "t.csv", 1, "k", "final", sequence=0)])
    client, token = world.client(), world.token("feed:1")
    rows = client.get("/v1/records?feed=1&row=k", token).json()["rows"]
    assert [one["outcome"] for one in rows] == ["recorded"]


def test_one_record_in_two_files_shows_both_rows(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, name, 1, "k", "final", sequence=0) for name in ("a.csv", "b.csv")])
    rows = world.client().get("/v1/records?feed=1&row=k", world.token("operator")).json()["rows"]
    assert [one["file"] for one in rows] == ["b.csv", "a.csv"]


def test_a_row_that_is_judged_again_is_so_in_every_file(world: World) -> None:
    refused = [ReportedRow(1, "a.csv", 1, "k", "refused", 2, "who"), ReportedRow(1, "a.csv", 2, "other", "refused", 2)]
    outcomes.take(world.engine, [*refused, ReportedRow(2, "a.csv", 1, "k", "refused", 2)])
    again = [ReportedRow(1, "b.csv", 1, "k", "final", sequence=0, judged_again=True)]
    again.append(ReportedRow(1, "b.csv", 2, "third", "refused", 3, judged_again=True))
    outcomes.take(world.engine, again)
    rows = world.client().get("/v1/records?feed=1&row=k", world.token("operator")).json()["rows"]
    assert [(one["file"], one["outcome"], one["rule"]) for one in rows] == [
        ("b.csv", "recorded", None),
        ("a.csv", "recorded", None),
    ]
    assert _ask(world, "other")["outcome"] == "refused"
    assert _ask(world, "k", feed=2)["outcome"] == "refused"


def test_many_rows_and_strange_names(world: World) -> None:
    many = (ReportedRow(1, "big.csv", n, f"key {n}", "final", sequence=None) for n in range(12_000))
    assert outcomes.take(world.engine, many) == 12_000
    assert _ask(world, "big.csv:11999")["key"] == "key 11999"
    strange = "行" * 400 + "\0'; DROP TABLE token; --"
    outcomes.take(world.engine, [ReportedRow(1, strange, 1, strange, "refused", 1, "a\0b" * 2000)])
    assert str(_ask(world, strange.replace("\0", "%00").replace(";", "%3B"))["key"]).startswith("sha256:")
    outcomes.take(world.engine, [ReportedRow(2, "x:y.csv", 3, "k", "accepted")])
    assert _ask(world, "x:y.csv:3", feed=2)["row"] == 3


def test_a_file_is_found_by_the_name_that_the_report_prints(world: World) -> None:
    outcomes.take(
        world.engine, [ReportedRow(2, "t.csv", 3, "k", "accepted"), ReportedRow(2, "=1.csv", 4, "f", "accepted")]
    )
    for name in ("t.csv:3", "/srv/in/2025-11/t.csv:3", "../t.csv:3"):
        assert _ask(world, name, feed=2)["key"] == "k"
    assert _ask(world, "'=1.csv:4", feed=2)["key"] == "f"
    assert _ask(world, "/srv/=1.csv:4", feed=2)["key"] == "f"


def test_forgetting_erases_every_trace(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, name, 1, "gone", "final", sequence=0) for name in ("a", "b")])
    outcomes.take(world.engine, [ReportedRow(2, "a", 1, "gone", "final"), ReportedRow(1, "a", 2, "stays", "final")])
    assert outcomes.forget(world.engine, 1, ["gone", "never"]) == 2
    with world.engine.begin() as connection:
        left = connection.execute(text("SELECT feed, key FROM row_outcome ORDER BY feed")).all()
    assert [tuple(row) for row in left] == [(1, "stays"), (2, "gone")]


@pytest.mark.parametrize(
    "row",
    [
        ReportedRow(1, "f", 1, "k", "lost"),
        ReportedRow(70_000, "f", 1, "k", "final"),
        ReportedRow(1, "f", -1, "k", "final"),
        ReportedRow(1, "f", 1, "", "final"),
        ReportedRow(1, "f", 1, "k", "refused"),
    ],
)
def test_impossible_rows_are_refused_by_name(world: World, row: ReportedRow) -> None:
    with pytest.raises(ProjectionError, match="f:"):
        outcomes.take(world.engine, [row])


def test_what_is_not_there_is_not_found(world: World) -> None:
    client, token = world.client(), world.token("operator")
    for row in ("nothing", "nothing.csv:1", ":1", "a:", "a:99999999999999999999"):
        assert client.get(f"/v1/records?feed=1&row={row}", token).status_code == 404
    for query in ("feed=1", "row=a", "feed=x&row=a", "feed=1&row=", "feed=70000&row=a"):
        assert client.get(f"/v1/records?{query}", token).status_code == 400
