"""Says what became of a row, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

from sqlalchemy import Row

from api.entries.decoded import rule_view
from api.entries.schemas import RuleView
from api.errors import ErrorText, NotFound
from api.records.schemas import Records, RowView
from api.tokens.scopes import Scopes
from api.web.types import Bilingual, address_text

Outcome = Literal["recorded", "revoked", "waiting", "refused", "set-aside"]


def place(reference: str) -> tuple[str, int] | None:
    """(file, row) of a reference such as `trips.csv:42`; None where it has another form.

    The file may be as a report prints it: with its folders, and with the apostrophe that keeps a spreadsheet from
    taking it for a formula.
    """
    file, colon, row = reference.rpartition(":")
    file = PurePosixPath(file.removeprefix("'") if file[1:2] in tuple("=+-@＝＋－＠") else file).name
    if not colon or not file or not row.isascii() or not row.isdigit() or len(row) > 15:
        return None
    return file, int(row)


def visible(scopes: Scopes, feed: int, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The rows that the holder may see: all of its own feed, or those about its own account.

    Raises NotFound: none is, or none exists. Which of the two is not told: record ids are a partner's own matter.
    """
    if scopes.feed(feed):
        found = list(rows)
    else:
        found = [row for row in rows if scopes.account(row.account or row.entry_account)]
    if not found:
        raise NotFound(
            ErrorText("未找到此记录，或您无权查看", "there is no such record, or it is not yours to see"),
            remedy=ErrorText(
                "请核对数据源编号与记录编号（或 `文件名:行号`）；新提交的文件需处理后才能查到",
                "Check the feed and the record id (or file:row); a new file is found once it has been read",
            ),
        )
    return found


def view(feed: int, reference: str, rows: Sequence[Row[Any]]) -> Records:
    """The answer."""
    return Records(feed=feed, reference=reference, rows=[_row(row) for row in rows])


def _row(row: Row[Any]) -> RowView:
    outcome = _outcome(row)
    by_ledger = row.ledger_rule is not None
    number = row.ledger_rule if by_ledger else row.rule
    rule = rule_view(number) if number is not None and outcome in ("refused", "set-aside") else None
    account = row.account or row.entry_account
    points = None if row.millipoints is None else row.millipoints + row.bonus_millipoints
    refused_by: Literal["oracle", "ledger"] | None = None
    if outcome == "refused":
        refused_by = "ledger" if by_ledger else "oracle"
    return RowView(
        file=row.file,
        row=row.line,
        key=row.key,
        outcome=outcome,
        message=_message(outcome, rule),
        rule=rule,
        value=row.value,
        refused_by=refused_by,
        account=None if account is None else address_text(account),
        sequence=row.sequence,
        index=row.idx,
        credits_mg=row.credits_mg,
        millipoints=points,
    )


def _outcome(row: Row[Any]) -> Outcome:
    """The ledger's word counts; where it has not spoken, the oracle's."""
    if row.idx is not None:
        if row.ledger_rule is not None:
            return "refused"
        return "recorded" if row.revoked_by is None else "revoked"
    if row.state in ("refused", "set-aside"):
        refused: Outcome = "refused" if row.state == "refused" else "set-aside"
        return refused
    return "waiting"


_MESSAGES: dict[Outcome, Bilingual] = {
    "recorded": Bilingual(zh="已计入账本。", en="Recorded on the ledger."),
    "revoked": Bilingual(zh="曾计入账本，现已被撤销。", en="It was recorded and has been revoked since."),
    "waiting": Bilingual(
        zh="已受理，正在等待写入账本，通常几秒内完成。", en="Accepted, waiting for the ledger; mostly a few seconds."
    ),
    "set-aside": Bilingual(zh="已搁置，等待人工处理。", en="Set aside for a person to look at."),
}


def _message(outcome: Outcome, rule: RuleView | None) -> Bilingual:
    if outcome == "refused" and rule is not None:
        return Bilingual(
            zh=f"未计入：{rule.reason.zh}{rule.remedy.zh}", en=f"Not counted. {rule.reason.en} {rule.remedy.en}"
        )
    if outcome == "refused":
        return Bilingual(zh="未计入。", en="Not counted.")
    return _MESSAGES[outcome]
