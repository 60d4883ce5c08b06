"""The files that a study comes to: an option for the data and an experiment to begin with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dlrun.workflows.intake.study import Seen, Study

__all__ = ["experiment_text", "option_text"]

_COLUMNS_TOLD = 40
_WHY = {
    "target": "What is predicted",
    "drop": "Left out, as they tell nothing or give the answer away",
    "kinds": "What columns hold, where the cells alone leave a doubt",
    "group": "Rows of one value stay in one part of the split",
    "time": "Rows are trained on in its order: the past trains, what comes after validates and tests",
    "decimal": "How its numbers are written",
    "separator": "What stands between cells",
    "missing": "What becomes of rows without a target",
    "missing_words": "Words that say that a cell is empty",
}


def option_text(study: Study, path: str, given: str) -> str:
    """The content of `conf/data/NAME.yaml`."""
    return "".join(f"{line}\n" for line in _option_lines(study, path, given))


def _option_lines(study: Study, path: str, given: str) -> Iterator[str]:
    yield f"# {_description(study)}"
    yield f"# Written by dlrun init {_one_line(given)}, yours to change; dlrun show data/{study.option} tells every key"
    if study.target is not None:
        yield from map(_told, study.seen[:_COLUMNS_TOLD])
    override = [] if study.split == "holdout" else [f"  - override /split@_global_.split: {study.split}"]
    yield from ["defaults:", f"  - {study.option}", *override, "  - _self_"]
    yield "# Seen from the project; a path from / stands as it is"
    yield f"path: {_yaml(path)}"
    for key, value in study.keys.items():
        yield f"# {_WHY.get(key, 'As the file needs it')}"
        yield f"{key}: {_yaml(value)}"


def _description(study: Study) -> str:
    rows = f"{study.dataset.samples:,} samples"
    if study.target is None:
        return f"{rows} of {len(study.dataset.classes)} classes"
    what = f"{len(study.dataset.classes)} classes" if study.dataset.classes else "a number"
    return f"{rows}: {_one_line(study.target[0])} to predict, {what}"


def _told(seen: Seen) -> str:
    missing = f", {seen.missing:.0%} empty" if seen.missing else ""
    return f"# {_one_line(seen.name)}: {seen.kind or 'not read'}{missing}; {seen.use}"


def experiment_text(study: Study, name: str) -> str:
    """The content of `experiments/NAME.yaml`: is a network better than what is simpler?"""
    simple, network = study.models
    lines = [
        f"# Does {network} predict {name} better than {simple}? 2 models, 5 seeds each",
        f"# dlrun -m experiment={name}, then dlrun compare last; the two share data and split",
        "defaults:",
        f"  - override /data: {name}",
        "  - _self_",
        "",
        "hydra:",
        "  sweeper:",
        "    params:",
        f"      model: {simple},{network}",
        "      seed: range(0,5)",
    ]
    return "".join(f"{line}\n" for line in lines)


def _yaml(value: Any) -> str:
    """On one line, so that it is YAML whatever it holds: JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
