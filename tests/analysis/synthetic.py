"""Run and sweep directories as training leaves them, written in a moment."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SPEC: dict[str, Any] = {
    "version": 1,
    "seed": 0,
    "name": None,
    "tags": {},
    "task": "multiclass",
    "classes": 10,
    "data": {"option": "digits"},
    "split": {"option": "holdout", "seed": 0, "test": 0.2, "validation": 0.2},
    "model": {"option": "mlp", "hidden": [64, 64], "dropout": 0.0, "layers": ["flatten"]},
    "optimizer": {"option": "adam", "learning_rate": 0.001, "beta_1": 0.9},
    "loss": {"option": "sparse_categorical_crossentropy"},
    "metric": {"accuracy": {"option": "accuracy"}},
    "callback": {},
    "trainer": {"option": "default", "epochs": 5, "engine": "auto"},
    "tracking": {"option": "mlflow", "uri": None},
}
_BEGIN = 1_767_225_600.0  # seconds since 1970


def spec_with(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`SPEC` with dotted keys set, groups made where there are none."""
    spec = copy.deepcopy(SPEC)
    for dotted, value in settings.items():
        *groups, key = dotted.split(".")
        node = spec
        for group in groups:
            node = node.setdefault(group, {})
        node[key] = value
    return spec


class Project:
    """A working directory with `runs/` and `sweeps/`."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self._made = 0

    def run(
        self,
        settings: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        status: str | None = "finished",
        **result: Any,
    ) -> str:
        """Write a run; returns its id. With status None it has no result.json, only a journal's first record."""
        self._made += 1
        spec = spec_with(settings or {})
        text = json.dumps([spec, self._made if result.pop("anew", False) else 0], sort_keys=True)
        identity = str(result.pop("id", hashlib.sha256(text.encode()).hexdigest()[:16]))
        folder = self.work / "runs" / identity
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text(json.dumps(spec))
        started = float(result.pop("started", _BEGIN + 60 * self._made))
        name = result.pop("name", " ".join(f"{k.split('.')[-1]}={v}" for k, v in (settings or {}).items()))
        first = {"seq": 0, "time": started, "event": "start", "name": name, "crc": "00000000"}
        (folder / "journal.jsonl").write_text(json.dumps(first) + "\n")
        if status is not None:
            facts = {"id": identity, "name": name, "status": status, "task": spec["task"], "metrics": metrics or {}}
            facts |= {"samples": {"train": 1077, "validation": 360, "test": 360}, "started": started, "cause": None}
            (folder / "result.json").write_text(json.dumps(facts | result))
        return identity

    def sweep(self, trials: Mapping[str, Sequence[str]], **facts: Any) -> str:
        """Write a sweep of named trials and their run ids; returns its id."""
        self._made += 1
        ids = sorted(run for runs in trials.values() for run in runs)
        identity = hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:16]
        folder = self.work / "sweeps" / identity
        folder.mkdir(parents=True)
        sweep = {
            "id": identity,
            "name": "sweep",
            "command": "dlrun -m optimizer.learning_rate=0.001,0.01 seed=0,1,2",
            "started": _BEGIN + 60 * self._made,
            "varied": ["optimizer.learning_rate"],
            "trials": [
                {"id": f"{n:016x}", "name": name, "overrides": [name], "runs": list(runs)}
                for n, (name, runs) in enumerate(trials.items())
            ],
        }
        (folder / "sweep.json").write_text(json.dumps(sweep | facts))
        return identity

    def accuracies(self, table: Mapping[float, Sequence[float]], key: str = "optimizer.learning_rate") -> list[str]:
        """Runs with these test accuracies by the value of `key`, seeds 0, 1, 2, ...; returns all ids."""
        return [
            self.run({key: value, "seed": seed}, {"test_accuracy": accuracy, "test_loss": 1 - accuracy})
            for value, row in table.items()
            for seed, accuracy in enumerate(row)
        ]
