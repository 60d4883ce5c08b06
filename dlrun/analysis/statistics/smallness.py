"""What has to be said of small samples, in a sentence each."""

from __future__ import annotations

from dlrun.analysis.statistics.student import ALPHA

__all__ = ["of_equal_values", "of_mean", "of_rank_test"]


def of_equal_values(n: int) -> str:
    """That an interval of no width claims too much."""
    return f"All {n} values are equal: their spread is not known, and an interval of no width says too much."


def of_mean(n: int, what: str = "value") -> str | None:
    """What `n` values cannot tell of their mean; None from three on."""
    if n >= 3:
        return None
    if n == 2:
        return (
            f"Two {what}s: the interval rests on a normal distribution, which two cannot show, and is so wide that it "
            "seldom tells anything apart; a third makes it less than a third as wide."
        )
    return f"One {what} says nothing about spread: there is no interval."


def of_rank_test(n: int, what: str, least: float, needed: int | None) -> str | None:
    """That `n` are too few for this test to come below ALPHA at all; None where they are enough.

    Args:
        what: what is counted, in the plural.
        least: the smallest p that `n` can give.
        needed: how many can come below ALPHA.
    """
    if least <= ALPHA:
        return None
    mend = f"; it takes {needed}" if needed is not None else ""
    return f"{n} {what} cannot give a p below {least:.3g}, whatever the values are{mend}."
