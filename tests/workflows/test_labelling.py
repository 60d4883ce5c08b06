"""What a person says of runs: in the journal, through attempts, beside what the spec says."""

from __future__ import annotations

from pathlib import Path

import pytest
from analysis.synthetic import Project
from filelock import FileLock

from dlrun.analysis.labels import Labels, labels_of, tags_of
from dlrun.analysis.runs import RunRecord, read_run
from dlrun.errors import UserError
from dlrun.tracking.journal import Journal, last_attempt, read
from dlrun.workflows.labelling import Change, label, parsed


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def of(project: Project, run: str) -> RunRecord:
    found = read_run(project.work / "runs" / run)
    assert found is not None
    return found


def said(project: Project, run: str) -> Labels:
    return labels_of(project.work / "runs" / run / "journal.jsonl")


def test_the_last_word_counts_and_the_rest_stays(project: Project) -> None:
    run = project.run()
    assert said(project, run) == Labels()
    label([of(project, run)], Change({"idea": "wide", "who": "ann"}, note="slow"))
    label([of(project, run)], Change({"idea": "deep"}, untag=["who"], archive=True))
    assert said(project, run) == Labels({"idea": "deep"}, "slow", True)
    label([of(project, run)], Change(note="", archive=False))
    assert of(project, run).labels == Labels({"idea": "deep"})


def test_what_is_said_already_is_not_written_again(project: Project) -> None:
    run = project.run()
    change = Change({"idea": "wide"})
    assert [each.id for each in label([of(project, run)], change).changed] == [run]
    size = (project.work / "runs" / run / "journal.jsonl").stat().st_size
    assert label([of(project, run)], change).changed == ()
    assert (project.work / "runs" / run / "journal.jsonl").stat().st_size == size


def test_a_tag_of_the_spec_is_covered_and_comes_back_never(project: Project) -> None:
    run = project.run({"tags.owner": "ann", "tags.idea": "wide"})
    label([of(project, run)], Change({"idea": "deep"}, untag=["owner", "nobody"]))
    record = of(project, run)
    assert tags_of(record.spec, record.labels) == {"idea": "deep"}


def test_texts_come_back_as_they_were(project: Project) -> None:
    run = project.run()
    texts = {"a": 'labels" {"event": "labels"', "b": "Infinity", "c": "zwölf\nLinien", "labels": "labels"}
    label([of(project, run)], Change(texts))
    with Journal(project.work / "runs" / run / "journal.jsonl") as journal:
        journal.append("note", text='"labels"')  # the last line that looks like it says nothing
    assert said(project, run).tags == texts


def test_half_a_line_says_nothing(project: Project) -> None:
    run = project.run()
    label([of(project, run)], Change(note="first"))
    path = project.work / "runs" / run / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("labels", **Labels(note="second").to_fields())
    path.write_bytes(path.read_bytes()[:-20])
    assert said(project, run).note == "first"


def test_labels_outlive_attempts(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append("start", attempt=1)
        journal.append("epoch", epoch=1)
        journal.append("labels", **Labels(note="old").to_fields())
        journal.append("labels", **Labels(note="new").to_fields())
        journal.append("start", attempt=2, resumed={"epoch": 1, "step": 0})
        journal.append("epoch", epoch=2)
    counted = last_attempt(read(tmp_path / "journal.jsonl"))
    assert [(event.event, event.get("note") or event.get("epoch")) for event in counted] == [
        ("start", None),
        ("labels", "new"),
        ("epoch", 1),
        ("epoch", 2),
    ]
    assert labels_of(tmp_path / "journal.jsonl").note == "new"


def test_nothing_is_said_where_a_training_is_at_work(project: Project) -> None:
    over, busy = project.run(), project.run({"seed": 1}, status=None)
    with FileLock(project.work / "runs" / busy / ".lock"):
        with pytest.raises(UserError, match=f"{busy[:8]} is being trained"):
            label([of(project, over), of(project, busy)], Change(note="x"))
        assert said(project, over) == Labels()
    late = of(project, over)
    with FileLock(late.path / ".lock"):  # it began behind our back
        assert label([late], Change(note="x")).busy == (late,)
    assert said(project, over) == Labels()


def test_what_has_not_begun_is_left_alone(project: Project) -> None:
    waiting = RunRecord("0" * 16, project.work / "runs" / ("0" * 16), "queued")
    with pytest.raises(UserError, match="00000000 is waiting"):
        label([waiting], Change(note="x"))
    assert len(label([waiting, of(project, project.run())], Change(note="x")).changed) == 1
    assert not waiting.path.exists()


@pytest.mark.parametrize(
    ("tags", "untag", "says"),
    [
        (["idea"], [], "must be NAME=VALUE; got idea"),
        (["idea="], [], "--untag idea takes a tag away"),
        (["mlflow.user=me"], [], "must not begin with mlflow. or dlrun."),
        (["a b=c"], [], "must name a tag in letters"),
        ([f"a={'x' * 9000}"], [], "at most 8,000"),
        (["a=b"], ["a"], "both name a"),
        ([], [""], "got nothing"),
    ],
)
def test_what_cannot_be_a_tag(tags: list[str], untag: list[str], says: str) -> None:
    with pytest.raises(UserError) as refused:
        parsed(tags, untag, "n" * 8001, None)
    assert says in str(refused.value)
    assert "--note must have at most 8,000" in str(refused.value)
