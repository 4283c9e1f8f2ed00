"""What can be wrong, in words: each problem has a code, a severity, what is wrong, and what to do about it.

The codes are stable: alert rules, `docs/operations.md` and operators' scripts name them.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["info", "warning", "error"]
RANK: Final[Mapping[Severity, int]] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A row of the catalogue; the texts are templates over the problem's facts."""

    severity: Severity
    zh: str
    en: str
    do_zh: str
    do_en: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong now.

    Attributes:
        code: its name in the catalogue.
        facts: numbers and names that its texts mention.
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """'error': somebody must act; 'warning': soon; 'info': good to know."""
        return CATALOGUE[self.code].severity

    def as_json(self) -> dict[str, Any]:
        """Code, severity, facts, and both texts in Chinese and English."""
        kind = CATALOGUE[self.code]

        def say(template: str) -> str:
            return _Facts().vformat(template, (), self.facts)

        return {
            "code": self.code,
            "severity": kind.severity,
            "facts": dict(self.facts),
            "what": {"zh": say(kind.zh), "en": say(kind.en)},
            "do": {"zh": say(kind.do_zh), "en": say(kind.do_en)},
        }


def problem(code: str, **facts: Any) -> Problem:
    """A problem of the catalogue; an unknown code is a mistake in the program."""
    if code not in CATALOGUE:
        raise KeyError(code)
    return Problem(code, facts)


class _Facts(string.Formatter):
    """A fact that was not measured shows as '?', so that a report never fails."""

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        return str(value) if isinstance(value, str) else format(value, format_spec)


CATALOGUE: Final[Mapping[str, ProblemKind]] = {
    "not-running": ProblemKind(
        "info",
        "这个目录上没有节点在运行。",
        "No node runs on this home.",
        "启动：luya up --home {home}",
        "start it: luya up --home {home}",
    ),
    "unclean-stop": ProblemKind(
        "info",
        "上一次没有正常停止（断电或被强行结束）。",
        "The last run did not end cleanly (power cut or kill).",
        "直接重新启动：需要时会由归档重建，然后运行 luya fsck --home {home}",
        "just start again: what is needed is rebuilt from the archive; then run luya fsck --home {home}",
    ),
    "starting": ProblemKind(
        "info",
        "进程 {pid} 占用此目录 {seconds:.0f} 秒，尚未就绪。",
        "Process {pid} has had this home for {seconds:.0f} s and is not up yet.",
        "等待；若长时间没有进展，查看它的输出",
        "wait; if nothing moves for long, look at its output",
    ),
    "torn-commit-mended": ProblemKind(
        "info",
        "引擎上次在写块时中断；已回滚一块并继续。",
        "The engine had been cut off in mid-commit; it was rolled back by one block and goes on.",
        "无需处理；可运行 luya fsck 核对",
        "nothing to do; luya fsck compares everything",
    ),
    "engine-restarted": ProblemKind(
        "warning",
        "引擎停过，已自动重启 {restarts} 次；最近一次：{reason}",
        "The engine had stopped and was restarted {restarts} times; last: {reason}",
        "若反复发生，查看引擎日志、内存和磁盘",
        "if it happens again, look at the engine's log, memory and disk",
    ),
    "engine-down": ProblemKind(
        "error",
        "链引擎没有应答：{reason}",
        "The chain engine does not answer: {reason}",
        "正在自动重启；若没有进程在看管它：luya up（或 luya network start）",
        "it is being started again; where nobody watches it: luya up (or luya network start)",
    ),
    "engine-gave-up": ProblemKind(
        "error",
        "引擎重启 {restarts} 次仍失败，已停止尝试：{reason}",
        "The engine failed {restarts} restarts and was given up: {reason}",
        "按引擎日志中的原因处理，再启动；引擎数据损坏时：luya rebuild（网络节点：重新同步）",
        "mend what its log names, then start again; where the engine's data are broken: luya rebuild (a network's node "
        "syncs anew from the others)",
    ),
    "engine-unreachable": ProblemKind(
        "error",
        "外部引擎 {url} 没有应答：{reason}",
        "The engine at {url}, which somebody else runs, does not answer: {reason}",
        "检查该节点和网络；恢复后自动继续",
        "check that node and the network; all goes on by itself afterwards",
    ),
    "halted": ProblemKind(
        "error",
        "引擎有应答，但 {seconds:.0f} 秒没有新块（高度 {head}，连接 {peers} 个节点）。",
        "The engine answers but has made no block for {seconds:.0f} s (height {head}, {peers} peers).",
        "启动停掉的验证节点：超过三分之二的权重在线时，链会自动继续；已提交的数据都在",
        "start the validators that are down: with more than two thirds of the power up the chain goes on by itself; "
        "nothing that was submitted is lost",
    ),
    "endpoint-down": ProblemKind(
        "warning",
        "节点 {url} 没有应答（{reason}）；账本经其余 {others} 个节点照常运行。",
        "The node at {url} does not answer ({reason}); the ledger goes on over the {others} that do.",
        "启动或修复该节点：luya network start；它会自动追上",
        "start or mend that node (luya network start): it catches up by itself",
    ),
    "endpoint-behind": ProblemKind(
        "warning",
        "节点 {url} 落后 {blocks:,} 块（高度 {head}）；账本使用更新的节点。",
        "The node at {url} is {blocks:,} blocks behind (height {head}); the ledger uses those that are further.",
        "稍候再看；若不减少，查看该节点的日志、磁盘和网络：luya network status",
        "look again in a moment; if it does not shrink, see that node's log, disk and network: luya network status",
    ),
    "no-peers": ProblemKind(
        "warning",
        "本节点没有连接到任何其他节点。",
        "This node is connected to no other node.",
        "检查网络、防火墙和节点名单（对方须在名单中）",
        "check network, firewall and the list of nodes (each must be listed at the other)",
    ),
    "disk-low": ProblemKind(
        "warning",
        "{place}：磁盘剩余 {free_mib:,} MiB，低于 {reserve_mib:,} MiB 时将停止接收新数据。",
        "{place}: {free_mib:,} MiB are free; below {reserve_mib:,} MiB nothing new is accepted.",
        "现在就清理或扩容",
        "make room or grow the disk now",
    ),
    "disk-full": ProblemKind(
        "error",
        "{place}：磁盘只剩 {free_mib:,} MiB（保留 {reserve_mib:,} MiB）：已停止接收新数据，已接收的安全。",
        "{place}: only {free_mib:,} MiB are free ({reserve_mib:,} MiB are kept): nothing new is accepted; what was "
        "accepted is safe.",
        "清理或扩容；有空间后自动继续，无需重启",
        "make room or grow the disk; all goes on by itself then, no restart is needed",
    ),
    "engine-paused": ProblemKind(
        "error",
        "磁盘几乎写满，引擎已停下以保护数据（{free_mib:,} MiB）。",
        "The disk is nearly full, so the engine was stopped to protect its data ({free_mib:,} MiB are free).",
        "清理或扩容；有空间后自动启动",
        "make room; the engine is started again by itself",
    ),
    "clock-skew": ProblemKind(
        "warning",
        "本机时钟与链上时间相差 {seconds:+.0f} 秒（依据：{by}）。",
        "This machine's clock is off by {seconds:+.0f} s (by {by}).",
        "校准时钟（timedatectl，chronyc tracking），然后再看 luya status",
        "set the clock right (timedatectl, chronyc tracking), then look at luya status again",
    ),
    "clock-jumped": ProblemKind(
        "warning",
        "本机时钟跳变了 {seconds:+.0f} 秒。",
        "This machine's clock jumped by {seconds:+.0f} s.",
        "检查时间同步服务；链上时间不会倒退，记录不受影响",
        "check the time service; time on the chain never goes back, records are not touched",
    ),
    "clock-behind-log": ProblemKind(
        "error",
        "本机时钟比归档中最新记录早 {seconds:.0f} 秒：账本中的时间不能倒退。",
        "This machine's clock is {seconds:.0f} s behind the newest archived entry: time in the log never goes back.",
        "校准时钟，再启动",
        "set the clock right, then start again",
    ),
    "port-in-use": ProblemKind(
        "error",
        "端口 {port} 已被占用（{holder}）。",
        "Port {port} is in use ({holder}).",
        "结束该进程，或换一个端口（--port，--metrics-port）",
        "end that process, or choose another port (--port, --metrics-port)",
    ),
    "lock-held": ProblemKind(
        "error",
        "{path} 被进程 {pid} 占用（{command}），它不是正在应答的节点。",
        "{path} is held by process {pid} ({command}), which is not a node that answers.",
        "确认后结束它：kill {pid}；锁随进程消失，不要删除锁文件",
        "make sure what it is, then end it: kill {pid}; the lock dies with it, do not delete the file",
    ),
    "archive-behind": ProblemKind(
        "warning",
        "归档落后链 {entries:,} 条。",
        "The archive is {entries:,} entries behind the chain.",
        "稍候再看；若不减少，查看跟随器的日志和磁盘",
        "look again in a moment; if it does not shrink, see the follower's log and the disk",
    ),
    "archive-damaged": ProblemKind(
        "error",
        "归档损坏：{reason}",
        "The archive is damaged: {reason}",
        "停止节点，从副本恢复归档：luya archive restore --from 副本 --home {home}；之后 luya fsck",
        "stop the node, restore the archive from its copy: luya archive restore --from COPY --home {home}; "
        "then luya fsck --home {home}",
    ),
    "chain-differs": ProblemKind(
        "error",
        "链与归档不一致：{reason}",
        "The chain does not continue the archive: {reason}",
        "先确认归档是最新的；然后由归档重建链：luya rebuild --home {home}",
        "make sure that the archive is the newest one; then rebuild the chain from it: luya rebuild --home {home}",
    ),
    "read-model-behind": ProblemKind(
        "warning",
        "查询库落后归档 {entries:,} 条。",
        "The read model is {entries:,} entries behind the archive.",
        "节点运行时会自动赶上",
        "it catches up by itself while a node runs",
    ),
    "mirror-behind": ProblemKind(
        "warning",
        "归档的副本 {place} 落后 {entries:,} 条。",
        "The archive's copy at {place} is {entries:,} entries behind.",
        "检查该磁盘或挂载；恢复后自动继续",
        "check that disk or mount; it goes on by itself afterwards",
    ),
    "mirror-failing": ProblemKind(
        "error",
        "归档无法复制到 {place}：{reason}",
        "The archive cannot be copied to {place}: {reason}",
        "处理该原因；账本照常运行，但此刻没有第二份",
        "mend that; the ledger goes on, but there is no second copy of what is new",
    ),
    "queue-waiting": ProblemKind(
        "warning",
        "{queue} 中有 {count:,} 条在等待，而链在出块。",
        "{count:,} wait in {queue} although the chain makes blocks.",
        "查看发送者：再次运行原来的命令，它会从断点继续",
        "look at who sends: give the same command again, it goes on from where it stopped",
    ),
    "part-failed": ProblemKind(
        "error",
        "{part} 已停止：{reason}",
        "{part} has ended: {reason}",
        "按原因处理，再启动：luya up --home {home}",
        "mend the cause, then start again: luya up --home {home}",
    ),
}
