"""What is in `deploy/` fits the code: every metric that is asked for exists, every file that is copied is there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from api.web.observe import Metrics as ApiMetrics
from chain_node.gateway.metrics import Metrics as GatewayMetrics
from chain_node.metrics import NAMES
from chain_node.supervisor.problems import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PAGES = ROOT / "docs" / "operations.md"
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


def exported(registry: CollectorRegistry) -> Iterator[str]:
    """Names that a registry's families give to Prometheus."""
    for family in registry.collect():
        if family.type == "counter":
            yield f"{family.name}_total"
        elif family.type == "histogram":
            yield from (f"{family.name}_{part}" for part in ("bucket", "sum", "count"))
        else:
            yield family.name


def known() -> set[str]:
    """Every metric there is, as the code says."""
    names = set(NAMES) | _COMETBFT
    names |= set(exported(ApiMetrics(lambda: 0).registry))
    names |= set(exported(GatewayMetrics().registry))
    server = (ROOT / "chain_node" / "gateway" / "server.py").read_text("utf-8")
    names |= set(re.findall(r'metrics\.watch\("(\w+)"', server))
    for kind, name in re.findall(r'\b(gauge|counter)\("(\w+)"', (ROOT / "chain_node/luyad/metrics.go").read_text()):
        assert kind == "gauge" or name.endswith("_total"), name
        names.add(f"luya_node_{name}")
    names |= set(re.findall(r'Name: "(luya_\w+)"', (ROOT / "chain_node/luyad/metrics.go").read_text()))
    return names


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
        assert names <= known(), f"{rule['alert']} asks for {names - known()}"
        balanced(rule["expr"])


def test_every_page_that_an_alert_names_is_there() -> None:
    text = PAGES.read_text("utf-8")
    for rule in rules():
        for page in re.findall(r"operations\.md, '([^']+)'", rule["annotations"]["do"]):
            assert f"## {page}" in text, page


def balanced(expression: str) -> None:
    """Brackets and quotes close; promtool would say more."""
    stack: list[str] = []
    closing = {")": "(", "]": "[", "}": "{"}
    for letter in re.sub(r'"[^"]*"', '""', expression):
        if letter in closing.values():
            stack.append(letter)
        elif letter in closing:
            assert stack, expression
            assert stack.pop() == closing[letter], expression
    assert not stack, expression


def test_what_is_scraped_is_served() -> None:
    config = yaml(DEPLOY / "prometheus" / "prometheus.yml")
    assert config["rule_files"] == ["alerts.yml"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"][0] for job in config["scrape_configs"]}
    assert all(target.startswith("127.0.0.1:") for target in targets.values())
    units = {unit.stem: unit.read_text("utf-8") for unit in UNITS}
    assert f"--metrics-port {targets['luya'].rpartition(':')[2]}" in units["luya"]
    assert f"--port {targets['luya-api'].rpartition(':')[2]}" in units["luya"]
    assert f"--metrics-port {targets['luya-gateway'].rpartition(':')[2]}" in units["luya-gateway"]


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
            assert names <= known(), f"{panel['title']} asks for {names - known()}"
            balanced(target["expr"])


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
