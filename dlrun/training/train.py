"""Train a model on prepared data and evaluate what was kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from dlrun.config.catalog import Catalog
from dlrun.training.bookkeeping import Bookkeeper, Emit
from dlrun.training.engine import Choice, Course, choose
from dlrun.training.monitor import goal, monitored
from dlrun.training.objective import Horizon, build_callbacks, build_objective
from dlrun.training.outcome import Outcome, flat_metrics
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.data.prepare import Prepared

__all__ = ["Outcome", "train"]


def train(
    model: Any,
    prepared: Prepared,
    spec: Mapping[str, Any],
    catalog: Catalog,
    directory: RunDirectory,
    emit: Emit,
) -> Outcome:
    """Train `model`, leave it with the weights that are kept, and evaluate those on the test part.

    Kept are the last epoch's weights; the best epoch's where a callback keeps them; the last good epoch's where the
    training diverges.

    Args:
        model: the core, from prepared inputs to outputs; trained in place.
        prepared: the data's parts, preprocessed.
        spec: the run's.
        catalog: where options are looked up.
        directory: the run's directory: callbacks write there, and a file `stop` in it ends the training.
        emit: told an `epoch` event an epoch, and an `evaluated` event at the end.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(spec["seed"])  # for what has no seed of its own
    course = _course(prepared, spec)
    choice = choose(spec["trainer"]["engine"])
    scale = None if prepared.target is None else prepared.target.scale
    horizon = Horizon(course.steps_per_epoch, course.epochs)
    monitor = monitored(spec, course.validation is not None)
    keeper = Bookkeeper(emit, monitor, goal(spec, catalog, monitor), directory.stop)
    callbacks = [keeper, *build_callbacks(spec, catalog, directory.path)]
    choice.engine.fit(model, build_objective(spec, catalog, horizon, scale), course, callbacks)
    kept = _kept(keeper, callbacks)
    trained = time.perf_counter()
    test = _evaluate(model, prepared, choice, course)
    if test:
        emit("evaluated", {"part": "test", "epoch": kept, "metrics": test})
    outcome = _outcome(keeper, kept, test)
    outcome.parameters = model.count_params()
    outcome.samples = {name: len(getattr(prepared, name).x) for name in ("train", "validation", "test")}
    outcome.durations = {"train_seconds": trained - began, "evaluate_seconds": time.perf_counter() - trained}
    outcome.engine = {"name": choice.engine.name, "why": choice.why}
    return outcome


def _outcome(keeper: Bookkeeper, kept: int, test: Mapping[str, float]) -> Outcome:
    return Outcome(
        status="diverged" if keeper.diverged else "pruned" if keeper.pruned else "finished",
        metrics=flat_metrics(keeper.history, keeper.best_epoch, test),
        best_epoch=keeper.best_epoch,
        kept_epoch=kept,
        epochs_run=keeper.epochs_run,
        monitor=keeper.monitor,
        cause=_cause(keeper),
    )


def _course(prepared: Prepared, spec: Mapping[str, Any]) -> Course:
    trainer = spec["trainer"]
    return Course(
        train=prepared.train,
        validation=prepared.validation if len(prepared.validation.x) else None,
        epochs=trainer["epochs"],
        batch_size=trainer["batch_size"],
        validation_batch_size=trainer["validation_batch_size"],
        seed=spec["seed"],
    )


def _kept(keeper: Bookkeeper, callbacks: Sequence[Any]) -> int:
    """The epoch, from 1, whose weights the model has now; a ruined model is given the last good ones first."""
    kept = keeper.epochs_run
    for callback in callbacks:  # each gave the model its best weights back in turn
        if _restores(callback):
            kept = callback.best_epoch + 1
    if keeper.diverged and kept > keeper.good_epoch:
        keeper.restore_good_weights()
        kept = keeper.good_epoch
    return kept


def _restores(callback: Any) -> bool:
    """Whether the callback gave the model the weights of its best epoch when training ended."""
    if getattr(callback, "restore_best_weights", False):
        return callback.best_weights is not None
    return getattr(callback, "best_epoch", None) is not None and isinstance(callback, keras.callbacks.ModelCheckpoint)


def _evaluate(model: Any, prepared: Prepared, choice: Choice, course: Course) -> dict[str, float]:
    return dict(choice.engine.evaluate(model, prepared.test, course)) if len(prepared.test.x) else {}


def _cause(keeper: Bookkeeper) -> dict[str, str] | None:
    if keeper.diverged:
        return {"kind": "diverged", "message": keeper.diverged}
    if keeper.pruned:
        return {"kind": "pruned", "message": f"stopped on request after epoch {keeper.epochs_run}"}
    return None
