"""Whether the options of a user's project can be built, told from the sources of what they name.

Nothing of the user's is imported for it. What dlrun carries is not looked at: a test holds all of `conf/` to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option
from dlrun.config.components import names_in_part, option_files, used_files
from dlrun.config.expressions import ExpressionError, names_in
from dlrun.config.facts import fact_problems
from dlrun.config.misfits import constructor_problems, target_problem
from dlrun.config.parts import PerPart
from dlrun.config.roots import Roots
from dlrun.config.rules import is_expression
from dlrun.config.signatures import NotThere, Reader, Signature, Unreadable, reader_for
from dlrun.config.suggest import did_you_mean, nearest
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import ConfigError, Problem

__all__ = ["Judge", "check_options"]

_NESTED = frozenset({"layer", "activation", "initializer", "regularizer", "constraint"})
"""Groups whose options a spec may name anywhere in a model; those of the others are named in their own node."""

_FRAME = frozenset({"layers", "head"})  # of a model: these read, nothing reads them


def check_options(spec: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Everything that keeps the project's options among those that a run uses from being built.

    Args:
        spec: the run's, or a draft whose groups are chosen.
        catalog: where its options are looked up; each is judged once.
    """
    judge = _judge_of(catalog)
    if judge is None:
        return []
    try:
        used = judge.used(spec)
    except ConfigError as error:
        return list(error.problems)
    return [problem for group, name in used if _is_used(spec, group, name) for problem in judge.problems(group, name)]


def _is_used(spec: Mapping[str, Any], group: str, name: str) -> bool:
    if group in _NESTED:
        return True
    node = spec.get(group)
    nodes = node.values() if group in LIST_GROUPS and isinstance(node, Mapping) else [node]
    return any(isinstance(each, Mapping) and each.get("option") == name for each in nodes)


class Judge:
    """Compares options with what their targets take; each once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._reader: Reader = reader_for(catalog.roots.project)
        roots = catalog.roots
        self._packaged = Catalog(Roots(project=None, work=roots.work, directory=roots.directory))
        self._names = PerPart(self._names_in)
        self._used: dict[frozenset[str], list[tuple[str, str]]] = {}
        self._told: dict[tuple[str, str], list[Problem]] = {}

    def used(self, spec: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Group and name of the project's options that the words of a spec may lead to.

        Raises:
            ConfigError: the file of one cannot be read.
        """
        names = frozenset[str]().union(*(self._names(key, part) for key, part in spec.items()))
        if names not in self._used:
            found = [file for file, _ in used_files(names, self._files, self._project)]
            self._used[names] = sorted((file.parent.name, file.stem) for file in found)
        return self._used[names]

    @property
    def _project(self) -> Path:
        project = self._catalog.roots.project
        assert project is not None, "outside a project there is nothing to judge"
        return project

    @cached_property
    def _files(self) -> Mapping[str, list[Path]]:
        return option_files(self._project)

    def _names_in(self, key: str, part: Any) -> frozenset[str]:
        return names_in_part(key, part, self._files)

    def problems(self, group: str, name: str) -> list[Problem]:
        """What is wrong with an option, whoever chooses it."""
        if (group, name) not in self._told:
            try:
                option = self._catalog.get(group, name)
                self._told[group, name] = list(self._judged(option))
            except ConfigError as error:
                self._told[group, name] = list(error.problems)
        return self._told[group, name]

    def _judged(self, option: Option) -> Iterator[Problem]:
        if wrong := list(fact_problems(option)):
            yield from wrong
            return
        target = option.facts.get("target")
        targets = list(target.values()) if isinstance(target, Mapping) else [target] if target is not None else []
        for each in dict.fromkeys(str(part) for part in targets):
            yield from self._target_judged(option, each)
        if not targets:
            yield from _unread(option, self._inherited(option))
            yield from self._without_target(option)

    def _target_judged(self, option: Option, target: str) -> Iterator[Problem]:
        try:
            signature = self._reader.signature(target)
        except NotThere as error:
            yield target_problem(option, target, error, self._reader)
        except Unreadable as error:
            place = f"{error.path}:{error.line}" if error.line else str(error.path)
            yield Problem(
                _seen(error.path, self._reader.modules.project), f"must be Python: {error.reason}", place=place
            )
        else:
            if signature is None:
                return
            missing = list(self._missing(signature))
            yield from missing or constructor_problems(option, signature, self._reader.modules.project)

    def _missing(self, signature: Signature) -> Iterator[Problem]:
        """Imports of the project's module that lead nowhere."""
        modules, path = self._reader.modules, signature.path
        if path is None or modules.project is None or not path.is_relative_to(modules.project):
            return
        for top, line in modules.missing(path):
            mend = f"There is no {top}.py in the project, and no installed package {top}."
            if meant := did_you_mean(top, modules.tops()):
                mend = f"{meant} {mend}"
            rule = "must import modules that are there"
            yield Problem(_seen(path, modules.project), rule, top, mend, place=f"{path}:{line}")

    def _without_target(self, option: Option) -> Iterator[Problem]:
        """Options without a target are read by dlrun itself: they have the keys that dlrun's own have."""
        if option.facts.keys() & {"layers", "builds", "by_task"} or option.group == "model":
            return
        names = self._packaged.names(option.group)
        plain = [known for name in names if not _is_built(known := self._packaged.get(option.group, name))]
        if not plain:
            if names:
                rule = "must be there: it names the class or function that is built"
                yield Problem(_key(option, "_target_"), rule, mend=_TARGET_MEND, place=str(option.path))
            return
        keys = {key for known in plain for key in known.parameters}
        for key, parameter in option.parameters.items():
            if key not in keys:
                mend = did_you_mean(key, keys) or (f"There are: {', '.join(sorted(keys))}." if keys else _TARGET_MEND)
                rule = f"must be a key that dlrun reads in an option of {option.group}"
                yield Problem(_key(option, key), rule, mend=mend, place=parameter.place)
        common = set.intersection(*(set(known.parameters) for known in plain)) - option.parameters.keys()
        for key in sorted(common):
            mend = f"Write `defaults: [{plain[0].name}, _self_]` at the top, and it comes along."
            yield Problem(_key(option, key), "must be there: dlrun reads it", mend=mend, place=str(option.path))

    def _inherited(self, option: Option) -> set[str]:
        """The keys that the option's parents have."""
        entries = read_yaml(option.path).values.get("defaults") or []
        parents = [entry.removesuffix("@_here_") for entry in entries if isinstance(entry, str) and entry != "_self_"]
        return {key for parent in parents for key in self._catalog.get(option.group, parent).parameters}


@lru_cache(maxsize=2)  # a command has one catalog; more would be kept for nothing
def _judge_of(catalog: Catalog) -> Judge | None:
    """None where there is nothing to judge: outside a project, and in one without options of its own."""
    project = catalog.roots.project
    return None if project is None or next(project.glob("conf/*/*.yaml"), None) is None else Judge(catalog)


_TARGET_MEND = "Write `_target_: MODULE.NAME`."


def _is_built(option: Option) -> bool:
    return bool(option.facts.keys() & {"target", "layers", "builds", "by_task"})


def _key(option: Option, key: str) -> str:
    return f"{option.group}/{option.name}: {key}"


def _seen(path: Path, project: Path | None) -> str:
    return path.relative_to(project).as_posix() if project and path.is_relative_to(project) else path.name


def _unread(option: Option, inherited: set[str]) -> Iterator[Problem]:
    """Keys that a model or a block adds and none of its expressions reads."""
    if "layers" not in option.facts and "layers" not in option.parameters:
        return
    texts = [option.facts.get("layers"), *option.defaults.values()]
    read = {name for text in texts for name in _read_in(text)}
    for key, parameter in option.parameters.items():
        if parameter.path != option.path or key in read | _FRAME | inherited:
            continue
        mend = did_you_mean(key, inherited - _FRAME) or f"Write `${key}` where its value belongs."
        if meant := nearest(key, read - option.parameters.keys()):  # which is not declared: told where it is read, too
            mend = f"Did you mean `${key}` by `${meant}`?"
        yield Problem(
            _key(option, key), f"must be read by a layer: nothing reads ${key}", mend=mend, place=parameter.place
        )


def _read_in(node: Any) -> Iterator[str]:
    if is_expression(node):
        try:
            yield from names_in(node)
        except ExpressionError:  # told by whoever evaluates it
            return
    elif isinstance(node, Mapping | list):
        for part in node.values() if isinstance(node, Mapping) else node:
            yield from _read_in(part)
