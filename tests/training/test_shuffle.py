"""The order of rows is a pure function of seed and epoch, and stays what it is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlrun.training.shuffle import Windows, order, permutation

GOLDEN = {
    (0, 0): [0, 2, 9, 1, 8, 5, 4, 3, 6, 7],
    (0, 1): [5, 3, 7, 8, 2, 4, 1, 0, 6, 9],
    (4294967295, 0): [4, 6, 7, 8, 1, 2, 0, 3, 9, 5],
}
GOLDEN_WINDOWS = [9, 0, 2, 1, 5, 3, 8, 4, 6, 7]


def test_golden_orders():
    for (seed, epoch), golden in GOLDEN.items():
        assert permutation(seed, epoch, 10).tolist() == golden


def test_every_row_once():
    assert sorted(permutation(3, 5, 1000)) == list(range(1000))


def test_orders_differ_between_epochs_and_seeds():
    orders = {tuple(permutation(seed, epoch, 50)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_places_are_uniform():
    places = np.array([np.argsort(permutation(seed, 0, 8))[0] for seed in range(4000)])
    counts = np.bincount(places, minlength=8)
    assert ((counts - 500) ** 2 / 500).sum() < 24.3  # chi-squared, 7 degrees of freedom: 1 in 1000 beyond


def test_golden_windows():
    assert Windows(seed=0, rows=10, size=4).all(epoch=0).tolist() == GOLDEN_WINDOWS


@given(rows=st.integers(1, 700), size=st.integers(1, 300), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_windows_hold_every_row_once(rows: int, size: int, seed: int, epoch: int):
    windows = Windows(seed, rows, size)
    assert sorted(windows.all(epoch)) == list(range(rows))
    assert all(len(windows.window(epoch, number)) == size for number in range(rows // size))


def test_a_window_is_made_of_64_blocks_of_neighbours():
    rows = np.sort(Windows(seed=1, rows=1_000_000, size=6400).window(epoch=3, number=20))
    begins = rows[np.flatnonzero(np.diff(rows, prepend=-9) > 1)]
    assert 60 <= len(begins) <= 64  # two blocks may lie side by side
    assert set(begins % 100) == {0}


def test_a_window_of_all_rows_is_the_permutation():
    for window in (None, 50, 51):
        np.testing.assert_array_equal(order(7, 2, 50, window), permutation(7, 2, 50))
    assert order(7, 2, 50, 49).tolist() != permutation(7, 2, 50).tolist()


def test_windows_differ_between_epochs_and_seeds():
    orders = {tuple(order(seed, epoch, 50, 20)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25
