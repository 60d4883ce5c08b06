"""What events become in MLflow."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dlrun.tracking.journal import Event
from dlrun.tracking.translate import Point, Translator, entity_key, stored_value


def _events(*events: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event(seq, 1.0 + seq, name, fields) for seq, (name, fields) in enumerate(events)]


_RUN = _events(
    ("start", {"run": "a", "attempt": 1, "params": {"x[0]": 3}, "tags": {"who": "me"}}),
    ("data", {"name": "digits"}),
    ("model", {"parameters": 10, "summary": "text"}),
    ("epoch", {"epoch": 1, "metrics": {"loss": math.inf}, "learning_rate": 0.1, "seconds": 2.0}),
    ("evaluated", {"part": "test", "epoch": 1, "metrics": {"loss": 0.5}}),
    ("news", {"nobody": "knows"}),
    ("artifact", {"path": "plots/a.png"}),
    (
        "end",
        {"status": "failed", "metrics": {"loss": 9.0, "best_loss": 0.1, "test_loss": 9.0}, "cause": {"message": "no"}},
    ),
)


@pytest.mark.parametrize("cut", range(len(_RUN) + 1))
def test_the_same_in_however_many_batches(cut: int) -> None:
    translator = Translator()
    one, two = translator.translate(_RUN[:cut]), translator.translate(_RUN[cut:])
    assert one.points + two.points == [
        Point("loss", 1.7976931348623157e308, 4000, 1),
        Point("learning_rate", 0.1, 4000, 1),
        Point("epoch_seconds", 2.0, 4000, 1),
        Point("test_loss", 0.5, 5000, 1),
        Point("best_loss", 0.1, 8000, 1),
        Point("parameters", 10.0, 8000, 0),
    ]
    assert one.params | two.params == {"x_0_": "3"}
    assert one.tags | two.tags == {"who": "me", "dlrun.cause": "no"}
    sent = ["spec.json", "result.json", "environment.json", "uncommitted.diff", "plots/a.png"]
    assert one.files + two.files == sent
    assert {one.status, two.status} - {None} == {"failed"}


def test_what_a_probe_saw_is_a_metric_a_layer() -> None:
    seen = _events(("probe", {"epoch": 3, "probe": "dead_units", "values": {"a": 0.25, "b/c[0]": math.nan}}))
    one, two = Translator().translate(seen).points
    assert one == Point("dead_units/a", 0.25, 1000, 3)
    assert (two.key, two.step, math.isnan(two.value)) == ("dead_units/b/c_0_", 3, True)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a.b", "a.b"),
        ("layers[0].units", "layers_0_.units"),
        ("../a", "___a"),
        ("/a", "_a"),
        ("", "_"),
        (".", "_"),
        ("a//b", "a__b"),
        ("é:ß", "é_ß"),
        ("x" * 300, "x" * 250),
    ],
)
def test_keys_are_made_of_what_mlflow_takes(key: str, name: str) -> None:
    assert entity_key(key) == name


def test_stored_values() -> None:
    assert stored_value(-math.inf) == -1.7976931348623157e308
    assert math.isnan(stored_value(math.nan))
