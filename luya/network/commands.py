"""The commands of `luya network`: each only reads its arguments and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luya.command import JsonOption, explained, run
from luya.console import answer
from luya.network.vote_commands import FolderArgument, RpcUrlOption, ThresholdOption, WaitOption, voter
from luya.network.vote_commands import app as vote_app

if TYPE_CHECKING:
    from chain_node.network.founding import OrganisationRequest
    from chain_node.network.parts import FoundingTerms

app = typer.Typer(help="多机构网络。Networks of several organisations.", no_args_is_help=True)
app.add_typer(vote_app, name="vote")

NamesOption = Annotated[str, typer.Option("--names", help="机构名称，逗号分隔。Names, with commas between them.")]
DeployerOption = Annotated[
    list[str] | None,
    typer.Option("--deployer", help="可部署合约的地址。Address that may create contracts; repeatable."),
]
SenderOption = Annotated[
    list[str] | None, typer.Option("--sender", help="可发送交易的地址。Address that may send; repeatable.")
]
OpenOption = Annotated[bool, typer.Option("--open-sending", help="人人可发送交易。Everybody may send.")]
DelayOption = Annotated[
    int, typer.Option("--delay", min=0, help="通过后等待秒数。Seconds between approval and act (at most 30 days).")
]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65500, help="第一个端口。First port; a node takes ten.")]
BlockTimeOption = Annotated[
    float, typer.Option("--block-time", min=0.05, max=600, help="出块间隔秒数。Seconds between blocks.")
]
NumberOption = Annotated[int, typer.Option("--organisation", min=1, help="机构编号。The organisation's number.")]
NameOption = Annotated[str, typer.Option("--name", help="机构名称。Its name (1 … 32 bytes).")]
EndpointOption = Annotated[
    str, typer.Option("--endpoint", help="host:port，其他节点由此连接。Where peers reach the node (default: --port).")
]
BindOption = Annotated[
    str, typer.Option("--p2p-bind", help="节点间通信监听地址。Address that the node's p2p binds to.")
]
PowerOption = Annotated[int, typer.Option("--power", min=1, max=1000, help="权重。The validator's weight.")]


def _terms(
    deployers: list[str] | None, senders: list[str] | None, *, is_open: bool, threshold: int, delay: int
) -> FoundingTerms:
    from chain_node.network.parts import FoundingTerms

    with explained():
        return FoundingTerms(
            threshold=threshold,
            delay=delay,
            lifetime=max(14 * 86_400, 2 * delay),
            deployers=tuple(address.lower() for address in deployers or ()),
            senders=tuple(address.lower() for address in senders or ()),
            open_sending=is_open,
        )


def _request(
    number: int, name: str, endpoint: str, port: int, bind: str, power: int, block_time: float
) -> OrganisationRequest:
    from chain_node.network.folders import ValidatorSettings
    from chain_node.network.founding import OrganisationRequest

    with explained():
        return OrganisationRequest(number, name, ValidatorSettings(port, bind, block_time), endpoint, power)


@app.command()
def init(
    out: Annotated[Path, typer.Option("--out", help="新网络的目录。Folder of the new network.")],
    organisations: Annotated[int, typer.Option("--organisations", min=1, max=64, help="机构数量。How many.")] = 4,
    names: NamesOption = "",
    deployer: DeployerOption = None,
    sender: SenderOption = None,
    open_sending: OpenOption = False,
    threshold: ThresholdOption = 0,
    delay: DelayOption = 0,
    port: PortOption = 27_000,
    block_time: BlockTimeOption = 1.0,
    json: JsonOption = False,
) -> None:
    """在一台机器上建立网络，各机构各有密钥。All organisations' folders on one machine, each with keys of its own."""
    from luya.network import founding as command

    terms = _terms(deployer, sender, is_open=open_sending, threshold=threshold, delay=delay)
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    run(command.found, out, organisations, chosen, terms, port=port, block_time=block_time, quiet=json)


@app.command()
def prepare(
    folder: FolderArgument,
    organisation: NumberOption,
    name: NameOption,
    endpoint: EndpointOption = "",
    port: PortOption = 27_000,
    p2p_bind: BindOption = "127.0.0.1",
    power: PowerOption = 10,
    block_time: BlockTimeOption = 1.0,
    json: JsonOption = False,
) -> None:
    """生成本机构的密钥和公开部分。Makes this organisation's keys and its public part, public.json."""
    from luya.network import founding as command

    request = _request(organisation, name, endpoint, port, p2p_bind, power, block_time)
    run(command.make_part, folder, request, quiet=json)


@app.command()
def assemble(
    parts: Annotated[list[Path], typer.Argument(help="各机构的 public.json。The organisations' public parts.")],
    out: Annotated[Path, typer.Option("--out", help="网络的公开目录。The network's public folder.")],
    deployer: DeployerOption = None,
    sender: SenderOption = None,
    open_sending: OpenOption = False,
    threshold: ThresholdOption = 0,
    delay: DelayOption = 0,
    json: JsonOption = False,
) -> None:
    """由公开部分生成创世文件。Makes the genesis from public parts; nobody's secret is needed."""
    from luya.network import founding as command

    terms = _terms(deployer, sender, is_open=open_sending, threshold=threshold, delay=delay)
    run(command.make_network, out, parts, terms, quiet=json)


@app.command()
def adopt(
    folder: FolderArgument,
    network: Annotated[Path, typer.Argument(help="网络的公开目录。The network's public folder.")],
) -> None:
    """核对并采用网络的创世文件。Checks the genesis against the charter and one's own part, then takes it over."""
    from luya.network import founding as command

    run(command.take_over, folder, network)


@app.command()
def join(
    folder: FolderArgument,
    network: Annotated[Path, typer.Option("--network", help="网络的公开目录。The network's public folder.")],
    organisation: NumberOption,
    name: NameOption,
    endpoint: EndpointOption = "",
    port: PortOption = 27_000,
    p2p_bind: BindOption = "127.0.0.1",
    power: PowerOption = 10,
    block_time: BlockTimeOption = 1.0,
    json: JsonOption = False,
) -> None:
    """新机构加入：生成密钥和目录，说明成员要表决什么。A newcomer's keys and folder, and what the members vote on."""
    from luya.network import founding as command

    request = _request(organisation, name, endpoint, port, p2p_bind, power, block_time)
    run(command.newcomer, folder, network, request, quiet=json)


@app.command()
def second(
    folder: Annotated[Path, typer.Argument(help="新节点的目录。Folder of the new node.")],
    original: Annotated[Path, typer.Option("--of", help="机构原有的目录。The organisation's folder.")],
    port: PortOption = 27_000,
    endpoint: EndpointOption = "",
    p2p_bind: BindOption = "127.0.0.1",
    block_time: BlockTimeOption = 1.0,
    json: JsonOption = False,
) -> None:
    """本机构的第二个节点：跟随者，或验证者换密钥时的继任者。A second node: a follower, or a validator's successor."""
    from chain_node.network.folders import ValidatorSettings
    from luya.network import founding as command

    with explained():
        settings = ValidatorSettings(port, p2p_bind, block_time)
    run(command.second, folder, original, settings, endpoint, quiet=json)


@app.command()
def resync(folder: FolderArgument, json: JsonOption = False) -> None:
    """数据损坏的节点：放弃本地链数据，重新从其他节点取回。A damaged node fetches the chain anew."""
    from luya.network import founding as command

    run(command.begin_again, folder, quiet=json)


@app.command()
def start(
    folder: Annotated[Path, typer.Argument(help="网络或机构的目录。A network's or an organisation's folder.")],
    organisation: Annotated[
        list[str] | None, typer.Option("--organisation", help="只启动这些机构。Only these, by name or number.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """启动节点，直到 Ctrl-C。Starts the nodes and keeps them running until Ctrl-C."""
    from luya.network import running as command

    run(command.start, folder, organisation or [], quiet=json)


@app.command()
def status(
    folder: Annotated[Path, typer.Argument(help="网络或机构的目录。A network's or an organisation's folder.")],
    json: JsonOption = False,
) -> None:
    """节点高度、对端、权重与治理。Heights, peers and weights of the nodes here, and who governs; exit 1 unless ok."""
    from luya.network import running as command

    value = run(command.status, folder, quiet=json)
    raise typer.Exit(0 if value["ok"] else 1)


@app.command()
def council(
    folder: Annotated[Path, typer.Argument(help="网络或机构的目录。A network's or an organisation's folder.")],
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="节点地址。A node to ask (default: one of the folder).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """理事会成员与待决提案。The council's members and what it is asked."""
    from luya.network import running as command

    run(command.council, folder, rpc, quiet=json)


@app.command()
def besu(
    out: Annotated[Path, typer.Option("--out", help="新网络的目录。Folder of the new network.")],
    organisations: Annotated[int, typer.Option("--organisations", min=1, max=64, help="验证者数量。How many.")] = 4,
    names: NamesOption = "",
    enode: Annotated[
        list[str] | None,
        typer.Option("--enode", help="各机构自己节点的 enode。A node that made its own key; repeatable."),
    ] = None,
    sender: SenderOption = None,
    chain_id: Annotated[int, typer.Option("--chain-id", min=0, help="链编号（0：随机）。Chain id (0: random).")] = 0,
    host: Annotated[str, typer.Option("--host", help="节点地址。Where the nodes reach each other.")] = "127.0.0.1",
    port: PortOption = 30_300,
    block_time: Annotated[int, typer.Option("--block-time", min=1, max=600, help="出块间隔秒数。Seconds a block.")] = 1,
    jwt: Annotated[
        Path | None,
        typer.Option("--jwt-public-key", help="JWT 公钥 PEM。Public key (PEM) that callers' tokens answer to."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """为 Besu QBFT 生成创世、许可与启动文件。Genesis, permissions and start files for Besu nodes under QBFT."""
    from luya.network import founding as command

    chosen = [name.strip() for name in names.split(",") if name.strip()]
    senders = [address.lower() for address in sender or []]
    run(
        command.besu,
        out,
        organisations,
        chosen,
        enode or [],
        senders,
        chain_id=chain_id,
        host=host,
        port=port,
        block_time=block_time,
        jwt=jwt,
        quiet=json,
    )


@app.command()
def follower(
    folder: FolderArgument,
    node: Annotated[str, typer.Argument(help="本机构另一节点的编号。Id of another node of this organisation.")],
    remove: Annotated[bool, typer.Option("--remove", help="移除。List it no more.")] = False,
    rpc: RpcUrlOption = None,
    json: JsonOption = False,
) -> None:
    """无需表决，准入本机构的节点（最多 16 个）。Lets a node of one's own in, without a vote (up to 16)."""
    run(voter(folder, rpc, 0, quiet=json).list_own, node, listed=not remove)


@app.command()
def leave(folder: FolderArgument, rpc: RpcUrlOption = None, wait: WaitOption = 0, json: JsonOption = False) -> None:
    """提议本机构退出。Proposes that this organisation leaves; the others vote `expel`."""
    from luya.network import votes as command

    with explained():
        answer(command.leave(voter(folder, rpc, wait, quiet=json)))
