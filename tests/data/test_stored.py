"""Rows that stay in a file read like the array that they would be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.data import stored
from dlrun.data.stored import RowFile, Stored, part_of, through

ROWS, WIDTH = 5000, 7


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def file(x: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> RowFile:
    path = tmp_path_factory.mktemp("stored") / "x"
    x.tofile(path)
    return RowFile(path, WIDTH)


@given(st.lists(st.integers(0, ROWS - 1), max_size=60))
def test_rows_by_number(x: np.ndarray, file: RowFile, rows: list[int]):
    np.testing.assert_array_equal(file.read(np.array(rows, np.int64)), x[rows])


@given(st.slices(ROWS))
def test_slices(x: np.ndarray, file: RowFile, chosen: slice):
    np.testing.assert_array_equal(Stored(file)[chosen], x[chosen])


def test_reads_are_cut_where_they_grow_long(x: np.ndarray, file: RowFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stored, "_LONGEST", 300)
    rows = np.random.default_rng(2).permutation(ROWS)
    np.testing.assert_array_equal(file.read(rows), x[rows])
    assert len(file._runs(np.arange(ROWS))) == ROWS // (300 // (4 * WIDTH))


def test_bytes_of_images_read_as_floats(tmp_path: Path):
    images = np.random.default_rng(3).integers(0, 256, (40, 5, 4, 3)).astype(np.uint8)
    images.tofile(tmp_path / "x")
    view = Stored(RowFile(tmp_path / "x", (5, 4, 3), np.uint8))
    rows = np.random.default_rng(5).permutation(40)[:17]
    assert (view.shape, view.ndim, view[rows].dtype) == ((40, 5, 4, 3), 4, np.float32)
    np.testing.assert_array_equal(view[rows], images[rows])
    assert part_of(view, rows)[:0].shape == (0, 5, 4, 3)


def test_a_part_of_a_part(x: np.ndarray, file: RowFile):
    first, second = np.arange(0, ROWS, 3), np.array([7, 0, 900])
    view = part_of(part_of(Stored(file), first), second)
    assert (len(view), view.shape, view.ndim) == (3, (3, WIDTH), 2)
    np.testing.assert_array_equal(view[:], x[first][second])


def test_samples_are_scaled_as_they_are_read(x: np.ndarray, file: RowFile):
    import keras

    layer = keras.layers.Normalization(axis=-1, mean=[0.1] * WIDTH, variance=[0.3] * WIDTH)

    def encode(samples: np.ndarray) -> np.ndarray:
        return np.asarray(layer(samples))

    held, lazy = through(encode, x), through(encode, Stored(file))
    rows = np.random.default_rng(4).permutation(ROWS)[:1111]
    np.testing.assert_array_equal(lazy[rows], held[rows])


def test_a_file_may_be_removed_while_it_is_open(x: np.ndarray, tmp_path: Path):
    x.tofile(tmp_path / "x")
    file = RowFile(tmp_path / "x", WIDTH)
    (tmp_path / "x").unlink()
    np.testing.assert_array_equal(Stored(file)[-2:], x[-2:])


def test_a_file_that_is_cut_short_is_told(x: np.ndarray, tmp_path: Path):
    x.tofile(tmp_path / "x")
    file = RowFile(tmp_path / "x", WIDTH)
    with (tmp_path / "x").open("r+b") as again:
        again.truncate(1000)
    with pytest.raises(OSError, match="cut short"):
        Stored(file)[:]
