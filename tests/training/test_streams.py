"""Rows from a file train as rows in memory do: the same batches, from any position on, the same bits in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.data.prepare import Part, Prepared
from dlrun.data.stored import RowFile, Stored
from dlrun.errors import ConfigError
from dlrun.training.engine import Course, Position

ROWS = 103


@pytest.fixture(scope="session")
def streamed(tensorflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Part], Part]:
    """The same part with its samples in a file, between rows of nobody's."""

    def make(part: Part) -> Part:
        path = tmp_path_factory.mktemp("streamed") / "x"
        wide = np.full((2 * len(part.x), part.x.shape[1]), np.nan, np.float32)
        wide[1::2] = part.x
        wide.tofile(path)
        return replace(part, x=Stored(RowFile(path, part.x.shape[1]), np.arange(1, len(wide), 2)))

    return make


@pytest.fixture(scope="session")
def part(streamed: Callable[[Part], Part]) -> Part:
    """Rows that say which they are, with weights."""
    numbers = np.arange(ROWS)
    x = np.stack([numbers, -numbers], axis=1).astype(np.float32)
    return streamed(Part(x, numbers, (numbers / 7).astype(np.float32)))


def batches(dataset: Any) -> list[tuple[np.ndarray, ...]]:
    return [tuple(each) for each in dataset.as_numpy_iterator()]


plans = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, ROWS + 5),
        "seed": st.integers(0, 3),
        "shuffle_window": st.none() | st.integers(1, ROWS + 5),
        "limit_batches": st.none() | st.integers(1, 9),
    }
)


@settings(deadline=None, max_examples=40)
@given(plan=plans, epoch=st.integers(0, 2), share=st.floats(0, 1), numbers_a_read=st.integers(1, 300))
def test_batches_from_a_position_on(part: Part, plan: dict[str, Any], epoch: int, share: float, numbers_a_read: int):
    from dlrun.training import streams

    course = Course(part, None, epochs=3, validation_batch_size="auto", **plan)
    steps = course.steps_per_epoch
    step = min(steps - 1, int(share * steps))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_NUMBERS_A_READ", numbers_a_read)
        found = batches(streams.shuffled(course, Position(epoch, step)))
    orders = {each: course.order(each) for each in range(epoch, 3)}
    expected = [
        orders[each][at * course.rows_a_step : (at + 1) * course.rows_a_step]
        for each in range(epoch, 3)
        for at in range(step if each == epoch else 0, steps)
    ]
    assert [y.tolist() for _, y, _ in found] == [rows.tolist() for rows in expected]
    for x, y, weight in found:
        np.testing.assert_array_equal(x, np.stack([y, -y], axis=1))
        np.testing.assert_array_equal(weight, (y / 7).astype(np.float32))


def test_every_row_once_an_epoch(part: Part):
    from dlrun.training import streams

    course = Course(part, None, epochs=2, batch_size=10, validation_batch_size="auto", seed=1, shuffle_window=40)
    seen = np.concatenate([y for _, y, _ in batches(streams.shuffled(course, Position()))])
    assert sorted(seen[:ROWS]) == sorted(seen[ROWS:]) == list(range(ROWS))
    assert seen[:ROWS].tolist() != seen[ROWS:].tolist()


@pytest.mark.parametrize("small", [0, 10**9])
@pytest.mark.parametrize("batch", [1, 10, ROWS, 1000])
def test_in_order(part: Part, batch: int, small: int, monkeypatch: pytest.MonkeyPatch):
    from dlrun.training import streams

    monkeypatch.setattr(streams, "_SMALL", small)
    monkeypatch.setattr(streams, "_NUMBERS_A_READ", 50)
    dataset = streams.in_order(part, batch)
    for _ in range(2):
        found = batches(dataset)
        assert [len(y) for _, y, _ in found] == [min(batch, ROWS - first) for first in range(0, ROWS, batch)]
        assert np.concatenate([y for _, y, _ in found]).tolist() == list(range(ROWS))
    assert int(dataset.cardinality()) == len(found)


def test_what_is_wrong_with_a_file_ends_the_training(streamed: Callable[[Part], Part], tmp_path: Path):
    from dlrun.training import streams

    np.zeros((ROWS, 2), np.float32).tofile(tmp_path / "x")
    broken = Part(Stored(RowFile(tmp_path / "x", 2)), np.arange(ROWS))
    with (tmp_path / "x").open("r+b") as file:
        file.truncate(8)
    course = Course(broken, None, epochs=1, batch_size=10, validation_batch_size="auto", seed=1)
    with pytest.raises(Exception, match="cut short"):
        batches(streams.shuffled(course, Position()))


@pytest.fixture
def trained(make_model: Any) -> Callable[..., Any]:
    """Train with the engine that `auto` takes; gives its name and reason, the weights, the history and the test."""
    import keras

    from dlrun.training.choose import choose
    from dlrun.training.objective import Objective

    losses = {
        "binary": keras.losses.BinaryCrossentropy,
        "multiclass": keras.losses.SparseCategoricalCrossentropy,
        "regression": keras.losses.MeanSquaredError,
    }

    def now(prepared: Prepared, task: str, **plan: Any) -> Any:
        course = Course(prepared.train, prepared.validation, 3, 16, "auto", 5, **plan)
        model, history = make_model(task, dropout=0.3), keras.callbacks.History()
        choice = choose("auto", course=course)
        objective = Objective(keras.optimizers.Adam(0.01), losses[task](), [])
        with choice.engine.open(model, objective, course) as session:
            session.fit([history])
            test = session.evaluate(prepared.test)
        return choice, model.get_weights(), history.history, dict(test)

    return now


@pytest.mark.parametrize("window", [None, 16])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_training_has_the_same_bits(
    trained: Any, make_prepared: Any, streamed: Callable[[Part], Part], task: str, window: int | None
):
    held: Prepared = make_prepared(task)
    lazy = replace(held, **{name: streamed(getattr(held, name)) for name in ("train", "validation", "test")})
    first, weights, history, test = trained(held, task, shuffle_window=window)
    second, *others = trained(lazy, task, shuffle_window=window)
    assert (first.engine.name, second.engine.name) == ("fused", "fit")
    assert "read from a file" in second.why
    for mine, other in zip(weights, others[0], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert [history, test] == others[1:]


def test_a_batch_never_holds_a_whole_stream(
    make_prepared: Any, streamed: Callable[[Part], Part], make_spec: Any
) -> None:
    from dlrun.training.course import course_of

    held = make_prepared()
    lazy = replace(held, train=streamed(held.train))
    spec = make_spec(trainer={"batch_size": "full", "validation_batch_size": "full"})
    assert course_of(held, spec).batch_size == "full"
    with pytest.raises(ConfigError) as caught:
        course_of(lazy, spec)
    assert [problem.key for problem in caught.value.problems] == ["trainer.batch_size", "trainer.validation_batch_size"]
