"""The commands of `luya network vote`: every member gives the same one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luya.command import JsonOption, run

if TYPE_CHECKING:
    from luya.network.votes import Voter

app = typer.Typer(
    help="理事会表决：各成员运行同一命令。The council votes: every member gives the same command.", no_args_is_help=True
)

FolderArgument = Annotated[Path, typer.Argument(help="机构的目录。An organisation's folder.")]
ThresholdOption = Annotated[
    int, typer.Option("--threshold", min=0, help="通过所需票数（0：随成员数）。Votes for an act (0: by members).")
]
RpcUrlOption = Annotated[str | None, typer.Option("--rpc", help="节点地址。A node to send to (default: one's own).")]
WaitOption = Annotated[
    float,
    typer.Option("--wait", min=0, help="等待延迟结束的秒数。Seconds to wait for the delay to pass, then execute."),
]
ProposalArgument = Annotated[str, typer.Argument(help="提案编号。The proposal's id.")]


def voter(folder: Path, rpc: str | None, wait: float, *, quiet: bool) -> Voter:
    from luya.network.votes import Voter

    return Voter(folder, rpc, wait, quiet=quiet)


@app.command("admit")
def vote_admit(
    folder: FolderArgument,
    public: Annotated[Path, typer.Argument(help="新机构的 public.json。The newcomer's public part.")],
    threshold: ThresholdOption = 0,
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """接纳一个机构（成员、节点、发送权）。Lets an organisation in: its vote, its node, its right to send."""
    from luya.network import votes as command

    run(command.admit_part, voter(folder, rpc, wait, quiet=json), public, threshold)


@app.command("expel")
def vote_expel(
    folder: FolderArgument,
    organisation: Annotated[int, typer.Argument(min=1, help="机构编号。The organisation's number.")],
    threshold: ThresholdOption = 0,
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """移除一个机构（验证者、节点、发送权、成员）。Removes an organisation: validator, nodes, right to send, vote."""
    from luya.network import votes as command

    run(command.expel_organisation, voter(folder, rpc, wait, quiet=json), organisation, threshold)


@app.command("validator")
def vote_validator(
    folder: FolderArgument,
    key: Annotated[str, typer.Argument(help="验证者公钥。The validator's public key, 64 hex digits.")],
    power: Annotated[int, typer.Option("--power", min=0, max=1000, help="权重，0 为移除。Its weight; 0 removes it.")],
    organisation: Annotated[
        int, typer.Option("--organisation", min=0, help="机构编号（新增时）。Who runs a new one.")
    ] = 0,
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """增加、加减权或移除验证者。Adds, weighs or removes a validator."""
    from luya.network import votes as command

    run(command.weigh_validator, voter(folder, rpc, wait, quiet=json), key, power, organisation)


@app.command("rotate")
def vote_rotate(
    folder: FolderArgument,
    old: Annotated[str, typer.Argument(help="旧公钥。The validator's key, 64 hex digits.")],
    new: Annotated[str, typer.Argument(help="新公钥。Its new key, 64 hex digits.")],
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """更换验证者密钥。A validator goes on with another key."""
    from luya.network import votes as command

    run(command.rotate_key, voter(folder, rpc, wait, quiet=json), old, new)


@app.command("node")
def vote_node(
    folder: FolderArgument,
    node: Annotated[str, typer.Argument(help="节点编号。The node's id, 40 hex digits.")],
    organisation: Annotated[int, typer.Option("--organisation", min=0, help="机构编号，0 为移除。Whose; 0 unlists.")],
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """准入或移除节点。Lets a node in, or no more."""
    from luya.network import votes as command

    run(command.node, voter(folder, rpc, wait, quiet=json), node, organisation)


@app.command("account")
def vote_account(
    folder: FolderArgument,
    address: Annotated[str, typer.Argument(help="账户地址。The account's address.")],
    right: Annotated[str, typer.Argument(help="none | send | deploy")],
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """账户可否发送交易、部署合约。What an account may do."""
    from luya.network import votes as command

    run(command.account, voter(folder, rpc, wait, quiet=json), address, right)


@app.command("open-sending")
def vote_open_sending(
    folder: FolderArgument,
    is_open: Annotated[
        bool, typer.Option("--open/--closed", help="人人可发送，或仅限名单。Everybody, or those listed.")
    ],
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """人人可发送交易，或仅限名单内账户。Lets everybody send, or only those listed."""
    from luya.network import votes as command

    run(command.open_sending, voter(folder, rpc, wait, quiet=json), is_open)


@app.command("member")
def vote_member(
    folder: FolderArgument,
    organisation: Annotated[int, typer.Argument(min=1, help="机构编号。The organisation's number.")],
    address: Annotated[str, typer.Argument(help="新的表决地址。The address that votes for it.")],
    name: Annotated[str, typer.Option("--name", help="新名称。Another name.")] = "",
    threshold: ThresholdOption = 0,
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """更换成员的表决密钥或名称。A member votes with another key, or under another name."""
    from luya.network import votes as command

    run(command.move_member, voter(folder, rpc, wait, quiet=json), organisation, address, name, threshold)


@app.command("threshold")
def vote_threshold(
    folder: FolderArgument,
    approvals: Annotated[int, typer.Argument(min=1, help="所需票数。Votes that an act needs.")],
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """通过所需票数。How many votes an act needs."""
    from luya.network import votes as command

    run(command.threshold, voter(folder, rpc, wait, quiet=json), approvals)


@app.command("times")
def vote_times(
    folder: FolderArgument,
    delay: Annotated[int, typer.Argument(min=0, help="延迟秒数。Seconds that a proposal waits.")],
    lifetime: Annotated[int, typer.Argument(min=3600, help="有效秒数。Seconds that a proposal lives.")],
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """提案的延迟与有效期。How long proposals wait, and live."""
    from luya.network import votes as command

    run(command.times, voter(folder, rpc, wait, quiet=json), delay, lifetime)


@app.command("approve")
def vote_approve(
    folder: FolderArgument,
    proposal: ProposalArgument,
    rpc: RpcUrlOption = None,
    wait: WaitOption = 0,
    json: JsonOption = False,
) -> None:
    """按编号赞成提案，可执行时执行。Approves a proposal by its id; executes it where it is ready."""
    run(voter(folder, rpc, wait, quiet=json).approve, proposal)


@app.command("revoke")
def vote_revoke(
    folder: FolderArgument, proposal: ProposalArgument, rpc: RpcUrlOption = None, json: JsonOption = False
) -> None:
    """撤回赞成。Takes the approval back."""
    run(voter(folder, rpc, 0, quiet=json).revoke, proposal)


@app.command("cancel")
def vote_cancel(
    folder: FolderArgument, proposal: ProposalArgument, rpc: RpcUrlOption = None, json: JsonOption = False
) -> None:
    """取消自己的提案或过期提案。Cancels an own proposal, or an expired one."""
    run(voter(folder, rpc, 0, quiet=json).cancel, proposal)
