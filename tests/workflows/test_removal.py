"""Deleting runs: whole or not at all, nothing beside them, and the store hears of it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from analysis.synthetic import Project
from filelock import FileLock

from dlrun.analysis.runs import RunRecord, read_run, read_runs, read_sweeps
from dlrun.errors import StorageError, UserError
from dlrun.sweeps.ledger import Ledger
from dlrun.tracking.state import Note, Synced
from dlrun.tracking.tombstones import tombstones
from dlrun.workflows import removal
from dlrun.workflows.removal import finish, plan, remove, size_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def records(project: Project, *ids: str) -> list[RunRecord]:
    return [run for run in read_runs(project.work) if run.id in ids]


def note_sent(project: Project, run: str, mlflow_run: str = "f00d") -> None:
    synced = Synced(store="token", mlflow_run_id=mlflow_run, seq=1, offset=1)
    (project.work / "runs" / run / ".synced").write_text(json.dumps(asdict(synced)))


def test_a_run_goes_and_the_store_is_to_hear_of_it(project: Project) -> None:
    gone, kept = project.run(), project.run({"seed": 1})
    note_sent(project, gone)
    size = size_of(project.work / "runs" / gone)
    removed = remove(plan(records(project, gone), project.work))
    assert (removed.runs, removed.size, removed.in_store, removed.busy) == (1, size, 1, ())
    assert [run.id for run in read_runs(project.work)] == [kept]
    assert [each.mlflow_run_id for each in tombstones(project.work, "token")] == ["f00d"]


def test_a_run_that_no_store_has_leaves_nothing(project: Project) -> None:
    assert remove(plan(records(project, project.run()), project.work)).in_store == 0
    assert list((project.work / "runs").iterdir()) == []


def test_a_run_deleted_twice_is_two_runs_of_the_store(project: Project) -> None:
    for mlflow_run in ("one", "two", "two"):
        run = project.run(id="a" * 16)
        note_sent(project, run, mlflow_run)
        remove(plan(records(project, run), project.work))
    assert sorted(each.mlflow_run_id for each in tombstones(project.work, "token")) == ["one", "two"]


def test_sweeps_that_lose_runs_are_named_and_empty_ones_go(project: Project) -> None:
    ids = project.accuracies({0.1: [0.8, 0.9], 0.2: [0.7, 0.6]})
    whole, other = project.sweep({"a": ids[:2]}), project.sweep({"b": ids[1:]})
    planned = plan(records(project, *ids[:2]), project.work)
    assert [(sweep.id, lost) for sweep, lost in planned.losses] == [(other, 1)]
    assert [sweep.id for sweep in planned.sweeps] == [whole]
    assert remove(planned).sweeps == 1
    assert [sweep.id for sweep in read_sweeps(project.work)] == [other]
    assert {path.name for path in (project.work / "sweeps").iterdir()} == {other}


def test_a_sweep_without_a_run_goes_when_it_is_named(project: Project) -> None:
    sweep = project.sweep({"a": ["0" * 16]})
    (record,) = read_sweeps(project.work)
    assert plan([], project.work).sweeps == ()
    assert remove(plan(record.records(), project.work, [record])).sweeps == 1
    assert not (project.work / "sweeps" / sweep).exists()


def test_nothing_goes_while_one_of_them_is_at_work(project: Project) -> None:
    ids = project.accuracies({0.1: [0.8, 0.9]})
    running = project.run({"seed": 7}, status=None)
    sweep = project.sweep({"a": ids})
    with (
        FileLock(project.work / "runs" / running / ".lock"),
        FileLock(project.work / "sweeps" / sweep / ".lock"),
        pytest.raises(UserError) as refused,
    ):
        plan(records(project, running, *ids), project.work)
    assert f"{running[:8]} is being trained" in str(refused.value)
    assert f"Sweep {sweep[:8]} must have ended" in str(refused.value)
    assert len(read_runs(project.work)) == 3


def test_a_run_that_is_taken_up_meanwhile_stays(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_SENDING_SECONDS", 0.1)
    ids = [project.run({"seed": seed}) for seed in range(3)]
    sweep = project.sweep({"a": ids})
    planned = plan(records(project, *ids), project.work)
    note = Note.hold(project.work / "runs" / ids[1])  # a writer sends it
    assert note is not None
    with FileLock(project.work / "runs" / ids[0] / ".lock"):
        removed = remove(planned)
    note.release()
    assert [run.id for run in removed.busy] == ids[:2]
    assert (removed.runs, removed.sweeps) == (1, 0)
    assert {run.id for run in read_runs(project.work)} == set(ids[:2])
    assert (project.work / "sweeps" / sweep).is_dir()


def killed_at(step: int, work: Path, ids: list[str]) -> bool:
    """Delete runs in a process that is killed before it changes the disk for the `step`th time; whether it was."""
    child = os.fork()
    if child == 0:
        left = step

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if is_write or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

        try:
            planned = plan([run for run in read_runs(work) if run.id in ids], work)
            sys.addaudithook(watch)
            remove(planned)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def counting(work: Path, store: str = "token") -> set[str]:
    return {each.mlflow_run_id for each in tombstones(work, store)}


def test_killed_at_any_instant_nothing_is_lost(tmp_path: Path) -> None:
    """A store hears of what has gone and never of what is there, even where that is trained anew before the rest."""
    step, left = 0, set()
    while True:
        project = Project(tmp_path / str(step))
        ids = [project.run({"seed": seed}) for seed in (0, 1)]
        for run in ids:
            note_sent(project, run, f"old-{run}")
            (project.work / "runs" / run / "checkpoint").mkdir()
            (project.work / "runs" / run / "checkpoint" / "1.state").write_text("state")
        project.sweep({"a": ids})
        whole = {run: size_of(project.work / "runs" / run) for run in ids}
        if not killed_at(step, project.work, ids):
            break
        there = {run.id for run in read_runs(project.work)}
        left.add(len(there))
        assert all(size_of(project.work / "runs" / run) == whole[run] for run in there)
        assert counting(project.work) == {f"old-{run}" for run in ids if run not in there}
        anew = {ids[step % 2]} - there
        for run in anew:
            project.run(id=run)
        assert counting(project.work) == {f"old-{run}" for run in ids if run not in there}
        for run in anew:
            note_sent(project, run, f"new-{run}")
        finish(project.work)
        assert counting(project.work) == {f"old-{run}" for run in ids if run not in there}
        assert {run.id for run in read_runs(project.work)} == there | anew
        remove(plan(records(project, *ids), project.work))
        assert counting(project.work) >= {f"old-{run}" for run in ids}
        assert not any(path.is_dir() for path in (project.work / "runs" / ".deleted").iterdir())
        step += 1
    assert step > 20
    assert left == {0, 1, 2}


def test_every_store_hears_of_a_deletion(project: Project) -> None:
    run = project.run()
    notes = [asdict(Synced(store, f"mlflow-{store}", seq=1, offset=1)) for store in ("one", "two")]
    (project.work / "runs" / run / ".synced").write_text("".join(f"{json.dumps(note)}\n" for note in notes))
    assert remove(plan(records(project, run), project.work)).in_store == 1
    assert counting(project.work, "one") == {"mlflow-one"}
    assert counting(project.work, "two") == {"mlflow-two"}


def test_a_run_that_is_under_its_old_mlflow_run_again_keeps_that(project: Project) -> None:
    """A writer that was at work before the deletion has not heard of it, and finds the MLflow run that it knows."""
    run = project.run(id="a" * 16)
    note_sent(project, run, "f00d")
    remove(plan(records(project, run), project.work))
    assert counting(project.work) == {"f00d"}
    project.run(id=run)
    assert counting(project.work) == {"f00d"}  # not sent: it is to have one of its own
    note_sent(project, run, "f00d")
    assert counting(project.work) == set()
    with FileLock(project.work / "runs" / run / ".lock"):  # as another deletion does before it moves it
        finish(project.work)
    assert len(list((project.work / "runs" / ".deleted").iterdir())) == 1
    finish(project.work)
    assert not (project.work / "runs" / ".deleted").exists()


def test_a_full_disk_is_freed_before_anything_is_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = project.work / "runs"
    ids = [project.run({"seed": seed}) for seed in (0, 1)]
    for run in ids:
        note_sent(project, run, run)
        (runs / run / "model.keras").write_text("large")
    really = removal.write_json

    def full(path: Path, content: Mapping[str, Any]) -> None:
        if left := sorted(runs.rglob("model.keras")):
            raise StorageError(f"{path} cannot be written: the disk is full, {left} are on it.")
        really(path, content)

    monkeypatch.setattr(removal, "write_json", full)
    planned = plan(records(project, *ids), project.work)
    assert (remove(planned).runs, counting(project.work)) == (2, set(ids))

    other = project.run({"seed": 2})
    note_sent(project, other, other)
    kept = runs / project.run({"seed": 3}) / "model.keras"
    kept.write_text("large")
    with pytest.raises(StorageError, match="the disk is full"):  # even then: something else takes what is freed
        remove(plan(records(project, other), project.work))
    assert not (runs / other).exists()
    kept.unlink()
    finish(project.work)
    assert counting(project.work) == {*ids, other}


def test_finish_removes_what_lies_aside(project: Project) -> None:
    run = project.run()
    note_sent(project, run)
    aside = project.work / "runs" / ".deleted" / run
    aside.parent.mkdir()
    (project.work / "runs" / run).rename(aside)
    assert finish(project.work) == 1
    assert not aside.exists()
    assert len(tombstones(project.work, "token")) == 1
    assert finish(project.work) == 0


def test_links_are_not_followed(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "thesis.txt").write_text("years of work")
    run = project.run()
    (project.work / "runs" / run / "plots").symlink_to(outside)
    (project.work / "runs" / run / "log.txt").symlink_to(outside / "thesis.txt")
    remove(plan(records(project, run), project.work))
    assert (outside / "thesis.txt").read_text() == "years of work"

    elsewhere = Project(outside)
    moved = elsewhere.run()
    (project.work / "runs" / moved).symlink_to(outside / "runs" / moved)
    with pytest.raises(UserError, match="is a link to elsewhere"):
        plan(records(project, moved), project.work)
    foreign = read_run(outside / "runs" / moved)
    assert foreign is not None
    with pytest.raises(UserError, match="Type the command in its folder"):
        plan([foreign], project.work)


def test_a_link_in_place_of_the_folder_of_what_goes_is_refused(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "precious").mkdir()
    run = project.run()
    (project.work / "runs" / ".deleted").symlink_to(outside)
    assert finish(project.work) == 0
    with pytest.raises(UserError, match="must be a folder"):
        remove(plan(records(project, run), project.work))
    assert (outside / "precious").is_dir()
    assert read_run(project.work / "runs" / run) is not None


def test_a_sweep_calls_the_runs_that_it_lost_deleted_until_they_are_there_again(project: Project) -> None:
    gone, kept = project.accuracies({0.1: [0.8, 0.9]})
    never = "0" * 16
    project.sweep({"a": [gone, kept, never]})

    def statuses() -> list[str]:
        (sweep,) = read_sweeps(project.work)
        return [run.status for run in sweep.records()]

    remove(plan(records(project, gone), project.work))
    assert statuses() == ["deleted", "finished", "queued"]
    project.run(id=gone)
    assert statuses() == ["finished", "finished", "queued"]
    (sweep,) = read_sweeps(project.work)
    remove(plan(records(project, gone), project.work))
    assert statuses() == ["deleted", "finished", "queued"]
    with Ledger(sweep.path) as ledger:  # as its command does when it begins
        ledger.record(gone, "queued")
    assert statuses() == ["queued", "finished", "queued"]
