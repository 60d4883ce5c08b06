"""How sure the difference between two runs is, in words, and what to type to be surer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dlrun.analysis.contrast.commands import repeating, separating
from dlrun.analysis.contrast.pair import CONTENT, Pair, Single
from dlrun.analysis.contrast.phrases import number, told_change
from dlrun.analysis.contrast.replicates import Sureness
from dlrun.analysis.statistics import ALPHA, Difference

__all__ = ["how_sure"]

_SEEDS = 5  # the fewest whose signs can tell anything: a one-sided rank test reaches p=0.03
_MANY = 1000
_LEAST_P = 0.001
_SURE = 0.99
_OF_TWO = 2 / math.sqrt(math.pi)  # the mean distance of two normal draws, in standard deviations


def how_sure(pair: Pair, sure: Sureness, names: tuple[str, str]) -> tuple[list[str], list[str]]:
    """What is luck and what is not, a sentence each, and commands that would tell more."""
    if not pair.causes and pair.repeats:
        return _luck(pair, sure)
    told: list[str] = []
    commands: list[str] = []
    if len(pair.causes) > 1:
        told, commands = _apart(pair, sure.metric)
    if sure.difference is None or sure.difference.p is None:
        told.insert(0, _not_at_all(sure))
        return told, _both(repeating(pair, _SEEDS), commands)
    told[:0] = [_difference(sure, names), *_cautions(pair, sure)]
    if not sure.is_settled and sure.over == "seed":
        seeds = sure.difference.n + (sure.more or 0)
        if sure.more is None or sure.more > _MANY:
            seeds = _SEEDS if sure.difference.n < _SEEDS else 0
        commands = _both(repeating(pair, seeds), commands) if seeds else commands
    return told, commands


def _both(repeat: Sequence[str], separate: Sequence[str]) -> list[str]:
    """The commands that repeat and those that separate; one that does all combinations does both."""
    return list(separate) if len(separate) == 1 and len(repeat) > 1 else list(dict.fromkeys([*repeat, *separate]))


def _not_at_all(sure: Sureness) -> str:
    sizes = len(sure.first), len(sure.second)
    if sizes == (1, 1):
        return f"Not at all: with one {sure.over} each, the difference cannot be told from luck."
    if sure.confounds:
        split = "they are on different splits of the data, one of them on one alone"
        return f"Not at all: {split}, so that what the split did and what the setting did cannot be told apart."
    runs = f"{sizes[0]} finished run{'' if sizes[0] == 1 else 's'} of the first setting and {sizes[1]} of the second"
    return f"Not at all: {sure.metric} is known of {runs}, too few to tell."


def _difference(sure: Sureness, names: tuple[str, str]) -> str:
    difference = sure.difference
    assert difference is not None
    is_second = difference.mean != 0 and (difference.mean > 0) == (sure.goal == "max")
    better, other = (names[1], names[0]) if is_second else names
    how = f"{difference.n} {sure.over}s of each" if sure.is_paired else _sizes(sure)
    text = f"Over {how}, {sure.metric} is better by {number(abs(difference.mean))} with {better} than with {other}"
    if difference.mean == 0:
        text = f"Over {how}, {sure.metric} is the same on average"
    text += f" ({_evidence(difference, sure)})"
    if sure.is_settled:
        return f"{text}: more than luck."
    if sure.more is None or sure.more > _MANY:
        return f"{text}: {_nothing(difference, sure)}"
    return f"{text}: it may be luck; about {sure.more} more {sure.over}{'s' if sure.more > 1 else ''} would settle it."


def _nothing(difference: Difference, sure: Sureness) -> str:
    """Of a difference that no reasonable number of replicates would settle."""
    if difference.n < _SEEDS:
        return f"nothing can be said yet, {difference.n} {sure.over}s are too few."
    if sure.over == "split" and difference.mean:
        return "it may be luck, and more splits of the same rows would not settle it."
    if difference.low is None:
        return "no difference is seen."
    return (
        f"no difference is seen; one within the interval may be there, and over {_MANY:,} more {sure.over}s would tell."
    )


def _sizes(sure: Sureness) -> str:
    return f"{len(sure.first)} and {len(sure.second)} {sure.over}s, which do not match"


def _evidence(difference: Difference, sure: Sureness) -> str:
    told = []
    if difference.low is not None and difference.high is not None:
        sign = -1 if difference.mean < 0 else 1  # what is better by so much is told, so that the interval is about that
        ends = sorted(sign * end for end in (difference.low, difference.high))
        told.append(f"95% interval {number(ends[0])} to {number(ends[1])}")
    if sure.probability is not None:
        likely = max(sure.probability, 1 - sure.probability)
        told.append(f"{'over 99%' if likely > _SURE else f'{likely:.0%}'} likely better")
    p = difference.p
    assert p is not None
    return "; ".join([*told, _p(p)])


def _p(p: float) -> str:
    return f"p<{_LEAST_P}" if p < _LEAST_P else f"p={p:.2f}" if p >= 0.1 else f"p={p:.3f}"


def _cautions(pair: Pair, sure: Sureness) -> Iterator[str]:
    difference = sure.difference
    assert difference is not None
    if difference.warning is not None:
        yield difference.warning
    elif difference.n < _SEEDS:
        yield f"{difference.n} {sure.over}s are few: the interval holds where scores vary as normal draws do."
    yield from _taken_alone(pair, sure)
    own = [side.scores.get(sure.metric) for side in pair.sides]
    if own[0] is not None and own[1] is not None and (own[1] - own[0]) * difference.mean < 0:
        yield f"The two runs named are an exception: over all {sure.over}s it is the other way round."


def _taken_alone(pair: Pair, sure: Sureness) -> Iterator[str]:
    """That p is of this one pair, and what it is worth where the two were picked from many."""
    found = pair.among(sure.metric)
    if found is None:
        yield "The two were taken alone: p is for a pair that was named before its scores were seen."
        return
    begun = f"The two were taken alone. They are among the {found.trials} trials of sweep {found.sweep}"
    if found.p is not None:
        luck = "" if found.p < ALPHA or not sure.is_settled else ": there it may be luck"
        yield f"{begun}: corrected for the best of them having been chosen, dlrun compare has {_p(found.p)}{luck}."
    elif found.has_best:
        yield f"{begun}, where dlrun compare has no p for them."
    else:
        yield f"{begun}, and neither is the best: of many pairs some differ so by luck."


def _luck(pair: Pair, sure: Sureness) -> tuple[list[str], list[str]]:
    """Of two runs of one trial."""
    keys = " and ".join(change.key for change in pair.repeats)
    told = [
        f"They differ in {keys} alone, so that the difference is luck: it says how much scores of this setting vary."
    ]
    found, _ = sure.estimates()
    if found is None or found.n < 2:
        return told, repeating(pair, _SEEDS)
    values = list(sure.first.values())
    sd = math.sqrt(sum((value - found.mean) ** 2 for value in values) / (found.n - 1))
    runs = f"Over {found.n} {sure.over}s {sure.metric} is {number(found.mean)} on average, with a standard deviation of"
    told.append(f"{runs} {number(sd)}: two of them differ by {number(_OF_TWO * sd)} on average.")
    if found.n >= _SEEDS:
        return told, []
    told.append(f"{'Two' if found.n == 2 else found.n} {sure.over}s hardly tell how much that is.")
    return told, repeating(pair, _SEEDS)


def _apart(pair: Pair, metric: str) -> tuple[list[str], list[str]]:
    """What is known of each of several causes alone, and the commands that would tell the rest."""
    singles = pair.singles(metric)
    known = {single.factor.key for single in singles}
    keys = [cause.key for cause in pair.causes]
    several = f"{', '.join(keys[:-1])} and {keys[-1]} differ at once"
    told = [f"{several}: these two runs alone do not tell which of them did it."]
    for key in keys:
        of_key = [single for single in singles if single.factor.key == key]
        told += [_single(single, pair) for single in of_key]
        told += _dependence(of_key, [other for other in keys if other != key])
    missing = [cause for cause in pair.causes if cause.key not in known]
    if not missing:
        return told, []
    named = ", ".join(factor.key for factor in missing)
    one = "one alone of " if len(missing) > 1 else ""
    told.append(f"No run differs from them in {one}{named}{'' if one else ' alone'}.")
    settings = [cause for cause in missing if cause.key != CONTENT]
    if CONTENT in keys:  # trained anew, both are on the content as it is now
        return told, repeating(pair, _SEEDS) + (separating(pair, settings, _SEEDS) if len(pair.factors) > 1 else [])
    return told, separating(pair, settings, _SEEDS)


def _dependence(singles: Sequence[Single], others: Sequence[str]) -> Iterator[str]:
    """That a cause does one thing around the first run and another around the second."""
    found = [single.sureness for single in singles if single.sureness.difference is not None]
    means = [each.difference.mean for each in found if each.difference is not None]
    if len(means) == 2 and means[0] * means[1] < 0:
        rest = " and ".join(others)
        if all(each.is_settled for each in found):
            yield f"So what {singles[0].factor.key} does depends on {rest}."
        else:
            yield f"The two say the opposite: what {singles[0].factor.key} does depends on {rest}, or it is luck."


def _single(single: Single, pair: Pair) -> str:
    difference = single.sureness.difference
    assert difference is not None
    run = pair.sides[single.around - 1].run.short_id
    changes = "; ".join(told_change(change) for change in single.factor.changes)
    direction = "higher" if difference.mean > 0 else "lower"
    by = f"{single.sureness.metric} is {number(abs(difference.mean))} {direction} with the second"
    if difference.mean == 0:
        by = f"{single.sureness.metric} is the same with both"
    n = f"{difference.n} {single.sureness.over}{'' if difference.n == 1 else 's'}"
    sure = f"; {_evidence(difference, single.sureness)}" if difference.p is not None else ", which may be luck"
    return f"{changes}, the rest as in run {run}: {by} ({n}{sure})."
