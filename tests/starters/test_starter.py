"""`dlrun init --component`: what it writes and refuses; what it writes trains, passes its test and comes back."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dlrun.cli.main import main
from dlrun.config.buildable import Judge
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.errors import ExitCode, StorageError
from dlrun.planning import Planner
from dlrun.starters.starter import KINDS, starter, write

NAMES = {kind: f"my_{kind}_1" for kind in KINDS}


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["init", *words])
    return (code, *capsys.readouterr())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a component of every kind."""
    folder = tmp_path_factory.mktemp("project")
    for kind, name in NAMES.items():
        write(starter(kind, name, Roots.of(folder)))
    return folder


def test_it_writes_three_files_and_says_so(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "--component", "layer", "gated")
    assert (code, err) == (ExitCode.DONE, "")
    written = {"conf/project.yaml", "conf/layer/gated.yaml", "gated.py", "tests/test_gated.py"}
    assert set(contents(work)) == written
    assert all(name in out for name in written)
    assert "is a project now" in out
    assert "dlrun 'model.layers=[flatten,{gated: 32},dropout]'" in out
    assert not [text for text in contents(work).values() if "xample" in text or "starters" in text]
    _, again, _ = said(capsys, "--component", "loss", "focal_2")
    assert "is a project now" not in again
    assert "class Focal2(keras.losses.Loss)" in contents(work)["focal_2.py"]


def test_from_a_folder_below_it_writes_into_the_project(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "--component", "layer", "gated")
    (work / "notes").mkdir()
    monkeypatch.chdir(work / "notes")
    code, out, _ = said(capsys, "--component", "data", "spirals")
    assert code == ExitCode.DONE
    assert "../spirals.py" in out
    assert list((work / "notes").iterdir()) == []
    assert (work / "tests" / "test_spirals.py").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "",
            "dlrun init looks at data of your own. Type dlrun init FILE for data of your own, or dlrun init --",
        ),
        ("a.csv b.csv c.csv", "takes one file or folder; got a.csv b.csv c.csv."),
        ("layer gated", "a component needs --component. Type dlrun init --component layer gated."),
        ("--component layer", "takes a KIND and a NAME; got layer."),
        ("--component", "takes a KIND and a NAME; got neither."),
        ("--component layr gated", "KIND must be a kind of component; got layr. Did you mean layer?"),
        ("--component schedule slow", "One of: layer, loss, metric, optimizer, callback, data."),
        ("--component layer MyGate", "a letter first; got 'MyGate'. Did you mean my_gate?"),
        ("--component layer my-gate", "Did you mean my_gate?"),
        ("--component layer _gate", "Did you mean gate?"),
        ("--component layer a__b", "single underscores"),
        ("--component layer ../gate", "a letter first"),
        (f"--component layer {'a' * 41}", "at most 40"),
        ("--component layer lambda", "a word that means something in Python; got lambda. Did you mean my_lambda?"),
        ("--component layer residual", "a word that means something in a config; got residual."),
        ("--component data none", "a word that means something in a config; got none."),
        ("--component data random", "random of Python's standard library; got random. Did you mean my_random?"),
        ("--component data numpy", "the installed package numpy; got numpy."),
        ("--component data folder", "the folder folder of the project; got folder."),
        ("--component layer dense", "yours would take the place of layer=dense everywhere; got dense."),
    ],
)
def test_it_refuses_with_what_to_type(words: str, says: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "folder").mkdir()
    code, out, err = said(capsys, *shlex.split(words))
    assert (code, out) == (ExitCode.WRONG_CALL, "")
    assert says in " ".join(err.split())
    assert contents(work) == {}


def test_it_names_all_that_is_in_the_way_and_writes_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "--component", "layer", "gated")
    before = contents(work)
    code, _, err = said(capsys, "--component", "loss", "gated")
    assert code == ExitCode.WRONG_CALL
    assert "gated.py and tests/test_gated.py are there already: nothing was written." in err
    assert contents(work) == before


def test_a_conf_that_is_not_trusted_is_not_made_a_project(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "conf" / "layer").mkdir(parents=True)
    (work / "conf" / "layer" / "theirs.yaml").write_text("# Theirs\n_target_: os.system\n")
    before = contents(work)
    code, _, err = said(capsys, "--component", "layer", "gated")
    assert code == ExitCode.WRONG_CALL
    assert "what lies in it is not trusted yet" in err
    assert contents(work) == before


def test_what_cannot_be_written_leaves_nothing_behind(work: Path) -> None:
    (work / "tests").write_text("a file where a folder belongs")
    with pytest.raises(StorageError, match="cannot be written"):
        write(starter("layer", "gated", Roots.of(work)))
    assert set(contents(work)) == {"tests"}


def test_its_options_compose_and_can_be_built(project: Path) -> None:
    catalog = Catalog(Roots.of(project))
    judge = Judge(catalog)
    assert [problem for kind, name in NAMES.items() for problem in judge.problems(kind, name)] == []
    for kind, name in NAMES.items():
        option = catalog.get(kind, name)
        assert option.description
        assert [each for each in option.parameters.values() if not each.meaning] == []
        assert Planner(project).plan(words_of(kind), sweep=False).runs


def words_of(kind: str) -> list[str]:
    command = KINDS[kind].format(name=NAMES[kind]).replace("epochs=5", "epochs=1")
    return [*shlex.split(command)[1:], "tracking=none"]


TRAIN = """
import sys
import keras, numpy, pytest
from dlrun.cli.main import main
from pathlib import Path

for line in Path("commands.txt").read_text().splitlines():
    assert main(line.split("\\t")) == 0, line
    for path in Path("runs").glob("*/model.keras"):
        model = keras.models.load_model(path)
        shape = [size or 2 for size in model.input_shape]
        assert numpy.isfinite(model.predict(numpy.ones(shape), verbose=0)).all()
        path.unlink()
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-W", "error:::my_", "tests"]))
"""


def test_every_component_trains_is_saved_loads_again_and_passes_its_test(project: Path) -> None:
    lines = ["\t".join(words_of(kind)) for kind in KINDS]
    (project / "commands.txt").write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        cwd=project,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("finished: 1 epoch") == len(KINDS)
    assert " passed" in done.stdout
    assert "my_metric_1" in done.stdout


def test_a_generated_test_passes_by_itself(project: Path) -> None:
    """As a user types it: `pytest` finds the module without a setting."""
    words = [Path(sys.executable).parent / "pytest", "-q", "-p", "no:cacheprovider", f"tests/test_{NAMES['data']}.py"]
    done = subprocess.run([str(word) for word in words], cwd=project, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
