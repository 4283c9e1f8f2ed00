"""What is in `deploy/` fits the code: every metric that is asked for exists, every file that is copied is there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import CollectorRegistry
from promql_labels import NeverMatches, labels_of
from typer.main import get_command

from api.web.observe import Metrics as ApiMetrics
from chain_node.archive.calls import Call
from chain_node.archive.writer import Archive
from chain_node.gateway.metrics import DoorMetrics as GatewayMetrics
from chain_node.network.folders import ValidatorSettings
from chain_node.network.founding import init_network
from chain_node.node.metrics import NAMES, MirrorState, NodeCollector, Sources
from chain_node.protocol.checkpoint import sign
from chain_node.sending.outbox import open_outbox
from chain_node.supervisor.judge import DiskSpace
from chain_node.supervisor.problems import CATALOGUE, problem
from luya.cli import app

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PAGES = ROOT / "docs" / "operations.md"
BAD_DAYS = ROOT / "docs" / "bad-days.md"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
_METRIC = re.compile(r"\b(?:luya|cometbft)_[a-z0-9_]+")
_COMETBFT = {
    "cometbft_p2p_peers",
    "cometbft_consensus_rounds",
    "cometbft_consensus_block_interval_seconds_sum",
    "cometbft_consensus_block_interval_seconds_count",
}


def yaml(path: Path) -> Any:
    """A YAML file, parsed by the js-yaml of the contract toolchain."""
    if not (ROOT / "node_modules" / "js-yaml").exists():
        pytest.skip("js-yaml is not installed: run `npm ci`")
    node = Path(sys.executable).parent / "node"
    program = "const y=require('js-yaml'),f=require('fs');console.log(JSON.stringify(y.load(f.readFileSync(0,'utf8'))))"
    done = subprocess.run(
        [str(node) if node.exists() else "node", "-e", program],
        input=path.read_text("utf-8"),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{path}: {done.stderr}"
    return json.loads(done.stdout)


def exported(registry: CollectorRegistry) -> Iterator[tuple[str, frozenset[str]]]:
    """Names that a registry's families give to Prometheus, and their labels."""
    for collector in list(registry._collector_to_names):
        own = frozenset(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            if family.type == "counter":
                yield f"{family.name}_total", own
            elif family.type == "histogram":
                yield f"{family.name}_bucket", own | {"le"}
                yield from ((f"{family.name}_{part}", own) for part in ("sum", "count"))
            else:
                yield family.name, own


def of_a_node() -> dict[str, frozenset[str]]:
    """`NAMES` with the labels under which a node that has everything exports them."""
    sample = SimpleNamespace(up=True, head=1, final=1, head_time=1, still=0.0, peers=1)
    supervisor = SimpleNamespace(
        name="luyad", sample=sample, problems=[problem("starting", pid=1, seconds=1.0)], restarts=0, rollbacks=0,
        accepting=True, clock_ahead=0.0, rooms=[DiskSpace("/", 1, 1)],
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "outbox").mkdir()
        open_outbox(root / "outbox" / "0xabc.sqlite").close()
        with Archive(root / "archive") as archive:
            archive.append([b"\x40" * 20], [Call(0, 1, "0x0", 1)])
            archive.publish(lambda one: sign(one, "a/b", Ed25519PrivateKey.generate()), "a/b")
        sources = Sources(
            info={"engine": "", "chain_id": "", "origin": ""},
            archive=root / "archive",
            outbox=root / "outbox",
            supervisors=cast(Any, [supervisor]),
            follower=cast(Any, SimpleNamespace(size=1, next_block=2)),
            mirrors=lambda: [MirrorState("/far", 1, 0)],
        )
        found = {
            sample.name: frozenset(sample.labels)
            for family in NodeCollector(sources).collect()
            for sample in family.samples
        }
    assert set(found) == set(NAMES)
    return found


@cache
def known() -> dict[str, frozenset[str]]:
    """Every metric there is and its labels, as the code says."""
    none: frozenset[str] = frozenset()
    found = of_a_node() | dict.fromkeys(_COMETBFT, frozenset({"chain_id"}))
    found["up"] = none
    found |= dict(exported(ApiMetrics(lambda: 0).registry))
    found |= dict(exported(GatewayMetrics().registry))
    server = (ROOT / "chain_node" / "gateway" / "server.py").read_text("utf-8")
    found |= dict.fromkeys(re.findall(r'metrics\.watch\("(\w+)"', server), none)
    luyad = (ROOT / "chain_node/luyad/metrics.go").read_text("utf-8")
    for kind, name in re.findall(r'\b(gauge|counter)\("(\w+)"', luyad):
        assert kind == "gauge" or name.endswith("_total"), name
        found[f"luya_node_{name}"] = none
    for name, labels in re.findall(r'Name: "(luya_\w+)"[^{]*\[\]string\{([^}]*)\}', luyad):
        found[name] = frozenset(re.findall(r'"(\w+)"', labels))
    return found


def asked(expression: str) -> set[str]:
    """Metrics that an expression asks for; labels and functions are none."""
    bare = re.sub(r"\{[^}]*\}", "", re.sub(r"\b(?:by|without)\s*\([^)]*\)", "", expression))
    return set(_METRIC.findall(bare))


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml(DEPLOY / "prometheus" / "alerts.yml")["groups"] for rule in group["rules"]]


def test_alert_rules() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found) >= 20
    for rule in found:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in ("page", "ticket"), rule
        assert rule["annotations"]["summary"], rule
        assert rule["annotations"]["do"], rule
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s")), rule
        names = asked(rule["expr"])
        assert names or rule["expr"].startswith("up{"), rule
        assert names <= set(known()), f"{rule['alert']} asks for {names - set(known())}"
        labels_of(rule["expr"], known())


def test_every_page_that_an_alert_names_is_there() -> None:
    text, named = BAD_DAYS.read_text("utf-8"), set()
    for rule in rules():
        assert "operations.md" not in rule["annotations"]["do"], "what to do on a bad day is in bad-days.md"
        named |= set(re.findall(r"docs/bad-days\.md, '([^']+)'", rule["annotations"]["do"]))
    assert len(named) > 4
    assert [page for page in named if f"## {page}\n" not in text] == []


@pytest.mark.parametrize(
    "expression",
    [
        "min_over_time(luya_sender_pending[15m]) > 0 and luya_engine_still_seconds{} < 60",
        "max(luya_node_height) - luya_node_height > 50",
        "luya_sender_pending and on (engine) luya_engine_up",
        "sum by (instance) (luya_gateway_node_up) == luya_engine_up",
    ],
)
def test_an_operator_whose_sides_never_meet_is_seen(expression: str) -> None:
    with pytest.raises(NeverMatches):
        labels_of(expression, known())


@pytest.mark.parametrize("expression", ["up == ", "sum(up", "up)", "nothing > 1", "up ? 1"])
def test_what_is_no_rule_is_seen(expression: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        labels_of(expression, known())


def test_every_job_that_is_scraped_is_missed() -> None:
    """A process that is gone exports nothing: only `up` tells, and only of the jobs that its rule names."""
    config = yaml(DEPLOY / "prometheus" / "prometheus.yml")
    gone = [rule["expr"] for rule in rules() if rule["expr"].startswith("up{")]
    names = re.findall(r'job=~"([^"]*)"', " ".join(gone))
    for job in config["scrape_configs"]:
        assert any(re.fullmatch(name, job["job_name"]) for name in names), job["job_name"]


def test_every_command_that_an_alert_names_is_there() -> None:
    for rule in rules():
        for text in re.findall(r"\bluya ([a-z ]+)", rule["annotations"]["do"]):
            at: Any = get_command(app)
            for word in text.split():
                at = at.commands.get(word) if hasattr(at, "commands") else at
            assert at is not None, f"{rule['alert']}: luya {text}"
            assert not hasattr(at, "commands"), f"{rule['alert']}: luya {text} is not a whole command"


def test_what_is_scraped_is_served() -> None:
    config = yaml(DEPLOY / "prometheus" / "prometheus.yml")
    assert config["rule_files"] == ["alerts.yml"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"][0] for job in config["scrape_configs"]}
    assert all(target.startswith("127.0.0.1:") for target in targets.values())
    units = {unit.stem: unit.read_text("utf-8") for unit in UNITS}
    assert f"--metrics-port {targets['luya'].rpartition(':')[2]}" in units["luya"]
    assert f"--port {targets['luya-api'].rpartition(':')[2]}" in units["luya"]
    assert f"--metrics-port {targets['luya-gateway'].rpartition(':')[2]}" in units["luya-gateway"]
    port = signature(init_network).parameters["port"].default
    assert targets["luya-network"] == ValidatorSettings(port).address("metrics")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards(path: Path) -> None:
    board = json.loads(path.read_text("utf-8"))
    assert board["uid"] == path.stem
    source = yaml(DEPLOY / "grafana" / "provisioning" / "datasource.yml")["datasources"][0]["uid"]
    panels = board["panels"]
    assert len(panels) >= 10
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another"
        taken |= cells
        assert re.search(r"[\u4e00-\u9fff]", panel["title"]), panel["title"]
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == source
            names = asked(target["expr"])
            assert names, target
            assert names <= set(known()), f"{panel['title']} asks for {names - set(known())}"
            labels_of(target["expr"], known())


def test_every_metric_of_a_node_is_shown_or_alerted_on() -> None:
    text = "".join(path.read_text("utf-8") for path in [*DASHBOARDS, DEPLOY / "prometheus" / "alerts.yml"])
    unseen = {name for name in NAMES if name not in text}
    assert unseen <= {"luya_ledger_info", "luya_engine_head_time_seconds"}, unseen


def test_cometbft_has_the_metrics_that_are_asked_for() -> None:
    folders = sorted(Path.home().glob("go/pkg/mod/github.com/cometbft/cometbft@v0.39*"))
    if not folders:
        pytest.skip("CometBFT's sources are not on this machine")
    text = "".join(path.read_text("utf-8") for path in folders[-1].rglob("metrics.gen.go"))
    for name in _COMETBFT:
        short = re.sub(r"^cometbft_[a-z0-9]+_", "", re.sub(r"_(sum|count)$", "", name))
        assert f'"{short}"' in text, name


# --- the image


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Containerfile's instructions, its continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE))
    found = []
    for line in joined.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            found.append((word, rest.strip()))
    return found


def test_containerfile() -> None:
    path = DEPLOY / "container" / "Containerfile"
    found = instructions(path)
    words = {word for word, _ in found}
    assert words <= {
        "ARG", "FROM", "ENV", "COPY", "WORKDIR", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
        "ENTRYPOINT", "CMD",
    }  # fmt: skip
    ignored = (path.parent / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    arguments = {rest.partition("=")[0]: rest.partition("=")[2] for word, rest in found if word == "ARG"}
    for word, rest in found:
        if word == "COPY" and not rest.startswith("--from="):
            *sources, _target = shlex.split(rest)
            for source in sources:
                source = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], source)
                assert f"!{source}" in ignored, f"{source} never reaches the builder"
                if source != arguments["VENDOR"]:
                    assert (ROOT / source).exists(), source
        if word in ("ENTRYPOINT", "CMD", "VOLUME"):
            assert json.loads(rest), rest
        if word == "RUN":
            assert not re.search(r"\b(curl|wget|apt-get|npm (?:ci|install))\b", rest), "nothing is fetched in the image"
            done = subprocess.run(["sh", "-n"], input=rest, text=True, capture_output=True)
            assert done.returncode == 0, done.stderr
    assert ("USER", "10001:10001") in found, "never root"
    assert sum(1 for word, _ in found if word == "FROM") == 2


def test_fetch_script() -> None:
    path = DEPLOY / "container" / "fetch.sh"
    assert path.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(path)]).returncode == 0
    text = path.read_text("utf-8")
    for named in re.findall(r"chain_node/[\w/.-]+", text):
        assert (ROOT / named).exists(), named
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for extra in re.findall(r"--extra (\w+)", text):
        assert extra in extras, extra
    builder = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    assert all(f"'{requirement}'" in text for requirement in builder)


# --- units


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_hardened_and_start_commands_that_exist(unit: Path) -> None:
    text = unit.read_text("utf-8")
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    for name, value in {
        "User": "luya",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "UMask": "0077",
    }.items():
        assert settings[name] == value, name
    command = shlex.split(settings["ExecStart"])
    assert command[0] == "/opt/luya/bin/luya"
    words = [word for word in command[1:] if not word.startswith(("-", "/", "$")) and not word.isdigit()]
    done = subprocess.run([sys.executable, "-m", "luya", *words, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for option in (word for word in command if word.startswith("--")):
        assert option in done.stdout, option


def test_the_second_copy_never_goes_to_the_ledgers_own_disk_by_itself() -> None:
    """A folder that is there without its mount would be written to."""
    ledger = (DEPLOY / "systemd" / "luya.service").read_text("utf-8")
    (mirror,) = re.findall(r"LUYA_MIRROR=(\S+)", ledger)
    assert f"\nRequiresMountsFor={mirror}\n" in ledger
    assert mirror not in (DEPLOY / "systemd" / "luya.tmpfiles.conf").read_text("utf-8")


def test_the_gateway_goes_with_the_ledger() -> None:
    lines = (DEPLOY / "systemd" / "luya-gateway.service").read_text("utf-8").splitlines()
    assert {"PartOf=luya.service", "StartLimitIntervalSec=0", "Restart=on-failure"} <= set(lines)


def test_what_the_install_steps_build_with_is_installed() -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    (extras,) = re.findall(r"pip install 'luya\[([\w,]+)\]'", text)
    assert "luya engine build" in text
    assert "go" in extras.split(",")


@pytest.mark.parametrize("unit", [*UNITS, *(DEPLOY / "systemd").glob("*.timer")], ids=lambda path: path.name)
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze on this machine")
    for path in (DEPLOY / "systemd").glob("*.[st]*[er]"):
        text = path.read_text("utf-8").replace("/opt/luya/bin/luya", shutil.which("true") or "/bin/true")
        (tmp_path / path.name).write_text(
            text.replace("User=luya", "User=daemon").replace("Group=luya", "Group=daemon")
        )
    name = unit.name.replace("@.", "@green-city.")
    if name != unit.name:
        (tmp_path / unit.name).rename(tmp_path / name)
    done = subprocess.run([tool, "verify", str(tmp_path / name)], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or unit.name in line]
    assert not ours, ours
    if unit.suffix == ".service":
        command = [tool, "security", "--offline=yes", "--threshold=25", str(tmp_path / name)]
        graded = subprocess.run(command, capture_output=True, text=True)
        assert graded.returncode == 0, graded.stdout.splitlines()[-1]


def test_the_catalogue_of_problems_is_in_the_pages() -> None:
    text = PAGES.read_text("utf-8")
    missing = [code for code in CATALOGUE if f"`{code}`" not in text]
    assert not missing, missing
