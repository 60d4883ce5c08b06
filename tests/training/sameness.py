"""Train a spec under an engine, and hold the bits of two trainings against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec
from dlrun.planning import Planner


@dataclass(frozen=True)
class Trained:
    """All that a training leaves in memory: arrays by name, and every value of every epoch."""

    arrays: Mapping[str, np.ndarray]
    history: Mapping[str, Sequence[float]]

    def differences(self, other: Trained) -> list[str]:
        """What is not the same to the bit."""
        arrays = [
            f"{name}: {np.max(np.abs(array.astype(float) - other.arrays[name]))}"
            for name, array in self.arrays.items()
            if array.tobytes() != other.arrays[name].tobytes()
        ]
        missing = sorted(self.arrays.keys() ^ other.arrays.keys())
        curves = {name: (values, other.history.get(name)) for name, values in self.history.items()}
        return arrays + missing + [f"{name}: {pair}" for name, pair in curves.items() if repr(pair[0]) != repr(pair[1])]


def spec_of(directory: Path, *words: str) -> Spec:
    """The spec of the one run that a command asks for."""
    (run,) = Planner(directory).plan([*words, "trainer.device=cpu", "tracking=none"], sweep=False).runs
    return run.spec


def trained(
    spec: Mapping[str, Any], catalog: Catalog, engine: Any, callbacks: Sequence[Any] = (), start: Any = None
) -> Trained:
    """Train the model of `spec` under `engine`, with its callbacks and `callbacks`, in this process."""
    import keras

    from dlrun import pipeline
    from dlrun.training import process
    from dlrun.training.course import course_of, horizon_of
    from dlrun.training.engine import BEGINNING
    from dlrun.training.objective import build_callbacks, build_objective

    process.configure(spec["trainer"])
    ready = pipeline.make_ready(spec, catalog)
    course = course_of(ready.prepared, spec)
    scale = None if ready.prepared.target is None else ready.prepared.target.scale
    objective = build_objective(spec, catalog, horizon_of(ready.prepared, spec), scale)
    history = keras.callbacks.History()
    with TemporaryDirectory() as folder, engine.open(ready.model, objective, course) as session:
        chosen = build_callbacks(spec, catalog, Path(folder))
        session.fit([history, *chosen, *callbacks], start or BEGINNING)
        test = session.evaluate(ready.prepared.test)
        optimizer = {f"optimizer {i}": v.numpy() for i, v in enumerate(session.model.optimizer.variables)}
    arrays = {f"{i} {v.name}": v.numpy() for i, v in enumerate(ready.model.variables)}
    curves = {name: [float(value) for value in values] for name, values in history.history.items()}
    return Trained(arrays | optimizer, curves | {f"test_{name}": [value] for name, value in test.items()})
