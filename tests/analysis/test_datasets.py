"""Which runs' scores can be held against each other: those on one data set of one content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.synthetic import Project, spec_with
from dlrun.analysis.datasets import data_sets, newest_data
from dlrun.analysis.record import RunRecord, read_run
from dlrun.config.spec import flatten
from dlrun.tracking.journal import Journal


def run(name: str, digest: str | None = None, started: float = 0.0, **settings: Any) -> RunRecord:
    dotted = {key.replace("_", ".", 1): value for key, value in settings.items()}
    return RunRecord(name, Path(name), "finished", spec=flatten(spec_with(dotted)), started=started, digest=digest)


def found(*runs: RunRecord) -> dict[str, str]:
    return {each.title: "".join(run.id for run in each.runs) for each in data_sets(runs)}


def test_an_option_is_a_set() -> None:
    runs = run("a"), run("b", data_option="iris"), RunRecord("c", Path("c"), "failed"), run("d")
    assert found(*runs) == {"digits": "adc", "iris": "b"}
    assert found() == {}


def test_edited_content_is_another_set_and_what_does_not_say_goes_with_the_newest() -> None:
    runs = run("a", "1" * 64, 1.0), run("b", "2" * 64, 3.0), run("c", None, 2.0), run("d", "1" * 64, 2.0)
    assert found(*runs) == {"digits (content 111111111111)": "ad", "digits (content 222222222222)": "bc"}
    assert [each.id for each in newest_data(runs)] == ["a", "d"]
    assert [each.id for each in newest_data(runs[:3])] == ["b", "c"]


def test_content_that_a_setting_says_stays_together() -> None:
    runs = run("a", "1" * 64, data_noise=0.1), run("b", "2" * 64, data_noise=0.2)
    assert found(*runs) == {"digits": "ab"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        (["1" * 64], "1" * 64),
        (["1" * 64, "2" * 64], "2" * 64),
        ([None], None),
    ],
)
def test_the_digest_is_the_last_that_the_journal_says(
    project: Project, events: list[str | None], expected: str | None
) -> None:
    path = project.work / "runs" / project.run({}, {})
    with Journal(path / "journal.jsonl") as journal:
        for digest in events:
            journal.append("data", name="digits", digest=digest)
        journal.append("labels", tags={"data": "data"}, note='"data"', archived=False)
    with (path / "journal.jsonl").open("a") as file:
        file.write(json.dumps({"event": "data", "digest": "3" * 64})[:-3])  # torn
    record = read_run(path)
    assert record is not None and record.digest == expected
