"""Train a model on prepared data and evaluate what was kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from dlrun.config.catalog import Catalog
from dlrun.data.guess import constant_loss
from dlrun.training.bookkeeping import Bookkeeper, Emit
from dlrun.training.causes import Cause, cause
from dlrun.training.course import course_of, horizon_of, part_to_test
from dlrun.training.engine import Rows, Session
from dlrun.training.monitor import goal, monitored
from dlrun.training.objective import Objective, build_callbacks, build_objective, build_probes
from dlrun.training.outcome import Outcome, flat_metrics
from dlrun.training.probing import Probing
from dlrun.training.randomness import seed_python
from dlrun.training.resume import Resumption, members_of
from dlrun.training.rundir import RunDirectory
from dlrun.training.state import Member, fingerprint
from dlrun.training.stopwatch import Stopwatch

if TYPE_CHECKING:
    from dlrun.data.prepare import Prepared

__all__ = ["Outcome", "objective_of", "train"]


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
        directory: the run's directory: callbacks write there, the training goes on from its newest checkpoint, and a
            file `stop` in it ends the training.
        emit: told an `epoch` event an epoch, and an `evaluated` event at the end.

    Raises:
        KeyboardInterrupt: a signal has ended the training, after a checkpoint.
    """
    began = time.perf_counter()
    resumption = Resumption(spec, directory, emit)
    seed_python(spec["seed"])
    course = course_of(prepared, spec)
    keeper, watch = _keeper(prepared, spec, catalog, directory, emit), Stopwatch(course)
    members = {"bookkeeper": Member(keeper, Bookkeeper.STATE), "stopwatch": Member(watch, ())}
    if probes := build_probes(spec, catalog):
        members["probe"] = Member(Probing(probes, course, emit, resumption.start(course)), ())
    members |= members_of(spec, catalog, build_callbacks(spec, catalog, directory.path))
    callbacks = [member.callback for member in members.values()]
    choice = resumption.chosen(callbacks, course, model)
    with choice.engine.open(model, objective_of(prepared, spec, catalog), course) as session:
        resumption.fit(session, course, choice, members)
        kept = _kept(keeper, callbacks)
        trained = time.perf_counter()
        test = _evaluate(session, part_to_test(prepared, spec))
    if test:
        emit("evaluated", {"part": "test", "epoch": kept, "metrics": test})
    outcome = _outcome(keeper, kept, test)
    outcome.fingerprint = fingerprint(model)
    outcome.parameters = model.count_params()
    outcome.samples = prepared.samples
    outcome.durations = {"train_seconds": trained - began, "evaluate_seconds": time.perf_counter() - trained}
    outcome.cost = watch.cost()
    outcome.fast_dev_run = spec["trainer"]["fast_dev_run"]
    outcome.engine = {"name": choice.engine.name, "why": choice.why}
    return outcome


def _keeper(
    prepared: Prepared, spec: Mapping[str, Any], catalog: Catalog, directory: RunDirectory, emit: Emit
) -> Bookkeeper:
    monitor = monitored(spec, len(prepared.validation.x) > 0)
    guess = constant_loss(spec["loss"]["option"], prepared) if prepared.classes else None
    better, bound = goal(spec, catalog, monitor), spec["trainer"]["divergence_factor"]
    return Bookkeeper(emit, monitor, better, directory.stop, bound, guess)


def objective_of(prepared: Prepared, spec: Mapping[str, Any], catalog: Catalog) -> Objective:
    """What a model of `spec` is compiled with."""
    scale = None if prepared.target is None else prepared.target.scale
    return build_objective(spec, catalog, horizon_of(prepared, spec), scale)


def _outcome(keeper: Bookkeeper, kept: int, test: Mapping[str, float]) -> Outcome:
    return Outcome(
        status="diverged" if keeper.diverged else "pruned" if keeper.pruned else "finished",
        metrics=flat_metrics(keeper.history, keeper.best_epoch, kept, test),
        best_epoch=keeper.best_epoch,
        kept_epoch=kept,
        epochs_run=keeper.epochs_run,
        monitor=keeper.monitor,
        cause=_cause(keeper),
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


def _evaluate(session: Session, rows: Rows) -> dict[str, float]:
    return dict(session.evaluate(rows)) if len(rows.x) else {}


def _cause(keeper: Bookkeeper) -> Cause | None:
    if keeper.diverged:
        return keeper.diverged
    if keeper.pruned:
        return cause("pruned", f"stopped on request after epoch {keeper.epochs_run}")
    return None
