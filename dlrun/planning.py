"""From the words on the command line to checked specs: everything that can be said before TensorFlow is imported."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dlrun.config import grid
from dlrun.config.bounds import too_many_runs
from dlrun.config.buildable import check_options
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.declared import missing, problems_of
from dlrun.config.draft import Draft, Drafter, normalise_override
from dlrun.config.identity import run_and_trial_id
from dlrun.config.loader import PRIMARY, CachingConfigLoader
from dlrun.config.origin import Origins
from dlrun.config.roots import Roots
from dlrun.config.secrets import values_in
from dlrun.config.spec import NO_PART_OF_A_RUN, SPEC_VERSION, Spec, follow_task, normalised, plain
from dlrun.config.trust import hydra_problems, trusted_choices
from dlrun.config.words import read_as_meant
from dlrun.data import declare
from dlrun.data import split as splitting
from dlrun.errors import ConfigError, Problem
from dlrun.models import grammar
from dlrun.tracking import store
from dlrun.tracking.secret import Secrets
from dlrun.training import checks as training

__all__ = ["Plan", "PlannedRun", "Planner", "Point", "Survey"]

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
    """

    runs: tuple[PlannedRun, ...]
    varied: tuple[str, ...] = ()
    experiment: str | None = None


@dataclass(frozen=True)
class Point:
    """One point of a grid: its words, and the run that they make, or what keeps them from making one."""

    overrides: tuple[str, ...]
    run: PlannedRun | None
    problems: tuple[Problem, ...]


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

    def plan(self) -> Plan:
        """The plan of all points.

        Raises:
            ConfigError: all problems, those of the points included, each once.
        """
        problems = [*self.problems, *(problem for point in self.points for problem in point.problems)]
        if problems:
            raise ConfigError(list(dict.fromkeys(problems)))
        return Plan(self.runs, self.varied, self.experiment)


class Planner:
    """Composes and checks what a command in `directory` asks for.

    One planner is kept for a whole command: it reads each option file once and composes each choice of options once.
    """

    def __init__(self, directory: Path) -> None:
        self.catalog = Catalog(Roots.of(directory))
        self.loader = CachingConfigLoader(directory)
        self._drafter = Drafter(self.loader, self.catalog)
        self._hydra_told: dict[int, list[Problem]] = {}  # by id of a node that the drafter keeps
        self._store_told: dict[str, list[Problem]] = {}
        project = self.catalog.roots.project
        if project is not None and str(project) not in sys.path:
            sys.path.append(str(project))  # its option files may name classes of its own

    @cached_property
    def roots(self) -> Roots:
        return self.catalog.roots

    def plan(self, overrides: Sequence[str], sweep: bool) -> Plan:
        """Check everything that `overrides` ask for.

        Args:
            overrides: words of Hydra's grammar.
            sweep: whether lists of values are swept.

        Raises:
            ConfigError: all problems of all runs, each once.
        """
        try:
            return self.survey(overrides, sweep).plan()
        except ConfigError as error:
            raise read_as_meant(overrides, error, lambda words: self.survey(words, sweep, most=_TRIED).plan()) from None

    def survey(self, overrides: Sequence[str], sweep: bool, most: int | None = None) -> Survey:
        """As `plan`, but an impossible point stands beside those that are possible.

        Args:
            overrides: words of Hydra's grammar.
            sweep: whether lists of values are swept.
            most: values of each swept key that are looked at, all by default.
        """
        parsed, problems = self._drafter.parse([normalise_override(text) for text in overrides])
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
        points = self._points(parsed, from_files, most)
        varied = tuple(o.key_or_group for o in parsed if o.is_sweep_override())
        together = [*grid.unsweepable(varied), *grid.one_process([point.run.spec for point in points if point.run])]
        if together:
            origins = Origins(self.catalog, self.loader, self._drafter.draft(next(grid.points(parsed))), from_files)
            problems += [origins.placed(problem) for problem in together]
        chosen = [str(o.value()) for o in parsed if o.key_or_group == "experiment" and not o.is_sweep_override()]
        return Survey(points, tuple(problems), varied, chosen[-1] if chosen else None)

    def _points(
        self, overrides: Sequence[Override], from_files: Collection[str], most: int | None
    ) -> tuple[Point, ...]:
        """The points of the grid; the first alone where a word is wrong that stands in all of them."""
        grid_points = grid.points(overrides, most)
        first = self._point(next(grid_points), from_files)
        swept = {override.key_or_group.split(".")[0] for override in overrides if override.is_sweep_override()}
        if any(problem.instead and problem.key.split(".")[0] not in swept for problem in first.problems):
            return (first,)
        return (first, *(self._point(point, from_files) for point in grid_points))

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

    def _point(self, overrides: Sequence[Override], from_files: Collection[str]) -> Point:
        draft = self._drafter.draft(overrides)
        found = list(draft.problems)
        spec = None
        if draft.hydra is not None and not found:  # of options that are not known, nothing can be said yet
            untrusted = self._hydra_problems(draft)
            found += untrusted or list(_foreign_sweeper(draft.hydra))
            values, unresolved = plain(draft.config)
            told = {problem.key for problem in unresolved}
            judged = untrusted or told  # before a project's own code may look at its data
            spec, wrong = (None, problems_of(values, self.catalog)) if judged else self._check(values, draft.set_keys)
            found += unresolved + [problem for problem in wrong if problem.key not in told]
        found = draft.of_files + found
        origins = Origins(self.catalog, self.loader, draft, from_files)
        problems = tuple(origins.placed(problem) for problem in found)
        words = tuple(str(override.input_line) for override in overrides)
        if problems or spec is None:
            return Point(words, None, problems)
        return Point(words, PlannedRun(words, spec, *run_and_trial_id(spec, self.catalog)), ())

    def _hydra_problems(self, draft: Draft) -> list[Problem]:
        """What is wrong with Hydra's own node, which the points of a sweep mostly share."""
        assert draft.hydra is not None
        node = draft.hydra
        if id(node) not in self._hydra_told:
            self._hydra_told[id(node)] = hydra_problems(node, lambda: self._trusted_hydra(draft))
        return self._hydra_told[id(node)]

    def _trusted_hydra(self, draft: Draft) -> DictConfig | None:
        """Hydra's own node as the project's trusted files make it; None outside a project."""
        if self.roots.project is None:
            return None
        trusted = trusted_choices(draft.choices, self.roots)
        node: DictConfig = self.loader.composition(PRIMARY, trusted, RunMode.RUN).hydra
        return node

    def _check(self, values: dict[str, Any], chosen: Collection[str]) -> tuple[Spec | None, list[Problem]]:
        absent = missing(values, self.catalog)
        if absent or problems_of({"data": values["data"]}, self.catalog):
            return None, absent + problems_of(values, self.catalog)  # what the data is cannot be told
        declaration = declare.declare(values["data"], self.catalog)
        followed = follow_task(values, self.catalog, declaration.task)
        options = check_options(followed, self.catalog)
        problems = [*declaration.problems, *problems_of(followed, self.catalog)]
        if problems:
            return None, problems + options
        spec = self._freeze(values, declaration)
        checks = (
            *options,
            *splitting.check(spec, self.catalog),
            *grammar.check(spec, self.catalog, declaration.shape, chosen),
            *training.check(spec, self.catalog),
            *self._store_problems(spec),
        )
        return spec, list(checks)

    def _store_problems(self, spec: Spec) -> list[Problem]:
        """What is wrong with the store, looked at once for all runs that name the same."""
        node = json.dumps(spec["tracking"], sort_keys=True, default=str)
        if node not in self._store_told:
            self._store_told[node] = self._judged_store(spec)
        return self._store_told[node]

    def _judged_store(self, spec: Spec) -> list[Problem]:
        uri = spec["tracking"].get("uri")
        if uri is not None and "${" not in uri and store.redacted(uri) != uri:
            mend = "Put the address into an environment variable: 'tracking.uri=${oc.env:STORE}' keeps its name only."
            rule = "must not hold a password: it would be written into every run"
            return [Problem("tracking.uri", rule, got=store.redacted(uri), mend=mend)]
        if uri is None or "${" not in uri:
            return store.problems(spec["tracking"], self.roots.work)
        found = store.problems(spec.with_secrets()["tracking"], self.roots.work)
        hidden = Secrets(values_in(spec["tracking"])).hidden
        return [Problem(problem.key, hidden(problem.rule), got=f"'{uri}'") for problem in found]  # names, not values

    def _freeze(self, values: dict[str, Any], declaration: declare.Declaration) -> Spec:
        kept = {key: value for key, value in values.items() if key not in NO_PART_OF_A_RUN}
        followed = follow_task(kept, self.catalog, declaration.task)
        facts = {"version": SPEC_VERSION, "task": declaration.task, "classes": declaration.classes}
        unchosen: dict[str, Any] = {group: {} for group in sorted(LIST_GROUPS & set(self.catalog.groups))}
        return Spec(facts | unchosen | normalised(followed, self.catalog))


def _foreign_sweeper(hydra: DictConfig) -> Iterator[Problem]:
    """Another sweeper would run what is finished, and leave files of its own in the working directory."""
    target = str(OmegaConf.select(hydra, "sweeper._target_"))
    if not target.startswith("hydra_plugins.dlrun."):
        yield Problem("hydra/sweeper", "must be dlrun's own", got=target, mend="Leave hydra/sweeper out.")
