"""Look at what a command would train, without training it: every distinct model is built and tried, once.

Nothing is written, unless data is streamed and was never converted. What is certain to be wrong keeps a model from
being tried, and the others are tried all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dlrun.config.catalog import Catalog
from dlrun.config.parts import Remembered
from dlrun.config.raised import place_in, telling_line
from dlrun.data.dataset import Dataset
from dlrun.data.findings.finding import Finding
from dlrun.data.findings.look import look
from dlrun.data.load import load
from dlrun.data.prepare import Prepared, prepare
from dlrun.data.room import available_bytes
from dlrun.data.splits.split import Split, split_rows
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.models.advice import advice
from dlrun.models.grammar import expand
from dlrun.models.nodes import Expansion, layers_in
from dlrun.planning import PlannedRun, Planner, Point, Survey
from dlrun.sweeps.size import Crew
from dlrun.training import process
from dlrun.training.course import check_course, epochs_of
from dlrun.training.rundir import RunDirectory
from dlrun.training.structure import structure_of
from dlrun.workflows.amounts import short_bytes
from dlrun.workflows.distinct import Group, distinct
from dlrun.workflows.outlook import crew_of

if TYPE_CHECKING:  # they import TensorFlow
    from dlrun.workflows.blueprint import Blueprint
    from dlrun.workflows.data_summary import DataSummary
    from dlrun.workflows.first_steps import FirstSteps

__all__ = ["ModelReport", "Preflight", "preflight"]

_MARGIN = 1.3  # of the estimate: what training takes was 1.1 to 1.6 times that on seven models of 0.1 to 2 GB


@dataclass
class ModelReport:
    """What was found of one model.

    Attributes:
        runs: that share it.
        findings: what is wrong with the data; in `advice` or `problems` as well.
        advice: what is questionable.
        problems: what keeps it from being trained; what comes after the first of them is None.
    """

    group: Group
    data: DataSummary | None = None
    blueprint: Blueprint | None = None
    first: FirstSteps | None = None
    findings: tuple[Finding, ...] = ()
    advice: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def spec(self) -> Mapping[str, Any]:
        """Of the run that the model was built from."""
        return self.group.first.spec

    @property
    def name(self) -> str:
        """Model and data."""
        return f"{self.spec['model']['option']} on {self.spec['data']['option']}"


@dataclass(frozen=True)
class Preflight:
    """What was found of a command.

    Attributes:
        survey: every point, possible or not.
        models: the distinct ones, in the order in which runs first ask for them.
        finished: ids of the runs that are done already.
        crew: the workers that would train the others; None where nothing is to do, or another launcher would do it.
    """

    survey: Survey
    models: tuple[ModelReport, ...]
    finished: frozenset[str]
    catalog: Catalog
    crew: Crew | None = None

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """The runs that the config allows, each once."""
        return self.survey.runs

    @cached_property
    def impossible(self) -> list[tuple[Point, tuple[Problem, ...]]]:
        """Points that make no run, or one whose model or data cannot be used, with what is wrong."""
        unusable = {run.id: tuple(model.problems) for model in self.models for run in model.group.runs}
        found = [(p, p.problems if p.run is None else unusable.get(p.run.id, ())) for p in self.survey.points]
        return [(point, problems) for point, problems in found if problems]

    @cached_property
    def duplicates(self) -> list[list[Point]]:
        """Points that are one and the same run, in lists of two or more."""
        return self.survey.duplicates

    @cached_property
    def structures(self) -> int:
        """How many structures the runs have: in one process, runs of one share a compiled program."""
        structure = Remembered(lambda spec: structure_of(spec, self.catalog))
        return len({structure(run.spec) or run.id for run in self.runs})

    def seconds(self, model: ModelReport) -> float | None:
        """The time of a model's runs that are not finished, one after another; None where no step was timed."""
        if model.first is None:
            return None
        waiting = [run for run in model.group.runs if run.id not in self.finished]
        return sum(model.first.pace.seconds(epochs_of(run.spec["trainer"])) for run in waiting)

    @property
    def stops_early(self) -> bool:
        """Whether something may end a run before its last epoch."""
        nodes = [node for run in self.runs for node in run.spec["callback"].values()]
        targets = {self.catalog.get("callback", node["option"]).target() or "" for node in nodes}
        return any(target.endswith("EarlyStopping") for target in targets)


def preflight(planner: Planner, survey: Survey, told: Callable[[int, int], None] | None = None) -> Preflight:
    """Build and try every distinct model of a command.

    Args:
        survey: of the command; it has a run.
        told: called with the number of the model that comes next, from 1, and how many there are.
    """
    runs, catalog = survey.runs, planner.catalog
    results = {run.id: RunDirectory(catalog.roots.work / "runs" / run.id).result() for run in runs}
    finished = frozenset(name for name, result in results.items() if result is not None and result.is_final)
    crew = crew_of(survey, finished)  # here, because a process that has imported TensorFlow would have fewer
    process.configure(runs[0].spec["trainer"])
    import keras

    groups = distinct(runs, catalog)
    reports = []
    for number, group in enumerate(groups, start=1):
        if told is not None:
            told(number, len(groups))
        reports.append(_report(group, catalog))
        keras.utils.clear_session()  # or what was built for one model stays while the others are
    return Preflight(survey, tuple(reports), finished, catalog, crew)


def _report(group: Group, catalog: Catalog) -> ModelReport:
    report = ModelReport(group)
    try:
        _try(report, catalog)
    except (ConfigError, DataError) as error:
        report.problems += error.problems
    except Exception as error:  # noqa: BLE001 - whatever a model raises is what its training would end with
        rule, says = "must be built and take a step", f"It says: {telling_line(error)}"
        place = place_in(catalog.roots.project, error)
        report.problems.append(Problem("model", rule, got=type(error).__name__, mend=says, place=place))
    return report


def _try(report: ModelReport, catalog: Catalog) -> None:
    """From the data to the first steps, in the order of a run; a problem ends it."""
    from dlrun.workflows.blueprint import draw
    from dlrun.workflows.data_summary import summarise
    from dlrun.workflows.first_steps import first_batch, take

    spec = report.group.first.spec
    dataset = load(spec["data"], catalog)
    rows = split_rows(dataset, spec["split"], catalog)
    _look(report, dataset, rows)
    if report.problems:
        return
    prepared = prepare(spec, catalog, dataset, rows)
    check_course(prepared, spec)
    expansion = _expansion(spec, catalog, prepared)
    report.advice += advice(spec, expansion) if expansion else []
    report.data = summarise(spec, dataset, prepared, expansion.output_activation if expansion else None)
    report.advice += report.data.findings
    paths = {layer.name: f"{layer.path}.{layer.option}" for layer in _layers(expansion)}
    batch = first_batch(prepared, spec)
    report.blueprint = draw(spec, catalog, prepared, batch, paths)
    if problem := _too_large(report.blueprint):
        report.problems.append(problem)
        return
    report.advice += report.blueprint.findings
    report.first = take(spec, catalog, prepared, paths)
    report.advice += report.first.findings


def _look(report: ModelReport, dataset: Dataset, rows: Split) -> None:
    """What is wrong with the data: with `preflight=stop` errors keep the run from being trained."""
    wanted = report.spec["preflight"]
    report.findings = () if wanted == "none" else look(dataset, rows, report.spec)
    for finding in report.findings:
        stops = finding.level == "error" and wanted == "stop"
        (report.problems if stops else report.advice).append(finding.problem)


def _expansion(spec: Mapping[str, Any], catalog: Catalog, prepared: Prepared) -> Expansion | None:
    if catalog.get("model", spec["model"]["option"]).target() is not None:
        return None  # written in Python
    return expand(spec, catalog, prepared.outputs)


def _layers(expansion: Expansion | None) -> Sequence[Any]:
    return [] if expansion is None else [*layers_in((*expansion.nodes, *expansion.head))]


def _too_large(blueprint: Blueprint) -> Problem | None:
    """The problem of a model that this machine has not the memory for: it is not built."""
    available = available_bytes()
    memory = blueprint.memory
    if available is None or memory.total * _MARGIN <= available:
        return None
    rule = f"must fit into memory, with room for TensorFlow's own work: {short_bytes(available)} are free"
    got = f"about {short_bytes(memory.total)} for {blueprint.parameters:,} parameters"
    mostly_rows = memory.activations > memory.total / 2
    mend = f"Type trainer.batch_size=N, below {blueprint.rows}." if mostly_rows else "Choose a smaller model."
    return Problem("model", rule, got, mend)
