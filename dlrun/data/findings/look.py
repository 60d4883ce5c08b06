"""Look at a data set as it is split: everything that makes a training nonsense, or might."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from dlrun.data.findings.classes import target_findings
from dlrun.data.findings.finding import Finding
from dlrun.data.findings.leaks import leak_findings
from dlrun.data.findings.masks import mask_findings
from dlrun.data.findings.mends import dropping
from dlrun.data.findings.order import order_findings
from dlrun.data.findings.parts import part_findings
from dlrun.data.findings.pictures import picture_findings
from dlrun.data.findings.rhythm import rhythm_findings
from dlrun.data.findings.samerows import Same, row_findings
from dlrun.data.findings.tablecolumns import column_findings
from dlrun.data.findings.unlearnable import unlearnable
from dlrun.data.findings.values import value_findings
from dlrun.data.findings.view import PARTS, View, view_of
from dlrun.data.findings.words import word_findings
from dlrun.errors import DataError

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset
    from dlrun.data.splits.split import Split

__all__ = ["examine", "look"]

_LOOKS: tuple[Callable[[View], Iterator[Finding]], ...] = (
    leak_findings,
    column_findings,
    target_findings,
    part_findings,
    order_findings,
    value_findings,
    word_findings,
    picture_findings,
    mask_findings,
    rhythm_findings,
)
_TO_DROP = frozenset({"constant_column", "duplicate_columns", "id_column", "target_equals_column"})
_READ = (
    "data",
    "split",
    "preprocess",
    "trainer",
    "sampling",
    "loss",
)  # what findings and their mends look at in a spec
_KEPT: WeakKeyDictionary[Dataset, dict[str, tuple[Finding, ...]]] = WeakKeyDictionary()


def look(dataset: Dataset, split: Split, spec: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What is wrong with the data, errors first; looked for once for a data set and split in a process.

    Of large data evenly spread blocks of rows are looked at, and the findings say so.
    """
    kept = _KEPT.setdefault(dataset, {})
    key = _key(split, spec)
    if key not in kept:
        kept[key] = _look(dataset, split, spec)
    return kept[key]


def examine(dataset: Dataset, split: Split, spec: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What is wrong with the data, as far as `preflight` asks for it.

    Raises:
        DataError: there are errors, and they are to stop the run: all of them.
    """
    wanted = spec.get("preflight", "warn")  # of an earlier version's run, which was trained as it is
    if wanted == "none":
        return ()
    found = look(dataset, split, spec)
    errors = [finding.problem for finding in found if finding.level == "error"]
    if errors and wanted == "stop":
        raise DataError(
            [replace(error, mend=f"{error.mend}, or preflight=warn to go on as it is.") for error in errors]
        )
    return found


def _look(dataset: Dataset, split: Split, spec: Mapping[str, Any]) -> tuple[Finding, ...]:
    if any(unlearnable(dataset, split)):
        return ()  # preparing the data refuses it, whatever is asked for
    view = view_of(dataset, split, spec)
    same = Same(view)
    repeated = list(row_findings(same))
    findings = _joined([finding for each in _LOOKS for finding in each(view)], spec)
    if view.is_sampled:
        findings = [_said_sampled(finding, view) for finding in findings]
        repeated = repeated if same.is_whole else [_said_sampled(finding, view) for finding in repeated]
    findings += repeated
    return tuple(sorted(findings, key=lambda finding: finding.level != "error"))


def _joined(findings: list[Finding], spec: Mapping[str, Any]) -> list[Finding]:
    """The findings whose mend is to leave out columns, with one word for all of them: of two words the last counts."""
    names = [name for finding in findings if finding.name in _TO_DROP for name in finding.columns]
    word = dropping(spec, list(dict.fromkeys(names)))
    return [replace(each, mend=word) if each.name in _TO_DROP else each for each in findings]


def _said_sampled(finding: Finding, view: View) -> Finding:
    got = f"{finding.got} (of {len(view.rows):,} rows looked at, of {view.dataset.samples:,})"
    return replace(finding, got=got)


def _key(split: Split, spec: Mapping[str, Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in PARTS:
        rows = np.ascontiguousarray(getattr(split, part))
        digest.update(len(rows).to_bytes(8, "little"))
        digest.update(rows.data)
    digest.update(json.dumps([spec.get(name) for name in _READ], sort_keys=True, default=str).encode())
    return digest.hexdigest()
