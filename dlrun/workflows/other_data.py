"""The data that a finished run is evaluated on: its own, or what the words of a command put in its place."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf

from dlrun.config.catalog import Catalog
from dlrun.config.declared import problems_of
from dlrun.config.given import spelled_out_files
from dlrun.config.rules import MISSING
from dlrun.config.suggest import did_you_mean
from dlrun.config.words import COMMAND_LINE
from dlrun.data.declare import declare
from dlrun.data.splits import split
from dlrun.data.tables.csv_text import Malformed
from dlrun.data.tables.formats import open_table
from dlrun.data.tables.layout import Settings, format_of, lay_out, listed
from dlrun.errors import ConfigError, Problem, TrainingProblem
from dlrun.workflows.kept_model import KeptModel

__all__ = ["Nodes", "nodes_of"]

_TABLES = "dlrun.data.tables.read.read"
_IS_MISSING = "must name a column of"  # see `data.tables.layout`

Nodes = dict[str, dict[str, Any]]
"""The nodes `data` and `split` of a config."""


def nodes_of(kept: KeptModel, words: Sequence[str]) -> Nodes:
    """The run's own nodes with the words applied, checked; columns of a table are those that the run learned from.

    Raises:
        ConfigError: all that is wrong with the words, or with the data as far as it can be told without loading it.
    """
    catalog, nodes = kept.catalog, {group: dict(kept.spec[group]) for group in ("data", "split")}
    typed: set[str] = set()
    problems = []
    for word in (each for given in words for each in _spelled_out(given, nodes["data"], catalog)):
        problem = _apply(word, nodes, typed, catalog)
        if problem is not None:
            problems.append(problem)
    if any(key.startswith("data") for key in typed):
        _as_in_training(nodes["data"], kept, typed)
    problems += problems_of(nodes, catalog)
    if not problems:
        declared = declare(nodes["data"], catalog)
        problems = _of_evaluation(declared.problems, nodes["data"], kept, typed)
        if not problems and declared.task is not None:
            problems = split.check({**kept.spec, **nodes}, catalog) if any("split" in key for key in typed) else []
    if problems:
        raise ConfigError([replace(problem, place=problem.place or COMMAND_LINE) for problem in problems])
    return nodes


def _apply(word: str, nodes: Nodes, typed: set[str], catalog: Catalog) -> Problem | None:
    try:
        override = OverridesParser.create().parse_override(word)
    except (HydraException, ValueError):
        return Problem(f"'{word}'", "must be KEY=VALUE", mend="Such as data.path=new.csv.")
    key = override.key_or_group
    group, _, name = key.partition(".")
    if override.is_sweep_override() or override.is_delete() or override.is_add():
        return Problem(key, "must have one value", got=f"'{word}'", mend=f"Type {key}=VALUE.")
    if group not in nodes:
        mend = "What was trained stays as it is; only the rows that it is evaluated on can be chosen."
        return Problem(key, "must be a key of data or of split", got=f"'{word}'", mend=mend)
    value = _plain(override.value())
    typed.add(key)
    if name:
        nodes[group][name] = value
        return None
    if not catalog.has(group, str(value)):
        right = did_you_mean(str(value), catalog.names(group), shown=f"{group}={{}}")
        return Problem(group, f"must name an option of {group} (dlrun ls {group})", got=str(value), mend=right)
    if nodes[group]["option"] != str(value) and not _reads_alike(nodes[group]["option"], str(value), catalog):
        defaults = catalog.get(group, str(value)).defaults
        # of a file of another sort as well: what is predicted must not become whatever column is the last
        same = set(nodes[group]) & set(defaults) if _is_open(str(value), catalog) else set()
        nodes[group] = {"option": str(value), **defaults, **{name: nodes[group][name] for name in same}}
    return None


def _spelled_out(word: str, node: Mapping[str, Any], catalog: Catalog) -> Sequence[str]:
    """The word; of `data=FILE` what it stands for, which is the path alone where the run's own file ends alike."""
    words = spelled_out_files([word], catalog)
    own = node.get("path")
    if len(words) < 2 or not isinstance(own, str):
        return words
    return words[1:] if Path(own).suffix.lower() == Path(word).suffix.lower() else words


def _reads_alike(own: str, other: str, catalog: Catalog) -> bool:
    """Whether an option only says what `data.path=` says too: it reads what the run's own reads, and names no file."""
    if not (catalog.has("data", own) and catalog.has("data", other)):
        return False
    one, two = catalog.get("data", own), catalog.get("data", other)
    is_alike = all(one.facts.get(fact) == two.facts.get(fact) for fact in ("target", "inspect", "derived"))
    return is_alike and _is_open(other, catalog)


def _is_open(name: str, catalog: Catalog) -> bool:
    """Whether an option reads whatever file it is given, and names none of its own."""
    path = catalog.get("data", name).parameters.get("path") if catalog.has("data", name) else None
    return path is not None and path.default in (None, MISSING)


def _of_evaluation(
    problems: Sequence[Problem], node: Mapping[str, Any], kept: KeptModel, typed: Collection[str]
) -> list[Problem]:
    """What keeps a run from being evaluated on data, of what the look at it found.

    Columns that are missing are told once, and what follows from that is not told.
    """
    absent = {
        key: [each for each in problems if each.key == f"data.{key}" and _IS_MISSING in each.rule]
        for key in ("target", "features", "kinds")
        if f"data.{key}" not in typed
    }
    told = []
    names = dict.fromkeys(str(each.got) for key in ("features", "kinds") for each in absent.get(key, ()))
    if names:
        rule = "must have the columns that the run learned from"
        known = absent.get("features") or absent["kinds"]
        told.append(Problem("data.path", rule, f"none named {listed(list(names))}", known[0].mend))
    if target := absent.get("target"):
        path = shlex.quote(str(node["path"]))
        rule = "must have the column that the run predicts"
        mend = f"{target[0].mend} To predict without it: dlrun predict {kept.run.short_id} {path}"
        told.append(Problem("data.path", rule, f"none named {target[0].got}", mend))
    if told:
        return [*told, *(each for each in problems if each.key in typed and each.key != "data.path")]
    return [each for each in problems if not isinstance(each, TrainingProblem)]


def _last_column(kept: KeptModel) -> str | None:
    """What a run predicts that names no target: the last column of its own table, where that is still there."""
    node = kept.spec["data"]
    option = kept.catalog.get("data", node["option"])
    if node.get("target", "") is not None or option.facts.get("target") != _TABLES:
        return None
    form = format_of(option)
    path = kept.catalog.roots.file(str(node["path"]))
    try:
        settings = Settings.of(option.defaults | dict(node), form)
        line, header = open_table(path, settings).header()
    except (OSError, ValueError, Malformed):
        return None
    layout = lay_out(header, settings, str(path), line)
    return None if layout.target is None else layout.names[layout.target]


def _plain(value: Any) -> Any:
    if isinstance(value, DictConfig | ListConfig):
        return OmegaConf.to_container(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _as_in_training(node: dict[str, Any], kept: KeptModel, typed: set[str]) -> None:
    """Have other data read as the training's was: the same columns of the same kinds, images of the same size."""
    signature: Mapping[str, Any] = kept.signature
    known = kept.catalog.get("data", node["option"]).parameters
    wanted: dict[str, Any] = {}
    if signature["columns"] and len(signature["shape"]) == 1:
        kinds = signature.get("kinds")
        wanted = {"features": signature["columns"], "task": signature["task"], "drop": []}
        if node.get("target") is None:
            wanted["target"] = kept.spec["data"].get("target") or _last_column(kept)
        wanted |= {"kinds": dict(zip(signature["columns"], kinds, strict=True))} if kinds else {}
    if resizing := signature.get("resizing"):
        wanted = {"size": [resizing["height"], resizing["width"]], "fit": resizing["fit"]}
    for name, value in wanted.items():
        if name in known and f"data.{name}" not in typed:
            node[name] = value
