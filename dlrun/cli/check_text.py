"""What `dlrun check` tells a person."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.config.roots import shown_path
from dlrun.config.spec import REPLICATE_KEYS, flatten
from dlrun.config.text import plain
from dlrun.errors import Problem
from dlrun.training.course import epochs_of
from dlrun.workflows.amounts import short, short_bytes, short_seconds
from dlrun.workflows.outlook import outlook

if TYPE_CHECKING:
    from dlrun.planning import PlannedRun
    from dlrun.workflows.blueprint import LayerFigures
    from dlrun.workflows.foreign import Inspection
    from dlrun.workflows.preflight import ModelReport, Preflight

__all__ = ["print_inspection", "print_preflight"]

_SHOWN = 6
_LABEL = 12  # width of the labels in front of facts
_CLASSES_SHOWN = 10


def print_preflight(found: Preflight, sweep: bool) -> None:
    """All that a preflight found, in the width of the terminal."""
    if sweep:
        _print_sweep(found)
    else:
        _print_model(found.models[0], found)
    _print_findings(found, sweep)


def print_inspection(found: Inspection) -> None:
    """What a look at a run found."""
    spec = found.spec
    click.secho(f"{spec['model']['option']} on {spec['data']['option']}", bold=True, nl=False)
    click.secho(f"  {found.path.name}", dim=True)
    rows = [[name, kind, shape, Cell(count, f"{count:,}")] for name, kind, shape, count in found.layers]
    print_table(Table(["layer", "kind", "output", "parameters"], rows))
    click.echo()
    _fact("Spec", "made of options that are here, and of values that they take")
    _fact("Takes", f"samples of {_shape(found.input_shape)}; predicts {_shape(found.outputs)}")
    _fact("Parameters", f"{found.parameters:,}, preprocessing included")
    fit = {True: "its predictions are finite", False: "it predicts NaN or infinity", None: ""}[found.finite]
    _fact("Weights", f"{found.weights}: they fit; {fit}" if found.weights else "none were kept")


def _print_model(model: ModelReport, found: Preflight) -> None:
    run = model.group.first
    click.secho(model.name, bold=True, nl=False)
    done = ": finished, and not run again" if run.id in found.finished else ""
    click.secho(f"  run {run.id[:8]}{done}", dim=True)
    if model.blueprint is not None:
        rows = [
            [
                _layer(layer),
                Cell(list(layer.output), _shape(layer.output)),
                Cell(layer.parameters, f"{layer.parameters:,}"),
                Cell(layer.flops, short(layer.flops)),
            ]
            for layer in model.blueprint.layers
        ]
        print_table(Table(["layer", "output", "parameters", "FLOPs"], rows))
    click.echo()
    for label, text in _facts(model, found):
        _fact(label, text)


def _layer(layer: LayerFigures) -> Cell:
    """Its name, which begins with what it is; what it is, where the name does not tell."""
    spoken = layer.name.replace("_", "").lower().startswith(layer.kind.lower())
    return Cell(layer.name, layer.name if spoken else f"{layer.name} ({layer.kind})")


def _facts(model: ModelReport, found: Preflight) -> Iterator[tuple[str, str]]:
    data, drawn, first = model.data, model.blueprint, model.first
    if data is not None:
        rows = ", ".join(f"{part} {count:,}" for part, count in data.rows.items())
        what = f"{len(data.features)} features" if data.features else f"samples of {_shape(data.shape)}"
        yield "Data", f"{data.name}, {what}; rows: {rows}"
        if data.classes:
            yield "Classes", _classes(data.classes)
        for mean, deviation, low, high in data.target:
            yield "Target", f"{mean:.4g} ± {deviation:.4g}, from {low:.4g} to {high:.4g}"
    if drawn is not None:
        fixed = drawn.parameters - drawn.trainable
        yield "Parameters", f"{drawn.parameters:,}" + (f", {fixed:,} of them not trained" if fixed else "")
        step = f"{short(drawn.step_flops)} a step ({drawn.rows} rows, forward and back)"
        yield "FLOPs", f"{short(drawn.flops)} a sample, forward; {step}"
        memory = drawn.memory
        optimizer = model.spec["optimizer"]["option"]
        parts = {
            "weights": memory.weights,
            "gradients": memory.gradients,
            optimizer: memory.optimizer,
            f"activations of {drawn.rows} rows": memory.activations,
            "the update": memory.update,
        }
        listed = ", ".join(f"{name} {short_bytes(size)}" for name, size in parts.items() if size)
        yield "Memory", f"about {short_bytes(memory.total)} ({listed}), and what TensorFlow itself takes; estimated"
    if first is not None:
        yield "Time", _time(model, found)
        guess = None if data is None or data.guess is None else data.guess
        beside = "" if guess is None else f"; one answer for all samples could reach {guess:.3g}"
        yield "Loss", f"{first.loss:.3g} on the first batch, untrained{beside}"
        for name, loss in ({} if data is None else data.naive).items():
            yield "Naive", f"{loss:.3g} in validation, to be beaten: the {name} again"


def _time(model: ModelReport, found: Preflight) -> str:
    assert model.first is not None
    pace, epochs = model.first.pace, epochs_of(model.spec["trainer"])
    bound = "at most" if found.stops_early else "about"
    early = "; early stopping may end it sooner" if found.stops_early else ""
    each = f"{_many(pace.steps_per_epoch, 'step')} of {short_seconds(pace.step_seconds)} an epoch"
    return f"{bound} {short_seconds(pace.seconds(epochs))}: {_many(epochs, 'epoch')}, {each}{early}"


def _classes(shares: Mapping[str, float]) -> str:
    if len(shares) > _CLASSES_SHOWN or max(shares.values()) - min(shares.values()) < 0.02:
        low, high = min(shares.values()), max(shares.values())
        return f"{len(shares)}, each {_percent(low, high)} of the training rows"
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _percent(low: float, high: float) -> str:
    texts = f"{low:.1%}", f"{high:.1%}"
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"


def _print_sweep(found: Preflight) -> None:
    trials = len({run.trial for run in found.runs})
    counts = {"trial": trials, "run": len(found.runs), "distinct model": len(found.models)}
    click.secho(", ".join(_many(count, what) for what, count in counts.items()), bold=True)
    differing = _differing(found)
    rows = []
    for index, model in enumerate(found.models):
        drawn = model.blueprint
        named = [values[index] for values in differing.values()] if differing else [model.name]
        seconds = found.seconds(model)
        figures = (
            [Cell(None, "")] * 3
            if drawn is None
            else [
                Cell(drawn.parameters, f"{drawn.parameters:,}"),
                Cell(drawn.flops, short(drawn.flops)),
                Cell(drawn.memory.total, short_bytes(drawn.memory.total)),
            ]
        )
        time = Cell(seconds, "impossible" if model.problems else "" if seconds is None else short_seconds(seconds))
        rows.append([*named, *figures, time, model.group.trials])
    print_table(Table([*(differing or ["model"]), "parameters", "FLOPs", "memory", "time", "trials"], rows))
    click.echo()
    for label, text in _outlook_facts(found):
        _fact(label, text)
    label, whose = ("Structure", "its runs") if found.structures == 1 else ("Structures", "runs of one")
    shared = found.structures < len(found.runs)
    said = f"{whose} share a compiled program" if shared else "each run compiles its own"
    _fact(label, f"{found.structures}: {said}")
    if len(found.models) > 1:
        _fact("More", "dlrun check with one trial's words shows its model layer by layer")


def _outlook_facts(found: Preflight) -> Iterator[tuple[str, str]]:
    """What the sweep would come to."""
    ahead = outlook(found)
    before = f"; {_many(len(found.finished), 'run')} finished before" if found.finished else ""
    if ahead.to_train == 0:
        yield "To train", f"nothing{before}"
        return
    at_once = max(1, ahead.workers or 1)
    if ahead.workers is None:
        on = "on what hydra/launcher chooses"
    elif ahead.workers == 0:
        on = f"in the command's own process ({ahead.why})"
    else:
        on = f"on {_many(ahead.workers, 'worker')} ({ahead.why})"
    yield "To train", f"{_many(ahead.to_train, 'run')}, {on}{before}"
    bound = "at most" if found.stops_early else "about"
    early = "; early stopping may end some sooner" if found.stops_early else ""
    beside = f", {short_seconds(ahead.work_seconds)} one run after another" if at_once > 1 else ""
    yield "Time", f"{bound} {short_seconds(ahead.wall_seconds)}{beside}{early}"
    if ahead.memory_bytes is not None:
        each = " each" if at_once > 1 else ""
        yield (
            "Memory",
            f"about {short_bytes(ahead.memory_bytes)} at once, and what TensorFlow itself takes, 0.5 GB{each}",
        )
    if ahead.asks_first:
        yield "Asks first", f"they are more than search.confirm_above; search.confirm_above={ahead.to_train} goes on"


def _differing(found: Preflight) -> dict[str, list[str]]:
    """The keys that tell the models apart, by their short names, and each model's values."""
    from dlrun.analysis.trials import short_names

    short = short_names(found.survey.varied)
    columns = {}
    for key, name in short.items():
        values = [list(dict.fromkeys(_value(run, key) for run in model.group.runs)) for model in found.models]
        if any(each != values[0] for each in values[1:]):
            columns[name] = [", ".join(each[:3]) + (", ..." if len(each) > 3 else "") for each in values]
    return columns


def _value(run: PlannedRun, key: str) -> str:
    """A run's value of a swept key: from its spec, or as typed where the key is a choice of options."""
    typed = dict(word.lstrip("+").partition("=")[::2] for word in run.overrides)
    return plain(flatten(run.spec).get(key, typed.get(key)))


def _print_findings(found: Preflight, sweep: bool) -> None:
    _print_impossible(found, sweep)
    _print_duplicates(found)
    models: dict[Problem, list[ModelReport]] = {}
    for model in found.models:
        for problem in model.advice:
            models.setdefault(problem, []).append(model)
    if not models:
        return
    click.echo()
    click.secho(f"{_many(len(models), 'thing')} to look at; training is not kept from it", fg="yellow", bold=True)
    for problem, concerned in models.items():
        _print_problem(problem)
        if len(concerned) < len(found.models):
            _print_where(_words(model.group.first.overrides, found.survey.varied) for model in concerned)


def _print_impossible(found: Preflight, sweep: bool) -> None:
    by_problems: dict[tuple[Problem, ...], list[str]] = {}
    for point, problems in found.impossible:
        by_problems.setdefault(problems, []).append(_words(point.overrides, found.survey.varied))
    if not by_problems:
        return
    click.echo()
    trials = {words for listed in by_problems.values() for words in listed}
    every = {_words(point.overrides, found.survey.varied) for point in found.survey.points}
    heading = f"{len(trials)} of {_many(len(every), 'trial')} cannot be run" if sweep else "This cannot be run"
    click.secho(heading, fg="red", bold=True)
    for problems, words in by_problems.items():
        for problem in problems:
            _print_problem(problem)
        if sweep:
            _print_where(words)


def _print_duplicates(found: Preflight) -> None:
    """Trials that the words ask for several times; a trial is told once, whatever its seeds are."""
    trials: dict[tuple[str, ...], None] = {}
    for points in found.duplicates:
        trials[tuple(_words(point.overrides, found.survey.varied) for point in points)] = None
    if not trials:
        return
    click.echo()
    click.secho(f"{_many(len(trials), 'trial')} asked for more than once, and run once", fg="yellow", bold=True)
    for words in list(trials)[:_SHOWN]:
        different = list(dict.fromkeys(words))
        times = f" ({len(words)} times)" if len(different) == 1 else ""
        _echo_wrapped(" = ".join(different) + times, "  ")
    if len(trials) > _SHOWN:
        click.echo(f"  and {len(trials) - _SHOWN} more (--json lists all)")


def _print_where(trials: Iterable[str]) -> None:
    """The trials that something is said of, a line each."""
    listed = list(dict.fromkeys(trials))
    for words in listed[:_SHOWN]:
        click.secho(f"    in {words}", dim=True)
    if len(listed) > _SHOWN:
        click.secho(f"    and in {len(listed) - _SHOWN} more (--json lists all)", dim=True)


def _words(overrides: Sequence[str], varied: Sequence[str]) -> str:
    """What tells a trial from the others: its swept words, without those that repeat it."""
    swept = [word for word in overrides if _key(word) in varied]
    return " ".join([word for word in swept if _key(word) not in REPLICATE_KEYS] or swept)


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _print_problem(problem: Problem) -> None:
    got = "" if problem.got is None else f"; got {problem.got}"
    _echo_wrapped(f"{click.style(problem.key, bold=True)} {problem.rule}{got}.", "  ")
    if problem.mend:
        _echo_wrapped(problem.mend, "    ")
    if problem.place and ":" in problem.place:  # a file and its line; the command line can be seen
        place = shown_path(Path(problem.place), Path.cwd()) if problem.place.startswith(os.sep) else problem.place
        click.secho(f"    ({place})", dim=True)


def _fact(label: str, text: str) -> None:
    """A line of the form `Label   text`, wrapped under the text."""
    start = click.style(f"{label:<{_LABEL}}", bold=True)
    click.echo(click.wrap_text(text, _width(), initial_indent=start, subsequent_indent=" " * _LABEL))


def _echo_wrapped(text: str, indent: str) -> None:
    click.echo(click.wrap_text(text, _width(), initial_indent=indent, subsequent_indent=" " * len(indent)))


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 120)


def _shape(shape: Sequence[Any]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape) or "one number"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
