"""Compose what the user asked for, whatever is wrong with it, so that all problems can be told at once.

Hydra stops at the first override it cannot apply, and lets `+key=` through. A draft composes the choices of options
that exist, then sets every value whether or not the key is declared: what does not belong is found afterwards by
comparing the draft with the declared keys (`declared`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dlrun.config.bounds import too_long
from dlrun.config.calls import call_problem
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.leaves import Base, is_plain
from dlrun.config.loader import PRIMARY, CachingConfigLoader
from dlrun.config.sniff import by_suffix
from dlrun.config.suggest import nearest
from dlrun.config.trust import word_problems
from dlrun.config.words import COMMAND_LINE, closed, torn_words, unreadable
from dlrun.config.written import written
from dlrun.config.yamlfile import line_of
from dlrun.errors import ConfigError, Problem

__all__ = ["Draft", "Drafter", "normalise_override"]

_BASES = 256  # that are kept, some 100 kB each
_IN_FILE = re.compile(r"In '(?P<group>[^']+)/(?P<name>[^'/]+)': ")  # how Hydra says which file's defaults list it read


@dataclass
class Draft:
    """A composed config that may still be wrong.

    Attributes:
        base: the composition without Hydra's own node; empty when nothing could be composed.
        hydra: Hydra's own node, None when nothing could be composed.
        problems: what was found wrong while composing.
        of_files: what is not written as Hydra reads it in files of the user, and was read as meant: it must be told.
        set_keys: the dotted keys that the command line sets.
        overrides: all that was asked for, and `choices` those of it that Hydra composed.
        experiment: the experiment that the command line chooses.
        leaves: what is set in the values of `base`.
    """

    base: Base
    hydra: DictConfig | None
    problems: list[Problem] = field(default_factory=list)
    of_files: list[Problem] = field(default_factory=list)
    set_keys: set[str] = field(default_factory=set)
    overrides: Sequence[Override] = ()
    choices: Sequence[Override] = ()
    experiment: str | None = None
    leaves: Sequence[Override] = ()

    @property
    def values(self) -> dict[str, Any]:
        """All of it as plain values; parts may be shared with other drafts."""
        return self.base.with_leaves(self.leaves)


def normalise_override(text: str) -> str:
    """`callback=null`, `callback=none` and `~callback` mean no callback: Hydra has no such choice for a list."""
    key, separator, value = text.partition("=")
    if key.startswith("~") and key[1:] in LIST_GROUPS and not separator:
        return f"{key[1:]}=[]"
    return f"{key}=[]" if separator and key in LIST_GROUPS and value in ("null", "none") else text


class Drafter:
    """Makes drafts; keeps compositions between them."""

    def __init__(self, loader: CachingConfigLoader, catalog: Catalog) -> None:
        self._loader = loader
        self._catalog = catalog
        self._parsed: dict[str, Override | Problem] = {}
        self._slips_of: dict[str, list[Problem]] = {}
        self._split: dict[int, tuple[DictConfig, DictConfig]] = {}
        self._verdicts: dict[str, tuple[bool, list[Problem]]] = {}
        self._overrides: dict[str, Override] = {}
        self._base = lru_cache(maxsize=_BASES)(self._with_words)

    @cached_property
    def _parser(self) -> OverridesParser:
        return OverridesParser.create()

    def parse(self, overrides: Sequence[str]) -> tuple[list[Override], list[Problem]]:
        """The overrides that have the right form, and a problem for each that has not."""
        torn, whole = torn_words(overrides)
        for text in whole:
            if text not in self._parsed:
                self._parsed[text] = self._parse_one(text)
        found = [*torn, *(self._parsed[text] for text in whole)]
        return [o for o in found if isinstance(o, Override)], [p for p in found if isinstance(p, Problem)]

    def override(self, text: str) -> Override:
        """One word in Hydra's grammar, read once.

        Raises:
            HydraException: it is not of that grammar.
        """
        if text not in self._overrides:
            self._overrides[text] = override = self._parser.parse_override(text)
            override.config_loader = self._loader  # which names the options that a `glob(...)` matches
        return self._overrides[text]

    def _parse_one(self, text: str) -> Override | Problem:
        if text.startswith("-"):
            return Problem(f"'{text}'", "must be a flag of dlrun", mend="See dlrun --help.", place=COMMAND_LINE)
        if rule := too_long(text):
            return Problem(f"'{text[:40]}...'", rule, place=COMMAND_LINE)
        try:
            override = self.override(text)
            if override.key_or_group:
                return override
            reason = "there is no key"
        except (HydraException, ValueError) as error:  # a number of more digits than Python converts
            reason = str(error).splitlines()[0]
        if problem := call_problem(closed(text), self._catalog):
            return problem
        return unreadable(
            text, reason, [f"{g}={text}" for g in self._catalog.chosen_groups if self._catalog.has(g, text)]
        )

    def draft(self, overrides: Sequence[Override], mode: RunMode = RunMode.RUN) -> Draft:
        """Compose `overrides`, none of which sweeps."""
        draft = Draft(Base(OmegaConf.create()), None, overrides=overrides)
        structural, values = self._separate(overrides, draft)
        draft.choices = structural
        base = self._compose(structural, mode, draft)
        merged = self._loader.merged_files(structural, mode) if base is not None else ()
        draft.of_files = self._slips(draft.experiment, (each.name for each in merged))
        if base is None:
            return draft
        draft.hydra = self._hydra_of(base)
        draft.base, draft.leaves = self._applied(base, values)
        draft.problems += draft.base.problems
        return draft

    def _applied(self, composition: DictConfig, words: Sequence[Override]) -> tuple[Base, list[Override]]:
        """The composition with the words that are no mere leaves of it, and those that are."""
        leaves = [word for word in words if is_plain(word)]
        while True:
            mere = set(map(id, leaves))
            base = self._base(id(composition), tuple(str(word.input_line) for word in words if id(word) not in mere))
            taken = [word for word in leaves if base.takes(word.key_or_group)]
            if len(taken) == len(leaves):
                return base, leaves
            leaves = taken  # a word on a leaf of another word, or that others refer to

    def _with_words(self, composition: int, lines: tuple[str, ...]) -> Base:
        """A composition, by its id, with words applied by Hydra's own function."""
        own = self._split[composition][0]
        config = copy.deepcopy(own) if lines else own
        problems = [problem for line in lines if (problem := self._apply(line, config))]
        keys = tuple(self.override(line).key_or_group for line in lines)
        return Base(config, keys, problems)

    def _slips(self, chosen: str | None, merged: Iterable[str]) -> list[Problem]:
        """What the project's file and experiments do not say as Hydra reads it."""
        experiments = [f"experiment/{chosen}"] if chosen else []
        experiments += [name for name in merged if name.startswith("experiment/")]
        names = dict.fromkeys([*experiments, "project"])
        return [problem for name in names for problem in self._slips_in(name)]

    def _slips_in(self, name: str) -> list[Problem]:
        if name not in self._slips_of:
            group, _, stem = name.rpartition("/")
            try:
                path = self._catalog.roots.find(group, stem)
                found = written(path, group, self._catalog)[1] if path is not None else []
            except ConfigError:  # told where it is read for its values
                found = []
            self._slips_of[name] = found
        return self._slips_of[name]

    def _hydra_of(self, composition: DictConfig) -> DictConfig:
        """Hydra's own node of a composition, which is larger than all the rest, and is split off; both are kept."""
        if id(composition) not in self._split:  # the loader keeps it, so that its id stays its own
            own = copy.copy(composition)
            OmegaConf.set_struct(own, False)
            own.pop("hydra")
            self._split[id(composition)] = own, composition.hydra
        return self._split[id(composition)][1]

    def _separate(self, overrides: Sequence[Override], draft: Draft) -> tuple[list[Override], list[Override]]:
        structural: list[Override] = []
        values: list[Override] = []
        for override in overrides:
            key = override.key_or_group
            is_choice, wrong = self._judged(override)
            draft.problems += wrong
            draft.set_keys.add(override.package or key)
            if wrong:
                continue
            (structural if is_choice or override.is_hydra_override() else values).append(override)
            if key == "experiment" and override.value() is not None:
                draft.experiment = str(override.value())
        return structural, values

    def _judged(self, override: Override) -> tuple[bool, list[Problem]]:
        """Whether a word chooses an option, and what is wrong with it by itself."""
        line = str(override.input_line)
        if line not in self._verdicts:
            is_choice = self._loader.is_choice(override)
            self._verdicts[line] = is_choice, self._problems_of(override, is_choice)
        return self._verdicts[line]

    def _problems_of(self, override: Override, is_choice: bool) -> list[Problem]:
        """What is wrong with an override by itself."""
        key = override.key_or_group
        if untrusted := word_problems(override, is_choice, self._catalog.roots):
            return untrusted
        if is_choice and override.is_add() and key in self._catalog.chosen_groups and override.package is None:
            rule = "must be chosen without +: a run has exactly one"
            return [Problem(key, rule, got=f"+{key}", mend=f"Type {key}={override.value()}.")]
        if is_choice:
            return [] if override.is_delete() else self._choice_problems(key, override.value())
        group, _, last = key.partition(".")
        if last == "option" and group in self._catalog.groups:
            rule = "must not be set: an option is chosen by its group, and brings its keys along"
            value = str(override.value())
            return [Problem(key, rule, got=value, mend=f"Type {group}={value}.")]
        return []

    def _choice_problems(self, group: str, value: object) -> list[Problem]:
        names = value if isinstance(value, list) else [value]
        is_hydra = group == "hydra" or group.startswith("hydra/")
        known = self._loader.get_group_options(group) if is_hydra else self._catalog.names(group)
        if isinstance(value, list) and group not in LIST_GROUPS:
            rule = "must be the name of one option"
            return [Problem(group, rule, got=str(value), mend=f"One of: {', '.join(known)}.")]
        if value is None and group != "experiment" and not is_hydra:
            hint = f"{group}=none" if "none" in known else f"One of: {', '.join(known)}."
            return [Problem(group, "must name an option", got="null", mend=hint)]
        wrong = [str(name) for name in names if name is not None and str(name) not in known]
        return [self._no_such_option(group, name, known) for name in wrong]

    def _no_such_option(self, group: str, name: str, known: Sequence[str], place: str | None = None) -> Problem:
        if (file := self._catalog.roots.misnamed(group, name)) is not None:
            mend = f"Rename {file.name}: it is not read."
            return Problem(group, "must lie in a file that ends in .yaml", name, mend, place or str(file))
        return _no_such_option(group, name, known, place)

    def _compose(self, structural: list[Override], mode: RunMode, draft: Draft) -> DictConfig | None:
        try:
            return self._loader.composition(PRIMARY, structural, mode)
        except ConfigError as error:  # an option file of the chosen ones cannot be read
            draft.problems += error.problems
        except RecursionError:
            rule = "must compose: options or experiments among the chosen ones extend each other in a circle"
            draft.problems.append(Problem("the config", rule, mend="Look at the defaults lists of your own files."))
        except AssertionError:  # how Hydra meets `override` entries that stand above others
            rule = "must compose: in a defaults list, entries with `override` stand behind all others"
            draft.problems.append(Problem("the config", rule, mend="Look at the defaults lists of your own files."))
        except (
            HydraException,
            OmegaConfBaseException,
            ValueError,
        ) as error:  # Hydra's own for entries of strange kinds
            draft.problems.append(self._composition_problem(error))
        return None

    def _composition_problem(self, error: Exception) -> Problem:
        lines = [line.strip().rstrip(".") for line in str(error.__cause__ or error).splitlines() if line.strip()]
        summary = "; ".join(lines[:2]) or type(error).__name__
        place = None
        if named := _IN_FILE.match(summary):
            path = self._catalog.roots.find(named["group"], named["name"])
            place = f"{path}:{line_of(path, 'defaults')}" if path else None
            summary = summary[named.end() :]
        if isinstance(error, MissingConfigException):  # a defaults list names an option that there is not
            group, _, name = str(error.missing_cfg_file).rpartition("/")
            if group in self._catalog.groups:
                return self._no_such_option(group, name, self._catalog.names(group), place)
        mend = "dlrun --info defaults-tree shows what is chosen."
        return Problem("the config", f"must compose: {summary}", mend=mend, place=place)

    def forced(self, overrides: Sequence[str]) -> list[str]:
        """The words, those that set a value with `++`: Hydra refuses a new tag without it, and an old one with `+`."""
        parsed, _ = self.parse(overrides)
        return [str(o.input_line) if o.is_hydra_override() or self._judged(o)[0] else _forced(o) for o in parsed]

    def _apply(self, line: str, config: DictConfig) -> Problem | None:
        forced = self._parser.parse_override(_forced(self.override(line)))
        try:
            self._loader._apply_overrides_to_config([forced], config)
        except ValueError:  # how OmegaConf meets a word where an item of a list is counted
            mend = "A list's items are numbered from 0: KEY.0=VALUE; KEY=[VALUE,VALUE] sets all of it."
            return Problem(f"'{line}'", "must fit the config: there is a list", mend=mend, place=COMMAND_LINE)
        except (HydraException, OmegaConfBaseException) as error:
            cause = error.__cause__ or error
            rule = f"must fit the config: {str(cause).splitlines()[0].rstrip('.')}"
            return Problem(f"'{line}'", rule, place=COMMAND_LINE)
        return None


def _forced(override: Override) -> str:
    """The word that sets a value whether or not it is declared: `declared` will tell."""
    line = str(override.input_line)
    return line if override.is_delete() else f"++{line.lstrip('+')}"


def _no_such_option(group: str, name: str, known: Sequence[str], place: str | None = None) -> Problem:
    shown = f"{group}=[{{}}]" if group in LIST_GROUPS else f"{group}={{}}"
    if group == "data" and (option := by_suffix(name)) is not None:  # in a file: on the command line it is spelled out
        mend = f"Write data: {option} there, and path: {name} below data."
        return Problem(group, f"must name an option of {group}", name, mend, place)
    right = nearest(name, known)
    sentences = [f"Did you mean {shown.format(right)}?"] if right else []
    sentences += [f"There are: {', '.join(known)}."] if known else []
    listed = f" (dlrun ls {group})" if "hydra" not in group else ""
    return Problem(
        key=group,
        rule=f"must name an option of {group}{listed}",
        got=name or "''",
        mend=" ".join(sentences) or None,
        place=place,
        instead=(name, right or ""),
    )
