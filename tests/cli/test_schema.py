"""`dlrun schema`: what it prints and writes, and what a real YAML language server makes of it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from language_server import LanguageServer, started

from dlrun.cli.main import main
from dlrun.errors import ExitCode

DOCS = Path(__file__).resolve().parents[2] / "docs" / "editor.md"


@pytest.fixture
def project(work: Path) -> Path:
    for name, text in {
        "conf/project.yaml": "",
        "conf/optimizer/mine.yaml": "# Mine\ndefaults: [adam, _self_]\nbeta_1: 0.5\n",
        "experiments/ours.yaml": "# Ours\nseed: 3\n",
    }.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    return work


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["schema", *words]) == ExitCode.DONE
    return capsys.readouterr().out


def test_a_schema_is_printed(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = json.loads(printed(capsys))
    assert experiment["$schema"].startswith("http://json-schema.org/draft-07")
    assert experiment == json.loads(printed(capsys, "experiment"))
    assert "_target_" in json.loads(printed(capsys, "option/optimizer"))["properties"]
    assert printed(capsys, "optimizer") == printed(capsys, "option/optimizer")


def test_a_schema_is_written(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "project", "--out", "deep/p.json") == "wrote deep/p.json\n"
    assert json.loads((work / "deep/p.json").read_text())["additionalProperties"] is False


def test_all_are_written_into_the_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--write")
    names = {path.name for path in (project / ".dlrun/schema").iterdir()}
    assert {"experiment.json", "project.json", "option-optimizer.json", "option-layer.json"} <= names
    assert "dlrun schema --vscode" in out and "$schema=../.dlrun/schema/experiment.json" in out
    assert not (project / ".vscode").exists(), "only when it is asked for"
    assert "mine" in (project / ".dlrun/schema/experiment.json").read_text()


def test_the_settings_of_vscode_keep_what_they_hold(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = project / ".vscode/settings.json"
    settings.parent.mkdir()
    settings.write_text('{"editor.rulers": [120], "yaml.schemas": {"theirs.json": "x.yaml"}}')
    printed(capsys, "--vscode")
    found = json.loads(settings.read_text())
    assert found["editor.rulers"] == [120]
    assert found["yaml.schemas"]["theirs.json"] == "x.yaml"
    assert found["yaml.schemas"][".dlrun/schema/experiment.json"] == "experiments/*.yaml"
    assert all((project / path).is_file() for path in found["yaml.schemas"] if path != "theirs.json")
    before = settings.read_text()
    printed(capsys, "--vscode")
    assert settings.read_text() == before


def test_settings_that_are_no_plain_json_are_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".vscode").mkdir()
    (project / ".vscode/settings.json").write_text("{ // mine\n}")
    assert main(["schema", "--vscode"]) == ExitCode.WRONG_CALL
    assert '".dlrun/schema/experiment.json": "experiments/*.yaml"' in capsys.readouterr().err
    assert (project / ".vscode/settings.json").read_text() == "{ // mine\n}"
    assert not (project / ".dlrun").exists(), "nothing is half done"


def test_a_modeline_is_put_once_and_is_no_description(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--modelines")
    assert "experiments/ours.yaml" in out and "conf/optimizer/mine.yaml" in out
    lines = (project / "conf/optimizer/mine.yaml").read_text().splitlines()
    assert lines[:2] == ["# yaml-language-server: $schema=../../.dlrun/schema/option-optimizer.json", "# Mine"]
    assert "all have it" in printed(capsys, "--modelines")
    assert main(["ls", "experiment"]) == ExitCode.DONE
    assert "Ours (your project's)" in capsys.readouterr().out
    assert main(["config", "optimizer=mine", "experiment=ours"]) == ExitCode.DONE


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["optimzer"], "KIND must be experiment, project or option/GROUP; got optimzer. Did you mean dlrun schema op"),
        (["qqqq"], "dlrun schema --help tells more."),
        (["--write"], "must be called in a project: a folder with conf/project.yaml. Make one: mkdir -p conf"),
        (["--write", "experiment"], "--write writes all schemas: leave experiment out."),
        (["--out", "."], ". cannot be written: "),
    ],
)
def test_a_call_that_is_wrong(work: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(["schema", *words]) == ExitCode.WRONG_CALL
    assert says in capsys.readouterr().err
    assert list(work.iterdir()) == []


@pytest.fixture
def server(project: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[LanguageServer]:
    command = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
    if command is None:
        pytest.skip("no yaml-language-server on PATH: npm install -g yaml-language-server, or set YAML_LANGUAGE_SERVER")
    printed(capsys, "--vscode")
    settings = json.loads((project / ".vscode/settings.json").read_text())["yaml.schemas"]
    with started(command, project, {(project / path).as_uri(): [p] for path, p in settings.items()}) as server:
        yield server


def documented() -> list[tuple[str, str, list[tuple[int, str]]]]:
    """The mistakes of docs/editor.md: the file's name, its text, and the lines that are underlined."""
    text = DOCS.read_text(encoding="utf-8")
    found = []
    for name, file, answer in re.findall(r"```yaml\n# (\S+)\n(.*?)```\n\n```text\n(.*?)```", text, re.S):
        rows = [re.fullmatch(r"line (\d+): (.*)", line) for line in answer.strip().splitlines()]
        found.append((name, file, [(int(row[1]), row[2]) for row in rows if row]))
    return found


def test_the_mistakes_of_the_documentation_are_underlined(server: LanguageServer) -> None:
    cases = documented()
    assert sum(len(lines) for _, _, lines in cases) >= 5
    for name, text, expected in cases:
        told = sorted(server.underlined(name, text))
        assert [line for line, _ in told] == [line for line, _ in expected], name
        for (_, message), (_, documented_message) in zip(told, expected, strict=True):
            assert message.startswith(documented_message.removesuffix("...")), name


def test_right_files_are_not_underlined(server: LanguageServer, project: Path) -> None:
    for path in [*project.glob("conf/*/*.yaml"), *project.glob("experiments/*.yaml")]:
        assert server.underlined(path.relative_to(project).as_posix(), path.read_text()) == []


def test_names_are_completed_and_explained(server: LanguageServer) -> None:
    options = dict(server.offered("experiments/mine.yaml", "defaults:\n  - override /optimizer: |\n"))
    assert "mine" in options and options["adam"].startswith("Adam: momentum with a step size of its own")
    keys = dict(server.offered("experiments/mine.yaml", "trainer:\n  |\n"))
    assert keys["epochs"].startswith("How often the training part is gone through")
    layers = dict(server.offered("conf/model/mine.yaml", "layers:\n  - dense:\n      |\n"))
    assert {"units", "use_bias", "kernel_initializer"} <= set(layers)
    shown = server.hovered("experiments/mine.yaml", "model:\n  drop|out: 0.3\n")
    assert "Share of values set to 0 after each hidden block" in shown
