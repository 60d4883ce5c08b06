"""A run trained again: runs of every kind come out to the bit, and what would make another run of it is told first."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import dlrun
from dlrun.analysis.runs import RunRecord, read_run
from dlrun.cli.main import main
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.errors import Terminated, UserError
from dlrun.tracking.journal import Journal, read
from dlrun.training.result import Result
from dlrun.workflows.reproduce import REPRODUCTION, original_of, reproduce

QUICK = ["tracking=none", "trainer.device=cpu", "callback=[]"]
ALWAYS = "checkpoint.every_seconds=0"
BENT = """
import keras
@keras.saving.register_keras_serializable("mine")
class Bent(keras.layers.Layer):
    def call(self, x):
        return (keras.ops.sqrt(x * x + 1) + x) / 2
"""


def stop_after(epoch: int, number: int = signal.SIGINT) -> Callable[[str, Mapping[str, Any]], None]:
    def listen(event: str, fields: Mapping[str, Any]) -> None:
        if event == "epoch" and fields["epoch"] == epoch:
            signal.raise_signal(number)

    return listen


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project with a run of each kind."""
    work = tmp_path_factory.mktemp("project")
    (work / "conf" / "activation").mkdir(parents=True)
    (work / "conf" / "project.yaml").touch()
    (work / "conf" / "activation" / "bent.yaml").write_text("# Bent\n_target_: reproduced.Bent\n")
    (work / "reproduced.py").write_text(BENT)
    rows = "".join(f"{i / 7:.3f},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))
    (work / "t.csv").write_text(f"a,b,kind\n{rows}")

    def trained(*words: str, **more: Any) -> Path:
        path: Path = dlrun.run([*QUICK, *words], directory=work, **more).path
        return path

    table = ["data=csv", "data.path=t.csv", "model.dropout=0.3"]
    runs = {"shorter": trained(*table, "trainer.epochs=4", ALWAYS)}
    runs["extended"] = trained(*table, "trainer.epochs=6", ALWAYS)
    interrupted = [*table, "trainer.epochs=5", "seed=1", ALWAYS]
    with pytest.raises(KeyboardInterrupt):
        trained(*interrupted, listener=stop_after(3))
    (runs["unfinished"],) = (path.parent for path in work.glob("runs/*/journal.jsonl") if "seed=1" in path.read_text())
    shutil.copytree(runs["unfinished"], work / "kept")
    runs["resumed"] = trained(*interrupted)
    runs["unfinished"] = work / "kept"
    runs["streamed, of a component"] = trained(*table, "data.stream=true", "activation=bent", "trainer.epochs=2")
    runs["diverged"] = trained("data=wine", "optimizer=sgd", "optimizer.learning_rate=1000", "activation=linear")
    return runs


@pytest.fixture
def catalog_of(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """What a command in a folder of the project sees."""
    here = made["shorter"].parent.parent / "deeper"
    here.mkdir(exist_ok=True)
    monkeypatch.chdir(here)
    return Catalog(Roots.of(here))


@pytest.fixture
def copied(made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, copied to be tampered with."""
    work = Path(shutil.copytree(made["shorter"].parent.parent, tmp_path / "copy"))
    monkeypatch.chdir(work)
    return work


def record(path: Path) -> RunRecord:
    found = read_run(path)
    assert found is not None
    return found


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (REPRODUCTION, ".lock"))
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("kind", ["extended", "resumed", "streamed, of a component", "diverged"])
def test_it_is_the_same_to_the_bit_and_nothing_else_changes(
    kind: str, made: dict[str, Path], catalog_of: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, run = catalog_of.roots.work, record(made[kind])
    before = contents(work)
    monkeypatch.setattr("dlrun.tracking.client.Writer.start", lambda *_: pytest.fail("it was sent to a store"))
    heard: list[tuple[str, Any]] = []
    found = reproduce(original_of(run, catalog_of), catalog_of, 0.0, lambda *event: heard.append(event))
    assert (found.repetition.verdict, found.repetition.same_weights) == ("identical", True)
    assert found.repetition.compared == run.result["epochs_run"]
    assert found.otherwise == ()
    starts = [fields for event, fields in heard if event == "start"]
    assert [(start["resumed"], start["extends"]) for start in starts] == [(None, None)]  # from its beginning
    after = contents(work)
    assert {name: each for name, each in after.items() if not name.startswith(".dlrun/cache")} == {
        name: each for name, each in before.items() if not name.startswith(".dlrun/cache")
    }
    kept = json.loads((run.path / REPRODUCTION).read_text())
    assert (kept["run"], kept["verdict"]) == (run.id, "identical")
    assert not (work / ".dlrun" / "reproductions").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_leaves_nothing_of_it(number: int, made: dict[str, Path], catalog_of: Catalog) -> None:
    run, before = record(made["shorter"]), signal.getsignal(signal.SIGTERM)
    (run.path / REPRODUCTION).unlink(missing_ok=True)
    with pytest.raises(Terminated if number == signal.SIGTERM else KeyboardInterrupt):
        reproduce(original_of(run, catalog_of), catalog_of, listener=stop_after(2, number))
    assert not (catalog_of.roots.work / ".dlrun" / "reproductions").exists()
    assert not (run.path / REPRODUCTION).exists()
    assert signal.getsignal(signal.SIGTERM) == before


def rewritten(run: Path, change: Callable[[str, dict[str, Any]], None]) -> None:
    """Write the run's journal anew, each event changed."""
    events = read(run / "journal.jsonl")
    (run / "journal.jsonl").unlink()
    with Journal(run / "journal.jsonl") as journal:
        for event in events:
            fields = {key: value for key, value in event.fields.items() if key not in ("pid", "host")}
            change(event.event, fields)
            journal.append(event.event, **fields)


def test_where_it_diverges_is_told_and_ends_with_1(
    made: dict[str, Path], copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied / "runs" / made["shorter"].name

    def change(event: str, fields: dict[str, Any]) -> None:
        if event == "epoch" and fields["epoch"] == 3:
            fields["metrics"] = fields["metrics"] | {"loss": fields["metrics"]["loss"] * 1.05}

    rewritten(run, change)
    environment = json.loads((run / "environment.json").read_text())
    environment["packages"]["keras"] = "3.14.0"
    (run / "environment.json").write_text(json.dumps(environment))
    assert main(["reproduce", run.name[:8]]) == 1
    out = capsys.readouterr().out
    verdict = " ".join(out.splitlines()[1:3])
    assert re.match(r"diverged at epoch 3: loss in epoch 3, \S+ and then \S+, 0\.048 of its value", verdict)
    assert re.search(r"What is not as it was:\n  keras: 3\.14\.0 -> 3\.\d+", out)
    assert main(["reproduce", run.name[:8], "--tolerance", "0.05", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["largest"]["epoch"]) == ("within tolerance", 3)
    assert json.loads((run / REPRODUCTION).read_text())["verdict"] == "within tolerance"


def test_it_is_trained_with_what_was_recorded(made: dict[str, Path], copied: Path) -> None:
    run = copied / "runs" / made["streamed, of a component"].name
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps(environment | {"cpus": 7}))
    trainer = original_of(record(run), Catalog(Roots.of(copied))).spec["trainer"]
    assert (trainer["engine"], trainer["threads"], trainer["save_model"]) == ("fit", 7, "never")


def test_options_that_the_run_does_not_have_are_told(
    made: dict[str, Path], copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "conf" / "activation" / "bent.yaml").unlink()
    assert main(["reproduce", made["streamed, of a component"].name]) == 2
    assert "activation must be an option of activation (dlrun ls activation); got bent." in capsys.readouterr().err


def edit_rows(work: Path) -> None:
    with (work / "t.csv").open("a") as file:
        file.write("1,2,yes\n")


def edit_component(work: Path) -> None:
    (work / "reproduced.py").write_text(BENT + "\nMORE = 1\n")


def move_data(work: Path) -> None:
    (work / "t.csv").rename(work / "u.csv")


@pytest.mark.parametrize(
    ("kind", "edit", "says"),
    [
        (
            "shorter",
            edit_rows,
            r"The data of run \w+ must be what it learned from; its digest was \w{12} and is \w{12}\.",
        ),
        (
            "streamed, of a component",
            edit_component,
            r"The components of run \w+ must be what it was trained with; one of the",
        ),
        ("shorter", move_data, r"The data of run \w+ must be here; there is no data\.path=t\.csv\."),
        (
            "unfinished",
            lambda _: None,
            r"A run must be finished to be reproduced; run kept is interrupted\. dlrun resume",
        ),
    ],
    ids=["edited data", "edited component", "moved data", "unfinished"],
)
def test_what_cannot_be_reproduced_is_told_before_anything_is_trained(
    kind: str,
    edit: Callable[[Path], None],
    says: str,
    made: dict[str, Path],
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(copied)
    monkeypatch.setattr("dlrun.workflows.reproduce.import_tensorflow", lambda: pytest.fail("it went on"))
    path = copied / ("kept" if kind == "unfinished" else f"runs/{made[kind].name}")
    before = contents(copied)
    assert main(["reproduce", str(path)]) == 2
    assert re.search(says, " ".join(capsys.readouterr().err.split()))
    assert contents(copied) == before


def test_an_error_of_the_training_is_no_answer(
    made: dict[str, Path], catalog_of: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlrun import pipeline
    from dlrun.training.outcome import Moment, Outcome

    def fails(job: Any, place: Catalog, listener: object) -> Result:
        directory = place.roots.work / "runs" / job.id
        directory.mkdir(parents=True)
        return Outcome.failed(MemoryError("too little")).result(job.id, "", "binary", 1, Moment())

    monkeypatch.setattr(pipeline, "run", fails)
    with pytest.raises(dlrun.errors.RunFailed, match=r"could not be trained again: .*too little"):
        reproduce(original_of(record(made["shorter"]), catalog_of), catalog_of)
    assert not (catalog_of.roots.work / ".dlrun" / "reproductions").exists()


def test_a_directory_that_cannot_be_written_keeps_nobody_from_the_answer(
    made: dict[str, Path], copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "runs" / made["shorter"].name / REPRODUCTION).unlink(missing_ok=True)

    def refuses(*_: object) -> None:  # root may write everywhere
        raise PermissionError("read-only")

    monkeypatch.setattr("dlrun.workflows.reproduce.write_json", refuses)
    assert main(["reproduce", made["shorter"].name, "-q"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("identical")
    assert "Not written down" in out


def test_a_tolerance_is_a_share() -> None:
    with pytest.raises(UserError, match=r"--tolerance must be a number in \[0, 1\); got 2\."):
        from dlrun.cli.reproduce import command

        command.callback("last", 2.0, False, False)  # type: ignore[misc]


@pytest.mark.slow
def test_runs_of_a_sweep_come_out_the_same_in_a_process_of_their_own(work: Path, dlrun: Callable[..., Any]) -> None:
    words = ["data=digits", "model=cnn", "trainer.epochs=2", "tracking=none"]
    assert dlrun("-m", *words, "optimizer.learning_rate=0.001,0.01", "seed=0,1", "launcher.jobs=2").returncode == 0
    for path in sorted((work / "runs").iterdir()):
        done = dlrun("reproduce", path.name)
        assert (done.returncode, done.stdout.splitlines()[-1][:9]) == (0, "identical"), done.stdout + done.stderr
