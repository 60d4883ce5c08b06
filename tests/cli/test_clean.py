"""`dlrun clean`: seen before it is removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from analysis.synthetic import Project
from click.testing import CliRunner, Result

from dlrun.cli import asking, clean
from dlrun.errors import Declined, UserError


@pytest.fixture
def project(work: Path) -> Project:
    project = Project(work)
    run = work / "runs" / project.run()
    (run / "model.keras").write_text("model")
    (run / "model.partial.keras").write_text("half")
    return project


def run_clean(*words: str) -> Result:
    return CliRunner().invoke(clean.command, words)


def files(project: Project) -> set[str]:
    return {path.name for path in project.work.rglob("model*")}


def test_what_goes_is_shown_with_what_it_costs(project: Project) -> None:
    shown = run_clean("--dry-run").output
    assert "leftovers" in shown
    assert "4 B" in shown
    assert "kept: models of finished and diverged runs: 5 B; --models removes them" in " ".join(shown.split())
    assert len(files(project)) == 2


def test_without_a_terminal_nothing_goes_unless_yes_is_said(project: Project) -> None:
    refused = run_clean()
    assert isinstance(refused.exception, UserError)
    assert "--yes answers. It would remove 4 B" in str(refused.exception)
    assert len(files(project)) == 2
    assert run_clean("--yes").output.splitlines()[-1] == "Removed 4 B."
    assert files(project) == {"model.keras"}
    assert run_clean().output.splitlines()[0] == "Nothing lies about that is not needed."
    assert run_clean("--models", "--yes").exception is None
    assert files(project) == set()


def test_no_is_an_answer(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(asking.sys, "stdin", Terminal())
    monkeypatch.setattr(asking.sys, "stderr", Terminal())
    monkeypatch.setattr(asking.click, "confirm", lambda *_, **__: False)
    with pytest.raises(Declined, match="Nothing was removed"):
        clean.command.main(["--models"], standalone_mode=False)
    assert len(files(project)) == 2


def test_programs_are_told_all_of_it(project: Project) -> None:
    heaps = json.loads(run_clean("--dry-run", "--json").output)
    assert [(heap["kind"], heap["files"], heap["size"], heap["option"], heap["goes"]) for heap in heaps] == [
        ("leftovers", 1, 4, None, True),
        ("models", 1, 5, "--models", False),
    ]


def test_keeping_the_best_is_for_what_is_asked_for(project: Project) -> None:
    assert "--keep-best must go with --checkpoints or --models" in str(run_clean("--keep-best").exception)
