"""A table becomes windows and what comes after each, and no window knows of what it is to predict."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data.dataset import Content
from dlrun.data.declare import Declaration
from dlrun.data.load import load
from dlrun.data.series.inspect import inspect
from dlrun.data.series.read import read
from dlrun.data.series.windows import carried, filled_within, starts_of

HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1)


class Series:
    """A working directory with a file `s.csv`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = Catalog(Roots.of(folder))

    def write(self, header: str, rows: list[Any]) -> None:
        lines = [",".join(map(str, row if isinstance(row, list | tuple) else [row])) for row in rows]
        (self.folder / "s.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")

    def node(self, **values: Any) -> dict[str, Any]:
        defaults = self.catalog.get("data", "series").defaults
        return {**defaults, "path": "s.csv", **values}

    def declared(self, **values: Any) -> Declaration:
        return inspect(self.node(**values), self.catalog.roots)

    def content(self, **values: Any) -> Content:
        return read(**{**self.node(**values), "path": str(self.folder / "s.csv")})


@pytest.fixture
def series(work: Path) -> Series:
    return Series(work)


def counted(series: Series, rows: int = 20) -> None:
    """x counts rows, y is ten times that."""
    series.write("x,y", [(i, 10 * i) for i in range(rows)])


def test_a_sample_is_a_window_and_what_comes_after_it(series: Series) -> None:
    counted(series)
    found = series.content(window=3, horizon=2)
    assert found.features == ("x", "y")
    assert found.x.shape == (16, 3, 2)
    np.testing.assert_array_equal(found.x[0], [[0, 0], [1, 10], [2, 20]])
    np.testing.assert_array_equal(found.y[[0, -1]], [[40], [190]])
    assert found.spans is not None and found.spans[[0, -1]].tolist() == [[0, 4], [15, 19]]
    assert found.times is not None and found.times[[0, -1]].tolist() == [4, 19]


def test_several_steps_of_several_targets(series: Series) -> None:
    counted(series)
    found = series.content(window=3, horizon=2, steps_ahead=2, target=["x", "y"])
    assert found.y[0].tolist() == [4, 40, 5, 50]
    assert found.y[-1].tolist() == [18, 180, 19, 190]


def test_a_stride_leaves_out_the_oldest(series: Series) -> None:
    counted(series)
    found = series.content(window=3, stride=5)
    assert found.y.reshape(-1).tolist() == [40, 90, 140, 190]


def test_features_may_leave_the_target_out(series: Series) -> None:
    counted(series)
    found = series.content(window=2, features=["x"], target="y")
    assert found.features == ("x",)
    assert found.x[0].tolist() == [[0], [1]]


def test_classes_to_come(series: Series) -> None:
    series.write("x,sky", [(i, "rain" if i % 3 else "sun") for i in range(12)])
    found = series.content(window=2)
    assert (found.classes, found.features) == (("rain", "sun"), ("x",))
    assert found.y.tolist() == [int(i % 3 == 0) for i in range(2, 12)]
    assert found.y.dtype == np.int64
    assert series.declared(window=2).task == "binary"


def test_numbers_may_be_classes(series: Series) -> None:
    series.write("x,y", [(i, 10 - i % 3) for i in range(12)])
    found = series.content(window=2, task="multiclass")
    assert found.classes == ("8", "9", "10")
    assert found.features == ("x",)


def test_no_window_reaches_from_one_series_into_another(series: Series) -> None:
    rows = [(START + i * HOUR, shop, 100 * number + i) for i in range(6) for number, shop in enumerate(["b", "a"])]
    series.write("when,shop,sold", rows)
    found = series.content(window=2, time="when", group="shop")
    assert found.features == ("sold",)
    assert found.groups is not None and sorted(np.bincount(found.groups)) == [4, 4]
    for window, answer in zip(found.x[:, :, 0], found.y[:, 0], strict=True):
        assert np.diff([*window, answer]).tolist() == [1, 1]
    assert found.times is not None and (np.diff(found.times) >= 0).all(), "in order of time, the groups in turn"
    assert found.spans is not None
    assert all(first // 6 == last // 6 for first, last in found.spans), "rows are counted one series after another"


def test_rows_can_be_read_by_their_time(series: Series) -> None:
    order = np.random.default_rng(0).permutation(10)
    series.write("when,y", [(START + int(i) * HOUR, i) for i in order])
    (problem,) = series.declared(window=2, time="when").problems
    assert "data.order=sort" in str(problem)
    assert series.content(window=2, time="when", order="sort").y.reshape(-1).tolist() == list(range(2, 10))


@pytest.mark.parametrize("written", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y%m%d %H%M"])
def test_times_as_they_are_written(series: Series, written: str) -> None:
    series.write("when,y", [((START + 20 * i * HOUR).strftime(written), i) for i in range(40)])
    form = written if "-" not in written and "." not in written else "auto"
    found = series.content(window=2, time="when", time_format=form)
    assert found.times is not None and set(np.diff(found.times)) == {20 * 3600.0}


def test_months_are_even(series: Series) -> None:
    firsts = [datetime(2020 + i // 12, i % 12 + 1, 1) for i in range(30)]
    for days in (firsts, [day - timedelta(days=1) for day in firsts]):
        series.write("when,y", [(day.date(), i) for i, day in enumerate(days)])
        assert series.declared(window=2, time="when").problems == []
    series.write("when,y", [(day.date(), i) for i, day in enumerate(firsts) if i != 7])
    (problem,) = series.declared(window=2, time="when").problems
    assert problem.got is not None and problem.got.endswith("before row 8")


def test_a_gap_is_not_reached_over(series: Series) -> None:
    times = [START + (i if i < 10 else i + 5) * HOUR for i in range(20)]
    series.write("when,y", [(time, i) for i, time in enumerate(times)])
    (problem,) = series.declared(window=3, time="when").problems
    assert problem.got == "6:00:00 before row 11" and problem.place == "s.csv:12"
    apart = series.content(window=3, time="when", gaps="split")
    assert apart.y.reshape(-1).tolist() == [3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19]
    assert len(series.content(window=3, time="when", gaps="keep").y) == 17


def test_what_is_missing(series: Series) -> None:
    cells = [0, "", 2, 3, "", "NA", 6, 7, 8, 9]
    series.write("x,y", [(cell, i) for i, cell in enumerate(cells)])
    (problem,) = series.declared(window=3).problems
    assert problem.got == "3 empty cells, the first in row 2" and problem.place == "s.csv:3"
    ahead = series.content(window=3, missing="forward")
    assert ahead.x[:, :, 0].tolist()[:4] == [[0, 0, 2], [0, 2, 3], [2, 3, 3], [3, 3, 3]]
    lines = series.content(window=3, missing="interpolate")
    assert lines.x[:, :, 0].tolist()[:4] == [[0, 1, 2], [2, 2, 3], [2, 3, 3], [3, 3, 3]]
    kept = series.content(window=3, missing="keep")
    np.testing.assert_array_equal(kept.x[0, :, 0], [0, np.nan, 2])


def test_what_is_predicted_is_never_made_up(series: Series) -> None:
    series.write("x,y", [(i, "" if i in (5, 6) else i) for i in range(12)])
    for missing in ("forward", "interpolate", "keep"):
        found = series.content(window=2, missing=missing, features=["x"], target="y")
        assert found.y.reshape(-1).tolist() == [2, 3, 4, 7, 8, 9, 10, 11]


def test_a_series_that_begins_with_nothing(series: Series) -> None:
    series.write("x,y", [("" if i < 4 else i, i) for i in range(12)])
    assert series.content(window=2, missing="forward").y.reshape(-1).tolist() == [6, 7, 8, 9, 10, 11]
    assert series.content(window=2, missing="interpolate").x[0, :, 0].tolist() == [4, 4]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_comes_after_a_window_leaves_no_trace_in_it(data: st.DataObject) -> None:
    """Every row behind a window is replaced by others: what is put in for missing values stays the same."""
    rows, window = data.draw(st.integers(6, 20)), data.draw(st.integers(1, 5))
    values = np.array(data.draw(st.lists(st.sampled_from([1.0, 2.0, 5.0, np.nan]), min_size=rows, max_size=rows)))
    last = data.draw(st.integers(window - 1, rows - 2))
    other = values.copy()
    other[last + 1 :] = data.draw(st.sampled_from([np.nan, 1e6]))
    for fill in (lambda v: carried(v[:, np.newaxis])[last - window + 1 : last + 1], lambda v: within(v, last, window)):
        np.testing.assert_array_equal(fill(values), fill(other))


def within(values: np.ndarray, last: int, window: int) -> np.ndarray:
    return filled_within(values[np.newaxis, last - window + 1 : last + 1, np.newaxis].astype(np.float32))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10), st.integers(0, 40), st.integers(1, 12), st.integers(1, 7))
def test_windows_lie_in_their_stretch(first: int, length: int, span: int, stride: int) -> None:
    starts = starts_of(first, first + length, span, stride)
    assert len(starts) == max(0, (length - span) // stride + 1)
    if len(starts):
        assert starts[0] >= first and starts[-1] + span == first + length
        assert set(np.diff(starts)) <= {stride}


def test_lines_are_pandas_lines() -> None:
    import pandas as pd

    rng = np.random.default_rng(1)
    windows = np.where(rng.random((50, 7, 2)) < 0.4, np.nan, rng.normal(size=(50, 7, 2))).astype(np.float32)
    found = filled_within(windows)
    for one, filled in zip(windows, found, strict=True):
        expected = pd.DataFrame(one.astype(float)).interpolate(limit_direction="both").to_numpy()
        np.testing.assert_allclose(filled, expected, rtol=1e-6)


def test_windows_read_one_by_one_are_the_same(series: Series) -> None:
    rng = np.random.default_rng(0)
    cells = ["" if rng.random() < 0.1 else f"{value:.3f}" for value in rng.normal(size=200)]
    series.write("x,y", [(cell, i) for i, cell in enumerate(cells)])
    held, streamed = (series.content(window=6, missing="interpolate", stream=each) for each in (False, True))
    assert streamed.x.shape == held.x.shape and not isinstance(streamed.x, np.ndarray)
    order = np.random.default_rng(1).permutation(len(held.x))
    np.testing.assert_array_equal(streamed.x[order], held.x[order])


def test_the_digest_is_the_files_and_types_are_final(series: Series) -> None:
    counted(series)
    dataset = load({"option": "series", **series.node(window=3, season=4)}, series.catalog)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.float32)
    assert dataset.outputs == 1 and dataset.input_shape == (3, 2)
    np.testing.assert_array_equal(dataset.naive["last value"], dataset.y - 10)
    np.testing.assert_array_equal(dataset.naive["value of a season before"][1:], dataset.y[1:] - 40)
    assert np.isnan(dataset.naive["value of a season before"][0]).all(), "the first sample is of the first season"


def test_parquet_is_read_as_csv_is(series: Series) -> None:
    import pandas as pd

    table = pd.DataFrame({"when": [START + i * HOUR for i in range(30)], "x": np.arange(30) / 4, "y": range(30)})
    table.to_parquet(series.folder / "s.parquet")
    table.to_csv(series.folder / "s.csv", index=False)
    keys = {**series.node(window=4, time="when"), "path": str(series.folder / "s.parquet")}
    one, other = read(**keys), series.content(window=4, time="when")
    for name in ("x", "y", "times", "spans"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
