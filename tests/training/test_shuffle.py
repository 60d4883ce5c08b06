"""The order of rows is a pure function of seed and epoch, and stays what it is."""

import numpy as np

from dlrun.training.shuffle import permutation

GOLDEN = {
    (0, 0): [0, 2, 9, 1, 8, 5, 4, 3, 6, 7],
    (0, 1): [5, 3, 7, 8, 2, 4, 1, 0, 6, 9],
    (4294967295, 0): [4, 6, 7, 8, 1, 2, 0, 3, 9, 5],
}


def test_golden_orders():
    for (seed, epoch), order in GOLDEN.items():
        assert permutation(seed, epoch, 10).tolist() == order


def test_every_row_once():
    assert sorted(permutation(3, 5, 1000)) == list(range(1000))


def test_orders_differ_between_epochs_and_seeds():
    orders = {tuple(permutation(seed, epoch, 50)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_places_are_uniform():
    places = np.array([np.argsort(permutation(seed, 0, 8))[0] for seed in range(4000)])
    counts = np.bincount(places, minlength=8)
    assert ((counts - 500) ** 2 / 500).sum() < 24.3  # chi-squared, 7 degrees of freedom: 1 in 1000 beyond
