"""Columns are measured block by block, with NumPy's numbers, whether they are in memory or in a file."""

from pathlib import Path

import numpy as np

from dlrun.data.moments import blocks, measure
from dlrun.data.stored import RowFile, Stored

SCALES = [1.0, 1e-20, 1e15, 3.0]
CENTRES = [0.0, 1e-19, -1e15, 1e6]


def columns(rows: int) -> np.ndarray:
    return np.random.default_rng(3).normal(CENTRES, SCALES, size=(rows, 4)).astype(np.float32)


def test_a_single_block_has_numpys_bits():
    x = columns(8192)
    seen, exact = measure(x), x.astype(np.float64)
    np.testing.assert_array_equal(seen.mean, exact.mean(axis=0))
    np.testing.assert_array_equal(seen.variance, exact.var(axis=0))


def test_many_blocks_agree_with_all_at_once():
    x = columns(8192 * 5 + 77)
    seen, exact = measure(x), x.astype(np.float64)
    np.testing.assert_allclose(seen.mean, exact.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(seen.variance, exact.var(axis=0), rtol=1e-12)
    np.testing.assert_array_equal((seen.low, seen.high), (exact.min(axis=0), exact.max(axis=0)))
    assert seen.count == len(x)


def test_channels_of_images_are_measured_over_all_pixels():
    x = np.random.default_rng(0).normal(size=(9000, 2, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(measure(x).mean, x.reshape(-1, 3).astype(np.float64).mean(axis=0), rtol=1e-9, atol=1e-12)


def test_tables_of_nothing_but_0_and_1_are_told():
    x = np.random.default_rng(0).integers(0, 2, size=(9000, 3)).astype(np.float32)
    assert measure(x).is_binary
    x[-1, -1] = 0.5
    assert not measure(x).is_binary


def test_a_file_has_the_bits_of_memory(tmp_path: Path):
    x = columns(20_000)
    x.tofile(tmp_path / "x")
    rows = np.random.default_rng(1).permutation(20_000)[:17_000]
    held, stored = measure(x[rows]), measure(Stored(RowFile(tmp_path / "x", 4), rows))
    np.testing.assert_array_equal(held.mean, stored.mean)
    np.testing.assert_array_equal(held.variance, stored.variance)


def test_blocks_are_all_rows_in_order():
    x = columns(8192 + 1)
    np.testing.assert_array_equal(np.concatenate(list(blocks(x))), x)
