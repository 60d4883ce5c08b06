"""What runs are called: by what makes them, never by how they are recorded or scheduled."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.config.draft import normalise_override
from dlrun.naming import Namer
from dlrun.planning import Planner


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "mlp on digits"),
        (["model.dropout=0.3", "trainer.epochs=5"], "dropout=0.3 epochs=5"),
        (["optimizer=sgd", "seed=3"], "optimizer=sgd seed=3"),
        (
            ["tracking=offline", "trainer.engine=fit", "trainer.threads=1", "checkpoint=none", "+tags.a=b"],
            "mlp on digits",
        ),
        (["tracking.system_metrics_seconds=1", "launcher.jobs=1", "trainer.epochs=5"], "epochs=5"),
    ],
)
def test_a_run_is_named_by_what_was_set(words: list[str], name: str, tmp_path: Path) -> None:
    planner = Planner(tmp_path)
    (run,) = planner.plan([normalise_override(word) for word in words], sweep=False).runs
    assert Namer((), planner.catalog).label(run.spec, run.overrides).name == name


def test_what_is_always_asked_for_is_a_parameter_though_it_is_a_default(tmp_path: Path) -> None:
    planner = Planner(tmp_path)
    (run,) = planner.plan(["optimizer.learning_rate=0.5"], sweep=False).runs
    params = Namer((), planner.catalog).params(run.spec)
    assert (params["optimizer.learning_rate"], params["trainer.epochs"], params["trainer.batch_size"]) == (
        "0.5",
        "100",
        "32",
    )
