"""From the words on the command line to checked specs: everything that can be said before TensorFlow is imported."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.declared import missing, problems_of
from dlrun.config.draft import COMMAND_LINE, Draft, Drafter, normalise_override
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER, run_id, trial_id
from dlrun.config.loader import CachingConfigLoader
from dlrun.config.roots import Roots
from dlrun.config.spec import SPEC_VERSION, Spec, follow_task, normalised, plain
from dlrun.config.trust import untrusted_targets
from dlrun.config.yamlfile import locate
from dlrun.data import declare
from dlrun.data import split as splitting
from dlrun.errors import ConfigError, Problem
from dlrun.models import grammar
from dlrun.tracking import store
from dlrun.training import checks as training

__all__ = ["Plan", "PlannedRun", "Planner"]

_NO_PART_OF_A_RUN = ("lab", "search", "launcher")


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


class Planner:
    """Composes and checks what a command in `directory` asks for.

    One planner is kept for a whole command: it reads each option file once and composes each choice of options once.
    """

    def __init__(self, directory: Path) -> None:
        self.catalog = Catalog(Roots.of(directory))
        self.loader = CachingConfigLoader(directory)
        self._drafter = Drafter(self.loader, self.catalog)
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
        parsed, problems = self._drafter.parse([normalise_override(text) for text in overrides])
        if not sweep:
            problems += [_needs_sweep(override) for override in parsed if override.is_sweep_override()]
            parsed = [override for override in parsed if not override.is_sweep_override()]
        elif continuous := [o for o in parsed if o.is_sweep_override() and not o.is_discrete_sweep()]:
            problems += [_needs_search(override) for override in continuous]
            parsed = [override for override in parsed if override not in continuous]
        extra = self._sweep_of_config(parsed, problems) if sweep and not problems else []
        from_files = frozenset(override.key_or_group for override in extra)
        parsed += extra
        runs: dict[str, PlannedRun] = {}
        for point in _points(parsed):
            run = self._plan_one(point, problems, from_files)
            if run is not None:
                runs.setdefault(run.id, run)
        varied = tuple(o.key_or_group for o in parsed if o.is_sweep_override())
        problems += [*_unsweepable(varied), *_one_process(list(runs.values()))]
        if problems:
            raise ConfigError(list(dict.fromkeys(problems)))
        chosen = [str(o.value()) for o in parsed if o.key_or_group == "experiment" and not o.is_sweep_override()]
        return Plan(tuple(runs.values()), varied, chosen[-1] if chosen else None)

    def for_hydra(self, overrides: Sequence[str]) -> list[str]:
        """Checked words in the form that Hydra takes as the planner does, with or without a `+` in front."""
        return self._drafter.forced(overrides)

    def _sweep_of_config(self, parsed: list[Override], problems: list[Problem]) -> list[Override]:
        """What `hydra.sweeper.params` of a project or experiment sweeps, where the command line does not."""
        first = [o for o in parsed if not o.is_sweep_override()]
        hydra = self._drafter.draft(first, RunMode.MULTIRUN).hydra
        params = OmegaConf.select(hydra, "sweeper.params") if hydra is not None else None
        typed = {override.key_or_group for override in parsed}
        words = [f"{key}={value}" for key, value in (params or {}).items() if key not in typed]
        extra, wrong = self._drafter.parse(words)
        problems += wrong
        return extra

    def _plan_one(
        self, overrides: Sequence[Override], problems: list[Problem], from_files: Collection[str]
    ) -> PlannedRun | None:
        draft = self._drafter.draft(overrides)
        found = list(draft.problems)
        spec = None
        if draft.hydra is not None:
            found += untrusted_targets(draft.hydra, self.roots) or list(_foreign_sweeper(draft.hydra))
            values, unresolved = plain(draft.config)
            told = {problem.key for problem in unresolved}
            spec, wrong = (None, problems_of(values, self.catalog)) if told else self._check(values, draft.set_keys)
            found += unresolved + [problem for problem in wrong if problem.key not in told]
        problems += [self._placed(problem, draft, from_files) for problem in found]
        if found or spec is None:
            return None
        words = tuple(str(override.input_line) for override in overrides)
        return PlannedRun(words, spec, run_id(spec, self.catalog), trial_id(spec, self.catalog))

    def _check(self, values: dict[str, Any], chosen: Collection[str]) -> tuple[Spec | None, list[Problem]]:
        absent = missing(values, self.catalog)
        if absent or problems_of({"data": values["data"]}, self.catalog):
            return None, absent + problems_of(values, self.catalog)  # what the data is cannot be told
        declaration = declare.declare(values["data"], self.catalog)
        followed = follow_task(values, self.catalog, declaration.task)
        problems = [*declaration.problems, *problems_of(followed, self.catalog)]
        if problems:
            return None, problems
        spec = self._freeze(values, declaration)
        checks = (
            *splitting.check(spec, self.catalog),
            *grammar.check(spec, self.catalog, declaration.shape, chosen),
            *training.check(spec, self.catalog),
            *self._store_problems(spec),
        )
        return spec, list(checks)

    def _store_problems(self, spec: Spec) -> list[Problem]:
        uri = spec["tracking"].get("uri")
        if uri is not None and "${" not in uri and store.redacted(uri) != uri:
            mend = "Put the address into an environment variable: 'tracking.uri=${oc.env:STORE}' keeps its name only."
            rule = "must not hold a password: it would be written into every run"
            return [Problem("tracking.uri", rule, got=store.redacted(uri), mend=mend)]
        if uri is None or "${" not in uri:
            return store.problems(spec["tracking"], self.roots.work)
        found = store.problems(spec.with_secrets()["tracking"], self.roots.work)
        return [dataclasses.replace(problem, got=f"'{uri}'", mend=None) for problem in found]  # names, not values

    def _freeze(self, values: dict[str, Any], declaration: declare.Declaration) -> Spec:
        kept = {key: value for key, value in values.items() if key not in _NO_PART_OF_A_RUN}
        followed = follow_task(kept, self.catalog, declaration.task)
        facts = {"version": SPEC_VERSION, "task": declaration.task, "classes": declaration.classes}
        unchosen: dict[str, Any] = {group: {} for group in sorted(LIST_GROUPS & set(self.catalog.groups))}
        return Spec(facts | unchosen | normalised(followed, self.catalog))

    def _placed(self, problem: Problem, draft: Draft, from_files: Collection[str]) -> Problem:
        """The problem with where its value comes from: the command line, else a file that is not the option's own."""
        if problem.place is not None:
            return problem
        key = problem.key.replace("[", ".").replace("]", "")  # model.layers[0] is typed as model.layers.0
        setters = [
            k for k in draft.set_keys if key == k or key.startswith(f"{k}.") or ("." in key and k.startswith(f"{key}."))
        ]
        if any(setter not in from_files for setter in setters):
            return dataclasses.replace(problem, place=COMMAND_LINE)
        sought = f"hydra.sweeper.params.{setters[0]}" if setters else key
        places = [(found, path) for path in self._authored_files(draft) if (found := locate(path, sought))]
        if not places:
            return problem
        (_, line), path = max(places, key=lambda place: place[0][0])  # the file that says most of the key
        return dataclasses.replace(problem, place=f"{_relative(path, self.roots)}:{line}")

    def _authored_files(self, draft: Draft) -> Iterator[Path]:
        choices = OmegaConf.select(draft.hydra, "runtime.choices") if draft.hydra is not None else None
        name = (choices or {"experiment": draft.experiment}).get("experiment")
        for group, stem in (("experiment", name), ("", "project")):
            path = self.roots.find(group, stem) if stem else None
            if path is not None:
                yield path


def _points(overrides: Sequence[Override]) -> Iterator[list[Override]]:
    """The points of a grid, the last key fastest; one point when nothing sweeps."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parse = OverridesParser.create().parse_override
    axes = [
        [parse(f"{o.get_key_element()}={value}") for value in o.sweep_string_iterator()]
        if o.is_sweep_override()
        else [o]
        for o in overrides
    ]
    for point in itertools.product(*axes):
        yield list(point)


def _needs_sweep(override: Override) -> Problem:
    line, key = str(override.input_line), override.key_or_group
    value = line.partition("=")[2]
    mend = f"Add -m to sweep over the values, or write a list as {key}=[{value}]."
    return Problem(key, "must be one value without -m", got=value, mend=mend, place=COMMAND_LINE)


def _needs_search(override: Override) -> Problem:
    line, key = str(override.input_line), override.key_or_group
    mend = f"List the values: {key}=0.001,0.01,0.1 or {key}=range(1,4)."
    rule = "must list its values: a grid has no points on an interval"
    return Problem(key, rule, got=line.partition("=")[2], mend=mend, place=COMMAND_LINE)


def _foreign_sweeper(hydra: DictConfig) -> Iterator[Problem]:
    """Another sweeper would run what is finished, and leave files of its own in the working directory."""
    target = str(OmegaConf.select(hydra, "sweeper._target_"))
    if not target.startswith("hydra_plugins.dlrun."):
        yield Problem("hydra/sweeper", "must be dlrun's own", got=target, mend="Leave hydra/sweeper out.")


def _unsweepable(varied: Sequence[str]) -> Iterator[Problem]:
    """Keys that are no part of a run's identity: all their values would be one run."""
    for key in varied:
        group, _, name = key.partition(".")
        if group in NOT_IDENTITY or (group == "trainer" and name in NOT_IDENTITY_OF_TRAINER):
            rule = "must have one value in a sweep: it is no part of what a run is, so that all its values are one run"
            yield Problem(key, rule, mend="Run one command a value.", place=COMMAND_LINE)


def _one_process(runs: Sequence[PlannedRun]) -> Iterator[Problem]:
    """What TensorFlow is told once in a process must be the same for all runs of a command."""
    values = list(dict.fromkeys(run.spec["trainer"]["deterministic"] for run in runs))
    if len(values) > 1:
        rule = "must have one value in a sweep: TensorFlow is told it once in a process"
        yield Problem("trainer.deterministic", rule, mend="Run one command a value.", place=COMMAND_LINE)


def _relative(path: Path, roots: Roots) -> str:
    return str(path.relative_to(roots.work)) if path.is_relative_to(roots.work) else str(path)
