"""Two runs in words: what differs, by how much, how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dlrun.analysis.contrast.commands import repeating, separating
from dlrun.analysis.contrast.courses import Course
from dlrun.analysis.contrast.pair import Pair, Single
from dlrun.analysis.contrast.replicates import Sureness
from dlrun.analysis.contrast.settings import Change
from dlrun.analysis.statistics import Difference
from dlrun.analysis.trials import ABSENT, short_names
from dlrun.config.text import typed

__all__ = ["Answer", "explain", "names_of", "number", "who_led"]

_SEEDS = 5  # the fewest whose signs can tell anything: a one-sided rank test reaches p=0.03
_MANY = 1000
_LONGEST = 60  # characters of a value in a sentence
_LEAST_P = 0.001
_SURE = 0.99
_OF_TWO = 2 / math.sqrt(math.pi)  # the mean distance of two normal draws, in standard deviations


@dataclass(frozen=True)
class Answer:
    """The answer to why two runs differ.

    Attributes:
        differs: what does, a sentence each, settings first.
        how_much: by how much their scores and curves do.
        how_sure: what is luck and what is not.
        commands: what to type to know more; empty where nothing is left to be known.
    """

    differs: tuple[str, ...]
    how_much: tuple[str, ...]
    how_sure: tuple[str, ...]
    commands: tuple[str, ...] = ()


def explain(pair: Pair, metric: str) -> Answer:
    """Say in words what `pair` differs in, judged by `metric`."""
    names = names_of(pair)
    if not pair.is_one_problem:
        data = " and ".join(str(side.run.spec.get("data.option")) for side in pair.sides)
        sentence = f"They learned from different data ({data}): a score on the one says nothing about one on the other."
        return Answer(tuple(_differs(pair)), (sentence,), ())
    sure = pair.sureness(metric)
    told, commands = _how_sure(pair, sure, names)
    return Answer(tuple(_differs(pair)), tuple(_how_much(pair, metric, names)), tuple(told), tuple(commands))


def names_of(pair: Pair) -> tuple[str, str]:
    """What to call the two in a sentence: `learning_rate=0.01` where that is all that differs, else `run 1a2b3c4d`."""
    told = pair.factors[0].changes if len(pair.factors) == 1 else pair.repeats if not pair.factors else ()
    if len(told) != 1 or ABSENT in told[0].values or any(len(typed(value)) > _LONGEST for value in told[0].values):
        first, second = (f"run {side.run.short_id}" for side in pair.sides)
        return first, second
    (name,) = short_names([told[0].key]).values()
    return f"{name}={typed(told[0].first)}", f"{name}={typed(told[0].second)}"


def number(value: float) -> str:
    """A score or a difference of scores, in four decimals or, where it is large or very small, four figures."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def who_led(course: Course, names: tuple[str, str]) -> str:
    """Who was ahead when, in a sentence without its full stop."""
    leads, last = course.leads, course.common
    if not leads:
        return f"{course.metric}: the same in every epoch"
    ahead = names[leads[-1][0] - 1]
    if len(leads) == 1:
        since = "in every epoch" if leads[0][1] == 1 else f"from epoch {leads[0][1]} on"
        return f"{course.metric}: {ahead} was ahead {since}"
    since = f"from epoch {leads[-1][1]} on" if leads[-1][1] < last else f"at the end (epoch {last})"
    if len(leads) == 2:
        return f"{course.metric}: {names[leads[0][0] - 1]} was ahead until epoch {leads[1][1] - 1}, {ahead} {since}"
    return f"{course.metric}: the lead changed {len(leads) - 1} times; {ahead} was ahead {since}"


def _differs(pair: Pair) -> Iterator[str]:
    for factor in pair.factors:
        yield f"{'; '.join(map(_change, factor.changes))}."
    for change in pair.repeats:
        yield f"{_change(change)}: it only repeats a trial, so that much is luck."
    if pair.same_data is False and pair.is_one_problem:
        digests = " and ".join(side.data[1][:12] for side in pair.sides if side.data)
        yield f"The content of the data: its digests are {digests}."
    elif pair.is_other_content:
        yield "Neither settings nor data: a component or an option of the project was changed between the two."
    if pair.otherwise:
        yield f"The environment: {'; '.join(map(str, pair.otherwise))}."
    same = [*(["data"] if pair.same_data else []), *([] if pair.otherwise else ["environment"])]
    if same:
        yield f"The same: {' and '.join(same)}."
    if pair.same_data is None:
        yield "Whether they learned from the same data cannot be told: a journal does not say its digest."


def _change(change: Change) -> str:
    told = []
    for value, is_default in zip(change.values, change.are_defaults, strict=True):
        text = "nothing" if value is ABSENT else typed(value)
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
        told.append(f"{text} (the default)" if is_default else text)
    return f"{change.key}: {told[0]} against {told[1]}"


def _how_much(pair: Pair, metric: str, names: tuple[str, str]) -> Iterator[str]:
    yield from _troubles(pair, names)
    first, second = (side.scores.get(metric) for side in pair.sides)
    if first is not None and second is not None:
        yield _scores(pair, metric, (first, second), names)
    if (course := _telling(pair.courses, metric)) is not None:
        yield f"{who_led(course, names)}."
    if pair.courses:
        parts = [course.parts_at for course in pair.courses]
        epochs = [part for part in parts if part is not None]
        if not epochs:
            yield "Every epoch is the same to the bit."
        elif min(epochs) > 1:
            yield f"They are the same to the bit until epoch {min(epochs) - 1}."
    yield from _costs(pair)
    yield from _findings(pair, names)


def _troubles(pair: Pair, names: tuple[str, str]) -> Iterator[str]:
    for side, name in zip(pair.sides, names, strict=True):
        if side.run.status != "finished":
            cause = f": {side.run.cause}" if side.run.cause else ""
            came = "" if side.run.status in ("diverged", "failed") else "is "
            yield f"{_begun(name)} {came}{side.run.status}{cause}."


def _scores(pair: Pair, metric: str, values: tuple[float, float], names: tuple[str, str]) -> str:
    if values[0] == values[1]:
        return f"{metric} is {number(values[0])} with both."
    better = names[0] if (values[0] > values[1]) == (pair.sureness(metric).goal == "max") else names[1]
    told = " and ".join(f"{number(value)} with {name}" for value, name in zip(values, names, strict=True))
    return f"{metric} is {told}: {better} is better by {number(abs(values[1] - values[0]))}."


def _telling(courses: Sequence[Course], metric: str) -> Course | None:
    """The curve that says most about `metric`: that of the validation part, else of the loss there."""
    base = metric
    for prefix in ("best_", "restored_", "test_", "val_"):
        base = base.removeprefix(prefix)
    by_name = {course.metric: course for course in courses}
    return next((by_name[name] for name in (f"val_{base}", "val_loss", base, "loss") if name in by_name), None)


def _costs(pair: Pair) -> Iterator[str]:
    first, second = pair.first.facts, pair.second.facts
    told = []
    for name in ("epochs", "kept epoch", "weights"):
        if name in first and name in second and first[name] != second[name]:
            told.append(f"{name} {first[name]:,} against {second[name]:,}")
    seconds = [facts.get("training seconds") for facts in (first, second)]
    if seconds[0] and seconds[1] and max(seconds[0], seconds[1]) > 1.5 * min(seconds[0], seconds[1]) + 1:
        told.append(f"{seconds[0]:.1f} against {seconds[1]:.1f} seconds of training")
    if told:
        text = "; ".join(told)
        yield f"{_begun(text)}."


def _findings(pair: Pair, names: tuple[str, str]) -> Iterator[str]:
    """What the diagnosis of each run found; what both have is told once."""
    kinds = [{each.get("kind") for each in side.findings} for side in pair.sides]
    for side, name, others in zip(pair.sides, names, reversed(kinds), strict=True):
        for finding in side.findings:
            if finding.get("kind") not in others:
                found = str(finding.get("finding", "")).rstrip(".")
                yield f"{_begun(name)}: {found} ({finding.get('evidence', '')})."
            elif side is pair.first:
                yield f"Both: {finding.get('finding', '')}"


def _begun(text: str) -> str:
    """The text with the first letter of its first word large, unless that is a key."""
    return text if "=" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def _how_sure(pair: Pair, sure: Sureness, names: tuple[str, str]) -> tuple[list[str], list[str]]:
    if not pair.factors and pair.repeats:
        return _luck(pair, sure)
    told: list[str] = []
    commands: list[str] = []
    if len(pair.factors) > 1:
        told, commands = _apart(pair, sure.metric)
    if sure.difference is None or sure.difference.p is None:
        told.insert(0, _not_at_all(sure))
        return told, _both(repeating(pair, _SEEDS), commands)
    told[:0] = [_difference(sure, names), *_cautions(pair, sure)]
    if not sure.is_settled and sure.more is not None and sure.more <= _MANY and sure.over == "seed":
        commands = _both(repeating(pair, sure.difference.n + sure.more), commands)
    return told, commands


def _both(repeat: Sequence[str], separate: Sequence[str]) -> list[str]:
    """The commands that repeat and those that separate; one that does all combinations does both."""
    return list(separate) if len(separate) == 1 and len(repeat) > 1 else list(dict.fromkeys([*repeat, *separate]))


def _not_at_all(sure: Sureness) -> str:
    sizes = len(sure.first), len(sure.second)
    if sizes == (1, 1):
        return f"Not at all: with one {sure.over} each, the difference cannot be told from luck."
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
        return f"{text}: no more than luck, and no reasonable number of {sure.over}s would show more."
    return f"{text}: it may be luck; about {sure.more} more {sure.over}{'s' if sure.more > 1 else ''} would settle it."


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
    told.append(f"p<{_LEAST_P}" if p < _LEAST_P else f"p={p:.2f}" if p >= 0.1 else f"p={p:.3f}")
    return "; ".join(told)


def _cautions(pair: Pair, sure: Sureness) -> Iterator[str]:
    difference = sure.difference
    assert difference is not None
    if difference.warning is not None:
        yield difference.warning
    elif difference.n < _SEEDS:
        yield f"{difference.n} {sure.over}s are few: the interval holds where scores vary as normal draws do."
    own = [side.scores.get(sure.metric) for side in pair.sides]
    if own[0] is not None and own[1] is not None and (own[1] - own[0]) * difference.mean < 0:
        yield f"The two runs named are an exception: over all {sure.over}s it is the other way round."


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
    """What is known of each of several factors alone, and the commands that would tell the rest."""
    singles = pair.singles(metric)
    known = {single.factor.key for single in singles}
    keys = [factor.key for factor in pair.factors]
    several = f"{', '.join(keys[:-1])} and {keys[-1]} differ at once"
    told = [f"{several}: these two runs alone do not tell which of them did it."]
    told += [_single(single, pair) for single in singles]
    missing = [factor for factor in pair.factors if factor.key not in known]
    if not missing:
        return told, []
    named = ", ".join(factor.key for factor in missing)
    one = "one alone of " if len(missing) > 1 else ""
    told.append(f"No run differs from them in {one}{named}{'' if one else ' alone'}.")
    return told, separating(pair, missing, _SEEDS)


def _single(single: Single, pair: Pair) -> str:
    difference = single.sureness.difference
    assert difference is not None
    run = pair.sides[single.around - 1].run.short_id
    changes = "; ".join(_change(change) for change in single.factor.changes)
    direction = "higher" if difference.mean > 0 else "lower"
    by = f"{single.sureness.metric} is {number(abs(difference.mean))} {direction} with the second"
    if difference.mean == 0:
        by = f"{single.sureness.metric} is the same with both"
    n = f"{difference.n} {single.sureness.over}{'' if difference.n == 1 else 's'}"
    sure = f"; {_evidence(difference, single.sureness)}" if difference.p is not None else ", which may be luck"
    return f"{changes}, the rest as in run {run}: {by} ({n}{sure})."
