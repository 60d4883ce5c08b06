"""The learning-rate test: what it proposes trains well, what it leaves, and what it does not touch."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dlrun
from dlrun.config.identity import run_id
from dlrun.errors import UserError
from dlrun.planning import Planner

QUIET = ["tracking=none", "trainer.device=cpu"]


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        (["data=digits"], 1e-3, 3e-2),
        (["data=digits", "optimizer=sgd"], 3e-2, 5e-1),
        (["data=wine"], 1e-3, 3e-2),
        (["data=diabetes"], 1e-3, 3e-2),
    ],
)
def test_the_proposal_lies_where_training_goes_well(words: list[str], low: float, high: float, tmp_path: Path) -> None:
    found = dlrun.run([*words, *QUIET, "trainer.lr_finder=true"], directory=tmp_path)
    assert found.curve.proposed is not None
    assert low <= found.curve.proposed <= high
    rate = f"optimizer.learning_rate={found.curve.proposed}"
    well, badly = (
        dlrun.run([*words, *QUIET, "trainer.epochs=20", each], directory=tmp_path).metrics["best_val_loss"]
        for each in (rate, "optimizer.learning_rate=1e-5")
    )
    assert well < 0.7 * badly


def test_it_leaves_a_picture_and_no_run(tmp_path: Path) -> None:
    words = ["data=iris", *QUIET, "trainer.lr_finder=true"]
    first = dlrun.run(words, directory=tmp_path)
    table = first.picture.with_suffix(".csv").read_bytes()
    assert dlrun.run(words, directory=tmp_path).curve == first.curve
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plots"]
    (run,) = Planner(tmp_path).plan(["data=iris", *QUIET], sweep=False).runs
    assert [each.name for each in sorted((tmp_path / "plots").iterdir())] == [
        f"learning_rate_{run.id[:8]}.csv",
        f"learning_rate_{run.id[:8]}.png",
    ]
    assert first.picture.with_suffix(".csv").read_bytes() == table


def test_batches_come_in_the_order_of_training() -> None:
    from dlrun.data.prepare import Part
    from dlrun.training.engine import Course
    from dlrun.workflows.rate_finder import _batches

    rows = np.arange(50)
    course = Course(Part(rows[:, None], rows), None, 9, 16, "auto", 0, limit_batches=3, shuffle_window=20)
    seen = [y for _, y in itertools.islice(_batches(course), 6)]
    expected = [course.order(epoch)[first : first + 16] for epoch in (0, 1) for first in (0, 16, 32)]
    np.testing.assert_array_equal(seen, expected)


def test_it_is_no_part_of_a_runs_identity(tmp_path: Path) -> None:
    planner = Planner(tmp_path)
    ids = {
        run_id(planner.plan(words, sweep=False).runs[0].spec, planner.catalog)
        for words in (["data=iris"], ["data=iris", "trainer.lr_finder=true"])
    }
    assert len(ids) == 1


def test_a_schedule_is_left_out(tmp_path: Path) -> None:
    words = ["data=iris", *QUIET, "trainer.lr_finder=true"]
    plain = dlrun.run(words, directory=tmp_path)
    scheduled = dlrun.run([*words, "schedule=cosine"], directory=tmp_path)
    assert scheduled.curve == plain.curve


def test_one_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one run at a time; these words make 2"):
        dlrun.run(["trainer.lr_finder=true", "seed=0,1"], sweep=True, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_to_go_on_with_works(dlrun: Callable[..., subprocess.CompletedProcess[str]], work: Path) -> None:
    done = dlrun("data=iris", "optimizer.learning_rate=5", "trainer.lr_finder=true", *QUIET)
    assert (done.returncode, done.stderr) == (0, "")
    (command,) = [line.removeprefix("Go on with: ") for line in done.stdout.splitlines() if "Go on" in line]
    words = command.split()
    assert words[:2] == ["dlrun", "data=iris"]
    assert "optimizer.learning_rate=5" not in words
    assert not any("lr_finder" in word for word in words)
    (run,) = Planner(work).plan(words[1:], sweep=False).runs
    assert 1e-4 < run.spec["optimizer"]["learning_rate"] < 1
