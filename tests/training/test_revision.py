"""What git says of a project: all of it, in its own bytes, and nothing that its config names is started."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.training import environment, revision
from dlrun.training.revision import revision_of

Git = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of a repository, as a project may be."""
    folder = tmp_path / "repository" / "project"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def git(project: Path) -> Git:
    def call(*words: str | Path) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        done = subprocess.run(["git", "-C", project.parent, *identity, *words], check=True, capture_output=True)
        return done.stdout.decode()

    call("init")
    return call


CHANGES = {
    "windows.py": (b"a = 1\r\nb = 2\r\n", b"a = 1\r\nb = 3\r\n"),
    "latin.py": (b"# \xe9t\xe9\nx = 1\n", b"# \xe9t\xe9\nx = 2\n"),
    "logo.png": (bytes(range(256)), bytes(reversed(range(256)))),
    "no_newline.py": (b"x = 1", b"x = 2"),
    "gone.py": (b"x = 1\n", None),
    "sp ace.py": (b"x = 1\n", b"\n\nx = 1\n\n"),
}


@pytest.mark.parametrize(
    "setting", ["core.abbrev=7", "diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.external=false"]
)
def test_the_diff_brings_every_file_back(project: Path, git: Git, setting: str, tmp_path: Path) -> None:
    for name, (before, _) in CHANGES.items():
        (project / name).write_bytes(before)
    git("add", "-A")
    git("commit", "-m", "one")
    git("config", *setting.split("="))
    for name, (_, after) in CHANGES.items():
        (project / name).unlink() if after is None else (project / name).write_bytes(after)
    environment.write(tmp_path / "run", environment.describe(project, "dlrun"))
    git("stash")
    git("apply", tmp_path / "run" / environment.UNCOMMITTED)
    for name, (_, after) in CHANGES.items():
        assert ((project / name).read_bytes() if (project / name).exists() else None) == after


def test_only_the_project_and_its_code_count(project: Path, git: Git) -> None:
    (project.parent / "other.py").write_text("x = 1\n")
    (project / "model.py").write_text("x = 1\n")
    git("add", "-A")
    git("commit", "-m", "one")
    (project.parent / "other.py").write_text("password = 2\n")
    (project.parent / "new.py").write_text("x = 1\n")
    (project / "runs" / "a").mkdir(parents=True)
    (project / "runs" / "a" / "hydra.yaml").write_text("x: 1\n")
    (project / "data.csv").write_text("1,2\n")
    found = revision_of(project)
    assert found is not None
    assert set(found) == {"commit", "branch", "dirty", "diff"}
    assert (found["dirty"], found["diff"]) == (False, None)
    for number in range(23):
        (project / f"layer{number:02}.py").write_text("x = 1\n")
    (project / "conf").mkdir()
    (project / "conf" / "mine.yaml").write_text("x: 1\n")
    found = revision_of(project)
    assert found is not None
    assert found["untracked_files"] == 24
    assert found["untracked"][:2] == ["project/conf/mine.yaml", "project/layer00.py"]
    assert len(found["untracked"]) == 20


def test_what_is_unasked_or_too_long_is_not_kept(project: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "a.py").write_text("x = 1\n")
    git("add", "-A")
    git("commit", "-m", "one")
    git("checkout", "--detach")
    (project / "a.py").write_text("x = 2\n")
    found = revision_of(project)
    assert found is not None
    assert found["diff"].count("\n") > 4
    commit = git("rev-parse", "HEAD").strip()
    unwanted = {"commit": commit, "branch": "HEAD", "dirty": True, "diff": None}
    assert revision_of(project, with_diff=False) == unwanted
    monkeypatch.setattr(revision, "_LONGEST_DIFF", 20)
    assert revision_of(project) == unwanted
    monkeypatch.setattr(revision, "_LIST", ("no-such-command",))  # as if it took too long
    assert revision_of(project) == {**unwanted, "dirty": None}


def test_without_a_commit_there_is_nothing_to_tell(project: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    assert revision_of(project) is None
    monkeypatch.setenv("PATH", "")
    assert revision_of(project) is None


def test_nothing_that_a_foreign_config_names_is_started(project: Path, git: Git, tmp_path: Path) -> None:
    """A repository that came in an archive, with its `.git`: every program that it names leaves a trace."""
    trace = tmp_path / "trace"
    trap = tmp_path / "trap.sh"
    trap.write_text(f'#!/bin/sh\necho "$0 $1" >> {trace}\ncat\n')
    trap.chmod(0o755)
    (project / ".gitattributes").write_text("*.py filter=a.b\n*.txt diff=evil\n*.csv filter=c\n")
    for name in ("a.py", "b.txt", "c.csv"):
        (project / name).write_text("x = 1\n")
    git("add", "-A")
    git("commit", "-m", "one")
    for key in ("filter.a.b.clean", "filter.c.process", "diff.evil.textconv", "diff.evil.command", "diff.external"):
        git("config", key, f"{trap} {key}")
    git("config", "filter.a.b.required", "true")
    for name in ("a.py", "b.txt", "c.csv"):
        (project / name).write_text("x = 22\n")
    git("config", "core.fsmonitor", str(trap))
    found = revision_of(project)
    assert not trace.exists(), trace.read_text()
    assert found is not None
    assert found["diff"].count("+x = 22") == 3
    git("status")
    assert trace.exists()  # a trap that does not close proves nothing
