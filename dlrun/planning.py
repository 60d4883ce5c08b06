"""From the words on the command line to checked specs: everything that can be said before TensorFlow is imported."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dlrun.config import grid
from dlrun.config.bounds import too_many_runs
from dlrun.config.catalog import Catalog
from dlrun.config.draft import Draft, Drafter, normalise_override
from dlrun.config.given import spelled_out_files
from dlrun.config.loader import PRIMARY, CachingConfigLoader
from dlrun.config.origin import Origins
from dlrun.config.roots import Roots
from dlrun.config.secrets import resolved, values_in
from dlrun.config.spec import Spec
from dlrun.config.trust import hydra_problems, trusted_choices
from dlrun.config.words import key_of, read_as_meant
from dlrun.errors import ConfigError, Problem
from dlrun.soundness import Examiner, Sound
from dlrun.tracking import store
from dlrun.tracking.secret import Secrets

__all__ = ["Plan", "PlannedRun", "Planner", "Point", "Survey"]

_NAMED = 3  # values of a swept key that a problem is told to be in
_TRIED = 3  # values of each swept key that a command is tried with as it was probably meant


@dataclass(frozen=True)
class PlannedRun:
    """One run that a command asks for.

    Attributes:
        overrides: the words that make it, none of which sweeps.
        spec: its checked spec.
        id: the run's id.
        trial: the id of the trial it repeats.
    """

    overrides: tuple[str, ...]
    spec: Spec
    id: str
    trial: str


@dataclass(frozen=True)
class Plan:
    """All runs of one command, in the order they are asked for, each once.

    Attributes:
        varied: the keys that the sweep varies, as typed.
        experiment: the experiment that was chosen, if one was.
        launcher: what the config says of the processes that runs train in; checked, the same for all runs.
        search: what it says of how trials are chosen; likewise.
        repeats: a sentence on points that are one run; empty where each is a run of its own.
    """

    runs: tuple[PlannedRun, ...]
    varied: tuple[str, ...] = ()
    experiment: str | None = None
    launcher: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
    repeats: str = ""


@dataclass(frozen=True)
class Point:
    """One point of a grid: its words, and the run that they make, or what keeps them from making one.

    Attributes:
        settings: the groups that are no part of a run, `launcher` and `search`, where the point makes a run.
    """

    overrides: tuple[str, ...]
    run: PlannedRun | None
    problems: tuple[Problem, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    """All points of a command, possible or not.

    Attributes:
        points: in the order they are asked for; several may make one run.
        problems: what is wrong with the command as a whole, whatever the points are.
        varied: the keys that the sweep varies, as typed.
        experiment: the experiment that was chosen, if one was.
    """

    points: tuple[Point, ...]
    problems: tuple[Problem, ...]
    varied: tuple[str, ...] = ()
    experiment: str | None = None

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """The runs that can be done, each once."""
        runs: dict[str, PlannedRun] = {}
        for point in self.points:
            if point.run is not None:
                runs.setdefault(point.run.id, point.run)
        return tuple(runs.values())

    @property
    def settings(self) -> Mapping[str, Any]:
        """`launcher` and `search` of the first point that makes a run: a sweep cannot vary them."""
        return next((point.settings for point in self.points if point.run is not None), {})

    def plan(self) -> Plan:
        """The plan of all points.

        Raises:
            ConfigError: all problems, those of the points included, each once.
        """
        problems = [*self.problems, *(problem for point in self.points for problem in point.problems)]
        if problems:
            where = self._where()
            # what is typed instead in some trials would be wrong in the others
            told = {problem: replace(problem, instead=None) for problem in where}
            each_once = dict.fromkeys(told.get(problem, problem) for problem in problems)
            raise ConfigError(list(each_once), where={told[problem]: words for problem, words in where.items()})
        settings = self.settings
        launcher, search = settings.get("launcher", {}), settings.get("search", {})
        return Plan(self.runs, self.varied, self.experiment, launcher, search, self._repeats())

    @property
    def duplicates(self) -> list[list[Point]]:
        """Points that are one and the same run, in lists of two or more."""
        by_run: dict[str, list[Point]] = {}
        for point in self.points:
            if point.run is not None:
                by_run.setdefault(point.run.id, []).append(point)
        return [points for points in by_run.values() if len(points) > 1]

    def _repeats(self) -> str:
        if not (duplicates := self.duplicates):
            return ""
        words = [" ".join(self._swept(point).values()) for point in duplicates[0]]
        times = "twice" if len(words) == 2 else f"{len(words)} times"
        different = list(dict.fromkeys(words))
        same = f"{words[0]} is there {times}" if len(different) == 1 else f"{' and '.join(different)} are the same"
        runs = len(self.runs)
        return f"{len(self.points)} points are {runs} run{'' if runs == 1 else 's'}: {same}"

    def _where(self) -> dict[Problem, str]:
        """The swept words that alone have a problem while others make runs, where its key does not tell them."""
        every = [self._swept(point) for point in self.points]
        concerned: dict[Problem, list[dict[str, str]]] = {}
        for point, words in zip(self.points, every, strict=True):
            for problem in dict.fromkeys(point.problems):
                concerned.setdefault(problem, []).append(words)
        sound = [words for point, words in zip(self.points, every, strict=True) if point.run is not None]
        others = {key: {words.get(key) for words in sound} for key in self.varied}
        told = {}
        for problem, listed in concerned.items():
            values = {key: list(dict.fromkeys(words[key] for words in listed if key in words)) for key in self.varied}
            few = [key for key in self.varied if others[key] - set(values[key])]
            if few and problem.key not in self.varied:
                told[problem] = " ".join(_listed(values[key]) for key in few)
        return told

    def _swept(self, point: Point) -> dict[str, str]:
        """The words of a point that tell it from the others, by their keys."""
        return {key: word for word in point.overrides if (key := key_of(word)) in self.varied}


def _listed(words: Sequence[str]) -> str:
    """`model=mlp`, `model=lstm` as `model=mlp,lstm`."""
    more = [word.partition("=")[2] for word in words[1:_NAMED]]
    return ",".join([words[0], *more, *(["..."] if len(words) > _NAMED else [])])


OnFirst = Callable[[Plan], None]


class Planner:
    """Composes and checks what a command in `directory` asks for.

    One planner is kept for a whole command: it reads each option file once and composes each choice of options once.
    """

    def __init__(self, directory: Path) -> None:
        self.catalog = Catalog(Roots.of(directory))
        self.loader = CachingConfigLoader(directory)
        self._drafter = Drafter(self.loader, self.catalog)
        self._hydra_told: dict[int, tuple[list[Problem], list[Problem]]] = {}  # by id of a node that the drafter keeps
        self._store_told: dict[str, list[Problem]] = {}
        project = self.catalog.roots.project
        if project is not None and str(project) not in sys.path:
            sys.path.append(str(project))  # its option files may name classes of its own

    @cached_property
    def roots(self) -> Roots:
        return self.catalog.roots

    def plan(self, overrides: Sequence[str], sweep: bool, on_first: OnFirst | None = None) -> Plan:
        """Check everything that `overrides` ask for.

        Args:
            overrides: words of Hydra's grammar.
            sweep: whether lists of values are swept.
            on_first: called as soon as the first run is found sound, with a plan of it alone; others may be wrong yet.

        Raises:
            ConfigError: all problems of all runs, each once.
        """
        try:
            return self.survey(overrides, sweep, on_first=on_first).plan()
        except ConfigError as error:
            raise read_as_meant(overrides, error, lambda words: self.survey(words, sweep, most=_TRIED).plan()) from None

    def survey(
        self, overrides: Sequence[str], sweep: bool, most: int | None = None, on_first: OnFirst | None = None
    ) -> Survey:
        """As `plan`, but an impossible point stands beside those that are possible.

        Args:
            overrides: words of Hydra's grammar.
            sweep: whether lists of values are swept.
            most: values of each swept key that are looked at, all by default.
            on_first: as `plan` has it.
        """
        words = spelled_out_files(overrides, self.catalog)
        parsed, problems = self._drafter.parse([normalise_override(text) for text in words])
        if not sweep:
            problems += [grid.needs_sweep(o, self.catalog) for o in parsed if o.is_sweep_override()]
            parsed = [override for override in parsed if not override.is_sweep_override()]
        elif continuous := [o for o in parsed if o.is_sweep_override() and not o.is_discrete_sweep()]:
            problems += [grid.needs_search(override, self.catalog) for override in continuous]
            parsed = [override for override in parsed if override not in continuous]
        extra = self._sweep_of_config(parsed, problems) if sweep and not problems else []
        from_files = frozenset(override.key_or_group for override in extra)
        parsed += extra
        if beyond := too_many_runs(parsed) or list(grid.empty(parsed)):
            return Survey((), (*problems, *beyond), ())
        varied = tuple(o.key_or_group for o in parsed if o.is_sweep_override())
        chosen = [str(o.value()) for o in parsed if o.key_or_group == "experiment" and not o.is_sweep_override()]
        whole = Survey((), (), varied, chosen[-1] if chosen else None)
        points: list[Point] = []
        for point in self._points(parsed, from_files, most):
            if not points and not problems and not point.problems and on_first is not None:
                on_first(replace(whole, points=(point,)).plan())
            points.append(point)
        problems += self._of_the_sweep(parsed, points, from_files)
        return replace(whole, points=tuple(points), problems=tuple(problems))

    def _points(self, overrides: Sequence[Override], from_files: Collection[str], most: int | None) -> Iterator[Point]:
        """The points of the grid; the first alone where a word is wrong that stands in all of them."""
        grid_points = grid.points(overrides, self._drafter.override, most)
        examiner = Examiner(self.catalog, self._store_problems)
        first = self._point(next(grid_points), examiner, from_files)
        yield first
        swept = {override.key_or_group.split(".")[0] for override in overrides if override.is_sweep_override()}
        if not any(problem.instead and problem.key.split(".")[0] not in swept for problem in first.problems):
            yield from (self._point(point, examiner, from_files) for point in grid_points)

    def _of_the_sweep(
        self, overrides: Sequence[Override], points: Sequence[Point], from_files: Collection[str]
    ) -> list[Problem]:
        """What is wrong with the points together."""
        together = list(grid.unsweepable([o.key_or_group for o in overrides if o.is_sweep_override()]))
        sound = [point for point in points if point.run is not None]
        launcher = sound[0].settings["launcher"] if sound else {}
        defaults = self.catalog.get("launcher", launcher["option"]).defaults if sound else {}
        is_plain = {key: value for key, value in launcher.items() if key != "option"} == dict(defaults)
        found = list(grid.one_process([point.run.spec for point in sound if point.run is not None]))
        if is_plain and not (together or found):
            return []
        draft = self._drafter.draft(next(grid.points(overrides, self._drafter.override)))
        is_foreign = not _is_own(draft.hydra, "launcher")
        if is_foreign or launcher.get("jobs") == 0:
            together += [*found, *grid.unheeded(launcher, defaults, is_foreign)]  # else each value has its own workers
        origins = Origins(self.catalog, self.loader, draft, from_files)
        return [origins.placed(problem) for problem in together]

    def origins(self, run: PlannedRun) -> Origins:
        """Where the values of a planned run come from."""
        parsed, _ = self._drafter.parse(run.overrides)
        return Origins(self.catalog, self.loader, self._drafter.draft(parsed))

    def for_hydra(self, overrides: Sequence[str]) -> list[str]:
        """Checked words in the form that Hydra takes as the planner does, with or without a `+` in front."""
        return self._drafter.forced(overrides)

    def _sweep_of_config(self, parsed: list[Override], problems: list[Problem]) -> list[Override]:
        """What `hydra.sweeper.params` of a project or experiment sweeps, where the command line does not."""
        first = [o for o in parsed if not o.is_sweep_override()]
        hydra = self._drafter.draft(first, RunMode.MULTIRUN).hydra
        node = OmegaConf.select(hydra, "sweeper.params") if hydra is not None else None
        params = OmegaConf.to_container(node, resolve=False) if isinstance(node, DictConfig) else {}
        assert isinstance(params, dict)
        typed = {override.key_or_group for override in parsed}
        words = [f"{key!s}={value}" for key, value in params.items() if key not in typed]
        extra, wrong = self._drafter.parse(words)
        problems += wrong
        return extra

    def _point(self, overrides: Sequence[Override], examiner: Examiner, from_files: Collection[str]) -> Point:
        words = tuple(str(override.input_line) for override in overrides)
        draft = self._drafter.draft(overrides)
        found = list(draft.problems)
        if draft.hydra is not None and not found:  # of options that are not known, nothing can be said yet
            verdict = self._verdict(draft, draft.hydra, examiner)
            if isinstance(verdict, Sound) and not draft.of_files:
                return Point(words, PlannedRun(words, verdict.spec, verdict.id, verdict.trial), (), verdict.settings)
            found += verdict if isinstance(verdict, list) else []
        origins = Origins(self.catalog, self.loader, draft, from_files)
        return Point(words, None, tuple(origins.placed(problem) for problem in draft.of_files + found))

    def _verdict(self, draft: Draft, hydra: DictConfig, examiner: Examiner) -> Sound | list[Problem]:
        """The run that a draft makes, or what keeps it from making one."""
        untrusted, foreign = self._hydra_problems(draft, hydra)
        unresolved = draft.base.unresolved
        if untrusted or unresolved:  # before a project's own code may look at its data
            told = {problem.key for problem in unresolved}
            undeclared = [problem for problem in examiner.undeclared(draft.values) if problem.key not in told]
            return [*(untrusted or foreign), *unresolved, *undeclared]
        verdict = examiner.examine(draft.values, draft.set_keys)
        return [*foreign, *(verdict if isinstance(verdict, list) else [])] or verdict

    def _hydra_problems(self, draft: Draft, hydra: DictConfig) -> tuple[list[Problem], list[Problem]]:
        """What must not be in Hydra's own node, which the points of a sweep mostly share, and what is no use there."""
        if id(hydra) not in self._hydra_told:
            untrusted = hydra_problems(hydra, lambda: self._trusted_hydra(draft))
            self._hydra_told[id(hydra)] = untrusted, list(_foreign_sweeper(hydra))
        return self._hydra_told[id(hydra)]

    def _trusted_hydra(self, draft: Draft) -> DictConfig | None:
        """Hydra's own node as the project's trusted files make it; None outside a project."""
        if self.roots.project is None:
            return None
        trusted = trusted_choices(draft.choices, self.roots)
        node: DictConfig = self.loader.composition(PRIMARY, trusted, RunMode.RUN).hydra
        return node

    def _store_problems(self, node: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with the store, looked at once for all runs that name the same."""
        text = json.dumps(node, sort_keys=True, default=str)
        if text not in self._store_told:
            self._store_told[text] = self._judged_store(node)
        return self._store_told[text]

    def _judged_store(self, node: Mapping[str, Any]) -> list[Problem]:
        uri = node.get("uri")
        if uri is not None and "${" not in uri and store.redacted(uri) != uri:
            mend = "Put the address into an environment variable: 'tracking.uri=${oc.env:STORE}' keeps its name only."
            rule = "must not hold a password: it would be written into every run"
            return [Problem("tracking.uri", rule, got=store.redacted(uri), mend=mend)]
        if uri is None or "${" not in uri:
            return store.problems(node, self.roots.work)
        found = store.problems(resolved(node), self.roots.work)
        hidden = Secrets(values_in(node)).hidden
        return [Problem(problem.key, hidden(problem.rule), got=f"'{uri}'") for problem in found]  # names, not values


def _is_own(hydra: DictConfig | None, plugin: str) -> bool:
    """Whether Hydra's node chooses dlrun's own `launcher` or `sweeper`."""
    target = None if hydra is None else OmegaConf.select(hydra, f"{plugin}._target_")
    return str(target).startswith("hydra_plugins.dlrun.")


def _foreign_sweeper(hydra: DictConfig) -> Iterator[Problem]:
    """Another sweeper would run what is finished, and leave files of its own in the working directory."""
    target = str(OmegaConf.select(hydra, "sweeper._target_"))
    if not _is_own(hydra, "sweeper"):
        yield Problem("hydra/sweeper", "must be dlrun's own", got=target, mend="Leave hydra/sweeper out.")
