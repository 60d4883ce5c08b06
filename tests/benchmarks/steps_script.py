"""Time a training step of one model under plain Keras and under the engine `fused`, in turns, in one process.

    python steps_script.py REPEATS WORD...

The words choose model and data as dlrun's do. Both engines are first shown to give the same bits. Prints a JSON object:
name of the side to milliseconds a step, one value a repetition.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from tests.training.sameness import spec_of, trained

_EPOCHS = 5
_LONG = 200


def main(repeats: int, *words: str) -> dict[str, list[float]]:
    """Milliseconds a step of each side."""
    here = Path.cwd()
    catalog = Catalog(Roots.of(here))
    spec = spec_of(here, *words, "callback=[]", f"trainer.epochs={_EPOCHS}")
    _assert_equal(spec, catalog)
    sides = {
        "model.fit": _keras(spec, catalog, 1),
        "model.fit, 10 steps a call": _keras(spec, catalog, 10),
        "model.fit, an epoch a call": _keras(spec, catalog, None),
        "fused": _fused(spec, catalog),
    }
    for once in sides.values():
        once()  # traces and compiles
    milliseconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, once in sides.items():
            milliseconds[name].append(1000 * once())
    return milliseconds


def _assert_equal(spec: Any, catalog: Catalog) -> None:
    from dlrun.training.fit import FitEngine
    from dlrun.training.fused import FusedEngine

    different = trained(spec, catalog, FusedEngine()).differences(trained(spec, catalog, FitEngine()))
    assert not different, different


def _parts(spec: Any, catalog: Catalog) -> Any:
    from dlrun import pipeline
    from dlrun.training.course import course_of, horizon_of
    from dlrun.training.objective import build_objective

    ready = pipeline.make_ready(spec, catalog)
    objective = build_objective(spec, catalog, horizon_of(ready.prepared, spec))
    return ready.model, objective, course_of(ready.prepared, spec)


def _keras(spec: Any, catalog: Catalog, steps_a_call: int | None) -> Callable[[], float]:
    """The arrays, handed to `model.fit` as people do it; validation left out on both sides."""
    model, objective, course = _parts(spec, catalog)
    model.compile(
        optimizer=objective.optimizer,
        loss=objective.loss,
        metrics=objective.metrics,
        steps_per_execution=steps_a_call or course.steps_per_epoch,
        jit_compile=False,
    )

    def once() -> float:
        began = time.perf_counter()
        model.fit(course.train.x, course.train.y, batch_size=course.rows_a_step, epochs=_EPOCHS, verbose=0)
        return (time.perf_counter() - began) / (_EPOCHS * course.steps_per_epoch)

    return once


def _fused(spec: Any, catalog: Catalog) -> Callable[[], float]:
    """As in a long training or the second trial of a sweep, which have looked for the quickest way to do the steps."""
    from dlrun.training.fused import FusedEngine

    def once(epochs: int = _EPOCHS) -> float:
        model, objective, course = _parts(spec, catalog)
        course = replace(course, validation=None, epochs=epochs)
        with FusedEngine().open(model, objective, course) as session:
            began = time.perf_counter()
            session.fit([])
            return (time.perf_counter() - began) / (epochs * course.steps_per_epoch)

    once(_LONG)
    return once


if __name__ == "__main__":
    repeats, *words = sys.argv[1:]
    print(json.dumps(main(int(repeats), *words)))  # noqa: T201 - the answer
