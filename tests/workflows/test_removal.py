"""Deleting runs: whole or not at all, nothing beside them, and the store hears of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from analysis.synthetic import Project
from filelock import FileLock

from dlrun.analysis.runs import RunRecord, read_run, read_runs, read_sweeps
from dlrun.errors import UserError
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


@pytest.mark.parametrize("moment", ["before", "half-way", "behind"])
def test_killed_half_way_a_second_call_does_the_rest(
    project: Project, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    one, two = project.run(), project.run({"seed": 1})
    for run in (one, two):
        note_sent(project, run, run)
    really = shutil.rmtree

    def kill(path: Path, **_: object) -> None:
        if moment == "half-way":
            (path / ".synced").unlink()
        if moment == "behind":
            really(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", kill)
        with pytest.raises(KeyboardInterrupt):
            remove(plan(records(project, one, two), project.work))
    assert [run.id for run in read_runs(project.work)] == [two]  # no half run is seen
    assert read_run(project.work / "runs" / two) is not None
    remove(plan(records(project, one, two), project.work))
    assert read_runs(project.work) == []
    assert {each.mlflow_run_id for each in tombstones(project.work, "token")} == {one, two}
    assert all(path.suffix == ".json" for path in (project.work / "runs" / ".deleted").iterdir())


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
