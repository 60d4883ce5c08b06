"""`dlrun doctor` finds what is wrong, and imports no framework for it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from dlrun.cli import checks
from dlrun.cli.checks import Check
from dlrun.cli.main import main
from dlrun.config.roots import Roots
from dlrun.tracking.journal import Journal


def _found(work: Path) -> dict[str, Check]:
    return {check.name: check for check in checks.checks(Roots.of(work))}


def test_all_is_well_in_an_empty_directory(tmp_path: Path) -> None:
    code = (
        "import sys; from dlrun.cli.main import main; code = main(['doctor', '--json']);"
        "loaded = [m for m in ('tensorflow', 'keras', 'mlflow', 'hydra') if m in sys.modules];"
        "sys.exit(code or (3 if loaded else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    states = {row["check"]: row["state"] for row in json.loads(done.stdout)}
    assert states["tensorflow"] == states["store"] == states["disk"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_no_database_is_to_mend(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("nothing" * 100)
    check = _found(tmp_path)["store"]
    assert (check.state, check.finding) == ("mend", "the file is no sqlite database")
    assert check.mend


def test_runs_that_the_store_has_not_got_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        with Journal(tmp_path / "runs" / name / "journal.jsonl") as journal:
            journal.append("start", run=name, attempt=1)
    assert _found(tmp_path)["runs"].finding == "2 of 2 not yet in the store"


def test_old_missing_and_harmful_packages_are_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"keras": "3.0", "hydra-ax-sweeper": "1.2.0"}

    def version(name: str) -> str:
        if name == "rich":
            raise metadata.PackageNotFoundError(name)
        if name in ("hydra-optuna-sweeper", "hydra-nevergrad-sweeper"):
            raise metadata.PackageNotFoundError(name)
        return versions.get(name) or metadata.version(name)

    monkeypatch.setattr(checks, "version", version)
    found = _found(tmp_path)
    assert {name for name, check in found.items() if check.state == "mend"} == {"keras", "rich", "hydra-ax-sweeper"}
    assert found["keras"].mend.startswith("pip install 'keras")
    assert found["hydra-ax-sweeper"].mend == "pip uninstall hydra-ax-sweeper"


def test_a_full_disk_is_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**6})())
    assert _found(tmp_path)["disk"].state == "mend"


def test_a_project_that_records_nothing_has_no_store_to_check(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "project.yaml").write_text("defaults:\n  - override /tracking: none\n")
    assert _found(tmp_path)["store"].finding.startswith("none")


def test_the_store_of_the_project_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", "sqlite:///other.db")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "project.yaml").write_text("tracking: {uri: '${oc.env:STORE}'}\n")
    finding = _found(tmp_path)["store"].finding
    assert "none yet" in finding
    assert "other.db" not in finding, "what a variable holds is not shown"


@pytest.fixture
def ill(work: Path) -> Path:
    """A run whose learning rate was far too high."""
    import dlrun

    words = ["data=digits", "optimizer.learning_rate=1", "trainer.epochs=2", "tracking=none", "trainer.device=cpu"]
    path = dlrun.run(words, directory=work).path
    assert path is not None
    return path


def test_a_runs_diagnosis_is_shown_again_without_a_framework(ill: Path, work: Path) -> None:
    code = (
        "import sys; from dlrun.cli.main import main; code = main(sys.argv[1:]);"
        "loaded = [m for m in ('tensorflow', 'keras', 'mlflow', 'hydra') if m in sys.modules];"
        "sys.exit(code or (3 if loaded else 0))"
    )
    for which in ("last", ill.name[:8], str(ill)):
        command = [sys.executable, "-c", code, "doctor", which]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The learning rate is far too high" in done.stdout
        assert "Try: optimizer.learning_rate=0.001" in done.stdout
    done = subprocess.run([*command, "--json"], cwd=work, capture_output=True, text=True, check=False)
    assert [row["kind"] for row in json.loads(done.stdout)] == ["learning_rate_too_high"]
    assert json.loads(done.stdout) == json.loads((ill / "result.json").read_text())["diagnosis"]


def test_what_somebody_else_wrote_into_a_diagnosis_cannot_steer_the_terminal(
    ill: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = json.loads((ill / "result.json").read_text())
    evil = {"kind": "x", "finding": "red \x1b[31mink", "evidence": "\x07bell", "try": "a=$(touch b)"}
    (ill / "result.json").write_text(json.dumps(result | {"diagnosis": [evil, "no mapping"]}))
    assert main(["doctor", str(ill)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[31m" not in shown
    assert "\x07" not in shown
    assert "Try: 'a=$(touch b)'" in shown


def test_a_run_that_has_not_ended_has_no_diagnosis(ill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ill / "result.json").unlink()
    assert main(["doctor", ill.name[:8]]) == 2
    assert "has no diagnosis: its status is interrupted" in capsys.readouterr().err


def test_a_healthy_run_is_told_so(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import dlrun

    dlrun.run(["data=iris", "trainer.epochs=2", "tracking=none", "trainer.device=cpu"], directory=work)
    assert main(["doctor", "last"]) == 0
    assert "Nothing wrong was found." in capsys.readouterr().out
