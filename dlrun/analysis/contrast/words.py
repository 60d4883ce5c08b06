"""Two runs in words: what differs, by how much, how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dlrun.analysis.contrast.certainty import how_sure
from dlrun.analysis.contrast.courses import Course
from dlrun.analysis.contrast.pair import CONTENT, Pair
from dlrun.analysis.contrast.phrases import LONGEST, number, told_change
from dlrun.analysis.trials import ABSENT, short_names
from dlrun.config.text import typed

__all__ = ["Answer", "explain", "names_of", "who_led"]


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
    told, commands = how_sure(pair, sure, names)
    return Answer(tuple(_differs(pair)), tuple(_how_much(pair, metric, names)), tuple(told), tuple(commands))


def names_of(pair: Pair) -> tuple[str, str]:
    """What to call the two in a sentence: `learning_rate=0.01` where that is all that differs, else `run 1a2b3c4d`."""
    told = pair.causes[0].changes if len(pair.causes) == 1 else pair.repeats if not pair.causes else ()
    if (
        len(told) != 1
        or told[0].key == CONTENT
        or ABSENT in told[0].values
        or any(len(typed(value)) > LONGEST for value in told[0].values)
    ):
        first, second = (f"run {side.run.short_id}" for side in pair.sides)
        return first, second
    (name,) = short_names([told[0].key]).values()
    return f"{name}={typed(told[0].first)}", f"{name}={typed(told[0].second)}"


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
        yield f"{'; '.join(map(told_change, factor.changes))}."
    for change in pair.repeats:
        yield f"{told_change(change)}: it only repeats a trial, so that much is luck."
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
