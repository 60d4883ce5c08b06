"""The parts of a split: too small, without a row, or unlike one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed, of_columns
from dlrun.data.findings.view import PARTS, View

__all__ = ["part_findings"]

_FEWEST = 10
_FEWEST_TO_COMPARE = 30
_FAR = 0.8  # standard deviations between the means of two parts
_SURE = 6.0  # standard errors: chance does that once in 10**9 columns
_OUTSIDE = 0.2  # the share of a part outside the range that is trained on
_SHARES = 0.2  # by which the share of a class differs between parts


def part_findings(view: View) -> Iterator[Finding]:
    """Parts with few rows, more columns than rows, and parts that are drawn from elsewhere."""
    yield from _small(view)
    yield from _wide(view)
    yield from _drift(view)
    yield from _class_drift(view)


def _small(view: View) -> Iterator[Finding]:
    if not view.separate:
        return
    for part in PARTS[1:]:
        rows = len(getattr(view.split, part))
        if 0 < rows < _FEWEST:
            rule = f"should hold {_FEWEST} rows or more: one row changes its score by {1 / rows:.0%}"
            mend = "More rows, or judge on every row in turn: --folds 5"
            yield Finding("warning", "small_part", f"the {part} part", rule, f"{rows}", mend)


def _wide(view: View) -> Iterator[Finding]:
    rows = len(view.split.train)
    if len(view.cells) > rows and view.separate:
        rule = "should have more rows than columns: with more columns any labels can be learned by heart"
        got, mend = (
            f"{len(view.cells)} columns, {rows} training rows",
            "regularizer=l2, or fewer columns: data.features=[...]",
        )
        yield Finding("warning", "more_columns_than_rows", "the training part", rule, got, mend)


def _drift(view: View) -> Iterator[Finding]:
    train = view.of(0)
    for part, chosen in view.others():
        found = []
        for cells in view.cells:
            if cells.column.kind not in ("number", "flag"):
                continue
            seen, judged = (values[~np.isnan(values)] for values in (cells.values[train], cells.values[chosen]))
            if min(len(seen), len(judged)) >= _FEWEST_TO_COMPARE and (told := _apart(seen, judged)):
                found.append((cells.name, f"'{cells.name}' {told}"))
        if found:
            rule = f"should be in the {part} part as in the training part"
            mend = "Look why; a random split would hide it. A scale by rank bears shifts: preprocess=quantile"
            names, told_all = [name for name, _ in found], listed([told for _, told in found])
            yield of_columns("warning", "drift", names, rule, told_all, mend)


def _apart(seen: np.ndarray, judged: np.ndarray) -> str:
    """How two parts of a column differ; empty where they are alike. What is far out is drawn in: it must not decide."""
    low, high = np.quantile(seen, (0.01, 0.99))
    outside = float(((judged < seen.min()) | (judged > seen.max())).mean())
    if outside > _OUTSIDE:
        return f"{outside:.0%} outside {seen.min():g} to {seen.max():g}"
    first, second = np.clip(seen, low, high), np.clip(judged, low, high)
    spread = float(np.sqrt((first.var() + second.var()) / 2))
    apart = abs(float(first.mean() - second.mean()))
    error = float(np.sqrt(first.var() / len(first) + second.var() / len(second)))
    if spread and apart > _FAR * spread and apart > _SURE * error:
        return f"{first.mean():.3g} on average, there {second.mean():.3g}"
    return ""


def _class_drift(view: View) -> Iterator[Finding]:
    if not view.has_classes or not view.separate:
        return
    count = len(view.dataset.classes)
    labels = {part: view.dataset.y[getattr(view.split, part)] for part in PARTS}
    if len(labels["train"]) < _FEWEST_TO_COMPARE:
        return
    seen = np.bincount(labels["train"], minlength=count) / len(labels["train"])
    for part in PARTS[1:]:
        rows = len(labels[part])
        if rows < _FEWEST_TO_COMPARE:
            continue
        judged = np.bincount(labels[part], minlength=count) / rows
        worst = int(np.abs(seen - judged).argmax())
        apart = abs(float(seen[worst] - judged[worst]))
        error = float(np.sqrt(max(seen[worst] * (1 - seen[worst]), 1e-9) * (1 / rows + 1 / len(labels["train"]))))
        if apart > _SHARES and apart > _SURE * error:
            rule = "should have the classes in the same shares as the training part"
            got = f"'{view.dataset.classes[worst]}' {judged[worst]:.0%}, in training {seen[worst]:.0%}"
            mend = "split.stratify=true" if "stratify" in view.spec["split"] else "Look why the shares change."
            yield Finding("warning", "class_drift", f"the {part} part", rule, got, mend)
