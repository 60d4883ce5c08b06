"""What a file or folder holds, and how a config would have it learned from: all that `dlrun init` tells and writes."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.catalog import Catalog
from dlrun.config.given import spelled_out_files
from dlrun.config.roots import Roots
from dlrun.config.suggest import nearest
from dlrun.data.dataset import Dataset
from dlrun.data.findings.finding import Finding
from dlrun.data.findings.look import look
from dlrun.data.findings.view import Cells, View, view_of
from dlrun.data.splits.split import split_rows
from dlrun.data.tables.inspect import look_at
from dlrun.data.tables.layout import NO_NAMES, Settings, format_of, listed
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.workflows.intake.guesses import guess_target
from dlrun.workflows.intake.settle import Settled, loaded, settle
from dlrun.workflows.intake.typed import with_words

__all__ = ["Seen", "Study", "file_for", "study"]

_USES = {
    "id_column": "left out: it names or numbers the rows",
    "constant_column": "left out: it never changes",
    "duplicate_columns": "left out: another column tells the same",
    "target_equals_column": "left out: it is the target",
}
_LONGEST = 24  # signs of an example


@dataclass(frozen=True)
class Seen:
    """A column of a table, or a class of a folder.

    Attributes:
        missing: the share of its cells that are empty; None where that is not known.
        distinct: how many different values it has, or how many samples a class has.
        use: what is done with it.
    """

    name: str
    kind: str
    missing: float | None
    distinct: int | None
    example: str
    use: str


@dataclass(frozen=True)
class Study:
    """What was found, and what follows.

    Attributes:
        option: the data option that reads it.
        keys: what differs from the option's defaults, in its order, less the path.
        split: the split option that it needs.
        models: that are worth comparing on it.
        target: the column to predict, and why it is that one; None of a folder.
        findings: what is wrong with it, read like this.
        doubts: what was settled that nobody said.
    """

    option: str
    keys: Mapping[str, Any]
    split: str
    models: tuple[str, ...]
    dataset: Dataset
    target: tuple[str, str] | None
    seen: tuple[Seen, ...]
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]


def study(given: str, target: str | None, roots: Roots, words: Sequence[str] = ()) -> Study:
    """Look at what `given` leads to.

    Args:
        target: the column to predict; None for the one that looks like it.
        words: `data.KEY=VALUE`: what the user says of it.

    Raises:
        ConfigError, DataError: it cannot be used: all that is wrong with it.
    """
    catalog = Catalog(roots)
    node, said = with_words(_node(given, catalog), words, catalog)
    names = _names(node, catalog) if roots.file(given).exists() else ()
    chosen = _target_of(node, names, target)
    if chosen is not None:
        node["target"] = chosen[0]
    settled = settle(node, catalog, said)
    view, findings = _look(settled.node, "holdout", catalog)
    settled, uses = _acted(settled, findings, catalog, said)
    split = _split_of(settled.node, view.dataset)
    last, findings = _look(settled.node, split, catalog)
    defaults = catalog.get("data", settled.node["option"]).defaults
    keys = {key: value for key, value in settled.node.items() if key in defaults and value != defaults[key]}
    return Study(
        option=settled.node["option"],
        keys={key: value for key, value in keys.items() if key != "path"},
        split=split,
        models=_models(last.dataset),
        dataset=last.dataset,
        target=chosen,
        seen=tuple(_columns(names, view, settled.node, uses) if names else _classes(last.dataset)),
        findings=findings,
        doubts=(*settled.doubts, *_untold(last.dataset.notes, settled.doubts)),
    )


def _untold(notes: Sequence[str], doubts: Sequence[str]) -> Iterator[str]:
    """What loading decided, less what was settled before: so many files are passed over."""
    for note in notes:
        if not any(f"({note.split()[0]} file" in doubt for doubt in doubts):
            yield note


def _target_of(node: Mapping[str, Any], names: Sequence[str], target: str | None) -> tuple[str, str] | None:
    """The column to predict, and why it is that one; None of other data, or of a file that cannot be read."""
    if "kinds" not in node and target is not None:
        raise DataError([Problem("--target", "must be for a table", got=str(node["path"]), mend="Leave it out.")])
    said = target if target is not None else node.get("target")
    if not names or said is None:
        return guess_target(names) if names else None
    if str(said) in names:
        return str(said), "you said so"
    right = nearest(str(said), names)
    hint = f"Did you mean {shlex.join(['--target', right])}? " if right else ""
    rule, mend = f"must name a column of {node['path']}", f"{hint}The columns are {listed(names)}."
    raise DataError([Problem("--target", rule, got=f"'{said}'", mend=mend)])


def _node(given: str, catalog: Catalog) -> dict[str, Any]:
    path = catalog.roots.file(given)
    if catalog.has("data", given) and not path.exists():
        mend = "dlrun init takes a file of your own."
        raise DataError([Problem("FILE", "must be a file or folder that is there", got=f"'{given}'", mend=mend)])
    name = f"./{given}" if catalog.has("data", given) else given  # a path is no option's name
    try:
        words = spelled_out_files([f"data={name}"], catalog)
    except ConfigError as error:
        raise DataError([_of_file(problem, given) for problem in error.problems]) from error
    if len(words) < 2:
        raise DataError([Problem("FILE", "must be a file or folder that is there", got=f"'{given}'")])
    option = words[0].partition("=")[2]
    return {"option": option, **catalog.get("data", option).defaults, "path": given}


def _of_file(problem: Problem, given: str) -> Problem:
    """What is told of `data=FILE`, as it is typed behind `dlrun init`."""
    mend = (problem.mend or "").replace("Name a file in it: data=", "Name a file in it: dlrun init ")
    got = (problem.got or "").replace(f"./{given}", given)
    return replace(
        problem, key="FILE", rule="must be a file or folder that can be read", got=got, mend=mend, place=None
    )


def _names(node: Mapping[str, Any], catalog: Catalog) -> tuple[str, ...]:
    """The names of a table's columns; none of other data, or where the file cannot be read at all."""
    if "kinds" not in node:
        return ()
    found = look_at(
        catalog.roots.file(str(node["path"])), Settings.of(node, format_of(catalog.get("data", node["option"])))
    )
    is_headless = any(problem.rule.startswith(NO_NAMES) for problem in found.problems)
    return () if found.layout is None or is_headless else found.layout.names


def _look(node: Mapping[str, Any], split: str, catalog: Catalog) -> tuple[View, tuple[Finding, ...]]:
    dataset = loaded(node, catalog)
    if dataset.parts is not None:
        split = "files"
    spec = {"data": node, **{group: _default(group, name, catalog) for group, name in _CHOSEN}}
    spec["split"] = _default("split", split, catalog)
    rows = split_rows(dataset, spec["split"], catalog)
    return view_of(dataset, rows, spec), look(dataset, rows, spec)


_CHOSEN = (("preprocess", "auto"), ("trainer", "default"))


def _default(group: str, name: str, catalog: Catalog) -> dict[str, Any]:
    return {"option": name, **catalog.get(group, name).defaults}


def _acted(
    settled: Settled, findings: Sequence[Finding], catalog: Catalog, said: Collection[str]
) -> tuple[Settled, dict[str, str]]:
    """The node with what the findings ask for without doubt, and why each column is left out."""
    if "drop" not in settled.node:
        return settled, {}
    uses = {name: _USES[each.name] for each in findings if each.name in _USES for name in each.columns}
    keys: dict[str, Any] = {"drop": [*settled.node["drop"], *uses]}
    for finding in findings:
        if finding.name == "group_column" and "group" not in said:
            keys["group"] = finding.columns[0]
        elif finding.name == "random_split_of_time" and "time" not in said:
            keys["time"] = finding.columns[0]
    later = settle(settled.node | keys, catalog, said)
    return replace(later, doubts=(*settled.doubts, *later.doubts)), uses


def _split_of(node: Mapping[str, Any], dataset: Dataset) -> str:
    if dataset.parts is not None:
        return "files"
    if node.get("time") is not None:  # options of other data have no such key
        return "time"
    return "grouped" if node.get("group") is not None else "holdout"


def _models(dataset: Dataset) -> tuple[str, ...]:
    if dataset.y.ndim == 3:  # masks
        return "fcn", "unet"
    return {3: ("mlp", "lstm"), 4: ("mlp", "cnn")}.get(dataset.x.ndim, ("linear", "mlp"))


def _columns(names: Sequence[str], view: View, node: Mapping[str, Any], uses: Mapping[str, str]) -> list[Seen]:
    by_name = {cells.name: cells for cells in view.cells}
    return [_column(name, by_name.get(name), view, node, uses) for name in names]


def _column(name: str, cells: Cells | None, view: View, node: Mapping[str, Any], uses: Mapping[str, str]) -> Seen:
    if name == node["target"]:
        return _target(name, view.dataset)
    if cells is None:
        return Seen(name, "", None, None, "", "left out")
    roles = {str(node[key]): use for key, use in (("group", "keeps rows together"), ("time", "says when"))}
    missing = 1 - len(cells.known) / max(1, len(cells.values))
    use = uses.get(name) or roles.get(name, "learned from")
    if name in roles and name in {column.name for column in view.dataset.columns or ()}:
        use += ", learned from"
    if name in map(str, node["drop"]) and name not in uses:
        use = "left out"
    return Seen(name, cells.column.kind, missing, len(cells.counts[0]), _example(cells, view), use)


def _target(name: str, dataset: Dataset) -> Seen:
    if dataset.classes:
        return Seen(name, "class", 0.0, len(dataset.classes), dataset.classes[0][:_LONGEST], "predicted")
    return Seen(name, "number", 0.0, len(np.unique(dataset.y)), f"{dataset.y.flat[0]:g}", "predicted")


def _example(cells: Cells, view: View) -> str:
    if not len(cells.known):
        return ""
    value = float(cells.known[0])
    match cells.column.kind:
        case "category":
            text = cells.column.values[int(value)]
        case "text":
            text = " ".join(view.dataset.texts[int(value)].split())
        case "date":
            text = f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value):%Y-%m-%d}"
        case "flag":
            text = "yes" if value else "no"
        case _:
            text = f"{value:g}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _classes(dataset: Dataset) -> list[Seen]:
    if dataset.y.ndim > 1 or not dataset.classes:
        return []
    counts = np.bincount(dataset.y, minlength=len(dataset.classes)).tolist()
    return [
        Seen(name, "class", None, count, "", "predicted") for name, count in zip(dataset.classes, counts, strict=True)
    ]


def file_for(path: Path, project: Path) -> str:
    """The path as the option has it: seen from the project where it lies in it, else in full."""
    real = path.resolve()
    return real.relative_to(project.resolve()).as_posix() if real.is_relative_to(project.resolve()) else str(real)
