"""How a call of the oracle ends: in sentences, and in an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from luya.console import tell
from oracle.calls.ingest import IngestResult

NOTHING_TAKEN: Final = 3
"""The exit code of a call of which no row was accepted, and none was known: most likely it is not what was meant."""


def exit_code(result: IngestResult) -> int:
    """0 where a row was accepted, known already or judged again, else NOTHING_TAKEN."""
    return 0 if result.accepted or result.already_known or result.judged_again else NOTHING_TAKEN


def summary(result: IngestResult, report: Path | None, *, rehearsed: bool = False, of_files: bool = False) -> None:
    """Tell what became of a call's rows, or would become of them. of_files: they came in files, now."""
    if of_files and not result.rows:
        tell("文件没有数据行（只有表头，或数组为空）。The files hold no rows: a header only, or an empty array.")
    refused = sum(result.refused.values())
    taken, accepted = ("可入账", "would be accepted") if rehearsed else ("已入账", "accepted")
    tell(
        f"{result.rows:,} 行：{result.accepted:,} {taken}，{refused:,} 被拒，{result.already_known:,} 此前已知。"
        f"{result.rows:,} rows: {result.accepted:,} {accepted}, {refused:,} refused, "
        f"{result.already_known:,} known already."
    )
    for rule, count in sorted(result.refused.items()):
        tell(f"  {rule}: {count:,}")
    if result.already_known:
        known = "，".join(f"{name} {count:,}" for name, count in result.known.items())
        tell(f"  此前已知 known already：{known}")
    if result.judged_again:
        tell(
            f"  其中 {result.judged_again:,} 行此前被拒，已重新判定。"
            f"Of them {result.judged_again:,} had been refused before and were judged again."
        )
    if result.corrected:
        tell(
            f"  {result.corrected:,} 行与已入账的内容不同：已入账的保持不变。"
            f"{result.corrected:,} rows differ from what was recorded under their id: what is recorded stays."
        )
    if "unknown-person" in result.refused:
        flag = "luya oracle retry --feed … --enrol-unknown"
        tell(f"  确认这些用户均为居民后，运行 {flag}（或加此选项重新提交），即为其开户。")
        tell(f"  If these ids are all residents, `{flag}` enrols them, or sending it again with the flag.")
    if report is not None:
        tell(f"逐行结果见 {report}。What became of each row: {report}")
