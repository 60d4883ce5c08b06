"""What `dlrun clean` may take: what nothing needs, and more where that is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from analysis.synthetic import Project
from filelock import FileLock

from dlrun.config.roots import Roots
from dlrun.data.tables.kept import entry_of
from dlrun.data.tables.layout import Settings
from dlrun.tracking.journal import JOURNAL, Journal
from dlrun.tracking.store import token
from dlrun.tracking.tombstones import tombstones
from dlrun.workflows.cleaning import Asked, clear, survey

DEAD = 2**22 + 1  # no process has this number: it is above what Linux gives
CSV = {
    "target": "kind",
    "task": "auto",
    "features": None,
    "drop": [],
    "separator": "auto",
    "decimal": "auto",
    "missing": "refuse",
    "kinds": {},
    "group": None,
    "time": None,
    "missing_words": [],
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def put(path: Path, text: str = "some bytes") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def checkpoint(run: Path) -> Path:
    put(run / "checkpoint" / "00000001.json", "{}")
    return put(run / "checkpoint" / "00000001.state").parent


def going(project: Project, asked: Asked | None = None) -> set[Path]:
    heaps = survey(Roots.of(project.work), asked or Asked())
    return {path for heap in heaps if heap.is_asked for path in heap.paths}


def cleared(project: Project, asked: Asked | None = None) -> int:
    return clear(survey(Roots.of(project.work), asked or Asked()), project.work)


def test_a_tidy_folder_has_nothing_to_go(project: Project) -> None:
    run = project.work / "runs" / project.run()
    put(run / "model.keras")
    checkpoint(run)
    before = sorted(project.work.rglob("*"))
    assert going(project) == set()
    assert cleared(project) == 0
    assert sorted(project.work.rglob("*")) == before


def test_what_killed_processes_left_goes(project: Project) -> None:
    runs, run = project.work / "runs", project.work / "runs" / project.run(status=None)
    state = checkpoint(run)
    sweep = project.work / "sweeps" / project.sweep({"a": [run.name]})
    left = {
        put(run / f".result.json.{DEAD}"),
        put(run / "model.partial.keras"),
        put(run / "weights.partial.npz"),
        put(state / ".writing"),
        put(state / "00000002.state"),
        put(runs / f".writer-{DEAD}-1a2b.log"),
        put(runs / ".shorter" / "1234" / "5", "ffffffffffffffff\n"),
        put(sweep / "workers" / "0.txt").parent,
        put(sweep / f".best.json.{DEAD}"),
        put(runs / ".deleted" / f".{run.name}-token.json.{DEAD}"),
    }
    kept = {
        put(run / f".result.json.{os.getpid()}"),
        put(runs / f".writer-{os.getpid()}-1a2b.log"),
        put(runs / ".shorter" / "1234" / "6", f"{run.name}\n"),
        state / "00000001.state",
        run / "journal.jsonl",
    }
    assert going(project) == left
    assert cleared(project) > 0
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_nothing_goes_of_what_is_at_work(project: Project) -> None:
    run = project.work / "runs" / project.run(status=None)
    finished = project.work / "runs" / project.run({"seed": 1})
    put(run / "model.partial.keras")
    put(finished / "model.keras")
    asked = Asked(models=True)
    with FileLock(run / ".lock"):
        assert going(project, asked) == {finished / "model.keras"}
    heaps = survey(Roots.of(project.work), asked)
    with FileLock(run / ".lock"), FileLock(finished / ".lock"):  # begun while the user looked at the table
        assert clear(heaps, project.work) == 0
    assert (run / "model.partial.keras").exists()
    assert (finished / "model.keras").exists()


def test_a_deletion_that_was_killed_is_finished_and_the_store_hears_of_it(project: Project) -> None:
    aside = project.work / "runs" / ".deleted" / "a1b2c3d4a1b2c3d4"
    put(aside / ".synced", json.dumps({"store": "s", "mlflow_run_id": "m", "seq": 1, "offset": 1}))
    assert going(project) == {aside}
    cleared(project)
    assert not aside.exists()
    assert [each.mlflow_run_id for each in tombstones(project.work, "s")] == ["m"]
    assert going(project) == set()


def test_what_runs_need_to_go_on_is_never_taken(project: Project) -> None:
    runs = {status: project.work / "runs" / project.run({"name": status}, status=status) for status in
            ("finished", "diverged", "failed", "pruned", "interrupted")}  # fmt: skip
    runs["begun"] = project.work / "runs" / project.run({"name": "begun"}, status=None)
    for run in runs.values():
        checkpoint(run)
        put(run / "best.weights.h5")
    assert going(project) == {runs["diverged"] / "checkpoint"}
    assert going(project, Asked(checkpoints=True, models=True)) == {
        runs["diverged"] / "checkpoint",
        runs["finished"] / "checkpoint",
        runs["diverged"] / "best.weights.h5",
        runs["finished"] / "best.weights.h5",
    }


def test_weights_beside_a_model_are_not_needed(project: Project) -> None:
    run = project.work / "runs" / project.run()
    put(run / "model.keras")
    beside = {put(run / "best.weights.h5"), put(run / "weights.npz")}
    assert going(project) == beside
    assert going(project, Asked(models=True)) == beside | {run / "model.keras"}


def test_models_that_a_store_is_still_to_get_are_kept(project: Project) -> None:
    nodes = [{"option": "none"}, {"option": "offline", "uri": None}, {"option": "mlflow", "uri": "${oc.env:DLRUN_NO}"}]
    ids = [project.run({"seed": seed, "tracking": node}) for seed, node in enumerate(nodes)]
    models = [put(project.work / "runs" / run / "model.keras") for run in ids]
    for model in models:
        with Journal(model.with_name(JOURNAL)) as journal:
            journal.append("artifact", path=model.name)
    assert going(project, Asked(models=True)) == {models[0]}
    kept = [heap for heap in survey(Roots.of(project.work), Asked(models=True)) if not heap.is_asked]
    assert {path for heap in kept for path in heap.paths} == {*models[1:]}
    run = project.work / "runs" / ids[1]
    offset = (run / "journal.jsonl").stat().st_size
    store = token(f"sqlite:///{project.work.resolve() / 'mlflow.db'}")
    note = {"store": store, "mlflow_run_id": "m", "seq": 9, "offset": offset}
    put(run / ".synced", json.dumps(note) + "\n")
    assert going(project, Asked(models=True)) == {*models[:2]}


def test_the_best_are_kept(project: Project) -> None:
    ids = project.accuracies({0.1: [0.8, 0.9], 0.2: [0.99, 0.5]})  # 0.1 has the better mean: 0.99 was luck
    project.sweep({"a": ids[:2], "b": ids[2:]})
    alone = [project.run({"seed": seed, "name": "alone"}, {"test_accuracy": 0.1 * seed}) for seed in (3, 4)]
    models = {run: put(project.work / "runs" / run / "model.keras") for run in [*ids, *alone]}
    gone = going(project, Asked(models=True, keep_best=True))
    assert set(models.values()) - gone == {models[ids[1]], models[alone[1]]}


def test_data_that_a_run_has_learned_from_stays_converted(project: Project) -> None:
    cache = project.work / ".dlrun" / "cache"
    table = put(project.work / "t.csv", "a,kind\n1,x\n2,y\n")
    project.run({"data": {"option": "csv", "path": "t.csv", **CSV}})
    used = entry_of(cache, table, Settings.of(CSV, "csv"))
    put(used / "about.json", "{}")
    others = {put(cache / "0" / "about.json", "{}").parent, put(cache / f"{used.name}.partial" / "samples").parent}
    assert going(project) == others
    with FileLock(cache / ".lock"):  # a file is being converted
        assert going(project) == set()
    table.write_text("a,kind\n1,x\n2,x\n")
    assert going(project) == {*others, used}


def test_links_lead_nowhere(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    kept = [put(outside / "model.keras"), put(outside / f".a.{DEAD}"), put(outside / "checkpoint" / "1.state")]
    kept.append(put(outside / "checkpoint" / ".writing"))
    elsewhere = Project(outside)
    moved = elsewhere.run()
    put(outside / "runs" / moved / "model.keras")
    run = project.work / "runs" / project.run({"seed": 1})
    (run / "model.keras").symlink_to(outside / "model.keras")
    (run / "checkpoint").symlink_to(outside / "checkpoint")
    (project.work / "runs" / moved).symlink_to(outside / "runs" / moved)
    (project.work / ".dlrun").mkdir()
    (project.work / ".dlrun" / "cache").symlink_to(outside)
    (project.work / "runs" / ".shorter").symlink_to(outside)
    (project.work / "runs" / ".deleted").symlink_to(outside)
    assert going(project, Asked(checkpoints=True, models=True)) == set()
    assert all(path.exists() for path in kept)
