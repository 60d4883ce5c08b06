"""The proposals of a learning-rate test: golden figures, and curves whose answer is known."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from dlrun.analysis.rate_curve import RateCurve, is_blown_up, rates_to_try, smoothed
from dlrun.analysis.rate_plot import write_rate_curve


def test_smoothing_is_the_mean_with_fading_memory_from_the_first_step() -> None:
    # weights 0.9^k, most recent first, divided by their sum
    found = smoothed([1.0, 3.0, 8.0])
    expected = [1.0, (0.9 * 1 + 3) / 1.9, (0.81 * 1 + 0.9 * 3 + 8) / 2.71]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_rates_rise_by_one_factor_over_eight_decades() -> None:
    rates = rates_to_try()
    assert (len(rates), rates[0], rates[-1]) == (161, pytest.approx(1e-7), pytest.approx(10))
    np.testing.assert_allclose(rates[1:] / rates[:-1], 10 ** (1 / 20))


def curve(begin: float, least: float, height: float = 2.0, noise: float = 0.0) -> RateCurve:
    """A loss that is flat up to `begin`, falls in a straight line over the decades to `least`, and then blows up."""
    rates, losses = [], []
    random = np.random.default_rng(0)
    for rate in rates_to_try():
        share = np.clip(np.log(rate / begin) / np.log(least / begin), 0, 1)
        loss = height * (1 - 0.9 * share) if rate <= least else height * (rate / least) ** 4
        rates.append(float(rate))
        losses.append(float(loss + noise * random.normal()))
        if is_blown_up(losses):
            break
    return RateCurve(tuple(rates), tuple(losses))


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_tenth_of_the_least_where_the_fall_is_even(noise: float) -> None:
    found = curve(1e-4, 1e-1, noise=noise)
    assert found.rates[-1] < 1.0
    assert 0.05 < found.lowest <= 0.2
    assert found.proposed is not None
    assert found.range is not None
    assert 1e-3 < found.proposed <= 2e-2
    low, high = found.range
    assert 1e-5 < low < found.proposed < high <= found.lowest
    assert low < 1e-3  # as far down as the loss begins to fall


def test_the_steepest_fall_where_all_was_learned_before_the_rates_were_too_high() -> None:
    rates = rates_to_try()
    falling = 2 / (1 + (rates / 1e-2) ** 2)  # 0 at the end: the least loss is at the highest rate
    found = RateCurve(tuple(map(float, rates)), tuple(map(float, falling)))
    assert found.lowest == pytest.approx(10)
    assert found.steepest == pytest.approx(1.5e-2, rel=0.5)
    assert found.proposed == pytest.approx(found.steepest, rel=0.5)


def test_no_proposal_where_the_loss_never_falls() -> None:
    flat = RateCurve(tuple(map(float, rates_to_try())), tuple(np.random.default_rng(1).normal(2.3, 0.05, 161)))
    assert not flat.falls
    assert flat.proposed is None
    assert flat.range is None


def test_it_has_blown_up_at_four_times_its_least() -> None:
    # smoothed, the last of six is 1 + (loss - 1) * 0.1 / (1 - 0.9^6)
    assert not is_blown_up([1.0] * 5 + [15.0])
    assert is_blown_up([1.0] * 5 + [15.2])
    assert not is_blown_up([1.0])


def test_picture_and_table_are_written(tmp_path) -> None:
    found = curve(1e-4, 1e-1)
    path = write_rate_curve(found, tmp_path / "plots", "rate", "a title")
    assert path.read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "plots" / "rate.csv").open()))
    assert len(rows) == len(found.rates)
    assert [float(row["learning_rate"]) for row in rows] == list(found.rates)
    assert float(rows[-1]["smoothed_loss"]) == found.smooth[-1]
    assert sorted(each.name for each in (tmp_path / "plots").iterdir()) == ["rate.csv", "rate.png"]
